"""Softmax (multinomial) logistic regression: certified, fast, used like scikit-learn.

from polylogit import LogisticRegression
model = LogisticRegression().fit(X, y)
model.certificate_   # at most this far above the minimum
"""

from ._artefact import from_sklearn, load, save, to_sklearn
from ._calibration import Calibration, Reliability, ReliabilityTable, reliability
from ._core import __version__
from ._functions import (
    log_softmax,
    logsumexp,
    nll,
    nll_gradient,
    nll_hessian_vector_product,
    softmax,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
)
from ._logistic import LogisticRegression
from ._logistic_cv import LogisticRegressionCV
from ._path import Path, path
from ._solve import Certificate
from ._summary import Summary

__all__ = [
    "Calibration",
    "Certificate",
    "LogisticRegression",
    "LogisticRegressionCV",
    "Path",
    "Reliability",
    "ReliabilityTable",
    "Summary",
    "__version__",
    "from_sklearn",
    "load",
    "log_softmax",
    "logsumexp",
    "nll",
    "nll_gradient",
    "nll_hessian_vector_product",
    "path",
    "reliability",
    "save",
    "softmax",
    "softmax_jacobian",
    "softmax_jvp",
    "softmax_vjp",
    "to_sklearn",
]
