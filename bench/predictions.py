"""Probabilities of many rows, side by side and in turns; every answer is compared with softmax(W x + b) in float64."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

import workloads
from race import Settings, Tools
from worker import Failed, Worker, environment

SAMPLE = 1000


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


def measure(tools: Tools, settings: Settings, quick: bool) -> list[dict]:
    return [one(name, *parts, tools, settings) for name, parts in tables(quick).items()]


def one(name: str, x: np.ndarray, w: np.ndarray, b: np.ndarray, tools: Tools, settings: Settings) -> dict:
    kept: dict[tuple[str, str, int], list[float]] = {}
    errors: dict[tuple[str, str, int], float] = {}
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="polylogit-bench-") as place:
        folders = {}
        for dtype in ("float64", "float32"):
            folders[dtype] = Path(place) / dtype
            folders[dtype].mkdir()
            np.save(folders[dtype] / "x.npy", x.astype(dtype))
            np.save(folders[dtype] / "model.weights.npy", w)
            np.save(folders[dtype] / "model.intercepts.npy", b)
        expected = {dtype: workloads.softmax(x[:SAMPLE].astype(dtype).astype(float) @ w.T + b) for dtype in folders}
        workers: dict[tuple[str, str, int], Worker] = {}
        peers = [] if settings.without_peers else [("scikit-learn", "float64"), ("scikit-learn", "float32"),
                                                   ("onnxruntime", "float32")]
        for peer, dtype in peers:
            for threads in (1, 2):
                script = [str(tools.python), str(workloads.BENCH / "predictors.py")]
                try:
                    workers[peer, dtype, threads] = Worker(
                        [*script, str(folders[dtype]), peer, dtype, str(threads)], threads, Path(place) / "stderr")
                except Failed as failure:
                    skipped[peer] = str(failure)
        for _ in range(settings.turns):
            for dtype, folder in folders.items():
                key = ("polylogit", dtype, 2)
                save = [] if key in errors else ["--save", str(folder / "p.npy")]
                kept.setdefault(key, []).append(own(tools, folder, save))
                if save:
                    errors[key] = float(np.abs(np.load(folder / "p.npy")[:SAMPLE] - expected[dtype]).max())
            for key, worker in workers.items():
                answer = worker.fit(0, 1, Path(place) / "sample", settings.limit)
                kept.setdefault(key, []).extend(answer["seconds"])
                errors[key] = float(np.abs(np.load(Path(place) / "sample.npy") - expected[key[1]]).max())
        for worker in workers.values():
            worker.close()
    rows = [{"peer": peer, "dtype": dtype, "threads": threads, "seconds": median(seconds), "runs": seconds,
             "largest_error": errors[peer, dtype, threads]} for (peer, dtype, threads), seconds in kept.items()]
    return {"table": name, "rows": rows, "skipped": skipped}


def own(tools: Tools, folder: Path, save: list[str]) -> float:
    command = [str(tools.engine), "predict", "--x", str(folder / "x.npy"), "--model", str(folder / "model")]
    told = subprocess.run([*command, "--repeat", "3", *save], check=True, capture_output=True, env=environment(2))
    return json.loads(told.stdout)["median_seconds"]
