"""Workers: one process for each peer, solver, dtype and number of threads, its data in memory before anything is timed.

A worker says `{"ready": true, …}`, then answers each line `TOL REPEAT PREFIX` by REPEAT fits: it writes
PREFIX.weights.npy (K × d) and PREFIX.intercepts.npy (K) and says `{"seconds": […], "extra_bytes": …, …}`.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "RAYON_NUM_THREADS")
# Settings of the shell that would keep NumPy from its best kernel.
HANDICAPS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE")


class Failed(Exception):
    """The worker is gone; the message says why."""


class TooSlow(Failed):
    """No answer within the limit."""


def environment(threads: int) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in HANDICAPS}
    return kept | {name: str(threads) for name in THREADS}


class Worker:
    def __init__(self, command: list[str], threads: int, log: Path, limit: float = 300):
        self.log = log
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(log, "wb"), env=environment(threads)
        )
        self.buffer = b""
        self.info = self._answer(limit)

    def fit(self, tol: float, repeat: int, prefix: Path, limit: float) -> dict:
        self.process.stdin.write(f"{tol:g} {repeat} {prefix}\n".encode())
        self.process.stdin.flush()
        return self._answer(limit)

    def _answer(self, limit: float) -> dict:
        """The next line that is JSON; peers may print other things."""
        end = time.monotonic() + limit
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                if line.startswith(b"{"):
                    return json.loads(line)
            if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                self.close()
                raise TooSlow(f"not in {limit:.3g} s")
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                self.close()
                last = self.log.read_text(errors="replace").strip().splitlines()
                raise Failed(last[-1][:160] if last else f"ended with code {self.process.returncode}")
            self.buffer += chunk

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
