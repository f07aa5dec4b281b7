"""Probabilities of many rows, side by side and in turns; every answer is compared with softmax(W x + b) in float64."""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

import workloads
from contestants import Tools
from worker import Failed, Neighbours, Worker, environment

SAMPLE = 1000
TURNS = 5
REPEAT = 6  # the first wakes cores and pages and is not counted
# A new answer each time, as scikit-learn gives it, and one into memory that is kept, as ONNX Runtime's arena is.
OWN = {"polylogit": [], "polylogit into an array": ["--into"]}
LIMIT = 60.0
PEERS = (("scikit-learn", "float64"), ("scikit-learn", "float32"), ("onnxruntime", "float32"))


def tables(quick: bool) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """X (float64), W, b."""
    rng = np.random.default_rng(7)
    share = 10 if quick else 1
    natural = workloads.covertype_columns(1_000_000 // share, rng)
    w = rng.normal(size=(7, 54)) / np.maximum(natural.std(axis=0), 1.0)
    embedded = rng.normal(size=(100_000 // share, 384)) * 0.5
    return {
        f"{len(natural)}×54, K=7": (natural, w, -w @ natural.mean(axis=0)),
        f"{len(embedded)}×384, K=100": (embedded, rng.normal(size=(100, 384)) * 0.3, rng.normal(size=100)),
    }


def measure(tools: Tools, quick: bool, without_peers: bool) -> list[dict]:
    return [one(name, *parts, tools, 3 if quick else TURNS, without_peers) for name, parts in tables(quick).items()]


def one(name: str, x: np.ndarray, w: np.ndarray, b: np.ndarray, tools: Tools, turns: int, without_peers: bool) -> dict:
    kept: dict[tuple[str, str, int], list[float]] = {}
    errors: dict[tuple[str, str, int], float] = {}
    skipped: dict[str, str] = {}
    workers: dict[tuple[str, str], Worker] = {}
    neighbours = Neighbours(turns)
    with tempfile.TemporaryDirectory(prefix="polylogit-bench-") as place:
        folders = {}
        for dtype in ("float64", "float32"):
            folders[dtype] = Path(place) / dtype
            folders[dtype].mkdir()
            np.save(folders[dtype] / "x.npy", x.astype(dtype))
            np.save(folders[dtype] / "model.weights.npy", w)
            np.save(folders[dtype] / "model.intercepts.npy", b)
        expected = {dtype: workloads.softmax(x[:SAMPLE].astype(dtype).astype(float) @ w.T + b) for dtype in folders}
        try:
            for peer, dtype in [] if without_peers else PEERS:
                line = [str(tools.python), str(workloads.BENCH / "predictors.py"), str(folders[dtype]), peer, dtype]
                try:
                    workers[peer, dtype] = Worker(line, 2, Path(place) / "stderr", LIMIT)
                except Failed as failure:
                    skipped[peer] = str(failure)
            for _ in range(turns):
                for (who, how), (dtype, folder) in itertools.product(OWN.items(), folders.items()):
                    key = (who, dtype, 2)
                    neighbours.wait()
                    save = [] if key in errors else ["--save", str(folder / "p.npy")]
                    kept.setdefault(key, []).append(own(tools, folder, [*how, *save]))
                    if key not in errors:
                        errors[key] = float(np.abs(np.load(folder / "p.npy")[:SAMPLE] - expected[dtype]).max())
                for (peer, dtype), threads in [(key, threads) for key in workers for threads in (1, 2)]:
                    if (peer, dtype) not in workers:
                        continue
                    neighbours.wait()
                    try:
                        answer = workers[peer, dtype].fit(0, REPEAT, Path(place) / "sample", LIMIT, "-", threads)
                    except Failed as failure:
                        skipped[peer] = str(failure)
                        del workers[peer, dtype]
                        continue
                    key = (peer, dtype, threads)
                    kept.setdefault(key, []).append(median(answer["seconds"][1:]))
                    errors[key] = float(np.abs(np.load(Path(place) / "sample.npy") - expected[dtype]).max())
        finally:
            for worker in workers.values():
                worker.close()
    rows = [{"peer": peer, "dtype": dtype, "threads": threads, "seconds": median(seconds), "runs": seconds,
             "largest_error": errors[peer, dtype, threads]} for (peer, dtype, threads), seconds in kept.items()]
    return {"table": name, "rows": rows, "skipped": skipped}


def own(tools: Tools, folder: Path, more: list[str]) -> float:
    line = [str(tools.engine), "predict", "--x", str(folder / "x.npy"), "--model", str(folder / "model")]
    told = subprocess.run([*line, "--repeat", str(REPEAT), *more], check=True, capture_output=True, env=environment(2),
                          timeout=2 * LIMIT)
    return median(json.loads(told.stdout)["seconds"][1:])
