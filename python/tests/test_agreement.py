"""Side by side with scikit-learn's newton-cholesky at tol 1e-12."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, special
from sklearn import linear_model
from sklearn.metrics import log_loss

import polylogit
from problems import problems

PROBLEMS = problems()


def reference(name, **changes):
    """scikit-learn's answer, in float64: its own float32 fits stop at float32's digits."""
    X, y, fit, params = PROBLEMS[name]
    X = X.astype(np.float64)
    params = {**params, "solver": "newton-cholesky", "tol": 1e-12, "max_iter": 10_000, **changes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return linear_model.LogisticRegression(**params).fit(X, y, **fit)


def centred(scores):
    """Without what all classes of a row have in common: nothing depends on it, and newton-cholesky leaves rounding there."""
    return scores - scores.mean(axis=1, keepdims=True) if scores.ndim == 2 else scores


@pytest.mark.parametrize("name", PROBLEMS)
def test_probabilities_and_coefficients(name):
    X, y, fit, params = PROBLEMS[name]
    theirs = reference(name)
    ours = polylogit.LogisticRegression(**params).fit(X, y, **fit)
    assert ours.status_ in ("converged", "precision_limit")
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    assert ours.coef_.dtype == X.dtype
    single = X.dtype == np.float32
    # 1e-6 is what is promised; float32 coefficients have seven digits, and scores of 10 leave six.
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=2e-6 if single else 1e-6)
    assert_allclose(
        centred(ours.decision_function(X)),
        centred(theirs.decision_function(X.astype(np.float64))),
        # Probabilities near 0 and 1 leave scores one digit more of room.
        rtol=1e-4 if single else 1e-6,
        atol=1e-5,
    )
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.999
    assert ours.predict(X).dtype == theirs.predict(X).dtype


def mean_objective(model, X, y, C, weights=None):
    """F by NumPy alone, from the fitted attributes."""
    weights = np.ones(len(y)) if weights is None else weights
    loss = log_loss(y, model.predict_proba(X), sample_weight=weights, normalize=True)
    return loss + 0.5 * np.sum(model.coef_**2) / (C * weights.sum())


@pytest.mark.parametrize("name", ["three classes", "two classes", "raw scales", "ten classes", "sample weights"])
def test_objective_is_scikit_learns_and_certified(name):
    X, y, fit, params = PROBLEMS[name]
    weights = fit.get("sample_weight")
    ours = polylogit.LogisticRegression(**params).fit(X, y, **fit)
    value = mean_objective(ours, X, y, 1.0, weights)
    assert_allclose(ours.objective_, value, rtol=1e-9)
    kind, gap, relative = ours.certificate_
    assert kind == "duality_gap"
    assert relative == gap / ours.objective_
    # The promise of the default tol: 1e-12, or what float64 can tell.
    assert relative < 1e-11
    # At least as good as scikit-learn at tol=1e-10, by its own objective; log_loss itself rounds at 1e-15.
    theirs = mean_objective(reference(name, tol=1e-10), X, y, 1.0, weights)
    assert value <= theirs * (1 + 1e-11)


def test_a_loose_tol_is_bounded_by_its_certificate(cancer):
    X, y = cancer
    best = polylogit.LogisticRegression().fit(X, y).objective_
    loose = polylogit.LogisticRegression(tol=1.0, max_iter=4)
    with pytest.warns(Warning, match="failed to converge after 4"):
        loose.fit(X, y)
    assert 0 < loose.objective_ - best <= loose.certificate_.gap


def test_float32_fits_what_float64_fits(iris):
    X, y = iris
    single = polylogit.LogisticRegression().fit(X.astype(np.float32), y)
    double = polylogit.LogisticRegression().fit(X.astype(np.float32).astype(np.float64), y)
    # The engine sums float32 data in float64: only the coefficients are rounded at the end.
    assert_allclose(single.coef_, double.coef_, rtol=1e-6, atol=1e-7)
    assert_allclose(single.objective_, double.objective_, rtol=1e-12)
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert single.predict_log_proba(X.astype(np.float32)).dtype == np.float32
    assert double.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("n_classes", [2, 3, 9])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_array])
def test_probabilities_are_the_softmax_of_the_scores(n_classes, layout):
    rng = np.random.default_rng(n_classes)
    X = rng.standard_normal((300, 7)) * (rng.random((300, 7)) < 0.6)
    y = rng.integers(0, n_classes, 300)
    model = polylogit.LogisticRegression(C=100).fit(X, y)
    scores = model.decision_function(X)
    expected = special.softmax(np.stack([0 * scores, scores], axis=1) if n_classes == 2 else scores, axis=1)
    p = model.predict_proba(layout(X))
    assert_allclose(p, expected, rtol=1e-12)
    assert_allclose(model.predict_proba(layout(X), offset=np.zeros((300, n_classes))), p, rtol=1e-12)
    # No row's bits depend on its company.
    assert_array_equal(np.concatenate([model.predict_proba(layout(X[i : i + 1])) for i in range(300)]), p)

    single = polylogit.LogisticRegression(C=100).fit(X.astype(np.float32), y)
    p = single.predict_proba(layout(X.astype(np.float32)))
    assert p.dtype == np.float32
    assert_allclose(p, expected, atol=1e-5)
