"""F(W, b) in float64: the one judge of every answer, whoever gives it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

BLOCK = 1 << 22  # scores at a time


def objective(x: np.ndarray | sparse.csr_matrix, y: np.ndarray, w: np.ndarray, b: np.ndarray, c: float | None) -> float:
    """mean_i [logsumexp(z_i) − z_i,y_i] + ‖W‖²/(2·C·n), z_i = W x_i + b; without a penalty for C = None.

    x (n, d), y (n) class ids, w (K, d), b (K).
    """
    n, rows = x.shape[0], max(1, BLOCK // max(len(b), 1 if sparse.issparse(x) else x.shape[1]))
    w, b = np.asarray(w, np.float64), np.asarray(b, np.float64)
    nll = []
    for start in range(0, n, rows):
        z = x[start : start + rows].astype(np.float64) @ w.T + b
        own = z[np.arange(len(z)), y[start : start + rows]]
        top = z.max(axis=1)
        nll.append((np.log(np.exp(z - top[:, None]).sum(axis=1)) + (top - own)).sum())
    return sum(nll) / n + (0.0 if c is None else (w**2).sum() / (2 * c * n))
