"""Beside other threads and processes: the interpreter's lock, Ctrl-C, fork, pools, limits."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
import threadpoolctl
from numpy.testing import assert_array_equal

from polylogit import LogisticRegression
from polylogit._threads import effective_threads

posix = pytest.mark.skipif(os.name != "posix", reason="signals and fork as POSIX has them")


@pytest.fixture(scope="module")
def large():
    """Large enough for the pool (a pass is worth several threads) and for a fit of some tenths of a second."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120_000, 40)) @ rng.normal(size=(40, 40))
    return X, (X[:, :6] + rng.gumbel(size=(120_000, 6))).argmax(axis=1)


def test_other_threads_run_meanwhile(large):
    X, y = large
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.002)

    other = threading.Thread(target=tick)
    other.start()
    time.sleep(0.05)
    start = time.perf_counter()
    LogisticRegression(n_jobs=1).fit(X, y)
    end = time.perf_counter()
    done.set()
    other.join()
    during = [start, *(t for t in ticks if start < t < end), end]
    assert end - start > 0.1
    # A held lock would leave one gap as long as the fit.
    assert max(np.diff(during)) < 0.5 * (end - start)


def test_the_same_bits_for_any_number_of_threads(large):
    X, y = large
    fits = [LogisticRegression(n_jobs=n).fit(X[:20_000], y[:20_000]) for n in (1, 2, 3)]
    for fit in fits[1:]:
        assert_array_equal(fit.coef_, fits[0].coef_)


def pool_threads():
    """Threads of the engine's pools, by the names that they carry."""
    names = []
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            names.append(Path(f"/proc/self/task/{task}/comm").read_text().strip())
    return sum(name.startswith("polylogit-") for name in names)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_fits_side_by_side_share_one_pool(large):
    X, y = large
    LogisticRegression(n_jobs=2).fit(X, y)
    before = pool_threads()
    assert before >= 2
    with ThreadPoolExecutor(6) as pool:
        fits = [pool.submit(LogisticRegression(n_jobs=2).fit, X[:20_000], y[:20_000]) for _ in range(6)]
        seen = []
        while not all(fit.done() for fit in fits):
            seen.append(pool_threads())
            time.sleep(0.005)
    assert max(seen) == before
    for fit in fits[1:]:
        assert_array_equal(fit.result().coef_, fits[0].result().coef_)


def test_limits_are_honoured(monkeypatch):
    with threadpoolctl.threadpool_limits(1):
        assert effective_threads(None) == 1
    assert effective_threads(3) == 3
    assert effective_threads(-1) == joblib.cpu_count()
    assert effective_threads(None) <= max(joblib.cpu_count(), int(os.environ.get("OMP_NUM_THREADS") or 0))
    script = "from polylogit._threads import effective_threads as f; print(f(None), f(0))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]


def test_inside_joblib():
    inside = joblib.Parallel(n_jobs=2)(joblib.delayed(effective_threads)(n) for n in (None, -1))
    # Two workers share the machine between them.
    assert max(inside) <= max(1, joblib.cpu_count() // 2)


# The first data take many short passes; one pass over the second takes longer than the promise allows.
INTERRUPTED = """
import sys, threading, time, signal, os
import numpy as np
import polylogit
rng = np.random.default_rng(0)
n, d, k = map(int, sys.argv[1:])
X = rng.normal(size=(n, d)) + 0.9 * rng.normal(size=(n, 1))
y = (X[:, :k] + rng.gumbel(size=(n, k))).argmax(axis=1)
polylogit.LogisticRegression().fit(X[:200, :3], y[:200] % 2)
sent = []
def interrupt():
    time.sleep(0.25)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
model = polylogit.LogisticRegression(n_jobs=1)
try:
    model.fit(X, y)
    print("not interrupted")
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0], hasattr(model, "coef_"))
model.fit(X[:500, :4], y[:500] % 3)
print(model.status_)
"""


@posix
@pytest.mark.parametrize("shape", [(100_000, 60, 20), (60_000, 150, 40)])
def test_control_c_stops_a_fit_within_a_fifth_of_a_second(shape):
    command = [sys.executable, "-c", INTERRUPTED, *map(str, shape)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    first, second = done.stdout.splitlines()
    seconds, fitted = first.split()
    assert float(seconds) < 0.2
    assert fitted == "False"
    assert second in ("converged", "precision_limit")


FORK = """
import multiprocessing, sys
import numpy as np
import polylogit
rng = np.random.default_rng(0)
X = rng.normal(size=(30_000, 30))
y = (X[:, :4] + rng.gumbel(size=(30_000, 4))).argmax(axis=1)
fit = lambda *_: polylogit.LogisticRegression(n_jobs=2).fit(X, y).coef_
first = fit()  # the parent has a pool
queue = multiprocessing.get_context("fork").Queue()
children = [multiprocessing.get_context("fork").Process(target=lambda: queue.put(fit())) for _ in range(2)]
for child in children:
    child.start()
found = [queue.get(timeout=60) for _ in children]
for child in children:
    child.join(60)
print(all((f == first).all() for f in found), (fit() == first).all())
"""


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not support fork beside its frameworks")
def test_forked_children_fit():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True, timeout=180)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_keyboard_interrupt_does_not_need_the_main_thread(large):
    X, y = large
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: LogisticRegression().fit(X[:2000], y[:2000]).status_).result() == "converged"


@posix
def test_signal_handlers_of_others_run(large):
    X, y = large
    heard = []
    old = signal.signal(signal.SIGUSR1, lambda *_: heard.append(time.perf_counter()))
    try:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        LogisticRegression(n_jobs=1).fit(X, y)
        end = time.perf_counter()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, old)
    assert len(heard) == 1
    assert heard[0] < end
