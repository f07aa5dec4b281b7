"""The compiled half: what the public functions and estimators stand on. Shapes are documented there."""

import os
from collections.abc import Callable
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

__version__: str

_Matrix = NDArray[Any] | tuple[NDArray[Any], NDArray[Any], NDArray[Any], int]
"""X: an array, or (data, indices, indptr, n_features) of compressed sparse rows."""

_Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]
"""W (K, d) and b (K)."""

class _Options(TypedDict):
    like: str | None
    lambda_: float
    l1_ratio: float
    grouped: bool
    groups: list[list[int]]
    standardize: bool
    penalty_factors: NDArray[np.float64] | None
    bounds: _Arrays | None
    fit_intercept: bool
    tol: float
    max_iter: int
    threads: int
    memory_limit: int | None
    start: _Arrays | None
    callback: Callable[[int, float, float, float], Any] | None

class _Sequence(TypedDict):
    given: list[float] | None
    count: int
    ratio: float | None
    early_stop: bool

class _Problem(TypedDict):
    x: _Matrix
    y: NDArray[Any]
    sample_weight: NDArray[np.float64] | None
    offset: NDArray[np.float64] | None
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]

class _Calibration(TypedDict):
    method: str
    scale: list[float]
    shift: list[float]
    rows: int
    total_weight: float
    log_loss_before: float
    log_loss: float
    gap: float

class _Record(TypedDict):
    lambda_: float
    l1_ratio: float
    penalty_factors: list[float]
    grouped: bool
    groups: list[list[int]]
    standardize: bool
    fit_intercept: bool
    objective: float
    nll_mean: float
    certificate: tuple[str, float, float]
    status: str
    rows: int
    total_weight: float
    steps: int
    passes: float
    seconds: float
    solver: str
    reason: str
    version: str
    feature_sd: NDArray[np.float64]

class _Wanted(TypedDict):
    lambda_: float
    fit_intercept: bool
    max_iter: int
    threads: int
    start: _Arrays | None
    reference: int
    covariance: str | None
    clusters: NDArray[np.int64] | None
    weight_kind: str
    level: float
    firth: bool
    despite_penalty: bool

_Data = tuple[_Matrix, NDArray[Any], NDArray[np.float64] | None, NDArray[np.float64] | None]
"""X, y, weights and offsets."""

_Test = tuple[float, int, float]
"""Statistic, degrees of freedom, p-value."""

class Statistics:
    reference: int
    terms: list[int]
    def estimates(self) -> NDArray[np.float64]: ...
    def covariance_matrix(self) -> NDArray[np.float64]: ...
    def likelihood(self) -> dict[str, Any]: ...
    def left_out(self) -> tuple[list[int], list[tuple[int, list[tuple[int, float]]]]]: ...
    def with_reference(self, reference: int) -> Statistics: ...
    def wald_columns(self, columns: list[int]) -> _Test: ...
    def wald(self, contrasts: list[list[tuple[int, int, float]]], values: list[float]) -> _Test: ...
    def contrast(self, of: list[tuple[int, int, float]], value: float) -> list[float]: ...
    def likelihood_ratio(self, data: _Data, columns: list[int]) -> _Test: ...
    def probabilities(self, x: _Matrix) -> NDArray[np.float64]: ...
    def effects(
        self, data: _Data, row: NDArray[np.float64] | None, of: list[tuple[int, list[int] | None]]
    ) -> NDArray[np.float64]: ...
    def influence(self, data: _Data) -> NDArray[np.float64]: ...
    def means(self) -> NDArray[np.float64]: ...

def statistics(
    x: _Matrix,
    y: NDArray[Any],
    classes: int,
    sample_weight: NDArray[np.float64] | None,
    offset: NDArray[np.float64] | None,
    wanted: _Wanted,
) -> Statistics: ...
def softmax(z: ArrayLike) -> NDArray[Any]: ...
def log_softmax(z: ArrayLike) -> NDArray[Any]: ...
def logsumexp(z: ArrayLike) -> NDArray[Any]: ...
def softmax_jacobian(z: ArrayLike) -> NDArray[Any]: ...
def softmax_jvp(z: ArrayLike, v: ArrayLike) -> NDArray[Any]: ...
def probabilities(
    x: _Matrix, coef: NDArray[np.float64], intercept: NDArray[np.float64], single: bool
) -> NDArray[Any]: ...
def log_probabilities(x: _Matrix, coef: NDArray[np.float64], intercept: NDArray[np.float64]) -> NDArray[np.float64]: ...
def nll(problem: _Problem) -> float: ...
def nll_gradient(problem: _Problem) -> _Arrays: ...
def nll_hessian_vector_product(
    problem: _Problem, coef: NDArray[np.float64], intercept: NDArray[np.float64]
) -> _Arrays: ...
def calibrate(
    method: str,
    model: tuple[NDArray[np.float64], NDArray[np.float64], list[str]],
    scores: NDArray[np.float64],
    ids: NDArray[np.uint32],
    weights: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Calibration]: ...
def reliability(
    p: NDArray[np.float64],
    ids: NDArray[np.uint32],
    weights: NDArray[np.float64] | None,
    classes: int,
    bins: tuple[bool, int],
    level: float,
) -> list[dict[str, Any]]: ...
def class_ids(y: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None: ...
def fit(
    x: _Matrix,
    y: NDArray[Any],
    classes: int,
    sample_weight: NDArray[np.float64] | None,
    offset: NDArray[np.float64] | None,
    options: _Options,
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Record, dict[str, Any] | None]: ...
def path(
    x: _Matrix,
    y: NDArray[Any],
    classes: int,
    sample_weight: NDArray[np.float64] | None,
    offset: NDArray[np.float64] | None,
    options: _Options,
    sequence: _Sequence,
) -> dict[str, Any]: ...
def save(
    path: str | os.PathLike[str],
    classes: list[bool | int | float | str],
    coef: NDArray[np.float64],
    intercept: NDArray[np.float64],
    target: str,
    columns: list[tuple[str, float]],
    record: _Record,
    calibration: _Calibration | None,
) -> None: ...
def load(
    path: str | os.PathLike[str],
) -> tuple[
    list[bool | int | float | str],
    NDArray[np.float64],
    NDArray[np.float64],
    str,
    list[str],
    list[float] | None,
    _Record,
    _Calibration | None,
]: ...
