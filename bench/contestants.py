"""Who races: a peer's solver on a dtype, with the tolerances that it may get, and the command that starts its worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import workloads
from workloads import Penalised, Workload

DECADES = tuple(10.0**-e for e in range(1, 13))
PYTHON_LADDERS = {"mlpack": DECADES[:6]}
R_LADDER = tuple(10.0**-e for e in range(4, 16))
# Those that use one core whatever they are told.
ALONE = ("linfa", "smartcore", "glmnet", "nnet", "saga")
DENSE_HESSIAN = 4 << 30  # bytes that newton-cholesky may take


@dataclass(frozen=True)
class Tools:
    """What runs the contestants."""

    engine: Path
    python: Path
    rust_peers: Path | None
    rscript: str | None
    versions: dict[str, str]


@dataclass(frozen=True)
class Contestant:
    peer: str
    solver: str
    dtype: str
    ladder: tuple[float, ...]

    @property
    def key(self) -> str:
        return f"{self.peer} {self.solver} {self.dtype}"

    @property
    def threads(self) -> tuple[int, ...]:
        return (1,) if self.peer in ALONE or self.solver in ALONE else (1, 2)


def contestants(workload: Workload, tools: Tools, only_sklearn: bool) -> Iterator[Contestant | tuple[str, str]]:
    """Those that can run, the likely fastest first; for the others the name and why not."""
    meta = workload.meta()
    k, d, ridge = meta["k"], meta["d"], workload.c is not None
    dtypes = ("float32", "float64") if meta["dtype"] == "float32" else ("float64",)
    hessian = 8 * (k * (d + 1)) ** 2
    solvers = ["newton-cholesky", "newton-cg", "lbfgs"]
    for solver in solvers if hessian < 64 << 20 else solvers[::-1]:
        if solver == "newton-cholesky" and hessian > DENSE_HESSIAN:
            yield f"scikit-learn {solver}", f"its Hessian would take {hessian / 2**30:.0f} GiB"
            continue
        for dtype in dtypes:
            yield Contestant("scikit-learn", solver, dtype, DECADES)
    if only_sklearn:
        return
    for peer, solvers in {"scikit-learn-intelex": ("newton-cg", "lbfgs"), "mlpack": ("lbfgs",),
                          "pytorch": ("lbfgs",), "statsmodels": ("newton", "bfgs")}.items():
        if peer not in tools.versions:
            yield peer, "not installed"
        elif peer == "statsmodels" and ridge:
            yield peer, "has no ridge penalty"
        elif meta["sparse"] and peer != "scikit-learn-intelex":
            yield peer, "takes dense tables only"
        else:
            for solver in solvers:
                for dtype in dtypes if peer == "pytorch" else ("float64",):
                    yield Contestant(peer, solver, dtype, PYTHON_LADDERS.get(peer, DECADES))
    for peer in ("linfa", "smartcore"):
        if tools.rust_peers is None:
            yield peer, "did not build"
        elif meta["sparse"]:
            yield peer, "takes dense tables only"
        else:
            yield Contestant(peer, "lbfgs", "float64", DECADES if peer == "linfa" else (1e-8,))
    for peer in ("glmnet", "nnet"):
        if tools.rscript is None or peer not in tools.versions:
            yield peer, "R or the package is not installed"
        elif meta["sparse"] and peer == "nnet":
            yield peer, "takes dense tables only"
        else:
            yield Contestant(peer, peer, "float64", R_LADDER)


def penalised(workload: Penalised, tools: Tools) -> Iterator[Contestant | tuple[str, str]]:
    """Those with an L1 penalty: glmnet for paths, saga for single fits."""
    if workload.ratio is None:
        yield Contestant("scikit-learn", "saga", "float64", DECADES)
    elif tools.rscript is None or "glmnet" not in tools.versions:
        yield "glmnet", "R or the package is not installed"
    else:
        yield Contestant("glmnet", "glmnet", "float64", R_LADDER)


def command(contestant: Contestant, threads: int, workload: Workload, tools: Tools) -> list[str]:
    """What starts the worker; Python's are told of solver and threads by each request."""
    folder, meta, peer = workload.folder, workload.meta(), contestant.peer
    if peer == "polylogit":
        parts = ",".join(str(folder / f"{part}.npy") for part in ("data", "indices", "indptr"))
        x = ["--csr", parts, "--features", str(meta["d"])] if meta["sparse"] else ["--x", str(folder / "x.npy")]
        strength = ["--lambda", "0"] if workload.c is None else ["--c", str(workload.c)]
        rest = [*x, "--y", str(folder / "y.npy"), *strength, "--threads", str(threads)]
        if not isinstance(workload, Penalised):
            return [str(tools.engine), "worker", *rest]
        rest += ["--l1-ratio", "1", *(["--grouped"] if workload.grouped else [])]
        if workload.ratio is None:
            return [str(tools.engine), "worker", *rest]
        folds = ["--folds", str(folder / "folds.npy")] if workload.folds else []
        return [str(tools.engine), "path-worker", *rest, "--standardize", "--lambdas", str(folder / "lambdas.npy"), *folds]
    if peer in ("linfa", "smartcore"):
        c = "inf" if workload.c is None else str(workload.c)
        return [str(tools.rust_peers), peer, "--x", str(folder / "x.npy"), "--y", str(folder / "y.npy"), "--c", c]
    if peer in ("glmnet", "nnet"):
        kind = peer
        if isinstance(workload, Penalised):
            kind = "cv" if workload.folds else "grouped" if workload.grouped else "path"
        return [tools.rscript, str(workloads.BENCH / "peers.R"), kind, str(folder)]
    return [str(tools.python), str(workloads.BENCH / "peers.py"), str(folder), peer, contestant.dtype]
