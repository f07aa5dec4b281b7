"""What each option means, and what scikit-learn lacks."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from polylogit import LogisticRegression, log_softmax, path, softmax


def test_two_classes_have_one_row(cancer):
    X, y = cancer
    model = LogisticRegression().fit(X, y)
    assert model.coef_.shape == (1, 30)
    assert model.intercept_.shape == (1,)
    z = model.decision_function(X)
    assert z.shape == (569,)
    assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-13)
    assert_array_equal(model.predict(X), model.classes_[(z > 0).astype(int)])


def test_log_proba_is_finite_in_the_tails(iris):
    X, y = iris
    model = LogisticRegression().fit(X, y)
    far = model.predict_log_proba(1e4 * X[:1])
    assert np.isfinite(far).all()
    assert far.min() < -1e4
    two = LogisticRegression().fit(X[:100], y[:100])
    assert two.predict_log_proba(1e5 * X[:1]).min() < -1e4
    with np.errstate(divide="ignore"):
        assert np.isneginf(np.log(two.predict_proba(1e5 * X[:1]))).any()


def test_weights_of_zero_are_rows_that_are_not_there(iris):
    X, y = iris
    weights = np.ones(150)
    weights[::7] = 0
    keep = weights > 0
    given = LogisticRegression().fit(X, y, sample_weight=weights)
    expected = LogisticRegression().fit(X[keep], y[keep])
    assert_array_equal(given.coef_, expected.coef_)


def test_a_weight_of_two_is_a_row_twice(iris):
    X, y = iris
    weights = 1.0 + (np.arange(150) % 3 == 0)
    weighted = LogisticRegression().fit(X, y, sample_weight=weights)
    repeated = LogisticRegression().fit(np.repeat(X, weights.astype(int), 0), np.repeat(y, weights.astype(int)))
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_class_whose_rows_weigh_nothing(iris, fit_intercept):
    X, y = iris
    params = {"fit_intercept": fit_intercept}
    model = LogisticRegression(class_weight={0: 1, 1: 1, 2: 0}, **params).fit(X, y)
    assert_array_equal(model.classes_, [0, 1, 2])
    assert model.coef_.shape == (3, 4)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    assert set(model.predict(X[:100])) == {0, 1}
    p = model.predict_proba(X)
    if fit_intercept:
        # The optimum has no probability left for it, and the two others share out as if it was not there.
        assert p[:, 2].max() < 1e-15
        assert_allclose(model.coef_[2], 0, atol=0)
        # Two classes of three keep the softmax penalty: half as strong as a sigmoid's at the same C.
        pair = LogisticRegression(C=2.0).fit(X[:100], y[:100])
        assert_allclose(p[:, :2], pair.predict_proba(X), atol=1e-8)
    else:
        # Without an intercept nothing runs away: the gradient of the objective is 0 at a finite point.
        residual = p[:100] - np.eye(3)[y[:100]]
        assert_allclose(residual.T @ X[:100] + model.coef_, 0, atol=1e-6)


def test_all_weight_on_one_class_is_a_constant(iris):
    X, y = iris
    weights = (y == 1).astype(float)
    model = LogisticRegression().fit(X, y, sample_weight=weights)
    assert set(model.predict(X)) == {1}
    assert model.predict_proba(X)[:, 1].min() > 1 - 1e-15


def test_balanced_is_scikit_learns_formula(iris):
    X, y = iris[0][30:], iris[1][30:]
    counts = np.bincount(y)
    weights = {k: len(y) / (3 * counts[k]) for k in range(3)}
    balanced = LogisticRegression(class_weight="balanced").fit(X, y)
    assert_allclose(balanced.coef_, LogisticRegression(class_weight=weights).fit(X, y).coef_, atol=1e-9)


def test_warm_start_starts_where_the_last_fit_ended(cancer):
    X, y = cancer
    model = LogisticRegression(warm_start=True).fit(X, y)
    first = model.n_iter_[0]
    model.fit(X, y)
    assert model.n_iter_[0] <= 1 < first
    with pytest.raises(ValueError, match="previous fit had 2 classes and 30 features where there are 2 and 29 now"):
        model.fit(X[:, 1:], y)


def test_no_intercept(iris):
    X, y = iris
    model = LogisticRegression(fit_intercept=False).fit(X, y)
    assert_array_equal(model.intercept_, np.zeros(3))
    residual = model.predict_proba(X) - np.eye(3)[y]
    assert_allclose(residual.T @ X + model.coef_, 0, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_labels_are_weighted_copies(n_classes):
    X, y = make_classification(120, 5, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=0)
    rng = np.random.default_rng(0)
    soft = rng.dirichlet(np.ones(n_classes), 120)
    model = LogisticRegression(tol=1e-6).fit(X, soft)
    assert_array_equal(model.classes_, np.arange(n_classes))
    # Each row as one row per class, weighted with its share: the same objective.
    copies = LogisticRegression(tol=1e-6).fit(
        np.repeat(X, n_classes, 0), np.tile(np.arange(n_classes), 120), sample_weight=soft.ravel()
    )
    assert_allclose(model.coef_, copies.coef_, atol=1e-8)
    hard = LogisticRegression(tol=1e-6).fit(X, np.eye(n_classes)[y])
    assert_allclose(hard.coef_, LogisticRegression(tol=1e-6).fit(X, y).coef_, atol=1e-8)


def test_soft_labels_take_their_names_from_a_table(iris):
    X, y = iris
    soft = pd.DataFrame(np.eye(3)[y] * 0.9 + 1 / 30, columns=["setosa", "versicolor", "virginica"])
    model = LogisticRegression().fit(X, soft)
    assert_array_equal(model.classes_, soft.columns)
    assert (model.predict(X) == np.asarray(soft.columns)[y]).mean() > 0.95


def test_offsets_of_two_classes(cancer):
    X, y = cancer
    X = (X - X.mean(0)) / X.std(0)
    known = X[:, :3] @ np.array([0.5, -0.2, 0.1])
    model = LogisticRegression(C=0.5, tol=1e-6).fit(X, y, offset=known)
    z = model.decision_function(X, offset=known)
    assert_allclose(z, X @ model.coef_[0] + model.intercept_ + known, rtol=1e-12)
    # The gradient of C Σ loss + ½‖w‖² is 0 with the offset in the scores.
    p = model.predict_proba(X, offset=known)[:, 1]
    assert_allclose(0.5 * (p - y) @ X + model.coef_[0], 0, atol=1e-7)
    assert_allclose(np.sum(p - y), 0, atol=1e-7)
    both = LogisticRegression(C=0.5, tol=1e-6).fit(X, y, offset=np.stack([0 * known, known], axis=1))
    assert_allclose(both.coef_, model.coef_, atol=1e-9)


def test_offsets_of_three_classes(iris):
    X, y = iris
    offset = np.random.default_rng(0).normal(size=(150, 3))
    model = LogisticRegression(tol=1e-6).fit(X, y, offset=offset)
    z = X @ model.coef_.T + model.intercept_ + offset
    assert_allclose(model.predict_proba(X, offset=offset), softmax(z), atol=1e-13)
    assert_allclose(model.predict_log_proba(X, offset=offset), log_softmax(z), atol=1e-12)
    assert_array_equal(model.predict(X, offset=offset), z.argmax(axis=1))
    residual = softmax(z) - np.eye(3)[y]
    assert_allclose(residual.T @ X + model.coef_, 0, atol=1e-6)


def test_old_spellings_are_quiet(iris):
    X, y = iris
    expected = LogisticRegression().fit(X, y)
    old = [
        {"penalty": "l2"},
        {"multi_class": "multinomial", "solver": "lbfgs"},
        {"multi_class": "auto", "n_jobs": -1},
        {"n_jobs": 1, "random_state": 3, "solver": "sag"},
        {"intercept_scaling": 10.0, "solver": "saga", "dual": False},
        {"l1_ratio": None},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for params in old:
            assert_array_equal(LogisticRegression(**params).fit(X, y).coef_, expected.coef_)
        free = LogisticRegression(penalty=None).fit(X[50:, :2], y[50:])
    assert_array_equal(free.coef_, LogisticRegression(C=np.inf).fit(X[50:, :2], y[50:]).coef_)


def test_separated_classes_are_named():
    X = np.column_stack([np.arange(20.0), np.tile([0.0, 1.0], 10)])
    frame = pd.DataFrame(X, columns=["time", "parity"])
    y = np.where(X[:, 0] < 10, "early", "late")
    with pytest.warns(ConvergenceWarning, match="the classes are separated.*time.*Use a finite C"):
        model = LogisticRegression(C=np.inf).fit(frame, y)
    assert model.status_ == "separated"
    assert np.isfinite(model.coef_).all()
    assert model.score(frame, y) == 1.0


def test_verbose_prints_a_line_a_step(iris, capsys):
    X, y = iris
    model = LogisticRegression(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_[0] + 1
    assert lines[0].startswith("step 0: ")
    assert "relative gap" in lines[-1]


def test_zero_variance_and_no_signal(iris):
    X, y = iris
    wide = np.column_stack([X, np.full(150, 7.0), np.zeros(150)])
    model = LogisticRegression().fit(wide, y)
    assert_allclose(model.coef_[:, 4:], 0, atol=1e-12)
    assert_allclose(model.coef_[:, :4], LogisticRegression().fit(X, y).coef_, atol=1e-8)


def test_callbacks_hear_every_step_and_may_stop(cancer):
    callback = pytest.importorskip("sklearn.callback")
    X, y = cancer

    class Stop:
        def __init__(self, after):
            self.after, self.coefs = after, []

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "iteration" and fitted_estimator is not None:
                self.coefs.append(fitted_estimator.coef_)
                return context.task_id + 1 >= self.after

    assert isinstance(Stop(1), callback.FitCallback)
    stop = Stop(3)
    model = LogisticRegression().set_callbacks(stop).fit(X, y)
    assert model.status_ == "cancelled"
    assert len(stop.coefs) == 3
    assert_array_equal(stop.coefs[-1], model.coef_)
    full = Stop(1000)
    model = LogisticRegression().set_callbacks(full).fit(X, y)
    assert model.status_ == "converged"
    assert_array_equal(full.coefs[-1], model.coef_)
    assert len(full.coefs) == model.n_iter_[0]


def test_the_progress_bar_of_scikit_learn(iris):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    X, y = iris
    model = LogisticRegression().set_callbacks(callback.ProgressBar()).fit(X, y)
    assert model.status_ == "converged"


def test_callbacks_that_raise_end_the_fit(iris):
    pytest.importorskip("sklearn.callback")
    X, y = iris

    class Broken:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            self.torn_down = True

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("from the callback")

    broken = Broken()
    with pytest.raises(RuntimeError, match="from the callback"):
        LogisticRegression().set_callbacks(broken).fit(X, y)
    assert broken.torn_down


def test_rows_whose_scores_leave_float64_have_an_answer(iris):
    X, y = iris
    far = np.vstack([1e308 * np.array([1.0, -1.0, 1.5, 1.0]), X[0]])
    model = LogisticRegression().fit(X, y)
    p = model.predict_proba(far)
    assert_allclose(p.sum(axis=1), 1)
    assert sorted(p[0]) == [0, 0, 1]
    assert_allclose(np.exp(model.predict_log_proba(far)), p, atol=1e-15)
    points = path(X, y, lambdas=5)
    assert sorted(points.predict_proba(far, points.lambdas[-1])[0]) == [0, 0, 1]
