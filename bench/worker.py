"""Workers: one process for each peer and dtype, its data in memory before anything is timed.

A worker says `{"ready": true, …}`, then answers each line `TOL REPEAT PREFIX [SOLVER THREADS] [LIMIT]` by REPEAT fits: it
writes PREFIX.weights.npy (K × d, of paths λ × K × d) and PREFIX.intercepts.npy (K, λ × K), cross-validations also
PREFIX.scores.npy (λ, the mean log loss), and says `{"seconds": […], "extra_bytes": …, …}`. Who is told a LIMIT ends its fit
after about so many seconds and answers with what it has.

Who is not on turn is stopped (SIGSTOP): threads of BLAS and OpenMP spin for a while after their work and would hold a core.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "RAYON_NUM_THREADS")
# Settings of the shell that would keep NumPy from its best kernel.
HANDICAPS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE")
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """The worker is gone; the message says why."""


class TooSlow(Failed):
    """No answer within the limit."""


def environment(threads: int) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in HANDICAPS}
    return kept | {name: str(threads) for name in THREADS}


def end_with_parent() -> None:
    """Linux kills the worker when the race is killed: a stopped process would not see that its input has ended."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Worker:
    def __init__(self, command: list[str], threads: int, log: Path, limit: float = 300):
        self.log = log
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(log, "wb"), env=environment(threads),
            preexec_fn=end_with_parent if sys.platform == "linux" else None,
        )
        self.buffer = b""
        self.info = self._answer(limit)
        self.process.send_signal(signal.SIGSTOP)

    def fit(self, tol: float, repeat: int, prefix: Path, limit: float, *more: object) -> dict:
        self.process.send_signal(signal.SIGCONT)
        line = " ".join(map(str, (f"{tol:g}", repeat, prefix, *more)))
        try:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None
        answer = self._answer(limit)
        self.process.send_signal(signal.SIGSTOP)
        return answer

    def processor_seconds(self) -> float:
        """What the process used of the cores so far."""
        return own_seconds(self.process.pid)

    def _answer(self, limit: float) -> dict:
        """The next line that is JSON; peers may print other things."""
        end = time.monotonic() + limit
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                if line.startswith(b"{"):
                    try:
                        return json.loads(line)
                    except ValueError:
                        continue
            if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                self.close()
                raise TooSlow(f"not in {limit:.3g} s")
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise self._gone()
            self.buffer += chunk

    def _gone(self) -> Failed:
        self.close()
        last = self.log.read_text(errors="replace").strip().splitlines()
        return Failed(last[-1][:160] if last else f"ended with code {self.process.returncode}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass


# Who else is on the machine.


@dataclass
class Neighbours:
    """What others used of the cores while something was timed, and how long it is still worth while to wait for them."""

    patience: float
    used: float = 0.0
    timed: float = 0.0

    def wait(self) -> None:
        """Until they are quiet: at most one tick of the clock of work in a twentieth of a second."""
        while self.patience > 0:
            start = busy_seconds()
            time.sleep(0.05)
            if busy_seconds() - start <= 1.5 * TICK:
                return
            self.patience -= 0.05

    def fit(self, worker: Worker, *arguments: object) -> dict:
        start, busy, own = time.perf_counter(), busy_seconds(), worker.processor_seconds()
        answer = worker.fit(*arguments)
        self.used += max(0.0, busy_seconds() - busy - (worker.processor_seconds() - own))
        self.timed += time.perf_counter() - start
        return answer

    @property
    def share(self) -> float:
        """Cores that others had."""
        return self.used / self.timed if self.timed else 0.0


def busy_seconds() -> float:
    """All cores together since the start; 0 where there is no /proc."""
    try:
        user, nice, system, _, _, interrupts, soft, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    except OSError:
        return 0.0
    return TICK * (user + nice + system + interrupts + soft)


def own_seconds(pid: int) -> float:
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return TICK * (int(parts[11]) + int(parts[12]))
