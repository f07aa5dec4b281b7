"""From checked arrays to the engine and back: scikit-learn's C, tol and rows, zero weights, classes without rows."""

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from . import _core
from ._functions import as_matrix, positive_rows

# The engine's tolerance lies strictly between these.
_SMALLEST_GAP = 1e-16
_LARGEST_GAP = 0.5
# A class without rows gets at most this share of any row's probability: below the last digit of the others.
_ABSENT = float(np.finfo(np.float64).eps) / 4


class Certificate(NamedTuple):
    """How far a fit is from the optimum at most.

    Attributes
    ----------
    kind : str
        ``"duality_gap"``: proven, whatever the solver did. ``"newton_decrement"``: an estimate, where no
        penalty makes the dual finite. ``"first_order"``: an estimate, where columns without penalty stand beside an L1
        norm, groups or bounds.
    gap : float
        Upper bound on ``objective_`` minus the minimum, in nats.
    relative_gap : float
        The bound over ``objective_``.
    """

    kind: str
    gap: float
    relative_gap: float


class Solution(NamedTuple):
    """Softmax coefficients in the zero-sum gauge, and the record of their fit."""

    coef: np.ndarray
    intercept: np.ndarray
    record: dict
    diagnosis: Any


def gap_of(tol):
    """The certified relative gap that scikit-learn's `tol` stands for.

    scikit-learn's bounds the gradient, whose square bounds the gap: 1e-4 tol², 1e-12 at the default.
    """
    return min(max(1e-4 * tol * tol, _SMALLEST_GAP), _LARGEST_GAP)


def solve(
    X,
    y,
    n_classes,
    weights=None,
    offset=None,
    *,
    C=1.0,
    lambda_=None,
    l1_ratio=0.0,
    like="scikit-learn",
    standardize=None,
    grouped=False,
    groups=(),
    penalty_factors=None,
    bounds=None,
    fit_intercept,
    tol,
    max_iter,
    threads,
    memory_limit=None,
    start=None,
    callback=None,
    complete=False,
):
    """Minimises scikit-learn's objective C Σ s_i loss_i + (1−α)/2 ‖w‖² + α ‖w‖₁, or that of another package.

    Parameters
    ----------
    X : ndarray, C-contiguous float64 or float32, or CSR
    y : ndarray of int64 of shape (n,), or of float64 of shape (n, K)
    weights : ndarray of float64 of shape (n,), each at least 0, or None
    offset : ndarray of float64 of shape (n, K), or None
    lambda_ : float
        1/(C·S), in place of C; the only strength of packages but scikit-learn.
    groups : lists of features
    penalty_factors : ndarray of float64 of shape (d,), or None
    bounds : (lower, upper) of shape (K, d) (for two classes (1, d)) each, or None
    memory_limit : int, or None for what the machine has to spare
    start : (coef, intercept) of shapes (K, d) and (K,), or None
    complete : bool
        Is it known that every class has a row?
    """
    rows = X.shape[0]
    weights, X, y, offset = positive_rows(weights, X, y, offset)
    complete = complete and X.shape[0] == rows
    if X.shape[0] == 0:
        raise ValueError("Sample weights must contain at least one non-zero number.")
    total = X.shape[0] if weights is None else float(weights.sum())
    strength, share = 1.0 / (C * total) if lambda_ is None else lambda_, l1_ratio
    if n_classes == 2 and like == "scikit-learn":
        # Two classes share one sigmoid vector β = w_1 − w_0 in scikit-learn: ½‖β‖² = ‖W‖², ‖β‖₁ = ‖W‖₁.
        if groups:
            # ‖β_G‖ = √2 ‖W_G‖
            norm, ridge = np.sqrt(2.0) * l1_ratio, 2.0 * (1.0 - l1_ratio)
            strength, share = strength * (norm + ridge), norm / (norm + ridge)
        else:
            strength, share = strength * (2.0 - l1_ratio), l1_ratio / (2.0 - l1_ratio)
        if bounds is not None:
            lower, upper = 0.5 * bounds[0], 0.5 * bounds[1]
            bounds = np.concatenate([-upper, lower]), np.concatenate([-lower, upper])
    present = range(n_classes)
    if fit_intercept and not complete:
        mass = np.bincount(y, minlength=n_classes) if y.ndim == 1 else y.sum(axis=0)
        present = np.flatnonzero(mass)
    if max_iter == 0 and start is None:
        start = np.zeros((n_classes, X.shape[1])), np.zeros(n_classes)
    if like != "scikit-learn" and len(present) < n_classes:
        raise ValueError(f"like={like!r} needs a row of positive weight for every class")
    options = {
        # scikit-learn's are converted here, for all classes that there may be.
        "like": None if like == "scikit-learn" else like,
        "lambda_": strength,
        "l1_ratio": share,
        # The group of a feature of two classes is its one weight.
        "grouped": grouped and n_classes > 2,
        "groups": groups,
        "standardize": like != "scikit-learn" if standardize is None else standardize,
        "penalty_factors": penalty_factors,
        "bounds": bounds,
        "fit_intercept": fit_intercept,
        "tol": gap_of(tol),
        "max_iter": max_iter,
        "threads": threads,
        "memory_limit": memory_limit,
        "start": start,
        "callback": callback,
    }
    if len(present) == n_classes:
        return Solution(*_core.fit(as_matrix(X), y, n_classes, weights, offset, options))
    return _without_absent(X, y, n_classes, weights, offset, options, present)


def _without_absent(X, y, n_classes, weights, offset, options, present):
    """Classes without rows: their weights are 0 at the optimum, their intercepts run to −∞ and stop here
    where no digit of any probability changes any more."""
    k, d = len(present), X.shape[1]
    coef, intercept = np.zeros((n_classes, d)), np.full(n_classes, np.log(_ABSENT / (n_classes - k)))
    if k > 1:
        if y.ndim == 1:
            index = np.zeros(n_classes, dtype=np.int64)
            index[present] = np.arange(k)
            y = index[y]
        else:
            y = y[:, present]
        offset = None if offset is None else offset[:, present]
        start = options["start"]
        if start is not None:
            start = start[0][present], start[1][present]
        bounds = options["bounds"]
        if bounds is not None:
            bounds = tuple(np.ascontiguousarray(b[present]) for b in bounds)
        options = {**options, "start": start, "bounds": bounds}
        w, b, record, diagnosis = _core.fit(as_matrix(X), y, k, weights, offset, options)
    else:
        w, b, diagnosis = np.zeros((1, d)), np.zeros(1), None
        record = {
            "lambda_": options["lambda_"],
            "l1_ratio": 0.0,
            "penalty_factors": [],
            "grouped": False,
            "groups": [],
            "standardize": False,
            "fit_intercept": True,
            "objective": _ABSENT,
            "nll_mean": _ABSENT,
            "certificate": ("duality_gap", _ABSENT, 1.0),
            "status": "converged",
            "rows": X.shape[0],
            "total_weight": float(X.shape[0] if weights is None else weights.sum()),
            "steps": 0,
            "passes": 0.0,
            "seconds": 0.0,
            "solver": "none",
            "reason": "one class only has rows",
            "version": _core.__version__,
            "feature_sd": np.zeros(d),
        }
    # The scores of the present classes average to 0, so their log-sum-exp is positive for every row.
    coef[present], intercept[present] = w, b
    return Solution(coef, intercept - intercept.mean(), record, diagnosis)


def column_means(X, weights):
    """What stands in for a missing cell when the command reads a table with this model."""
    if weights is None:
        weights, total = np.ones(X.shape[0], X.dtype), X.shape[0]
    else:
        weights, total = weights.astype(X.dtype, copy=False), weights.sum()
    # A product with ones runs at the speed of memory.
    return np.asarray(X.T @ weights if sparse.issparse(X) else weights @ X, dtype=np.float64) / total


def rows_of(solution, dtype):
    """Softmax coefficients in scikit-learn's shape: one row for two classes."""
    coef, intercept = solution.coef, solution.intercept
    if len(intercept) == 2:
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    return coef.astype(dtype, copy=False), intercept.astype(dtype, copy=False)


def softmax_rows(coef, intercept):
    """scikit-learn's shape as softmax coefficients in float64."""
    coef = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)
    coef, intercept = coef.astype(np.float64, copy=False), np.asarray(intercept, dtype=np.float64)
    if len(coef) == 1:
        coef, intercept = np.concatenate([-0.5 * coef, 0.5 * coef]), np.concatenate([-0.5 * intercept, 0.5 * intercept])
    return coef, intercept
