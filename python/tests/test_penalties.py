"""L1, elastic net, groups, bounds and factors: against scikit-learn's saga and liblinear, and by their laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import linear_model
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.preprocessing import scale

import polylogit
from polylogit import LogisticRegression, LogisticRegressionCV


def problem(name):
    X, y = load_wine(return_X_y=True) if name == "wine" else load_breast_cancer(return_X_y=True)
    return scale(X)[:, :10], y


def objective(model, X, y):
    """scikit-learn's objective over C times the number of rows."""
    loss = -model.predict_log_proba(X)[np.arange(len(y)), y].mean()
    w, a = model.coef_, model.l1_ratio
    return loss + ((1 - a) / 2 * (w**2).sum() + a * np.abs(w).sum()) / (model.C * len(y))


@pytest.mark.parametrize("name", ["wine", "cancer"])
@pytest.mark.parametrize("C", [0.05, 1.0])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_saga_arrives_where_we_are(name, C, l1_ratio):
    X, y = problem(name)
    ours = LogisticRegression(C=C, l1_ratio=l1_ratio).fit(X, y)
    assert ours.status_ == "converged"
    assert ours.certificate_.kind == "duality_gap"
    assert ours.certificate_.relative_gap <= 1e-12
    theirs = linear_model.LogisticRegression(C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-10, max_iter=100_000)
    theirs.fit(X, y)
    assert_allclose(objective(ours, X, y), ours.objective_, rtol=1e-12)
    assert ours.objective_ <= objective(theirs, X, y) * (1 + 1e-12)
    assert objective(theirs, X, y) <= ours.objective_ * (1 + 1e-8)  # saga's own tolerance
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
    assert (ours.coef_ == 0).any() or l1_ratio < 1 or C == 1.0


def test_liblinear_arrives_where_we_are():
    X, y = problem("cancer")
    options = {"C": 0.1, "l1_ratio": 1.0, "fit_intercept": False}
    ours = LogisticRegression(**options).fit(X, y)
    theirs = linear_model.LogisticRegression(**options, solver="liblinear", tol=1e-10, max_iter=10_000).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)


def test_spellings():
    X, y = problem("wine")
    expected = LogisticRegression(C=0.1, l1_ratio=1.0).fit(X, y).coef_
    with pytest.warns(UserWarning, match="Inconsistent values"):
        assert_array_equal(LogisticRegression(C=0.1, penalty="l1").fit(X, y).coef_, expected)
    assert_array_equal(LogisticRegression(C=0.1, l1_ratio=1.0, solver="saga").fit(X, y).coef_, expected)
    mixed = LogisticRegression(C=0.1, penalty="elasticnet", l1_ratio=0.5).fit(X, y).coef_
    assert_array_equal(LogisticRegression(C=0.1, l1_ratio=0.5).fit(X, y).coef_, mixed)
    single = LogisticRegression(C=0.1, l1_ratio=1.0).fit(X.astype(np.float32), y).coef_
    assert_allclose(single, expected, atol=1e-4)
    assert_allclose(LogisticRegression(C=0.1, l1_ratio=1.0).fit(sparse.csr_matrix(X), y).coef_, expected, atol=1e-5)


def test_groups_are_in_or_out_for_all_classes():
    X, y = problem("wine")
    model = LogisticRegression(C=0.05, l1_ratio=1.0, grouped=True).fit(X, y)
    out = (model.coef_ == 0).all(axis=0)
    assert 0 < out.sum() < X.shape[1]
    assert (model.coef_[:, ~out] != 0).all()
    X, y = problem("cancer")
    alone = LogisticRegression(C=0.05, l1_ratio=1.0).fit(X, y)
    assert_array_equal(LogisticRegression(C=0.05, l1_ratio=1.0, grouped=True).fit(X, y).coef_, alone.coef_)


@pytest.mark.parametrize("name", ["wine", "cancer"])
def test_bounds_and_factors(name):
    X, y = problem(name)
    free = LogisticRegression(C=0.5, l1_ratio=0.5).fit(X, y)
    wide = LogisticRegression(C=0.5, l1_ratio=0.5, bounds=(-50, 50)).fit(X, y)
    assert_allclose(wide.coef_, free.coef_, atol=1e-4)
    bounded = LogisticRegression(C=0.5, l1_ratio=0.5, bounds=(0, None)).fit(X, y)
    assert (bounded.coef_ >= 0).all()
    assert (bounded.coef_ > 0).any()
    assert bounded.objective_ > free.objective_
    each = LogisticRegression(C=0.5, bounds=(np.full(10, -0.1), np.full(free.coef_.shape, 0.2))).fit(X, y)
    assert each.coef_.min() >= -0.1 - 1e-12
    assert each.coef_.max() <= 0.2 + 1e-12
    factors = np.ones(10)
    factors[0] = 0
    strong = LogisticRegression(C=1e-4, l1_ratio=1.0, penalty_factors=factors).fit(X, y)
    only = LogisticRegression(C=np.inf).fit(X[:, :1], y)
    assert (strong.coef_[:, 1:] == 0).all()
    difference = strong.coef_[:, 0] - strong.coef_[:1, 0], only.coef_[:, 0] - only.coef_[:1, 0]
    assert_allclose(*difference, atol=1e-4)


def test_saving_keeps_the_penalty(tmp_path):
    for name in ("wine", "cancer"):
        X, y = problem(name)
        model = LogisticRegression(C=0.2, l1_ratio=0.4, grouped=name == "wine").fit(X, y)
        model.save(tmp_path / "m.safetensors")
        again = polylogit.load(tmp_path / "m.safetensors")
        assert_array_equal(again.coef_, model.coef_)
        assert_allclose([again.C, again.l1_ratio], [0.2, 0.4], rtol=1e-12)
        assert again.grouped == model.grouped


def test_a_path_is_its_fits():
    X, y = problem("wine")
    path = polylogit.path(X, y, standardize=False, lambdas=30, tol=1e-10)
    assert len(path) == len(path.lambdas) == len(path.status)
    assert path.nonzero_features[0] == 0
    assert set(path.status) == {"converged"}
    assert_allclose(path.lambdas[0], path.lambda_max)
    assert (path.relative_gap <= 1e-10).all()
    assert (np.diff(path.deviance_ratio) > 0).all()
    for point in (5, -1):
        alone = LogisticRegression(C=1 / (path.lambdas[point] * len(y)), l1_ratio=1.0).fit(X, y)
        assert_allclose(path.objective[point], alone.objective_, rtol=1e-9)
        assert_allclose(path.coef(point), alone.coef_, atol=1e-3)
        assert_array_equal(path.sparse_coef(point).toarray(), path.coef(point))
        assert_allclose(path.predict_proba(X, path.lambdas[point]), alone.predict_proba(X), atol=1e-4)
    middle = 0.5 * (path.lambdas[3] + path.lambdas[4])
    assert_allclose(path.interpolate(middle)[0], 0.5 * (path.coef(3) + path.coef(4)), atol=1e-12)
    assert_array_equal(path.interpolate(1e9)[0], 0)
    assert (path.predict(X, path.lambdas[-1]) == y).mean() > 0.95
    given = polylogit.path(X, y, standardize=False, lambdas=path.lambdas[[4, 2]], tol=1e-10)
    assert_allclose(given.objective, path.objective[[2, 4]], rtol=1e-9)
    assert "fits" in repr(path)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("name", ["wine", "cancer"])
def test_cross_validation_over_shares(name, legacy):
    X, y = problem(name)
    options = {
        # Where all weights are 0 saga does not wait for the intercepts.
        "Cs": [0.1, 0.5, 1.0],
        "l1_ratios": (0.0, 0.5, 1.0),
        "cv": 3,
        "scoring": "neg_log_loss",
        "use_legacy_attributes": legacy,
    }
    ours = LogisticRegressionCV(**options).fit(X, y)
    theirs = linear_model.LogisticRegressionCV(**options, solver="saga", tol=1e-6, max_iter=10_000).fit(X, y)
    for attribute in ("Cs_", "l1_ratios_", "C_", "l1_ratio_"):
        assert_allclose(np.asarray(getattr(ours, attribute), float), np.asarray(getattr(theirs, attribute), float))
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    if legacy:
        for key, scores in theirs.scores_.items():
            assert_allclose(ours.scores_[key], scores, atol=1e-4)
            assert ours.coefs_paths_[key].shape == theirs.coefs_paths_[key].shape
        assert ours.n_iter_.shape == theirs.n_iter_.shape
    else:
        assert_allclose(ours.scores_, theirs.scores_, atol=1e-4)
        assert_allclose(ours.coefs_paths_, theirs.coefs_paths_, atol=2e-2)
