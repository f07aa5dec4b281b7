"""Are the coefficients of polylogit's fits the same to the last bit on any number of threads? `bench/run --bits` asks it of every
workload and writes bits.md.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from contestants import Contestant, Tools, command
from worker import Worker
from workloads import Workload

THREADS = (1, 2, 3, 8)
# Bits that differ do so long before a fit is proven to 1e-6.
TOL = 1e-3
LIMIT = 600.0  # seconds of a fit


def check(chosen: Iterable[Workload], tools: Tools, note: Callable[[str], None]) -> tuple[bool, str]:
    """Do all of them agree? And the table that says so."""
    lines = ["# The same bits", "", f"SHA-256 of weights, intercepts and held-out scores (first 16 digits), fits to tol = {TOL:g}.", "",
             f"| workload | {' | '.join(f'{t} threads' if t > 1 else '1 thread' for t in THREADS)} | |",
             "| - |" + " - |" * (len(THREADS) + 1)]
    agree = True
    for workload in chosen:
        workload.build()
        note(f"bits of {workload.name}")
        found = [bits(workload, tools, threads) for threads in THREADS]
        same = len(set(found)) == 1
        agree &= same
        lines.append(f"| {workload.name} | {' | '.join(found)} | {'same' if same else '**differ**'} |")
    return agree, "\n".join(lines) + "\n"


def bits(workload: Workload, tools: Tools, threads: int) -> str:
    polylogit = Contestant("polylogit", "auto", workload.meta()["dtype"], (TOL,))
    with tempfile.TemporaryDirectory(prefix="polylogit-bits-") as scratch:
        prefix = Path(scratch) / "fit"
        worker = Worker(command(polylogit, threads, workload, tools), threads, Path(scratch) / "stderr")
        try:
            worker.fit(TOL, 1, prefix, 1.5 * LIMIT, LIMIT)
        finally:
            worker.close()
        parts = [Path(f"{prefix}.{part}.npy") for part in ("weights", "intercepts", "scores")]
        told = b"".join(part.read_bytes() for part in parts if part.exists())
    return hashlib.sha256(told).hexdigest()[:16]
