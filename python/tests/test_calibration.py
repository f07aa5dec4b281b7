"""Calibration: tables beside scikit-learn's, scalings beside SciPy's minimum, and what carries them."""

import pickle

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_digits

import polylogit
from polylogit import LogisticRegression


@pytest.fixture(scope="module")
def digits():
    """A model of 200 rows that is too sure of itself, and 400 others."""
    X, y = load_digits(return_X_y=True)
    model = LogisticRegression(C=100.0).fit(X[:200], y[:200])
    return model, X[200:600], y[200:600]


def test_curves_are_those_of_scikit_learn(cancer):
    X, y = cancer
    p = LogisticRegression(C=1e-3).fit(X[::2], y[::2]).predict_proba(X[1::2])[:, 1]
    table = polylogit.reliability(y[1::2], p, n_bins=10).classes[1]
    frequency, confidence = calibration_curve(y[1::2], p, n_bins=10)
    # scikit-learn's bins are open to the left, which no probability here notices.
    np.testing.assert_allclose(table.frequency, frequency, rtol=1e-12)
    np.testing.assert_allclose(table.confidence, confidence, rtol=1e-12)
    error = np.sum(table.weight * abs(table.frequency - table.confidence)) / table.weight.sum()
    np.testing.assert_allclose(table.error, error, rtol=1e-12)


def test_the_squared_error_is_a_mean_over_pairs(digits):
    model, X, y = digits
    p = model.predict_proba(X)
    found = polylogit.reliability(y, p, classes=model.classes_, n_bins=5, strategy="quantile")
    top, right = p.max(axis=1), (p.argmax(axis=1) == y).astype(float)
    total = 0.0
    for low, high in zip(found.top_label.low, found.top_label.high):
        d = (right - top)[(low <= top) & (top <= high)]
        total += len(d) / len(y) * (d.sum() ** 2 - (d**2).sum()) / (len(d) * (len(d) - 1))
    np.testing.assert_allclose(found.top_label.squared_error, total, rtol=1e-10)
    assert len(found.classes) == 10
    assert found.top_label.rows.sum() == 400


def test_a_temperature_is_scipys_minimum(digits):
    model, X, y = digits
    calibrated = model.calibrate(X, y)
    z = model.decision_function(X)

    def loss(t):
        return np.mean(special.logsumexp(t * z, axis=1) - t * z[np.arange(len(y)), y])

    best = optimize.minimize_scalar(loss, bounds=(1e-3, 10), method="bounded", options={"xatol": 1e-12})
    found = calibrated.calibration_
    # A minimum is found by its values to the root of their rounding only.
    np.testing.assert_allclose(1.0 / found.temperature, best.x, rtol=1e-6)
    assert found.log_loss <= best.fun + 1e-15
    assert found.gap < 1e-14
    np.testing.assert_allclose(found.log_loss_before, loss(1.0), rtol=1e-12)
    np.testing.assert_allclose(calibrated.decision_function(X), z / found.temperature, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(calibrated.predict(X), model.predict(X))
    assert not hasattr(model, "calibration_")


def test_a_vector_is_scipys_minimum(digits):
    model, X, y = digits
    found = model.calibrate(X, y, method="vector").calibration_
    z = model.decision_function(X)
    z = z - z.mean(axis=1, keepdims=True)
    t = model.calibrate(X, y).calibration_.scale[0]
    q = np.mean(z**2, axis=0)

    def loss(theta):
        a, b = np.split(theta, 2)
        u = a * z + b
        nll = np.sum(special.logsumexp(u, axis=1) - u[np.arange(len(y)), y])
        r = special.softmax(u, axis=1)
        r[np.arange(len(y)), y] -= 1.0
        value = nll + 0.5 * np.sum(q * (a - t) ** 2 + b**2)
        return value / len(y), np.r_[(r * z).sum(axis=0) + q * (a - t), r.sum(axis=0) + b] / len(y)

    start = np.r_[np.ones(10), np.zeros(10)]
    best = optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-10})
    np.testing.assert_allclose(np.r_[found.scale, found.shift], best.x, atol=1e-6)


@pytest.mark.parametrize("method", ["temperature", "vector"])
def test_two_classes_weights_files_and_pickles(cancer, method, tmp_path):
    X, y = cancer
    model = LogisticRegression(C=1e4).fit(X[:60], y[:60])
    weights = np.arange(len(y) - 60) % 3  # rows of weight 0 do not count
    calibrated = model.calibrate(X[60:], y[60:], weights, method=method)
    kept = weights > 0
    repeated = np.repeat(np.flatnonzero(kept), weights[kept]) + 60
    again = model.calibrate(X[repeated], y[repeated], method=method)
    np.testing.assert_allclose(again.coef_, calibrated.coef_, rtol=1e-8)
    assert calibrated.calibration_.rows == kept.sum()
    assert calibrated.coef_.shape == (1, X.shape[1])
    p = calibrated.predict_proba(X)
    for name in ("model.safetensors", "model.json"):
        calibrated.save(tmp_path / name)
        loaded = polylogit.load(tmp_path / name)
        np.testing.assert_allclose(loaded.predict_proba(X), p, rtol=1e-12)
        np.testing.assert_array_equal(loaded.calibration_.scale, calibrated.calibration_.scale)
        assert loaded.calibration_[3:] == calibrated.calibration_[3:]
    thawed = pickle.loads(pickle.dumps(calibrated))
    np.testing.assert_array_equal(thawed.predict_proba(X), p)
    assert thawed.calibration_.method == method
    np.testing.assert_allclose(calibrated.to_sklearn().predict_proba(X), p, rtol=1e-10)
    assert not hasattr(calibrated.fit(X, y), "calibration_")


def test_what_cannot_be_calibrated_is_said(digits):
    model, X, y = digits
    calibrated = model.calibrate(X, y)
    right = model.predict(X) == y
    for call, message in [
        (lambda: calibrated.calibrate(X, y), "calibrated already"),
        (lambda: model.calibrate(X, y, method="platt"), "'temperature' or 'vector'"),
        (lambda: model.calibrate(X[right], y[right]), "every held-out row is predicted rightly"),
        (lambda: model.calibrate(X[y == 3], y[y == 3]), r"one class only \(3\)"),
        (lambda: model.calibrate(X, y + 1), "does not know"),
        (lambda: model.calibrate(X, y[:-1]), "400 rows"),
        (lambda: model.calibrate(X, y, -np.ones(400)), "negative"),
        (lambda: model.calibrate(X, y, np.ones(3)), "3 values"),
        (lambda: polylogit.reliability([0, 1], [0.2, 1.2]), "probabilit"),
        (lambda: polylogit.reliability([0, 1], np.eye(3)[:2]), "give `classes`"),
        (lambda: polylogit.reliability([0, 1], [0.5, 0.5], strategy="kmeans"), "strategy"),
        (lambda: polylogit.reliability([0, 1], [0.5, 0.5], n_bins=0), "bins"),
        (lambda: polylogit.reliability([0, 1], [0.5, 0.5], level=1.0), "level"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
