"""The functions, against SciPy, the written formulas and finite differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, special

import polylogit
from polylogit import nll, nll_gradient, nll_hessian_vector_product, softmax_jacobian, softmax_jvp, softmax_vjp

RNG = np.random.default_rng(0)
SHAPES = [(4,), (5, 3), (2, 3, 4), (1, 1), (3, 1000)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("axis", [-1, 0])
def test_scipys_values(shape, dtype, axis):
    z = (10 * RNG.normal(size=shape)).astype(dtype)
    wide = z.astype(np.longdouble)
    # Scores differ by up to 80, and each has a relative rounding error of its own.
    tolerance = {"rtol": 80 * np.finfo(dtype).eps, "atol": np.finfo(dtype).tiny}
    assert_allclose(polylogit.softmax(z, axis=axis), special.softmax(wide, axis=axis), **tolerance)
    # SciPy loses digits of log-probabilities near 0: its result in more precision is the reference.
    tolerance["atol"] = 1e-18 if dtype == np.float64 else 1e-15
    assert_allclose(polylogit.log_softmax(z, axis=axis), special.log_softmax(wide, axis=axis), **tolerance)
    assert_allclose(polylogit.logsumexp(z, axis=axis), special.logsumexp(wide, axis=axis), **tolerance)
    for function in (polylogit.softmax, polylogit.log_softmax, polylogit.logsumexp):
        assert function(z, axis=axis).dtype == dtype


def test_extremes():
    assert_allclose(polylogit.softmax([1e308, 1e308]), [0.5, 0.5])
    assert_array_equal(polylogit.softmax([0.0, -np.inf]), [1.0, 0.0])
    assert polylogit.log_softmax([0.0, -1000.0])[1] == -1000.0
    assert np.isnan(polylogit.softmax([np.nan, 1.0])).all()
    assert polylogit.softmax(np.array([1, 2, 3])).dtype == np.float64
    assert polylogit.softmax(np.array([True, False])).shape == (2,)
    assert polylogit.logsumexp([1.0, 2.0]).ndim == 0
    assert polylogit.softmax(np.zeros((0, 3))).shape == (0, 3)
    assert polylogit.logsumexp(np.zeros((0, 3))).shape == (0,)


def test_jacobian_and_its_products():
    z = RNG.normal(size=(7, 5))
    v = RNG.normal(size=(7, 5))
    p = polylogit.softmax(z)
    jacobian = softmax_jacobian(z)
    assert jacobian.shape == (7, 5, 5)
    assert_allclose(jacobian, np.einsum("nk,kj->nkj", p, np.eye(5)) - p[:, :, None] * p[:, None, :], atol=1e-16)
    assert_allclose(softmax_jvp(z, v), np.einsum("nkj,nj->nk", jacobian, v), atol=1e-15)
    assert_array_equal(softmax_vjp(z, v), softmax_jvp(z, v))
    assert_allclose(softmax_jvp(z, v[0]), softmax_jvp(z, np.tile(v[0], (7, 1))), atol=0)
    step = 1e-6
    difference = (polylogit.softmax(z + step * v) - polylogit.softmax(z - step * v)) / (2 * step)
    assert_allclose(softmax_jvp(z, v), difference, atol=1e-9)
    assert softmax_jvp(z.astype(np.float32), v).dtype == np.float32


@pytest.fixture(params=["dense", "sparse", "float32"])
def problem(request):
    rng = np.random.default_rng(1)
    X = np.where(rng.random((20, 3)) < 0.6, rng.normal(size=(20, 3)), 0)
    X = {"dense": X, "sparse": sparse.csr_array(X), "float32": X.astype(np.float32)}[request.param]
    dense = X.toarray() if request.param == "sparse" else X.astype(np.float64)
    return X, dense, rng.integers(0, 4, 20), rng.normal(size=(4, 3)), rng.normal(size=4)


def test_nll_is_the_sum_form(problem):
    X, dense, y, W, b = problem
    z = dense @ W.T + b
    rows = special.logsumexp(z, axis=1) - z[np.arange(20), y]
    assert_allclose(nll(W, b, X, y), rows.sum(), rtol=1e-13)
    weights = np.arange(20) / 10  # the first weighs nothing
    assert_allclose(nll(W, b, X, y, sample_weight=weights), weights @ rows, rtol=1e-13)
    assert_allclose(nll(W, b, X, np.eye(4)[y]), rows.sum(), rtol=1e-13)
    offset = np.random.default_rng(2).normal(size=(20, 4))
    shifted = special.logsumexp(z + offset, axis=1) - (z + offset)[np.arange(20), y]
    assert_allclose(nll(W, b, X, y, offset=offset), shifted.sum(), rtol=1e-13)
    # A batch need not hold every class.
    few = np.flatnonzero(y < 2)
    assert_allclose(nll(W, b, X[few], y[few]), rows[few].sum(), rtol=1e-13)


def test_gradient_is_the_courses_formula(problem):
    X, dense, y, W, b = problem
    weights = np.random.default_rng(3).uniform(0.5, 2, 20)
    residual = weights[:, None] * (special.softmax(dense @ W.T + b, axis=1) - np.eye(4)[y])
    gradient, gradient_b = nll_gradient(W, b, X, y, sample_weight=weights)
    assert_allclose(gradient, residual.T @ dense, atol=1e-12)
    assert_allclose(gradient_b, residual.sum(axis=0), atol=1e-12)


def test_hessian_vector_product_is_the_gradients_derivative(problem):
    X, dense, y, W, b = problem
    V, v = np.random.default_rng(4).normal(size=(4, 3)), np.random.default_rng(5).normal(size=4)
    product, product_b = nll_hessian_vector_product(W, b, X, y, V, v)
    step = 1e-5
    plus, minus = nll_gradient(W + step * V, b + step * v, X, y), nll_gradient(W - step * V, b - step * v, X, y)
    assert_allclose(product, (plus[0] - minus[0]) / (2 * step), atol=1e-7)
    assert_allclose(product_b, (plus[1] - minus[1]) / (2 * step), atol=1e-7)
    q = dense @ V.T + v
    p = special.softmax(dense @ W.T + b, axis=1)
    curved = p * (q - (p * q).sum(axis=1, keepdims=True))
    assert_allclose(product, curved.T @ dense, atol=1e-12)


def test_a_fit_is_where_its_gradient_vanishes(iris):
    X, y = iris
    model = polylogit.LogisticRegression().fit(X, y)
    gradient, gradient_b = nll_gradient(model.coef_, model.intercept_, X, y)
    assert_allclose(gradient + model.coef_, 0, atol=1e-6)
    assert_allclose(gradient_b, 0, atol=1e-6)
