"""The Python peers as workers (protocol: worker.py): python peers.py FOLDER PEER DTYPE.

Each gets X in the type and layout that it likes, C or lambda so that it solves the same objective, tolerance TOL, no limit
on iterations, and one fit of a few rows before anything is timed, so that its libraries are loaded. One process serves all
solvers of a peer, on one thread and on two (threadpoolctl, as scikit-learn's manual says).
"""

from __future__ import annotations

import json
import re
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import sparse

import workloads

Answer = tuple[np.ndarray, np.ndarray, int]  # W (K × d), b (K), iterations
Fit = Callable[[workloads.Matrix, np.ndarray, float], Answer]
MANY = 1_000_000


def sklearn(solver: str, c: float | None, threads: int) -> Fit:
    from sklearn.linear_model import LogisticRegression

    if solver == "saga":
        return Saga(c)
    return estimator(LogisticRegression, solver, c)


def sklearnex(solver: str, c: float | None, threads: int) -> Fit:
    import daal4py
    from sklearnex.linear_model import LogisticRegression

    fit = estimator(LogisticRegression, solver, c)

    def on_threads(x: workloads.Matrix, y: np.ndarray, tol: float) -> Answer:
        daal4py.daalinit(threads)
        return fit(x, y, tol)

    return on_threads


def estimator(kind: type, solver: str, c: float | None) -> Fit:
    def fit(x: workloads.Matrix, y: np.ndarray, tol: float) -> Answer:
        model = kind(C=np.inf if c is None else c, solver=solver, tol=tol, max_iter=MANY).fit(x, y)
        return model.coef_, model.intercept_, int(np.max(model.n_iter_))

    return fit


class Saga:
    """L1. It ends after as many iterations as its limit has time for, so that what it has reached by then is known."""

    def __init__(self, c: float) -> None:
        self.c, self.epoch, self.most = c, 0.0, MANY

    def prepare(self, x: workloads.Matrix, y: np.ndarray, limit: float) -> None:
        if not self.epoch:
            # The first iterations take longer: they prepare, and few weights are 0 yet.
            first = self.seconds(x, y, 1)
            self.epoch = max((self.seconds(x, y, 21) - first) / 20, 1e-6)
        self.most = int(np.clip(limit / self.epoch, 1, MANY))

    def seconds(self, x: workloads.Matrix, y: np.ndarray, iterations: int) -> float:
        start, self.most = time.perf_counter(), iterations
        self(x, y, 1e-12)
        return time.perf_counter() - start

    def __call__(self, x: workloads.Matrix, y: np.ndarray, tol: float) -> Answer:
        from sklearn.linear_model import LogisticRegression

        options = {"C": self.c, "l1_ratio": 1.0, "solver": "saga", "random_state": 0}
        model = LogisticRegression(**options, tol=tol, max_iter=self.most).fit(x, y)
        return model.coef_, model.intercept_, int(np.max(model.n_iter_))


def statsmodels(solver: str, c: float | None, threads: int) -> Fit:
    """Unpenalised only; K − 1 contrasts against the first class."""
    import statsmodels.api as sm

    def fit(x: workloads.Matrix, y: np.ndarray, tol: float) -> Answer:
        options = {"newton": {"tol": tol}, "bfgs": {"gtol": tol}, "lbfgs": {"pgtol": tol, "factr": 10.0}}[solver]
        model = sm.MNLogit(y, np.column_stack([np.ones(len(y)), x]))
        result = model.fit(method=solver, maxiter=MANY, disp=False, full_output=True, **options)
        contrasts = np.asarray(result.params)
        all_classes = np.column_stack([np.zeros(len(contrasts)), contrasts])
        return all_classes[1:].T, all_classes[0], int(result.mle_retvals.get("iterations", -1))

    return fit


def mlpack(solver: str, c: float | None, threads: int) -> Fit:
    """Penalises the intercepts too, so that its answer is that of another problem; `tol` is 1/iterations."""
    import mlpack as package

    def fit(x: workloads.Matrix, y: np.ndarray, tol: float) -> Answer:
        strength = 0.0 if c is None else 1.0 / (c * len(y))
        result = package.softmax_regression(
            training=x, labels=y.astype(np.uint64), lambda_=strength, max_iterations=round(1 / tol),
            copy_all_inputs=False, verbose=False)
        (kept,) = result["output_model"].get_cpp_params().values()
        parameters = np.asarray(kept["parameters"]).T  # intercepts first
        return parameters[:, 1:], parameters[:, 0], round(1 / tol)

    return fit


def pytorch(solver: str, c: float | None, threads: int) -> Fit:
    """All rows at once, as its manual writes a softmax regression; `tol` is that of the gradient, the only stop."""
    import torch

    def fit(x: workloads.Matrix, y: np.ndarray, tol: float) -> Answer:
        torch.set_num_threads(threads)
        rows, labels = torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))
        classes, strength = int(y.max()) + 1, 0.0 if c is None else 1.0 / (c * len(y))
        w = torch.zeros(classes, x.shape[1], dtype=rows.dtype, requires_grad=True)
        b = torch.zeros(classes, dtype=rows.dtype, requires_grad=True)
        optimizer = torch.optim.LBFGS([w, b], max_iter=MANY, tolerance_grad=tol, tolerance_change=0.0, history_size=10,
                                      line_search_fn="strong_wolfe")

        def objective() -> torch.Tensor:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(rows @ w.T + b, labels) + 0.5 * strength * w.square().sum()
            loss.backward()
            return loss

        optimizer.step(objective)
        return w.detach().numpy(), b.detach().numpy(), optimizer.state[w]["n_iter"]

    return fit


PEERS = {"scikit-learn": sklearn, "scikit-learn-intelex": sklearnex, "statsmodels": statsmodels, "mlpack": mlpack,
         "pytorch": pytorch}


def status(key: str) -> int:
    return 1024 * int(re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def say(told: dict) -> None:
    print(json.dumps(told), flush=True)


def main(folder: str, peer: str, dtype: str) -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    warnings.filterwarnings("ignore")
    meta = json.loads((Path(folder) / "meta.json").read_text())
    x, y = workloads.load(Path(folder))
    x = x.astype(dtype, copy=False)
    few = np.random.default_rng(0).normal(size=(30, 2)).astype(dtype)
    few = sparse.csr_matrix(few) if meta["sparse"] else few
    warm: dict[tuple[str, int], Fit] = {}

    def warmed(solver: str, threads: int) -> Fit:
        if (solver, threads) not in warm:
            warm[solver, threads] = PEERS[peer](solver, meta["c"], threads)
            warm[solver, threads](few, np.arange(30) % 3, 1e-2)
        return warm[solver, threads]

    PEERS[peer]("lbfgs", meta["c"], 1)  # imports it
    blas = [p for p in threadpool_info() if p["user_api"] == "blas"]
    say({"ready": True, "kernel": sorted({p.get("architecture") or "" for p in blas})})
    for line in sys.stdin:
        tol, repeat, prefix, solver, threads, *limit = line.split()
        with threadpool_limits(int(threads)):
            fit = warmed(solver, int(threads))
            if limit:
                fit.prepare(x, y, float(limit[0]))
            Path("/proc/self/clear_refs").write_text("5")
            before = status("VmRSS")
            seconds = []
            for _ in range(int(repeat)):
                start = time.perf_counter()
                w, b, iterations = fit(x, y, float(tol))
                seconds.append(time.perf_counter() - start)
            extra = max(0, status("VmHWM") - before)
        np.save(f"{prefix}.weights.npy", np.asarray(w, np.float64))
        np.save(f"{prefix}.intercepts.npy", np.asarray(b, np.float64))
        cut = bool(limit) and iterations >= fit.most
        say({"seconds": seconds, "iterations": iterations, "extra_bytes": extra, "cut": cut})


if __name__ == "__main__":
    main(*sys.argv[1:])
