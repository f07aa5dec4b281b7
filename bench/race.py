"""Whole fits side by side: for each workload all contestants in turns, A B C A B C …, nothing else on the machine.

A contestant is a peer's solver on a dtype. Its tolerance is the loosest of a ladder whose answer lies within 1e-6 of the
best objective known, relatively, by the float64 objective of objective.py; the search is cached beside the data.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

import workloads
from objective import objective
from worker import Failed, TooSlow, Worker, environment
from workloads import Workload

GOAL = 1e-6
DECADES = tuple(10.0**-e for e in range(1, 13))
PYTHON_LADDERS = {"mlpack": DECADES[:6]}
R_LADDER = tuple(10.0**-e for e in range(4, 16))
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
class Settings:
    turns: int = 5
    limit: float = 120.0
    only_sklearn: bool = False
    # Stop solvers that take five times as long as their peer's best so far?
    hurry: bool = False
    without_peers: bool = False


@dataclass(frozen=True)
class Contestant:
    peer: str
    solver: str
    dtype: str
    ladder: tuple[float, ...]

    @property
    def key(self) -> str:
        return f"{self.peer} {self.solver} {self.dtype}"


@dataclass
class Standing:
    """What is known of a contestant: its search, then its times by threads."""

    contestant: Contestant
    tol: float | None = None
    outcome: str = ""
    points: list[dict] = field(default_factory=list)
    seconds: dict[int, list[float]] = field(default_factory=dict)
    suboptimality: float = math.nan
    extra_bytes: int = 0
    iterations: int | None = None


def contestants(workload: Workload, tools: Tools, settings: Settings) -> Iterator[Contestant | tuple[str, str]]:
    """Those that can run; for the others the name and why not."""
    if settings.without_peers:
        return
    meta = workload.meta()
    k, d, ridge = meta["k"], meta["d"], workload.c is not None
    dtypes = ("float32", "float64") if meta["dtype"] == "float32" else ("float64",)
    hessian = 8 * (k * (d + 1)) ** 2
    solvers = ["newton-cholesky", "newton-cg", "lbfgs"]
    # The likely fastest first: what hurries then knows how long to wait for the others.
    for solver in solvers if hessian < 64 << 20 else solvers[::-1]:
        if solver == "newton-cholesky" and hessian > DENSE_HESSIAN:
            yield f"scikit-learn {solver}", f"its Hessian would take {hessian / 2**30:.0f} GiB"
            continue
        for dtype in dtypes:
            yield Contestant("scikit-learn", solver, dtype, DECADES)
    if settings.only_sklearn:
        return
    for peer, solvers in {"scikit-learn-intelex": ("newton-cg", "lbfgs"), "mlpack": ("lbfgs",),
                          "statsmodels": ("newton", "bfgs")}.items():
        if peer not in tools.versions:
            yield peer, "not installed"
        elif peer == "statsmodels" and ridge:
            yield peer, "has no ridge penalty"
        elif meta["sparse"] and peer != "scikit-learn-intelex":
            yield peer, "takes dense tables only"
        else:
            for solver in solvers:
                yield Contestant(peer, solver, "float64", PYTHON_LADDERS.get(peer, DECADES))
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


class Race:
    """One workload."""

    def __init__(self, workload: Workload, tools: Tools, settings: Settings) -> None:
        self.workload, self.tools, self.settings = workload, tools, settings
        self.meta = workload.meta()
        self.x, self.y = workloads.load(workload.folder)
        self.scratch = Path(tempfile.mkdtemp(prefix="polylogit-bench-"))
        self.workers: dict[tuple[str, int], Worker] = {}
        self.best = math.inf
        self.kernels: set[str] = set()
        self.arrived: dict[str, float] = {}  # by peer: seconds of its fastest fit that arrives

    def run(self) -> dict:
        try:
            return self._run()
        finally:
            for worker in self.workers.values():
                worker.close()

    def _run(self) -> dict:
        polylogit = Contestant("polylogit", "auto", self.meta["dtype"], (GOAL,))
        own = {t: self.fit(polylogit, t, GOAL, 1, 600) for t in (2, 1)}
        for t in own:
            own[t]["extra_bytes"] = max(own[t]["extra_bytes"], self.cold_memory(polylogit, t))
        exact = self.fit(polylogit, 2, 1e-12, 1, 600)
        standings, skipped = [], {}
        for candidate in contestants(self.workload, self.tools, self.settings):
            if isinstance(candidate, tuple):
                skipped[candidate[0]] = candidate[1]
            else:
                standings.append(self.search(candidate))
        times = {t: [] for t in own}
        self.take_turns(polylogit, own, times, standings)
        for standing in standings:
            for point in standing.points:
                point["suboptimality"] = self.suboptimality(point["objective"])
            standing.suboptimality = standing.points[-1]["suboptimality"] if standing.points else math.nan
        return {
            "about": self.workload.about, "meta": self.meta, "best_objective": self.best,
            "exact": {key: exact[key] for key in ("judged", "certificate", "status", "passes")},
            "polylogit": {
                str(t): {
                    "seconds": median(times[t]), "runs": times[t],
                    "suboptimality": self.suboptimality(own[t]["judged"]),
                    **{key: own[t][key] for key in ("passes", "steps", "solver", "reason", "status", "certificate",
                                                    "extra_bytes", "trajectory")},
                }
                for t in own
            },
            "same_bits": own[1]["bits"] == own[2]["bits"],
            "peers": [self.describe(s) for s in standings], "skipped": skipped, "kernels": sorted(self.kernels),
        }

    # Fits.

    def fit(self, contestant: Contestant, threads: int, tol: float, repeat: int, limit: float) -> dict:
        """The worker's answer, with the objective that is judged from its coefficients."""
        key = (contestant.key, threads)
        if key not in self.workers:
            log = self.scratch / "stderr"
            self.workers[key] = Worker(command(contestant, threads, self.workload, self.tools), threads, log)
            self.kernels.update(self.workers[key].info.get("kernel", []))
        prefix = self.scratch / f"{contestant.peer}-{threads}"
        try:
            answer = self.workers[key].fit(tol, repeat, prefix, 1.05 * limit * repeat + 0.5)
        except TooSlow:
            del self.workers[key]
            raise TooSlow(f"not in {limit:.3g} s") from None
        except Failed:
            del self.workers[key]
            raise
        w, b = np.load(f"{prefix}.weights.npy"), np.load(f"{prefix}.intercepts.npy")
        answer["bits"] = hash((w.tobytes(), b.tobytes()))
        answer["judged"] = objective(self.x, self.y, w, b, self.workload.c)
        if math.isfinite(answer["judged"]):
            self.best = min(self.best, answer["judged"])
        return answer

    def cold_memory(self, polylogit: Contestant, threads: int) -> int:
        """The peak of a process that fitted nothing before: an allocator that kept memory would hide some of it."""
        line = command(polylogit, threads, self.workload, self.tools)
        line[1] = "fit"
        told = subprocess.run([*line, "--tol", f"{GOAL:g}"], check=True, stdout=subprocess.PIPE, env=environment(threads))
        return json.loads(told.stdout)["extra_bytes"]

    def suboptimality(self, value: float) -> float:
        return (value - self.best) / abs(self.best)

    def search(self, contestant: Contestant) -> Standing:
        """The loosest tolerance that arrives; with two threads where one is too slow."""
        cache = self.workload.folder / "search.json"
        known = json.loads(cache.read_text()) if cache.exists() else {}
        key = f"{contestant.key} {self.tools.versions.get(contestant.peer, '')} {self.settings.limit:g}"
        standing = Standing(contestant)
        if key not in known:
            self.climb(standing)
            known[key] = {"tol": standing.tol, "outcome": standing.outcome, "points": standing.points}
            # Only a tolerance that arrives is kept: a busy machine must not make a peer late for good.
            kept = {k: v for k, v in known.items() if v["tol"] is not None}
            cache.write_text(json.dumps(kept))
        standing.tol, standing.outcome, standing.points = (known[key][k] for k in ("tol", "outcome", "points"))
        return standing

    def climb(self, standing: Standing) -> None:
        threads, peer, limit = 1, standing.contestant.peer, self.settings.limit
        if self.settings.hurry:
            limit = min(limit, max(0.5, 5 * self.arrived.get(peer, limit)))
        for tol in standing.contestant.ladder:
            try:
                try:
                    answer = self.fit(standing.contestant, threads, tol, 1, limit)
                except TooSlow:
                    if threads == 2 or self.settings.hurry:
                        raise
                    threads = 2
                    answer = self.fit(standing.contestant, threads, tol, 1, limit)
            except Failed as failure:
                standing.outcome = str(failure)
                return
            standing.points.append({"tol": tol, "seconds": answer["seconds"][0], "objective": answer["judged"],
                                    "iterations": answer.get("iterations"), "extra_bytes": answer["extra_bytes"]})
            if self.suboptimality(answer["judged"]) <= GOAL:
                standing.tol, standing.outcome = tol, "reached"
                self.arrived[peer] = min(answer["seconds"][0], self.arrived.get(peer, math.inf))
                return
        standing.outcome = "not at its tightest tolerance"

    # Turns.

    def take_turns(self, polylogit: Contestant, own: dict, times: dict, standings: list[Standing]) -> None:
        runners = []  # (contestant, threads, tol, seconds of one fit, where its times go, its standing)
        for t in own:
            runners.append((polylogit, t, GOAL, own[t]["seconds"][0], times[t], None))
        fastest: dict[str, float] = {}
        for s in (s for s in standings if s.tol is not None):
            once = s.points[-1]["seconds"]
            fastest[s.contestant.peer] = min(once, fastest.get(s.contestant.peer, math.inf))
        for s in (s for s in standings if s.tol is not None):
            once = s.points[-1]["seconds"]
            # What cannot be its peer's best is timed once.
            once = math.inf if once > 5 * fastest[s.contestant.peer] else once
            for t in (1, 2):
                s.seconds[t] = []
                runners.append((s.contestant, t, s.tol, once, s.seconds[t], s))
        for turn in range(self.settings.turns):
            for contestant, threads, tol, once, kept, standing in runners:
                if turn >= max(1, min(self.settings.turns, int(100 / once))):
                    continue
                repeat = max(1, min(20, math.ceil(0.05 / once)))
                try:
                    answer = self.fit(contestant, threads, tol, repeat, 3 * self.settings.limit)
                except Failed as failure:
                    if standing is None:
                        raise
                    standing.outcome = f"reached, then {failure}"
                    continue
                kept.append(median(answer["seconds"]))
                if standing is None:
                    own[threads]["extra_bytes"] = max(own[threads]["extra_bytes"], answer["extra_bytes"])
                    own[threads]["trajectory"] = answer["trajectory"]
                else:
                    standing.extra_bytes = max(standing.extra_bytes, answer["extra_bytes"])
                    standing.iterations = answer.get("iterations")

    def describe(self, s: Standing) -> dict:
        timed = {t: median(v) for t, v in s.seconds.items() if v}
        best = min(timed, key=timed.get) if timed else None
        return {
            "peer": s.contestant.peer, "solver": s.contestant.solver, "dtype": s.contestant.dtype, "tol": s.tol,
            "outcome": s.outcome, "suboptimality": s.suboptimality, "seconds": timed.get(best), "threads": best,
            "runs": {str(t): v for t, v in s.seconds.items()}, "iterations": s.iterations,
            "extra_bytes": max([s.extra_bytes] + [p["extra_bytes"] for p in s.points]), "search": s.points,
        }


def command(contestant: Contestant, threads: int, workload: Workload, tools: Tools) -> list[str]:
    folder, meta = workload.folder, workload.meta()
    peer, solver = contestant.peer, contestant.solver
    if peer == "polylogit":
        parts = ",".join(str(folder / f"{part}.npy") for part in ("data", "indices", "indptr"))
        x = ["--csr", parts, "--features", str(meta["d"])] if meta["sparse"] else ["--x", str(folder / "x.npy")]
        strength = ["--lambda", "0"] if workload.c is None else ["--c", str(workload.c)]
        return [str(tools.engine), "worker", *x, "--y", str(folder / "y.npy"), *strength, "--threads", str(threads)]
    if peer in ("linfa", "smartcore"):
        c = "inf" if workload.c is None else str(workload.c)
        return [str(tools.rust_peers), peer, "--x", str(folder / "x.npy"), "--y", str(folder / "y.npy"), "--c", c]
    if peer in ("glmnet", "nnet"):
        return [tools.rscript, str(workloads.BENCH / "peers.R"), peer, str(folder)]
    script = str(workloads.BENCH / "peers.py")
    return [str(tools.python), script, str(folder), peer, solver, contestant.dtype, str(threads)]
