"""Seconds and peak memory of a summary: polylogit beside statsmodels' MNLogit, each in a process of its own.

python speed.py [--rows 500000] [--columns 30] [--classes 5] [--without-peer]
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np


def data(rows, columns, classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns))
    W = rng.normal(size=(columns, classes)) * 0.3
    gumbel = -np.log(-np.log(rng.uniform(size=(rows, classes))))
    return X, (X @ W + gumbel).argmax(1)


def worker(who, folder):
    if who == "polylogit":
        from polylogit import LogisticRegression
    else:
        import statsmodels.api as sm
    X, y = np.load(f"{folder}/x.npy"), np.load(f"{folder}/y.npy")
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    if who == "polylogit":
        loglik = LogisticRegression(C=np.inf).summary(X, y).loglik_
    else:
        fit = sm.MNLogit(y, sm.add_constant(X)).fit(method="newton", disp=False)
        fit.summary()
        loglik = fit.llf
    seconds = time.perf_counter() - start
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held
    print(f"{who:12} {seconds:8.2f} s   peak {more / 1024:7.0f} MB above the data   ln L {loglik:.6f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(*args.worker)
    with tempfile.TemporaryDirectory() as folder:
        X, y = data(args.rows, args.columns, args.classes)
        np.save(f"{folder}/x.npy", X)
        np.save(f"{folder}/y.npy", y)
        for who in ["polylogit"] + ([] if args.without_peer else ["statsmodels"]):
            subprocess.run([sys.executable, __file__, "--worker", who, folder], check=True)


if __name__ == "__main__":
    main()
