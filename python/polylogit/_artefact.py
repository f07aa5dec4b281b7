"""Models as files, and to and from scikit-learn."""

import os

import numpy as np
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.linear_model import LogisticRegressionCV as SklearnLogisticRegressionCV
from sklearn.utils.validation import check_is_fitted

from . import _calibration, _core, _solve

# The parameters that mean the same on both sides.
_SHARED = (
    "C l1_ratio dual tol fit_intercept intercept_scaling class_weight random_state solver max_iter verbose"
    " warm_start n_jobs"
).split()


def _names(model):
    names = getattr(model, "feature_names_in_", None)
    return _generic(model.n_features_in_) if names is None else [str(name) for name in names]


def _generic(n):
    return [f"x{j}" for j in range(n)]


def name_of(y):
    """The name of a column, if y has one."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else None


def save(model, path, *, target=None):
    """Write a fitted model to a file that holds data only.

    Parameters
    ----------
    model : LogisticRegression
        A fitted model of either package.
    path : str or path-like
        ``….json`` for a JSON document, any other name for safetensors.
    target : str, default=None
        The name of the predicted column, for the command ``polylogit``. Default: the name of the y that was
        fitted, else ``"target"``.
    """
    check_is_fitted(model)
    if isinstance(model, SklearnLogisticRegression):
        model = from_sklearn(model)
    coef, intercept = _solve.softmax_rows(model.coef_, model.intercept_)
    names = _names(model)
    name = target or getattr(model, "_target_name", None) or "target"
    while name in names:
        if target:
            raise ValueError(f"target={target!r} is the name of a column of X: choose another")
        name += "_"
    means = getattr(model, "_feature_mean", None)
    if means is None:
        means = np.zeros(len(names))
    columns = [(column, float(mean)) for column, mean in zip(names, means)]
    classes = [_label(label) for label in model.classes_]
    calibration = _calibration.pack(getattr(model, "calibration_", None))
    _core.save(os.fspath(path), classes, coef, intercept, name, columns, _record_of(model), calibration)


def _label(label):
    label = label.item() if isinstance(label, np.generic) else label
    if not isinstance(label, (bool, int, float, str)):
        raise TypeError(f"class labels must be bool, int, float or str to be saved, got {label!r}")
    return label


def _record_of(model):
    record = getattr(model, "_record", None)
    if record is not None:
        return record
    # A model that was fitted elsewhere: nothing is known about its optimality.
    return {
        "lambda_": 0.0,
        "l1_ratio": 0.0,
        "penalty_factors": [],
        "grouped": False,
        "groups": [],
        "standardize": False,
        "fit_intercept": bool(model.fit_intercept),
        "objective": 0.0,
        "nll_mean": 0.0,
        "certificate": ("newton_decrement", np.inf, np.inf),
        "status": "step_limit",
        "rows": 0,
        "total_weight": 0.0,
        "steps": 0,
        "passes": 0.0,
        "seconds": 0.0,
        "solver": "unknown",
        "reason": "taken over from scikit-learn",
        "version": _core.__version__,
        "feature_sd": np.zeros(model.n_features_in_),
    }


def _strength(record, n_classes):
    """scikit-learn's C and l1_ratio of a fit."""
    strength, share = record["lambda_"] * record["total_weight"], record["l1_ratio"]
    if n_classes == 2:
        # The other way round than in `_solve.solve`.
        if record["groups"]:
            norm = strength * share / np.sqrt(2.0)
            strength = norm + strength * (1.0 - share) / 2.0
            share = norm / strength if strength > 0 else share
        else:
            strength, share = strength * (1.0 + share) / 2.0, 2.0 * share / (1.0 + share)
    return 1.0 / strength if strength > 0 else np.inf, share


def load(path):
    """Read a model that was saved here or by the command.

    Parameters
    ----------
    path : str or path-like
        A safetensors file or a JSON document of polylogit. Untrusted files are safe: loading can fail, never run
        anything.

    Returns
    -------
    model : LogisticRegression
        Fitted. A model that the command trained on categories expects the encoded columns, which are named in
        `feature_names_in_` (``sex=female``).

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no model.
    """
    from ._logistic import LogisticRegression

    classes, coef, intercept, target, names, means, record, calibration = _core.load(os.fspath(path))
    model = LogisticRegression()
    model.C, model.l1_ratio = _strength(record, len(classes))
    model.grouped = record["grouped"]
    if record["groups"]:
        # A label for each feature; those alone have one of their own.
        model.groups = np.arange(len(names))
        for group in record["groups"]:
            model.groups[group] = group[0]
    model.standardize = record["standardize"] or None
    if record["penalty_factors"]:
        model.penalty_factors = np.array(record["penalty_factors"])
    model.fit_intercept = record["fit_intercept"]
    model.classes_ = np.array(classes)
    solution = _solve.Solution(coef, intercept, record, None)
    model.coef_, model.intercept_ = _solve.rows_of(solution, np.float64)
    model.certificate_ = _solve.Certificate(*record["certificate"])
    model.objective_ = record["objective"]
    model.n_iter_ = np.array([record["steps"]], dtype=np.int32)
    model.n_passes_ = record["passes"]
    model.status_ = record["status"]
    model.n_features_in_ = coef.shape[1]
    if names != _generic(len(names)):
        model.feature_names_in_ = np.array(names, dtype=object)
    if calibration is not None:
        model.calibration_ = _calibration.unpack(calibration)
    model._record, model._target_name = record, target
    model._feature_mean = None if means is None else np.array(means)
    return model


def to_sklearn(model):
    """A fitted model as a fitted :class:`sklearn.linear_model.LogisticRegression`.

    Parameters
    ----------
    model : LogisticRegression

    Returns
    -------
    model : sklearn.linear_model.LogisticRegression
    """
    check_is_fitted(model)
    params = {name: getattr(model, name) for name in _SHARED if hasattr(model, name)}
    if "C" not in params:  # cross-validated
        params["C"] = float(np.ravel(model.C_)[0])
    if model.penalty is None:
        params["C"] = np.inf
    if getattr(model, "like", "scikit-learn") != "scikit-learn" or getattr(model, "lam", None) is not None:
        params["C"], params["l1_ratio"] = _strength(model._record, len(model.classes_))
    out = SklearnLogisticRegression(**params)
    for name in ("classes_", "coef_", "intercept_", "n_iter_", "n_features_in_", "feature_names_in_"):
        if hasattr(model, name):
            setattr(out, name, _copy(getattr(model, name)))
    return out


def from_sklearn(estimator):
    """A fitted logistic regression of scikit-learn as one of polylogit, ready to predict and to save.

    Its `certificate_` is missing: nothing is known about how far scikit-learn came. Fit again with
    ``warm_start=True`` to have one.

    Parameters
    ----------
    estimator : sklearn.linear_model.LogisticRegression or LogisticRegressionCV

    Returns
    -------
    model : LogisticRegression

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> import polylogit
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = LogisticRegression(max_iter=1000).fit(X, y)
    >>> ours = polylogit.from_sklearn(theirs)
    >>> (ours.predict(X) == theirs.predict(X)).all()
    np.True_
    """
    from ._logistic import LogisticRegression

    if not isinstance(estimator, (SklearnLogisticRegression, SklearnLogisticRegressionCV)):
        raise TypeError(
            "from_sklearn takes a LogisticRegression or LogisticRegressionCV of scikit-learn, got"
            f" {type(estimator).__name__}"
        )
    check_is_fitted(estimator)
    if len(estimator.classes_) > 2 and getattr(estimator, "multi_class", None) == "ovr":
        raise ValueError("a one-versus-rest model is no softmax model: its probabilities would change")
    params = {name: getattr(estimator, name) for name in _SHARED if hasattr(estimator, name)}
    if hasattr(estimator, "C_"):
        params["C"] = float(np.ravel(estimator.C_)[0])
    if getattr(estimator, "penalty", "deprecated") is None:
        params["C"] = np.inf
    model = LogisticRegression(**params)
    for name in ("classes_", "coef_", "intercept_", "n_features_in_", "feature_names_in_"):
        if hasattr(estimator, name):
            setattr(model, name, _copy(getattr(estimator, name)))
    model.n_iter_ = np.array([int(np.max(estimator.n_iter_))], dtype=np.int32)
    return model


def _copy(value):
    return value.copy() if hasattr(value, "copy") else value
