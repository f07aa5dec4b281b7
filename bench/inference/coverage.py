"""Do 95 % intervals cover 95 %, and are p-values uniform where nothing is true? Seeded simulation; slow.

python coverage.py [--replicates 2000] [--rows 400]
"""

import argparse

import numpy as np
from scipy import stats

from polylogit import LogisticRegression


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=400)
    args = parser.parse_args()
    rng = np.random.default_rng(20)
    # The last column has no effect. Class 0 is the reference.
    truth = np.array([[0.3, 0.8, -0.5, 0.0], [-0.4, 0.2, 0.6, 0.0]])
    beta = np.vstack([np.zeros(4), truth])
    model = LogisticRegression(C=np.inf, n_jobs=1)
    covered = {kind: np.zeros(truth.shape) for kind in ("model", "hc0", "hc1", "firth")}
    p_z, p_wald, p_lr = [], [], []
    for _ in range(args.replicates):
        X = rng.normal(size=(args.rows, 3))
        scores = np.column_stack([np.ones(args.rows), X]) @ beta.T
        y = (scores - np.log(-np.log(rng.uniform(size=scores.shape)))).argmax(1)
        for kind in covered:
            how = {"firth": True} if kind == "firth" else {"covariance": kind}
            summary = model.summary(X, y, **how)
            covered[kind] += (summary.low_ <= truth) & (truth <= summary.high_)
            if kind == "model":
                p_z.append(summary.p_values_[0, 3])
                p_wald.append(summary.wald_test(2).p_value)
                p_lr.append(summary.lr_test(2).p_value)
    print(f"{args.replicates} replicates of {args.rows} rows, 3 classes; coverage of 95 % intervals by parameter (%)")
    for kind, count in covered.items():
        shares = 100 * count.ravel() / args.replicates
        print(f"  {kind:6} least {shares.min():.1f}  largest {shares.max():.1f}  mean {shares.mean():.2f}")
    print("p-values of a column without effect: share below 0.05, Kolmogorov-Smirnov p against the uniform")
    for name, p in {"z": p_z, "Wald": p_wald, "LR": p_lr}.items():
        print(f"  {name:6} {np.mean(np.array(p) < 0.05):.4f}  {stats.kstest(p, 'uniform').pvalue:.3f}")


if __name__ == "__main__":
    main()
