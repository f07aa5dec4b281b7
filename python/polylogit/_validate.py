"""What comes in, checked as scikit-learn checks it, with short ways where the outcome is the same."""

import warnings
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, validate_data

from . import _core

FLOATS = [np.float64, np.float32]
_NATIVE = (np.dtype(np.float64), np.dtype(np.float32))


def is_soft(y):
    """Is y a distribution over the classes for each row? Floats of shape (n, K), K ≥ 2."""
    shape = getattr(y, "shape", None)
    if shape is None or len(shape) != 2 or shape[1] < 2 or sparse.issparse(y):
        return False
    values = np.asarray(y)
    if values.dtype.kind != "f":
        raise ValueError(
            f"y should be a 1d array, got an array of shape {values.shape} instead. Several targets at once are"
            " not supported; one distribution over the classes per row (soft labels) is, as floats."
        )
    return True


def soft_labels(y):
    """`(classes, y)`: the names of a table's columns, else 0..K-1; the distributions as float64."""
    names = getattr(y, "columns", None)
    values = check_array(y, dtype=np.float64, input_name="y")
    sums = values.sum(axis=1)
    bad = np.flatnonzero((values < 0).any(axis=1) | (np.abs(sums - 1) > 1e-6))
    if bad.size:
        raise ValueError(
            f"y has two dimensions, so its rows must be distributions over the classes (soft labels): row {bad[0]} is"
            f" {values[bad[0]]}, which has a negative entry or does not sum to 1"
        )
    return (np.arange(values.shape[1]) if names is None else np.asarray(names)), values


def _plain(X, y):
    """Can nothing be wrong with X and y that the engine does not find?"""
    return (
        type(X) is np.ndarray
        and type(y) is np.ndarray
        and X.ndim == 2
        and y.ndim == 1
        and X.dtype in _NATIVE
        and X.flags.c_contiguous
        and X.flags.aligned
        and X.shape[0] == y.shape[0] > 0
        and X.shape[1] > 0
        and y.dtype.kind in "biu"
    )


def data(estimator, X, y, *, multi_output=False):
    """X as a C-contiguous array or CSR of float64 or float32, y as an array."""
    if _plain(X, y):
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        estimator.n_features_in_ = X.shape[1]
        return X, y
    return checked_data(estimator, X, y, multi_output=multi_output)


def checked_data(estimator, X, y, *, multi_output=False):
    """As `data`, the long way: every check and every message is scikit-learn's."""
    _refuse_categories(X)
    try:
        return validate_data(estimator, X, y, accept_sparse="csr", dtype=FLOATS, order="C", multi_output=multi_output)
    except (ValueError, TypeError) as error:
        if "convert" not in str(error):
            raise
        raise ValueError(f"{error}. {_remedy(_text_columns(X))}") from error


def _remedy(columns):
    which = f"column {columns[0]!r} holds" if len(columns) == 1 else f"columns {list(columns)} hold"
    return (
        f"{which if columns else 'X holds'} categories or text, not numbers: encode them first, for example with"
        " make_column_transformer((OneHotEncoder(handle_unknown='ignore'), columns), remainder='passthrough')"
    )


def _dtypes(X):
    dtypes = getattr(X, "dtypes", None)
    return [] if dtypes is None or not hasattr(X, "columns") else list(zip(X.columns, dtypes))


def _refuse_categories(X):
    columns = [name for name, dtype in _dtypes(X) if str(dtype).startswith(("category", "Categorical", "Enum"))]
    if columns:
        raise ValueError(_remedy(columns))


def _text_columns(X):
    return [name for name, dtype in _dtypes(X) if str(dtype).lower().startswith(("object", "str", "utf8"))]


def class_ids(y):
    """`(classes, ids)`: the sorted distinct labels, and the index of each row's own (int64)."""
    # Counting beats sorting where whole numbers lie close together. (uint64 may not fit.)
    found = _core.class_ids(y) if y.dtype.kind in "iu" and y.dtype != np.uint64 else None
    if found is not None:
        classes, ids = found
        # The one complaint that scikit-learn may have about whole numbers.
        if len(classes) > 0.5 * y.size:
            check_classification_targets(y)
        return classes.astype(y.dtype, copy=False), ids
    check_classification_targets(y)
    classes, ids = np.unique(y, return_inverse=True)
    return classes, ids.astype(np.int64, copy=False).reshape(-1)


def require_two_classes(classes):
    """Nothing can be told apart with one class."""
    if len(classes) < 2:
        raise ValueError(
            "This solver needs samples of at least 2 classes in the data, but the data contains only one class:"
            f" {classes[0]!r}"
        )


def weights(sample_weight, X, class_weight, classes, ids):
    """The product of sample and class weights as float64, or None where all are 1."""
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if class_weight is None:
        return sample_weight
    if ids.ndim == 2:
        raise ValueError("class_weight needs one class per row: with soft labels, pass sample_weight instead")
    each = compute_class_weight(class_weight, classes=classes, y=classes[ids], sample_weight=sample_weight)
    if not (np.isfinite(each).all() and (each >= 0).all()):
        raise ValueError(f"class_weight must hold finite numbers of at least 0, got {class_weight!r}")
    return each[ids] if sample_weight is None else sample_weight * each[ids]


def offsets(offset, n_rows, n_classes):
    """Offsets of the scores as (n, K): for two classes a vector is the offset of the decision function."""
    if offset is None:
        return None
    offset = check_array(offset, dtype=np.float64, ensure_2d=False, input_name="offset")
    if n_classes == 2 and offset.shape == (n_rows,):
        return np.stack([-0.5 * offset, 0.5 * offset], axis=1)
    if offset.shape != (n_rows, n_classes):
        expected = f"({n_rows},) or ({n_rows}, 2)" if n_classes == 2 else f"({n_rows}, {n_classes})"
        raise ValueError(f"offset has shape {offset.shape}, expected {expected}")
    return offset


def _deprecated_combinations(estimator, penalty, l1_ratio):
    if estimator.penalty == "deprecated":
        return
    if penalty != "elasticnet" and l1_ratio is not None and 0 < l1_ratio < 1:
        warnings.warn(f"l1_ratio parameter is only used when penalty is 'elasticnet'. Got (penalty={penalty})")
    if (penalty == "l2" and l1_ratio != 0) or (penalty == "l1" and l1_ratio != 1):
        warnings.warn(
            f"Inconsistent values: penalty={penalty} with l1_ratio={l1_ratio}. penalty is deprecated. Please use"
            " l1_ratio only."
        )


def penalty_of(estimator, l1_ratio):
    """The penalty that `penalty`, `l1_ratio` and `C` ask for together: 'l2', None, 'l1' or 'elasticnet'."""
    if estimator.penalty != "deprecated":
        _deprecated_combinations(estimator, estimator.penalty, l1_ratio)
        if estimator.penalty == "elasticnet" and l1_ratio is None:
            raise ValueError("l1_ratio must be specified when penalty is elasticnet.")
        if estimator.penalty is None and estimator.C != 1.0:
            warnings.warn("Setting penalty=None will ignore the C and l1_ratio parameters")
        return estimator.penalty
    if l1_ratio in (0, None):
        return None if getattr(estimator, "C", 1.0) == np.inf else "l2"
    return "l1" if l1_ratio == 1 else "elasticnet"


def strength_of(estimator, penalty):
    """What the strength of the penalty is given as: `{"C": ...}` or `{"lambda_": ...}`."""
    C, lam, like = estimator.C, estimator.lam, estimator.like
    if like != "scikit-learn":
        if C != 1.0 or estimator.penalty is None:
            raise ValueError(f"the strength of {like} is lam: leave out C and penalty")
        if lam is None and like == "glmnet":
            raise ValueError("like='glmnet' needs lam (polylogit.path fits a whole sequence)")
        return {"lambda_": 0.0 if lam is None else float(lam)}
    if lam is None:
        return {"C": np.inf if penalty is None else C}
    if C != 1.0 or estimator.penalty is None:
        raise ValueError("lam stands in place of C and penalty: leave them out")
    return {"lambda_": float(lam)}


def share_of(penalty, l1_ratio):
    """The share of L1 of a penalty."""
    return {"l1": 1.0, "elasticnet": l1_ratio}.get(penalty, 0.0)


def penalty_factors(factors, n_features):
    """A factor on the penalty of each feature, or None."""
    if factors is None:
        return None
    factors = check_array(factors, dtype=np.float64, ensure_2d=False, input_name="penalty_factors")
    if factors.shape != (n_features,):
        raise ValueError(f"penalty_factors has shape {factors.shape}, expected ({n_features},)")
    return factors


def penalised(estimator, n_features):
    """Factors and groups of an estimator's features."""
    factors = penalty_factors(estimator.penalty_factors, n_features)
    names = getattr(estimator, "feature_names_in_", None)
    return {"penalty_factors": factors, "groups": groups(estimator.groups, n_features, names, factors)}


def groups(given, n_features, names, factors):
    """Lists of the features of each group, from a label for each feature or a dictionary of columns; `factors` or None."""
    if given is None:
        return []
    members = _named_groups(given, n_features, names) if isinstance(given, dict) else _labelled(given, n_features)
    of = {}
    for name, features in members.items():
        for j in features:
            if j in of:
                other = "twice" if of[j] == name else f"and in {of[j]!r}"
                raise ValueError(f"groups: feature {j if names is None else names[j]!r} is in {name!r} {other}")
            of[j] = name
        if factors is not None and len({factors[j] for j in features}) > 1:
            raise ValueError(
                f"groups: the features of {name!r} need one penalty factor, got {sorted({factors[j] for j in features})}"
            )
    return list(members.values())


def _labelled(labels, n_features):
    labels = np.asarray(labels, dtype=object)
    if labels.shape != (n_features,):
        raise ValueError(
            f"groups has shape {labels.shape}, expected ({n_features},): a label for each feature, or a dictionary"
        )
    members = {}
    for j, label in enumerate(labels):
        if label is None or label != label:
            raise ValueError(f"groups: feature {j} has no label ({label}): give it one of its own to leave it alone")
        members.setdefault(label, []).append(j)
    return members


def _named_groups(given, n_features, names):
    position = {} if names is None else {name: j for j, name in enumerate(names)}

    def index(group, column):
        if isinstance(column, Integral) and not isinstance(column, bool):
            if 0 <= column < n_features:
                return int(column)
            raise ValueError(
                f"groups: {group!r} has feature {column}, but there are {n_features} (0 to {n_features - 1})"
            )
        if column in position:
            return position[column]
        known = "X has no column names" if names is None else "X has no such column"
        raise ValueError(f"groups: {group!r} has column {column!r}, but {known}")

    members = {}
    for group, columns in given.items():
        columns = [columns] if isinstance(columns, (str, Integral)) else list(columns)
        if not columns:
            raise ValueError(f"groups: {group!r} has no columns")
        members[group] = [index(group, column) for column in columns]
    return members


def bounds(given, shape):
    """(lower, upper) of coefficients of this shape, or None."""
    if given is None:
        return None
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError("bounds must be a pair (lower, upper)")
    out = []
    for name, bound, none in zip(("lower", "upper"), given, (-np.inf, np.inf)):
        bound = np.asarray(none if bound is None else bound, dtype=np.float64)
        try:
            out.append(np.array(np.broadcast_to(bound, shape)))
        except ValueError:
            raise ValueError(
                f"the {name} bound has shape {bound.shape}, expected a number, ({shape[1]},) or {shape}"
            ) from None
    return tuple(out)


def check_solver(solver, penalty, dual):
    """scikit-learn's rules about solvers, but for penalties: every name of a solver fits all of them here."""
    if solver != "liblinear" and dual:
        raise ValueError(f"Solver {solver} supports only dual=False, got dual={dual}")
    if solver == "liblinear" and penalty is None:
        raise ValueError("C=np.inf as well as penalty=None is not supported for the liblinear solver")


def check_multiclass_solver(solver, n_classes):
    """liblinear has no multinomial objective in scikit-learn."""
    if solver == "liblinear" and n_classes > 2:
        raise ValueError(
            "The 'liblinear' solver does not support multiclass classification (n_classes >= 3). Either use another"
            " solver or wrap the estimator in a OneVsRestClassifier to keep applying a one-versus-rest scheme."
        )
