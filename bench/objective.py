"""F(W, b) in float64: the one judge of every answer, whoever gives it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

BLOCK = 1 << 22  # scores at a time
Matrix = np.ndarray | sparse.csr_matrix


def objective(x: Matrix, y: np.ndarray, w: np.ndarray, b: np.ndarray, c: float | None) -> float:
    """mean_i [logsumexp(z_i) − z_i,y_i] + ‖W‖²/(2·C·n), z_i = W x_i + b; without a penalty for C = None.

    x (n, d), y (n) class ids, w (K, d), b (K).
    """
    return mean_nll(x, y, w[None], b[None])[0] + (0.0 if c is None else (w.astype(np.float64) ** 2).sum() / (2 * c * len(y)))


def penalised(x: Matrix, y: np.ndarray, w: np.ndarray, b: np.ndarray, lambdas: np.ndarray, scales: np.ndarray,
              grouped: bool) -> np.ndarray:
    """mean nll + λ Σ_j scale_j ‖W_·j − g_j‖ at each λ, the 1-norm, or where it is grouped the 2-norm.

    A number g_j off all classes of a feature changes no probability: it is the one that costs least, the median over
    the classes or the mean. lambdas (L), w (L, K, d), b (L, K); infinite where coefficients are not finite.
    """
    if grouped:
        norms = np.linalg.norm(w - w.mean(axis=1, keepdims=True), axis=1)
    else:
        norms = np.abs(w - np.median(w, axis=1, keepdims=True)).sum(axis=1)
    value = mean_nll(x, y, w, b) + lambdas * (norms @ scales)
    return np.where(np.isfinite(value), value, np.inf)


def mean_nll(x: Matrix, y: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each of L models: w (L, K, d), b (L, K)."""
    (count, k, d), n = w.shape, x.shape[0]
    columns, b = w.reshape(count * k, d).astype(np.float64).T, b.astype(np.float64)
    rows = max(1, BLOCK // max(count * k, 1 if sparse.issparse(x) else d))
    nll = np.zeros(count)
    for start in range(0, n, rows):
        z = (x[start : start + rows].astype(np.float64) @ columns).reshape(-1, count, k) + b
        own = z[np.arange(len(z)), :, y[start : start + rows]]
        top = z.max(axis=2)
        nll += (np.log(np.exp(z - top[:, :, None]).sum(axis=2)) + (top - own)).sum(axis=0)
    return nll / n
