"""Whole regularisation paths."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from . import _core, _validate
from ._functions import as_matrix, positive_rows
from ._threads import effective_threads


class Path:
    """The fits along a falling sequence of λ.

    Coefficients are softmax rows (one for each class, two for two classes) on the scale of the columns.

    Attributes
    ----------
    lambdas : ndarray of shape (n_points,)
        λ, falling.
    intercepts : ndarray of shape (n_points, n_classes)
        Intercepts; each row sums to 0.
    deviance_ratio : ndarray of shape (n_points,)
        The share of the null model's deviance that is explained.
    nonzero_features : ndarray of shape (n_points,)
        Features with a weight that is not 0.
    objective, nll_mean, relative_gap : ndarray of shape (n_points,)
        F, the mean negative log-likelihood, and the certified bound on F − F* over F.
    status : list of str
        How each fit ended.
    lambda_max, null_nll_mean : float
        The least λ that keeps every penalised weight at 0; the mean negative log-likelihood of the intercepts alone.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Columns of X.
    l1_ratio : float
        α.
    """

    def __init__(self, classes, n_features, l1_ratio, arrays):
        self.classes_ = classes
        self.n_features_in_ = n_features
        self.l1_ratio = l1_ratio
        self._starts, self._indices = (arrays.pop(name).astype(np.int64) for name in ("starts", "indices"))
        self._values = arrays.pop("values")
        vars(self).update(arrays)
        self.nonzero_features = np.diff(self._starts)

    def __len__(self):
        return len(self.lambdas)

    def __repr__(self):
        ends = f"{self.lambdas[0]:.3g} to {self.lambdas[-1]:.3g}"
        return f"<Path of {len(self)} fits, lambda {ends}, deviance ratio {self.deviance_ratio[-1]:.3f}>"

    def _rows(self, point):
        point = range(len(self))[point]
        of = slice(self._starts[point], self._starts[point + 1])
        return self._indices[of], self._values[of]

    def coef(self, point):
        """The coefficients at a point, of shape (n_classes, n_features)."""
        indices, values = self._rows(point)
        coef = np.zeros((len(self.classes_), self.n_features_in_))
        coef[:, indices] = values.T
        return coef

    def sparse_coef(self, point):
        """As `coef`, as a CSR matrix."""
        indices, values = self._rows(point)
        rows, columns = np.nonzero(values.T)
        shape = len(self.classes_), self.n_features_in_
        return sparse.csr_matrix((values.T[rows, columns], (rows, indices[columns])), shape=shape)

    def interpolate(self, lambda_):
        """Coefficients and intercepts at any λ, linear in λ between two points; beyond the ends those of the end."""
        if not (np.isfinite(lambda_) and lambda_ >= 0):
            raise ValueError(f"lambda is {lambda_}: it must be finite and at least 0")
        below = int(np.searchsorted(-self.lambdas, -lambda_))
        if below == 0 or below == len(self) or self.lambdas[below] == lambda_:
            at = min(below, len(self) - 1)
            return self.coef(at), self.intercepts[at].copy()
        high, low = self.lambdas[below - 1], self.lambdas[below]
        share = (lambda_ - low) / (high - low)
        coef = share * self.coef(below - 1) + (1 - share) * self.coef(below)
        return coef, share * self.intercepts[below - 1] + (1 - share) * self.intercepts[below]

    def predict_proba(self, X, lambda_):
        """Probabilities of the classes at any λ, of shape (n_samples, n_classes)."""
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
        coef, intercept = self.interpolate(lambda_)
        return _core.probabilities(as_matrix(X), coef, intercept, False)

    def predict(self, X, lambda_):
        """The most probable class of each row at any λ."""
        return self.classes_[self.predict_proba(X, lambda_).argmax(axis=1)]


def path(
    X,
    y,
    sample_weight=None,
    *,
    offset=None,
    l1_ratio=1.0,
    grouped=False,
    groups=None,
    standardize=True,
    penalty_factors=None,
    bounds=None,
    like=None,
    fit_intercept=True,
    lambdas=100,
    ratio=None,
    early_stop=True,
    tol=1e-6,
    max_iter=1000,
    n_jobs=None,
):
    r"""Fit a whole regularisation path, as R's ``glmnet(family = "multinomial")`` does.

    Each fit minimises the mean negative log-likelihood plus
    :math:`\lambda \sum_j v_j [\tfrac{1-\alpha}2 sd_j^2 \|W_j\|^2 + \alpha\, sd_j \|W_j\|_1]`, to a certified gap.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or soft labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.
    offset : array-like of shape (n_samples, n_classes), default=None
        Added to the scores as it is.
    l1_ratio : float, default=1.0
        α, the share of L1.
    grouped : bool, default=False
        Features in or out for all classes together?
    groups : array-like of shape (n_features,) or dict, default=None
        Groups of features that are in or out together, as in :class:`LogisticRegression`.
    standardize : bool, default=True
        Penalise the coefficients of standardised columns? (glmnet's default; they are returned on the raw scale.)
    penalty_factors : array-like of shape (n_features,), default=None
        Factors v on the penalty of each feature.
    bounds : tuple (lower, upper), default=None
        Bounds of the coefficients: None, numbers, or arrays of shape (n_features,) or (n_classes, n_features).
    like : {'glmnet', 'spark'}, default=None
        Take the numbers as this package does and give its coefficients: for two classes those of one vector of weights (in
        the second row; `bounds` are its own), glmnet's `penalty_factors` rescaled to sum to n_features, Spark's
        standard deviation.
    fit_intercept : bool, default=True
        Fit intercepts?
    lambdas : int or array-like, default=100
        How many λ, or which.
    ratio : float, default=None
        The least λ over the largest; 1e-4, or 1e-2 where columns outnumber rows.
    early_stop : bool, default=True
        End where smaller λ explain no more?
    tol : float, default=1e-6
        The certified relative gap of each fit.
    max_iter : int, default=1000
        Most Newton steps for each λ.
    n_jobs : int, default=None
        Threads; the result does not depend on it.

    Returns
    -------
    path : Path

    Examples
    --------
    >>> import polylogit
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> path = polylogit.path(X, y, lambdas=20)
    >>> int(path.nonzero_features[0]), bool(path.deviance_ratio[-1] > 0.9)
    (0, True)
    """
    if _validate.is_soft(y):
        classes, ids = _validate.soft_labels(y)
    else:
        classes, ids = _validate.class_ids(np.asarray(y))
    _validate.require_two_classes(classes)
    names = getattr(X, "columns", None)
    # What is not finite is found, and named, by the engine.
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C", ensure_all_finite=False)
    n_classes, n_features = len(classes), X.shape[1]
    if X.shape[0] != len(ids):
        raise ValueError(f"X has {X.shape[0]} rows, y has {len(ids)}")
    weights = _validate.weights(sample_weight, X, None, classes, ids)
    offset = _validate.offsets(offset, X.shape[0], n_classes)
    weights, X, ids, offset = positive_rows(weights, X, ids, offset)
    given = None if isinstance(lambdas, Integral) else [float(v) for v in np.ravel(lambdas)]
    if like not in (None, "glmnet", "spark"):
        raise ValueError(f"like must be 'glmnet', 'spark' or None, got {like!r}")
    factors = _validate.penalty_factors(penalty_factors, n_features)
    options = {
        "like": like,
        "lambda_": 1.0,
        "l1_ratio": float(l1_ratio),
        "grouped": bool(grouped),
        "standardize": bool(standardize),
        "penalty_factors": factors,
        "groups": _validate.groups(groups, n_features, names, factors),
        "bounds": _validate.bounds(bounds, (1 if like and n_classes == 2 else n_classes, n_features)),
        "fit_intercept": bool(fit_intercept),
        "tol": float(tol),
        "max_iter": int(max_iter),
        "threads": effective_threads(n_jobs),
        "memory_limit": None,
        "start": None,
        "callback": None,
    }
    sequence = {
        "given": given,
        "count": int(lambdas) if given is None else len(given),
        "ratio": ratio,
        "early_stop": bool(early_stop),
    }
    arrays = _core.path(as_matrix(X), ids, n_classes, weights, offset, options, sequence)
    return Path(classes, n_features, float(l1_ratio), arrays)
