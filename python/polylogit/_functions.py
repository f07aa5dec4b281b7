"""Softmax, its derivatives and the negative log-likelihood on arrays: the formulas of the course text by name."""

import numpy as np
from scipy import sparse

from . import _core


def _last(z, axis):
    """z with `axis` last, and what brings a result of the same shape back."""
    z = np.asarray(z)
    if z.dtype.kind not in "fbiu":
        raise TypeError(f"scores must be real numbers, got dtype {z.dtype}")
    return (z, None) if axis in (-1, z.ndim - 1) else (np.moveaxis(z, axis, -1), axis)


def _back(out, axis):
    return out if axis is None else np.moveaxis(out, -1, axis)


def softmax(z, axis=-1):
    r"""Probabilities from scores.

    .. math:: \mathrm{softmax}(z)_k = \exp(z_k) / \sum_l \exp(z_l)

    Non-negative, at most 1, summing to 1, in the order of the scores, and the same when a constant is added
    to all of them. The largest score is taken out first, so no finite input overflows.

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores. float32 stays float32, everything else is computed in float64.
    axis : int, default=-1
        The axis of the K classes.

    Returns
    -------
    ndarray of the shape of `z`
        Probabilities. A slice with NaN, +inf or nothing but -inf is NaN; -inf alone has probability 0.

    Examples
    --------
    >>> import polylogit
    >>> polylogit.softmax([0.0, 0.0])
    array([0.5, 0.5])
    """
    z, axis = _last(z, axis)
    return _back(_core.softmax(z), axis)


def log_softmax(z, axis=-1):
    r"""Logarithms of probabilities, in nats.

    .. math:: \ln \mathrm{softmax}(z)_k = z_k - \mathrm{logsumexp}(z)

    Finite for finite scores, where ``np.log(softmax(z))`` would give -inf.

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores.
    axis : int, default=-1
        The axis of the K classes.

    Returns
    -------
    ndarray of the shape of `z`

    Examples
    --------
    >>> import polylogit
    >>> polylogit.log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    z, axis = _last(z, axis)
    return _back(_core.log_softmax(z), axis)


def logsumexp(z, axis=-1):
    r"""The logarithm of a sum of exponentials, in nats.

    .. math:: \mathrm{logsumexp}(z) = \ln \sum_k \exp(z_k)

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores.
    axis : int, default=-1
        The axis that is summed over.

    Returns
    -------
    ndarray of the shape of `z` without `axis`, or a scalar

    Examples
    --------
    >>> import polylogit
    >>> float(polylogit.logsumexp([1000.0, 1000.0]))
    1000.6931471805599
    """
    z, _ = _last(z, axis)
    return _core.logsumexp(z)[()]


def softmax_jacobian(z):
    r"""The Jacobian of softmax at scores z.

    .. math:: J_{kj} = \partial p_k / \partial z_j = p_k (1[k=j] - p_j), \quad p = \mathrm{softmax}(z)

    Symmetric, positive semidefinite, with rows that sum to 0.

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores.

    Returns
    -------
    ndarray of shape (..., K, K)

    Examples
    --------
    >>> import polylogit
    >>> polylogit.softmax_jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    return _core.softmax_jacobian(_last(z, -1)[0])


def softmax_jvp(z, v):
    r"""The Jacobian of softmax at scores z times v, without the Jacobian.

    .. math:: J v = p \circ (v - p \cdot v), \quad p = \mathrm{softmax}(z)

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores.
    v : array_like of shape (..., K)
        Directions; broadcast against `z`.

    Returns
    -------
    ndarray of shape (..., K)
    """
    z, v = np.broadcast_arrays(_last(z, -1)[0], np.asarray(v))
    return _core.softmax_jvp(z, v)


def softmax_vjp(z, v):
    """The transposed Jacobian of softmax at scores z times v: what reverse-mode differentiation asks for.

    The Jacobian is symmetric, so this equals :func:`softmax_jvp`.

    Parameters
    ----------
    z : array_like of shape (..., K)
        Scores.
    v : array_like of shape (..., K)
        The gradient with respect to the probabilities; broadcast against `z`.

    Returns
    -------
    ndarray of shape (..., K)
        The gradient with respect to the scores.
    """
    return softmax_jvp(z, v)


def as_matrix(X):
    """X as the engine takes it: an array, or the parts of compressed sparse rows."""
    if not sparse.issparse(X):
        return X
    X = X.tocsr()
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X.data, X.indices, X.indptr, X.shape[1]


def positive_rows(weights, *arrays):
    """The rows of positive weight of `weights` and of each array (or None)."""
    if weights is None or (weights > 0).all():
        return weights, *arrays
    keep = np.flatnonzero(weights)
    return weights[keep], *(a if a is None else a[keep] for a in arrays)


def _problem(coef, intercept, X, y, sample_weight, offset):
    X = X if sparse.issparse(X) else np.asarray(X)
    y = np.asarray(y)
    if y.ndim == 1 and y.dtype.kind not in "iub":
        raise TypeError(f"y must hold class indices or distributions of shape (n, K), got dtype {y.dtype}")
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight, dtype=np.float64)
    if offset is not None:
        offset = np.asarray(offset, dtype=np.float64)
    sample_weight, X, y, offset = positive_rows(sample_weight, X, y, offset)
    return {
        "x": as_matrix(X),
        "y": y,
        "sample_weight": sample_weight,
        "offset": offset,
        "coef": np.asarray(coef, dtype=np.float64),
        "intercept": np.asarray(intercept, dtype=np.float64),
    }


def nll(coef, intercept, X, y, *, sample_weight=None, offset=None):
    r"""The negative log-likelihood of a softmax regression, the sum form, in nats.

    .. math:: L(W, b) = \sum_i s_i [\mathrm{logsumexp}(z_i) - y_i \cdot z_i], \quad z_i = W x_i + b\ (+ o_i)

    Parameters
    ----------
    coef : array_like of shape (K, d)
        W.
    intercept : array_like of shape (K,)
        b.
    X : {array_like, sparse matrix} of shape (n, d)
        Rows.
    y : array_like of shape (n,) or (n, K)
        Class indices 0..K-1, or a distribution over the classes for each row.
    sample_weight : array_like of shape (n,), default=None
        s; ones if not given.
    offset : array_like of shape (n, K), default=None
        o, added to the scores.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np, polylogit
    >>> round(polylogit.nll(np.zeros((2, 1)), np.zeros(2), [[1.0], [2.0]], [0, 1]), 6)  # 2 ln 2
    1.386294
    """
    return _core.nll(_problem(coef, intercept, X, y, sample_weight, offset))


def nll_gradient(coef, intercept, X, y, *, sample_weight=None, offset=None):
    r"""The gradient of the negative log-likelihood.

    .. math:: \partial L / \partial w_k = \sum_i s_i (p_{ik} - y_{ik}) x_i, \quad
              \partial L / \partial b_k = \sum_i s_i (p_{ik} - y_{ik})

    Parameters
    ----------
    coef, intercept, X, y, sample_weight, offset
        As in :func:`nll`.

    Returns
    -------
    gradient_coef : ndarray of shape (K, d)
    gradient_intercept : ndarray of shape (K,)
    """
    return _core.nll_gradient(_problem(coef, intercept, X, y, sample_weight, offset))


def nll_hessian_vector_product(coef, intercept, X, y, v_coef, v_intercept, *, sample_weight=None, offset=None):
    r"""The Hessian of the negative log-likelihood times a direction, without the Hessian.

    .. math:: (\nabla^2 L \cdot V)_k = \sum_i s_i\, (J_i (V x_i + v))_k\, [x_i; 1], \quad
              J_i = \mathrm{diag}(p_i) - p_i p_i^T

    Parameters
    ----------
    coef, intercept, X, y
        As in :func:`nll`.
    v_coef : array_like of shape (K, d)
        V, the direction of W.
    v_intercept : array_like of shape (K,)
        v, the direction of b.
    sample_weight, offset
        As in :func:`nll`.

    Returns
    -------
    product_coef : ndarray of shape (K, d)
    product_intercept : ndarray of shape (K,)
    """
    problem = _problem(coef, intercept, X, y, sample_weight, offset)
    v_coef, v_intercept = (np.asarray(v, dtype=np.float64) for v in (v_coef, v_intercept))
    return _core.nll_hessian_vector_product(problem, v_coef, v_intercept)
