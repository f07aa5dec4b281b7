"""Whole fits side by side: for each workload all contestants in turns, A B C A B C …, nothing else on the machine.

A contestant's tolerance is the loosest decade whose answer lies within 1e-6 of the best objective known, relatively, by
the float64 objective of objective.py. The search starts where an earlier run arrived (memory.py) and is made anew.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

import workloads
from contestants import Contestant, Tools, command, contestants
from memory import Memory
from objective import objective
from worker import Failed, Neighbours, TooSlow, Worker, environment
from workloads import Workload

GOAL = 1e-6
# The first fit after a pause wakes cores and pages: short fits are made anew until they last so long, the first not counted.
BATCH = 0.2
# So many times its peer's best, and a solver is not timed again: it cannot be the best.
HOPELESS = 5.0
OVER = "the workload's time was over"
SPENT = f"not run: {OVER}"
# A fit of a peer is not begun with less.
LEAST = 0.5
# A worker may take so many seconds to load its libraries and the data, at the end of a budget, too.
START = 30.0
# Turns of fits that take at most so many seconds.
TURNS = {2.0: 5, 20.0: 3, math.inf: 1}
# Longer fits of ours are not made once more for a nearer F*: their certificate says how near they are.
LONG = 20.0
# The first fit is the first turn where it takes longer.
COUNTS = 5.0


@dataclass(frozen=True)
class Settings:
    turns: int = 5
    cheap: float = 1.0  # seconds of a fit that may climb the whole ladder
    repeated: float = 60.0  # seconds of one contestant's repetitions
    least: float = 20.0  # seconds that a peer's fit gets in any case until one has arrived
    own_limit: float = 300.0  # seconds that polylogit's fit may take
    patience: float = 20.0  # seconds a workload may wait for neighbours
    only_sklearn: bool = False
    without_peers: bool = False


@dataclass
class Standing:
    """What is known of a contestant: its search, then its times by threads."""

    contestant: Contestant
    tol: float | None = None
    outcome: str = ""
    points: list[dict] = field(default_factory=list)
    seconds: dict[int, list[float]] = field(default_factory=dict)
    extra_bytes: int = 0
    iterations: int | None = None

    @property
    def late(self) -> bool:
        """Did it have its time and not arrive?"""
        return self.tol is None and not self.outcome.startswith("not run") and not self.outcome.endswith(OVER)

    @property
    def once(self) -> float:
        """Seconds of the fit at the tolerance that arrives."""
        return next(p["seconds"] for p in self.points if p["tol"] == self.tol)


@dataclass
class Runner:
    """A contestant on so many threads in the turns."""

    contestant: Contestant
    threads: int
    tol: float
    once: float
    turns: int
    seconds: list[float]
    standing: Standing | None = None


class Race:
    """One workload."""

    def __init__(self, workload: Workload, tools: Tools, settings: Settings, memory: Memory) -> None:
        self.workload, self.tools, self.settings, self.memory = workload, tools, settings, memory
        self.meta = workload.meta()
        self.x, self.y = workloads.load(workload.folder)
        self.scratch = Path(tempfile.mkdtemp(prefix="polylogit-bench-"))
        self.workers: dict[tuple, Worker] = {}
        self.neighbours = Neighbours(min(settings.patience, workload.seconds / 8))
        self.best = math.inf
        self.kernels: set[str] = set()
        self.arrived: dict[str, float] = {}  # by peer: seconds of its fastest fit that arrives
        self.end = math.inf
        self.own = math.inf  # polylogit's seconds
        self.reserved = 0.0  # of its turns
        self.lower = -math.inf  # its certified bound on F*

    def run(self) -> dict:
        start = time.monotonic()
        self.end = start + self.workload.seconds
        try:
            result = self._run()
        finally:
            for worker in self.workers.values():
                worker.close()
            shutil.rmtree(self.scratch, ignore_errors=True)
        result["took_seconds"] = time.monotonic() - start
        if not self.settings.without_peers:
            self.memory.remember(self.workload, result["peers"])
        return result

    def _run(self) -> dict:
        polylogit = Contestant("polylogit", "auto", self.meta["dtype"], (GOAL,))
        own = {t: self.fit(polylogit, t, GOAL, 1, self.settings.own_limit) for t in (2, 1)}
        self.own = own[2]["seconds"][0]
        exact = own[2]
        if self.own <= LONG:
            exact = self.fit(polylogit, 2, 1e-12, 1, self.settings.own_limit)
            for t in own:
                own[t]["extra_bytes"] = self.cold_memory(polylogit, t)
        self.reserve(own)
        self.lower = exact["judged"] - exact["certificate"]["gap"]
        standings, skipped = self.searches()
        for answer in own.values():
            answer["goals"] = [self.goal_seconds(answer)] if answer["seconds"][0] > COUNTS else []
        times = self.take_turns(polylogit, own, standings)
        for standing in standings:
            for point in standing.points:
                point["suboptimality"] = self.suboptimality(point["objective"])
        return {
            "about": self.workload.about, "meta": self.meta, "best_objective": self.best,
            "exact": {key: exact[key] for key in ("judged", "certificate", "status", "passes")},
            "polylogit": {
                str(t): {
                    "seconds": median(times[t]), "runs": times[t], "goal_seconds": median(own[t]["goals"]),
                    "suboptimality": self.suboptimality(own[t]["judged"]),
                    **{key: own[t][key] for key in ("passes", "steps", "solver", "reason", "status", "certificate",
                                                    "extra_bytes", "trajectory")},
                }
                for t in own
            },
            "same_bits": own[1]["bits"] == own[2]["bits"], "neighbours": self.neighbours.share,
            "peers": [self.describe(s) for s in standings], "skipped": skipped, "kernels": sorted(self.kernels),
        }

    # Fits.

    def fit(self, contestant: Contestant, threads: int, tol: float, repeat: int, limit: float) -> dict:
        """The worker's answer, with the objective that is judged from its coefficients."""
        own, key = contestant.peer == "polylogit", self.place(contestant, threads)
        self.start(contestant, threads)
        prefix = self.scratch / f"{contestant.peer}-{threads}"
        more = [] if own else [contestant.solver, threads]
        slack = 1.05
        if self.ends_itself(contestant):
            more.append(limit)
            slack = 1.5
        self.neighbours.wait()
        try:
            answer = self.neighbours.fit(self.workers[key], tol, repeat, prefix, slack * limit * repeat + 0.5, *more)
        except TooSlow:
            del self.workers[key]
            raise TooSlow(f"not in {limit:.3g} s") from None
        except Failed:
            del self.workers[key]
            raise
        w, b = np.load(f"{prefix}.weights.npy"), np.load(f"{prefix}.intercepts.npy")
        answer["bits"] = hash((w.tobytes(), b.tobytes()))
        answer["judged"] = self.judge(w, b)
        answer["besides"] = self.look_at(w, prefix)
        # Where it is not a number the best stays.
        self.best = np.fmin(self.best, answer["judged"])
        return answer

    def start(self, contestant: Contestant, threads: int) -> None:
        """Its worker, unless it runs."""
        key = self.place(contestant, threads)
        if key not in self.workers:
            line = command(contestant, threads, self.workload, self.tools)
            threads = threads if contestant.peer == "polylogit" else max(contestant.threads)
            self.workers[key] = Worker(line, threads, self.scratch / "stderr", max(START, self.left()))
            self.kernels.update(self.workers[key].info.get("kernel", []))

    def left(self) -> float:
        """Seconds of the budget."""
        return self.end - time.monotonic()

    def ends_itself(self, contestant: Contestant) -> bool:
        """Is it told its limit, to answer at its end with what it has?"""
        return False

    def judge(self, w: np.ndarray, b: np.ndarray) -> float:
        return float(objective(self.x, self.y, w, b, self.workload.c))

    def look_at(self, w: np.ndarray, prefix: Path) -> dict:
        """What is told of an answer besides its objective."""
        return {}

    def place(self, contestant: Contestant, threads: int) -> tuple:
        """Who shares a worker: the solvers of a Python peer do, on one and on two threads."""
        return (contestant.peer, contestant.dtype, threads if contestant.peer == "polylogit" else 0)

    def cold_memory(self, polylogit: Contestant, threads: int) -> int:
        """The peak of a process that fitted nothing before: an allocator that kept memory would hide some of it."""
        line = command(polylogit, threads, self.workload, self.tools)
        line[1] = "fit"
        told = subprocess.run([*line, "--tol", f"{GOAL:g}"], check=True, stdout=subprocess.PIPE, env=environment(threads),
                              timeout=START + self.settings.own_limit)
        return json.loads(told.stdout)["extra_bytes"]

    def goal_seconds(self, answer: dict) -> float:
        """When a fit was there, which it proves at its end only: its first step within the goal of the bound."""
        goal = self.lower + GOAL * abs(self.best)
        there = (step["seconds"] for step in answer["trajectory"] if step["objective"] <= goal)
        return min(next(there, math.inf), median(answer["seconds"][1:] or answer["seconds"]))

    def suboptimality(self, value: float) -> float:
        return (value - self.best) / abs(self.best)

    # The search for tolerances.

    def candidates(self) -> Iterator[Contestant | tuple[str, str]]:
        return contestants(self.workload, self.tools, self.settings.only_sklearn)

    def searches(self) -> tuple[list[Standing], dict[str, str]]:
        standings, skipped = [], {}
        if self.settings.without_peers:
            return standings, skipped
        candidates = []
        for candidate in self.candidates():
            if isinstance(candidate, tuple):
                skipped[candidate[0]] = candidate[1]
            else:
                candidates.append(candidate)
        # scikit-learn's fastest first: it says how long the others may take.
        candidates.sort(key=lambda c: (c.peer != "scikit-learn", self.memory.rank(self.workload, c)))
        stopped = {}
        for candidate in candidates:
            standing = Standing(candidate)
            standings.append(standing)
            solver = (candidate.peer, candidate.solver)
            known = self.memory.of(self.workload, candidate)
            if solver in stopped:
                # Half the bytes do not make a solver several times faster.
                standing.outcome = f"not run: {stopped[solver]} was stopped"
            elif self.patience(known) < LEAST:
                standing.outcome = SPENT
            else:
                self.climb(standing, known)
                standing.points.sort(key=lambda p: -p["tol"])
            if standing.late and standing.outcome.startswith("not in"):
                stopped[solver] = candidate.dtype
        return standings, skipped

    def patience(self, known: dict) -> float:
        """Seconds for a fit: a multiple of ours until somebody arrives; then what could still matter; what the budget leaves."""
        best = min((t for peer, t in self.arrived.items() if peer != "polylogit"), default=math.inf)
        hopeless = "tol" in known and known["tol"] is None
        factor = 1.0 if hopeless else HOPELESS if best < 5 else 2.0
        # The fastest keeps time for its turns, and so do we.
        left = self.left() - self.reserved - (4 * best if math.isfinite(best) else 0.0)
        return min(self.workload.limit, max(self.settings.least, self.workload.patience * self.own), max(1.0, factor * best), left)

    def climb(self, standing: Standing, known: dict) -> None:
        """Decade by decade from a guess: tighter until it arrives; then looser, to see that it was the loosest."""
        ladder, peer = standing.contestant.ladder, standing.contestant.peer
        guess = known.get("tol")
        guessed = guess is not None and known.get("seconds", math.inf) > self.settings.cheap
        at = min(range(len(ladder)), key=lambda i: abs(math.log(ladder[i] / guess))) if guessed else 0
        if "tol" in known and guess is None and self.ends_itself(standing.contestant):
            # Who never arrived and is told its limit: on its way to the tightest it passes the looser ones.
            at = len(ladder) - 1
        tried: dict[int, bool] = {}
        threads = 2 if self.meta["stored"] * self.meta["k"] > 5e7 and 2 in standing.contestant.threads else 1
        while 0 <= at < len(ladder) and at not in tried:
            try:
                self.start(standing.contestant, threads)
                limit = self.patience(known)
                if limit < LEAST:
                    spent = f"not by {ladder[at - 1]:.0e}, then {OVER}" if tried else SPENT
                    standing.outcome = standing.outcome or spent
                    return
                answer = self.fit(standing.contestant, threads, ladder[at], 1, limit)
            except Failed as failure:
                standing.outcome = standing.outcome or str(failure)
                return
            standing.points.append({
                "tol": ladder[at], "threads": threads, "seconds": answer["seconds"][0], "objective": answer["judged"],
                "iterations": answer.get("iterations"), "extra_bytes": answer["extra_bytes"], **answer["besides"],
            })
            tried[at] = self.suboptimality(answer["judged"]) <= GOAL
            if answer.get("cut") and not tried[at]:
                standing.outcome = standing.outcome or f"not in {answer['seconds'][0]:.3g} s"
                return
            if tried[at]:
                standing.tol, standing.outcome = ladder[at], "reached"
                self.arrived[peer] = min(answer["seconds"][0], self.arrived.get(peer, math.inf))
                at -= 1
            elif standing.tol is not None:
                return
            elif self.stuck(standing.points):
                standing.outcome = "gets no nearer with tighter tolerances"
                return
            else:
                at += 1
        standing.outcome = standing.outcome or "not at its tightest tolerance"

    def stuck(self, points: list[dict]) -> bool:
        """Have the last three, near the end, the same answer?"""
        last = [self.suboptimality(p["objective"]) for p in points[-3:]]
        return len(last) == 3 and max(last) < 1e-2 and max(last) - min(last) < 1e-3 * min(last)

    # Turns.

    def reserve(self, own: dict) -> None:
        """Time for our turns, not more than a fifth of the budget."""
        once = [max(answer["seconds"][0], 2 * BATCH) for answer in own.values()]
        wanted = sum((self.turns(seconds) - (seconds > COUNTS)) * seconds for seconds in once)
        self.reserved = min(wanted, self.workload.seconds / 5)

    def take_turns(self, polylogit: Contestant, own: dict, standings: list[Standing]) -> dict[int, list[float]]:
        runners = [
            Runner(polylogit, t, GOAL, once, self.turns(once), [once] if once > COUNTS else [])
            for t, once in ((t, own[t]["seconds"][0]) for t in own)
        ]
        for s in (s for s in standings if s.tol is not None):
            hopeless = s.once > HOPELESS * self.arrived[s.contestant.peer]
            first = next(p for p in s.points if p["tol"] == s.tol)
            for t in s.contestant.threads:
                # A long fit of the search counts.
                s.seconds[t] = [s.once] if t == first["threads"] and (hopeless or s.once > COUNTS) else []
                if not hopeless:
                    runners.append(Runner(s.contestant, t, s.tol, s.once, self.turns(s.once), s.seconds[t], s))
        playing = {self.place(r.contestant, r.threads) for r in runners}
        for place in [place for place in self.workers if place not in playing]:
            self.workers.pop(place).close()
        for turn in range(self.settings.turns):
            for runner in runners:
                self.take_turn(turn, runner, own)
        return {r.threads: r.seconds for r in runners if r.standing is None}

    def turns(self, once: float) -> int:
        few = next(turns for seconds, turns in TURNS.items() if once <= seconds)
        return max(1, min(self.settings.turns, few, int(self.settings.repeated / once)))

    def take_turn(self, turn: int, runner: Runner, own: dict) -> None:
        s, kept = runner.standing, runner.seconds
        if len(kept) > turn or turn >= runner.turns:
            return
        repeat = 1 if runner.once > BATCH else max(2, min(200, math.ceil(BATCH / runner.once))) + 1
        if s is None and kept and self.left() < repeat * runner.once:
            return
        if s is not None:
            # There is only so much time; then the fit of the search has to do.
            if self.left() < repeat * runner.once:
                if not any(s.seconds.values()):
                    s.seconds[next(p["threads"] for p in s.points if p["tol"] == s.tol)].append(s.once)
                return
            # On the wrong number of threads it cannot be its best.
            others = [min(v) for t, v in s.seconds.items() if v and t != runner.threads]
            if kept and min(kept) > 1.5 * min(others, default=math.inf):
                return
        limit = self.settings.own_limit if s is None else 3 * runner.once + 1
        try:
            answer = self.fit(runner.contestant, runner.threads, runner.tol, repeat, limit)
        except Failed as failure:
            if s is None:
                raise
            if not any(s.seconds.values()):
                s.outcome = f"reached, then {failure}"
            runner.turns = 0
            return
        counted = answer["seconds"][1:] or answer["seconds"]
        kept.append(median(counted))
        if s is None:
            own[runner.threads]["trajectory"] = answer.get("trajectory", [])
            own[runner.threads]["goals"].append(self.goal_seconds(answer))
        else:
            s.extra_bytes = max(s.extra_bytes, answer["extra_bytes"])
            s.iterations = answer.get("iterations")

    def describe(self, s: Standing) -> dict:
        timed = {t: median(v) for t, v in s.seconds.items() if v}
        best = min(timed, key=timed.get) if timed else None
        final = next((p for p in s.points if p["tol"] == s.tol), s.points[-1] if s.points else None)
        return {
            "peer": s.contestant.peer, "solver": s.contestant.solver, "dtype": s.contestant.dtype, "tol": s.tol,
            "outcome": s.outcome, "late": s.late,
            "suboptimality": final["suboptimality"] if final else math.nan,
            "seconds": timed.get(best), "threads": best, "counted": len(s.seconds.get(best, [])),
            "runs": {str(t): v for t, v in s.seconds.items()},
            "iterations": s.iterations or (final["iterations"] if final else None),
            **({key: final[key] for key in ("nonzeros", "curve") if key in final} if final else {}),
            "extra_bytes": max([s.extra_bytes] + [p["extra_bytes"] for p in s.points]), "search": s.points,
        }
