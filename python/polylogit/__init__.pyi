from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression as _SklearnLogisticRegression

_Self = TypeVar("_Self", bound="LogisticRegression")
_Floats = NDArray[np.floating[Any]]
_Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]
# Arrays, tables of pandas, polars or pyarrow, sparse matrices.
_Matrix = Any
_Solver = Literal["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"]
_ClassWeight = Mapping[Any, float] | Literal["balanced"] | None

__version__: str

class Certificate(NamedTuple):
    kind: str
    gap: float
    relative_gap: float

class Calibration(NamedTuple):
    method: str
    scale: _Floats
    shift: _Floats
    rows: int
    total_weight: float
    log_loss_before: float
    log_loss: float
    gap: float
    @property
    def temperature(self) -> float | None: ...

class ReliabilityTable(NamedTuple):
    low: _Floats
    high: _Floats
    rows: NDArray[np.int64]
    weight: _Floats
    confidence: _Floats
    frequency: _Floats
    frequency_low: _Floats
    frequency_high: _Floats
    error: float
    error_by_chance: float
    maximum_error: float
    squared_error: float | None

class Reliability(NamedTuple):
    top_label: ReliabilityTable
    classes: list[ReliabilityTable]
    @property
    def classwise_error(self) -> float: ...

class _Test(NamedTuple):
    statistic: float
    df: int
    p_value: float

class _Estimate(NamedTuple):
    estimate: float
    std_err: float
    z: float
    p_value: float
    low: float
    high: float

class _Probabilities(NamedTuple):
    value: _Floats
    std_err: _Floats
    low: _Floats
    high: _Floats

class Summary:
    classes_: NDArray[Any]
    reference_: Any
    rows_: NDArray[Any]
    terms_: list[str]
    estimates_: _Floats
    std_err_: _Floats
    z_: _Floats
    p_values_: _Floats
    low_: _Floats
    high_: _Floats
    ratios_: _Floats
    loglik_: float
    loglik_null_: float
    nobs_: float
    n_parameters_: int
    lr_test_: _Test | None
    mcfadden_r2_: float
    cox_snell_r2_: float | None
    nagelkerke_r2_: float | None
    aic_: float | None
    bic_: float | None
    condition_number_: float
    covariance_: str
    clusters_: int | None
    left_out_: dict[str, str]

    @property
    def covariance_matrix_(self) -> _Floats: ...
    def frame(self) -> Any: ...
    def with_reference(self, reference: Any) -> Summary: ...
    def wald_test(self, columns: str | int | Sequence[str | int]) -> _Test: ...
    def lr_test(self, columns: str | int | Sequence[str | int]) -> _Test: ...
    def contrast(self, weights: Mapping[tuple[Any, str], float]) -> _Estimate: ...
    def contrasts_test(self, contrasts: Sequence[Mapping[tuple[Any, str], float]]) -> _Test: ...
    def predict_proba(self, X: _Matrix) -> _Probabilities: ...
    def marginal_effects(self, at: Literal["average", "mean"] = "average", discrete: Sequence[Any] = ()) -> Any: ...
    def influence(self) -> tuple[_Floats, _Floats]: ...

class LogisticRegression(ClassifierMixin, BaseEstimator):
    classes_: NDArray[Any]
    coef_: Any
    intercept_: _Floats
    certificate_: Certificate
    objective_: float
    n_iter_: NDArray[np.int32]
    n_passes_: float
    status_: str
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    calibration_: Calibration

    def __init__(
        self,
        penalty: Literal["l1", "l2", "elasticnet", "deprecated"] | None = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: _ClassWeight = None,
        random_state: int | np.random.RandomState | None = None,
        solver: _Solver = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
        multi_class: Literal["auto", "multinomial", "ovr", "deprecated"] = "deprecated",
        grouped: bool = False,
        groups: ArrayLike | dict[Any, Any] | None = None,
        penalty_factors: ArrayLike | None = None,
        bounds: tuple[ArrayLike | None, ArrayLike | None] | None = None,
        like: Literal["scikit-learn", "glmnet", "spark"] = "scikit-learn",
        lam: float | None = None,
        standardize: bool | None = None,
        memory_limit: int | None = None,
    ) -> None: ...
    def fit(
        self: _Self,
        X: _Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
    ) -> _Self: ...
    def decision_function(self, X: _Matrix, offset: ArrayLike | None = None) -> _Floats: ...
    def predict(self, X: _Matrix, offset: ArrayLike | None = None) -> NDArray[Any]: ...
    def predict_proba(self, X: _Matrix, offset: ArrayLike | None = None) -> _Floats: ...
    def predict_log_proba(self, X: _Matrix, offset: ArrayLike | None = None) -> _Floats: ...
    def score(self, X: _Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float: ...
    def sparsify(self: _Self) -> _Self: ...
    def densify(self: _Self) -> _Self: ...
    def set_callbacks(self: _Self, *callbacks: Any) -> _Self: ...
    def set_fit_request(
        self: _Self, *, sample_weight: bool | str | None = ..., offset: bool | str | None = ...
    ) -> _Self: ...
    def set_decision_function_request(self: _Self, *, offset: bool | str | None = ...) -> _Self: ...
    def set_predict_request(self: _Self, *, offset: bool | str | None = ...) -> _Self: ...
    def set_predict_proba_request(self: _Self, *, offset: bool | str | None = ...) -> _Self: ...
    def set_predict_log_proba_request(self: _Self, *, offset: bool | str | None = ...) -> _Self: ...
    def set_score_request(self: _Self, *, sample_weight: bool | str | None = ...) -> _Self: ...
    def summary(
        self,
        X: _Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        reference: Any = None,
        covariance: Literal["model", "hc0", "hc1", "cluster"] | None = None,
        clusters: ArrayLike | None = None,
        weight_kind: Literal["frequency", "sampling", "analytic"] = "frequency",
        level: float = 0.95,
        firth: bool = False,
        despite_penalty: bool = False,
    ) -> Summary: ...
    def calibrate(
        self: _Self,
        X: _Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        method: Literal["temperature", "vector"] = "temperature",
        offset: ArrayLike | None = None,
    ) -> _Self: ...
    def save(self, path: str | PathLike[str], *, target: str | None = None) -> None: ...
    @staticmethod
    def load(path: str | PathLike[str]) -> LogisticRegression: ...
    def to_sklearn(self) -> _SklearnLogisticRegression: ...

class LogisticRegressionCV(LogisticRegression):
    Cs_: NDArray[np.float64]
    l1_ratios_: NDArray[Any]
    C_: Any
    l1_ratio_: Any
    coefs_paths_: Any
    scores_: Any
    n_iter_: NDArray[np.int32]

    def __init__(
        self,
        *,
        Cs: int | Sequence[float] | NDArray[np.floating[Any]] = 10,
        l1_ratios: ArrayLike | Literal["warn"] | None = "warn",
        fit_intercept: bool = True,
        cv: int | Iterable[Any] | Any | None = None,
        dual: bool = False,
        penalty: Literal["l1", "l2", "elasticnet", "deprecated"] = "deprecated",
        scoring: str | Callable[..., float] | None = "warn",
        solver: _Solver = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: _ClassWeight = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
        use_legacy_attributes: bool | Literal["warn"] = "warn",
        multi_class: Literal["auto", "multinomial", "ovr", "deprecated"] = "deprecated",
        grouped: bool = False,
        groups: ArrayLike | dict[Any, Any] | None = None,
        penalty_factors: ArrayLike | None = None,
        bounds: tuple[ArrayLike | None, ArrayLike | None] | None = None,
    ) -> None: ...
    def fit(  # type: ignore[override]
        self: _Self, X: _Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any
    ) -> _Self: ...
    def get_metadata_routing(self) -> Any: ...
    def score(  # type: ignore[override]
        self, X: _Matrix, y: ArrayLike, *, sample_weight: ArrayLike | None = None, **score_params: Any
    ) -> float: ...

class Path:
    classes_: NDArray[Any]
    n_features_in_: int
    l1_ratio: float
    lambdas: _Floats
    lambda_max: float
    null_nll_mean: float
    objective: _Floats
    nll_mean: _Floats
    deviance_ratio: _Floats
    relative_gap: _Floats
    status: list[str]
    intercepts: _Floats
    nonzero_features: NDArray[np.int64]
    def __len__(self) -> int: ...
    def coef(self, point: int) -> _Floats: ...
    def sparse_coef(self, point: int) -> Any: ...
    def interpolate(self, lambda_: float) -> tuple[_Floats, _Floats]: ...
    def predict_proba(self, X: _Matrix, lambda_: float) -> _Floats: ...
    def predict(self, X: _Matrix, lambda_: float) -> NDArray[Any]: ...

def path(
    X: _Matrix,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    offset: ArrayLike | None = None,
    l1_ratio: float = 1.0,
    grouped: bool = False,
    groups: ArrayLike | dict[Any, Any] | None = None,
    standardize: bool = True,
    penalty_factors: ArrayLike | None = None,
    bounds: tuple[ArrayLike | None, ArrayLike | None] | None = None,
    like: Literal["glmnet", "spark"] | None = None,
    fit_intercept: bool = True,
    lambdas: int | ArrayLike = 100,
    ratio: float | None = None,
    early_stop: bool = True,
    tol: float = 1e-6,
    max_iter: int = 1000,
    n_jobs: int | None = None,
) -> Path: ...
def reliability(
    y: ArrayLike,
    p: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_bins: int = 15,
    strategy: Literal["uniform", "quantile"] = "uniform",
    level: float = 0.95,
) -> Reliability: ...
def softmax(z: ArrayLike, axis: int = -1) -> _Floats: ...
def log_softmax(z: ArrayLike, axis: int = -1) -> _Floats: ...
def logsumexp(z: ArrayLike, axis: int = -1) -> Any: ...
def softmax_jacobian(z: ArrayLike) -> _Floats: ...
def softmax_jvp(z: ArrayLike, v: ArrayLike) -> _Floats: ...
def softmax_vjp(z: ArrayLike, v: ArrayLike) -> _Floats: ...
def nll(
    coef: ArrayLike,
    intercept: ArrayLike,
    X: _Matrix,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
) -> float: ...
def nll_gradient(
    coef: ArrayLike,
    intercept: ArrayLike,
    X: _Matrix,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
) -> _Arrays: ...
def nll_hessian_vector_product(
    coef: ArrayLike,
    intercept: ArrayLike,
    X: _Matrix,
    y: ArrayLike,
    v_coef: ArrayLike,
    v_intercept: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
) -> _Arrays: ...
def load(path: str | PathLike[str]) -> LogisticRegression: ...
def save(
    model: LogisticRegression | _SklearnLogisticRegression, path: str | PathLike[str], *, target: str | None = None
) -> None: ...
def from_sklearn(estimator: _SklearnLogisticRegression) -> LogisticRegression: ...
def to_sklearn(model: LogisticRegression) -> _SklearnLogisticRegression: ...
