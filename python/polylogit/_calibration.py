"""Calibration: do probabilities mean what they say, and how to make them."""

import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted, column_or_1d

from . import _core
from ._functions import positive_rows
from ._solve import Solution, rows_of, softmax_rows


class Calibration(NamedTuple):
    """A map of the scores, ``z / T`` or ``scale * (z - mean(z)) + shift``, and how it was found.

    Attributes
    ----------
    method : str
        ``"temperature"`` or ``"vector"``.
    scale, shift : ndarray of shape (n_classes,)
        The map; of a temperature 1/T and 0.
    rows : int
        Held-out rows that it was fitted on.
    total_weight : float
        Their weight.
    log_loss_before, log_loss : float
        The mean log loss of these rows before and after, in nats.
    gap : float
        By how much the objective is at most above its minimum.
    """

    method: str
    scale: np.ndarray
    shift: np.ndarray
    rows: int
    total_weight: float
    log_loss_before: float
    log_loss: float
    gap: float

    @property
    def temperature(self):
        """T, above 1 where the model was too sure; None for a vector."""
        return float(1.0 / self.scale[0]) if self.method == "temperature" else None


def unpack(found):
    """What the core gives, with arrays."""
    return Calibration(**{**found, "scale": np.array(found["scale"]), "shift": np.array(found["shift"])})


def pack(calibration):
    """What the core takes; None stays None."""
    if calibration is None:
        return None
    return {**calibration._asdict(), "scale": list(calibration.scale), "shift": list(calibration.shift)}


def _ids(y, classes):
    """Where each label is among sorted classes."""
    y = column_or_1d(y)
    known = np.isin(y, classes)
    if not known.all():
        raise ValueError(f"y has labels that the model does not know: {np.unique(y[~known])[:5].tolist()}")
    return np.searchsorted(classes, y).astype(np.uint32)


def _weights(sample_weight, ids, p):
    if sample_weight is None:
        return None, ids, p
    weights = column_or_1d(np.asarray(sample_weight, dtype=np.float64))
    if len(weights) != len(ids):
        raise ValueError(f"sample_weight has {len(weights)} values, y has {len(ids)}")
    if not (weights >= 0).all():
        raise ValueError("sample_weight must not be negative or NaN")
    return positive_rows(weights, ids, p)


def calibrated(model, X, y, sample_weight, method, offset):
    """A copy of a fitted model, its scores scaled."""
    check_is_fitted(model)
    before = getattr(model, "calibration_", None)
    if before is not None:
        raise ValueError(f"the model is calibrated already ({before.method}): calibrate the one that it was made from")
    scores = np.asarray(model.decision_function(X, offset), dtype=np.float64)
    if scores.ndim == 1:
        scores = np.stack([-0.5 * scores, 0.5 * scores], axis=1)
    ids = _ids(y, model.classes_)
    if len(ids) != len(scores):
        raise ValueError(f"X has {len(scores)} rows, y has {len(ids)}")
    weights, ids, scores = _weights(sample_weight, ids, scores)
    labels = [str(label) for label in model.classes_]
    rows = (*softmax_rows(model.coef_, model.intercept_), labels)
    coef, intercept, found = _core.calibrate(method, rows, np.ascontiguousarray(scores), ids, weights)
    out = copy.deepcopy(model)
    out.coef_, out.intercept_ = rows_of(Solution(coef, intercept, None, None), model.intercept_.dtype)
    out.calibration_ = unpack(found)
    return out


class ReliabilityTable(NamedTuple):
    """Confidence against frequency in bins, and the errors that sum them up.

    Attributes
    ----------
    low, high : ndarray of shape (n_bins,)
        Where each bin begins and ends; bins without rows are left out.
    rows, weight : ndarray of shape (n_bins,)
        Its rows and their weight.
    confidence, frequency : ndarray of shape (n_bins,)
        The mean probability and the share for which it came true.
    frequency_low, frequency_high : ndarray of shape (n_bins,)
        Wilson's interval of the frequency.
    error : float
        The expected calibration error (ECE).
    error_by_chance : float
        What it would be on average for perfectly calibrated probabilities, about.
    maximum_error : float
        The largest difference of a bin.
    squared_error : float or None
        An unbiased estimate of the squared calibration error, which may be negative; None where no bin has two rows.
    """

    low: np.ndarray
    high: np.ndarray
    rows: np.ndarray
    weight: np.ndarray
    confidence: np.ndarray
    frequency: np.ndarray
    frequency_low: np.ndarray
    frequency_high: np.ndarray
    error: float
    error_by_chance: float
    maximum_error: float
    squared_error: Any


class Reliability(NamedTuple):
    """The table of the predicted class, and those of all classes.

    Attributes
    ----------
    top_label : ReliabilityTable
        The probability of the predicted class against how often it is right.
    classes : list of ReliabilityTable
        The probability of each class against how often it is the true one.
    """

    top_label: ReliabilityTable
    classes: list

    @property
    def classwise_error(self):
        """The mean of the classes' errors."""
        return float(np.mean([table.error for table in self.classes]))


def reliability(y, p, *, classes=None, sample_weight=None, n_bins=15, strategy="uniform", level=0.95):
    r"""How reliable probabilities are.

    In each bin :math:`B` of confidences the mean confidence is held against the frequency. The expected calibration
    error :math:`\sum_B \tfrac{S_B}{S} |\bar y_B - \bar p_B|` is positive by noise alone; `squared_error` is a debiased
    estimate that is 0 on average for calibrated probabilities (after Kumar, Liang and Ma 2019).

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    p : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, as `predict_proba` gives them; of one dimension: of the second of two classes.
    classes : array-like of shape (n_classes,), default=None
        The sorted labels of the columns of `p`. Default: the labels that occur in `y`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights; ones if not given.
    n_bins : int, default=15
        Number of bins.
    strategy : {'uniform', 'quantile'}, default='uniform'
        Bins of one width, or of about one weight each.
    level : float, default=0.95
        Level of the frequencies' intervals.

    Returns
    -------
    Reliability

    Examples
    --------
    >>> import polylogit
    >>> table = polylogit.reliability([0, 0, 1, 0], [0.1, 0.2, 0.7, 0.6], n_bins=2).top_label
    >>> round(float(table.confidence[0]), 12), float(table.frequency[0])
    (0.75, 0.75)
    """
    if strategy not in ("uniform", "quantile"):
        raise ValueError(f"strategy must be 'uniform' or 'quantile', got {strategy!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    p = np.asarray(p, dtype=np.float64)
    if p.ndim == 1:
        p = np.stack([1.0 - p, p], axis=1)
    classes = np.unique(y) if classes is None else np.asarray(classes)
    if p.ndim != 2 or p.shape[1] != len(classes):
        raise ValueError(f"p has shape {p.shape} for {len(classes)} classes: give `classes` if some do not occur in y")
    ids = _ids(y, classes)
    if len(ids) != len(p):
        raise ValueError(f"p has {len(p)} rows, y has {len(ids)}")
    weights, ids, p = _weights(sample_weight, ids, p)
    found = _core.reliability(
        np.ascontiguousarray(p), ids, weights, len(classes), (strategy == "uniform", n_bins), level
    )
    top, *rest = (ReliabilityTable(**{**table, "rows": table["rows"].astype(np.int64)}) for table in found)
    return Reliability(top, rest)
