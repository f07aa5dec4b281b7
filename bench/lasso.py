"""L1, paths and cross-validation, raced as whole fits are (race.py).

An answer's objective is an array, one for each λ; its distance is the largest relative suboptimality over them. A
cross-validation is judged by its path on all rows, and the curves of the held-out loss are compared besides. polylogit is
timed twice: to its proof, and where that takes no more than 5 s as peers are, at the loosest tolerance whose answer is
within the goal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from contestants import DECADES, Contestant, Tools, penalised
from memory import Memory
from objective import penalised as objective
from race import COUNTS, GOAL, LONG, Race, Settings, Standing
from workloads import Penalised

# How near F* is known; ours took GOAL.
EXACT = 1e-9


class LassoRace(Race):
    def __init__(self, workload: Penalised, tools: Tools, settings: Settings, memory: Memory) -> None:
        super().__init__(workload, tools, settings, memory)
        self.lambdas, self.scales = (np.load(workload.folder / f"{part}.npy") for part in ("lambdas", "scales"))
        self.curve: np.ndarray | None = None

    def _run(self) -> dict:
        polylogit = Contestant("polylogit", "proximal newton", self.meta["dtype"], (GOAL,))
        own: dict[int, dict] = {}
        for threads in (2, 1):
            own[threads] = self.fit(polylogit, threads, GOAL, 1, self.workload.own_seconds)
            if own[threads]["seconds"][0] > LONG:
                break
        self.own = own[2]["seconds"][0]
        exact = self.fit(polylogit, 2, EXACT, 1, self.workload.own_seconds) if self.own <= LONG else own[2]
        self.reserve(own)
        loose = Standing(Contestant("polylogit", "unproven", self.meta["dtype"], DECADES[:7]))
        if self.own <= COUNTS:
            self.climb(loose, {"tol": 1e-3})
        standings, skipped = self.searches()
        for answer in own.values():
            answer["goals"] = [answer["seconds"][0]] if answer["seconds"][0] > COUNTS else []
        times = self.take_turns(polylogit, own, [loose, *standings])
        for standing in (loose, *standings):
            for point in standing.points:
                point["suboptimality"] = self.suboptimality(point.pop("objective"))
        return {
            "about": self.workload.about, "meta": self.meta | {"lambdas": len(self.lambdas)},
            "exact": {
                "suboptimality": self.suboptimality(exact["judged"]),
                "relative_gap": exact["certificate"]["relative_gap"], "status": exact["status"],
            },
            "polylogit": {
                str(t): {
                    "seconds": median(times[t]), "runs": times[t], "suboptimality": self.suboptimality(own[t]["judged"]),
                    "reached": own[t]["status"] == "converged", **own[t]["besides"],
                    **{key: own[t][key] for key in ("passes", "steps", "status", "certificate", "extra_bytes")},
                }
                for t in own
            },
            "loose": self.describe(loose),
            "same_bits": own[1]["bits"] == own[2]["bits"] if 1 in own else None, "neighbours": self.neighbours.share,
            "peers": [self.describe(s) for s in standings], "skipped": skipped, "kernels": sorted(self.kernels),
        }

    def candidates(self) -> Iterator[Contestant | tuple[str, str]]:
        return penalised(self.workload, self.tools)

    def ends_itself(self, contestant: Contestant) -> bool:
        return contestant.peer == "polylogit" or contestant.solver == "saga"

    def judge(self, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        count = len(self.lambdas)
        w, b = w.reshape(count, -1, self.meta["d"]), b.reshape(count, -1)
        return objective(self.x, self.y, w, b, self.lambdas, self.scales, self.workload.grouped)

    def look_at(self, w: np.ndarray, prefix: Path) -> dict:
        """Weights that are not 0 at the last λ, and how far the curve is from that of polylogit's last fit, relatively."""
        told = {"nonzeros": int((w.reshape(len(self.lambdas), -1)[-1] != 0).sum())}
        scores = Path(f"{prefix}.scores.npy")
        if scores.exists():
            curve = np.load(scores)
            if prefix.name.startswith("polylogit"):
                self.curve = curve
            elif self.curve is not None:
                told["curve"] = float(np.nanmax(np.abs(curve / self.curve - 1)))
        return told

    def suboptimality(self, value: np.ndarray) -> float:
        return float(((value - self.best) / np.abs(self.best)).max())

    def goal_seconds(self, answer: dict) -> float:
        return median(answer["seconds"])
