"""Fits in the numbers of other packages: scikit-learn itself, Spark's objective written out, glmnet's by its laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn import linear_model
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.preprocessing import scale

import polylogit
from polylogit import LogisticRegression


def problem(n_classes):
    """Ten columns of different scales, the means not 0."""
    X, y = load_wine(return_X_y=True) if n_classes == 3 else load_breast_cancer(return_X_y=True)
    return scale(X)[:, :10] * np.linspace(0.5, 2, 10) + 0.3, y


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
def test_scikit_learns_numbers_give_its_coefficients(n_classes, l1_ratio):
    X, y = problem(n_classes)
    solver = {"solver": "saga"} if l1_ratio else {"solver": "lbfgs"}
    theirs = linear_model.LogisticRegression(C=0.1, l1_ratio=l1_ratio, tol=1e-10, max_iter=1_000_000, **solver)
    theirs.fit(X, y)
    ours = LogisticRegression(C=0.1, l1_ratio=l1_ratio, like="scikit-learn").fit(X, y)
    # The lasso of three classes has a gauge, and saga keeps none: differences against the first class.
    free = n_classes == 3 and l1_ratio == 1.0
    coef, other = (m.coef_ - m.coef_[:1] if free else m.coef_ for m in (ours, theirs))
    assert_allclose(coef, other, atol=1e-6)
    intercept, other = (m.intercept_ - m.intercept_.mean() * (n_classes > 2) for m in (ours, theirs))
    assert_allclose(intercept, other, atol=1e-6)
    # The strength of the mean form says the same.
    again = LogisticRegression(lam=1 / (0.1 * len(y)), l1_ratio=l1_ratio).fit(X, y)
    assert_allclose(again.coef_, ours.coef_, atol=1e-12)


def spark(X, y, reg_param, elastic_net_param, standardization=True, weights=None):
    """The least of Spark's objective by L-BFGS-B on w = u − v, u, v ≥ 0: ``(coefficients, intercepts)``.

    mean loss + regParam [(1 − α)/2 Σ (sd β)² + α Σ |sd β|] with the unbiased weighted standard deviation; one β for two
    classes (family 'auto').
    """
    n, d = X.shape
    k = len(np.unique(y))
    rows = 1 if k == 2 else k
    s = np.ones(n) if weights is None else weights
    total = s.sum()
    mean = s @ X / total
    sd = np.sqrt(s @ (X - mean) ** 2 / (total - (s**2).sum() / total)) if standardization else np.ones(d)
    Z, one_hot = X / sd, np.eye(k)[y]

    def value(point):
        u, v = point[: 2 * rows * d].reshape(2, rows, d)
        b = point[2 * rows * d :]
        scores = Z @ (u - v).T + b
        scores = np.hstack([np.zeros((n, 1)), scores]) if k == 2 else scores
        log_p = log_softmax(scores, axis=1)
        residual = s[:, None] * (np.exp(log_p) - one_hot) / total
        residual = residual[:, 1:] if k == 2 else residual
        ridge, l1 = reg_param * (1 - elastic_net_param), reg_param * elastic_net_param
        objective = (
            -(s[:, None] * one_hot * log_p).sum() / total + ridge / 2 * ((u - v) ** 2).sum() + l1 * (u + v).sum()
        )
        slope = residual.T @ Z + ridge * (u - v)
        return objective, np.concatenate([(slope + l1).ravel(), (l1 - slope).ravel(), residual.sum(axis=0)])

    bounds = [(0, None)] * (2 * rows * d) + [(None, None)] * rows
    options = {"maxiter": 100_000, "maxfun": 1_000_000, "ftol": 0, "gtol": 1e-11, "maxcor": 50}
    found = minimize(value, np.zeros(2 * rows * d + rows), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    u, v = found.x[: 2 * rows * d].reshape(2, rows, d)
    b = found.x[2 * rows * d :]
    return (u - v) / sd, b - b.mean() * (k > 2)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [(0.05, 0.0), (0.05, 0.5), (0.05, 0.0, False), (0.05, 0.5, False)])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparks_numbers_give_the_least_of_its_objective(n_classes, options, weighted):
    X, y = problem(n_classes)
    weights = np.random.default_rng(0).uniform(0.2, 3, len(y)) if weighted else None
    coef, intercept = spark(X, y, *options, weights=weights)
    standardize = options[2] if len(options) > 2 else None
    ours = LogisticRegression(like="spark", lam=options[0], l1_ratio=options[1], standardize=standardize)
    ours.fit(X, y, sample_weight=weights)
    assert_allclose(ours.coef_, coef, atol=1e-6)
    assert_allclose(ours.intercept_, intercept, atol=1e-6)


def test_the_standard_deviation_of_spark_is_another():
    X, y = problem(3)
    few = slice(None, None, 9)
    by = {like: LogisticRegression(like=like, lam=0.1).fit(X[few], y[few]).coef_ for like in ("spark", "glmnet")}
    assert 1e-3 < np.abs(by["spark"] - by["glmnet"]).max() < 0.1


def test_glmnets_factors_and_two_classes():
    X, y = problem(2)
    options = {"like": "glmnet", "lam": 0.02, "l1_ratio": 0.5}
    factors = np.arange(10.0)
    theirs = LogisticRegression(penalty_factors=factors, **options).fit(X, y)
    same = LogisticRegression(penalty_factors=factors * 3, **options).fit(X, y)
    assert_allclose(same.coef_, theirs.coef_, atol=1e-9)
    plain = LogisticRegression(
        lam=0.02, l1_ratio=0.5, standardize=True, penalty_factors=factors * 10 / factors.sum()
    ).fit(X, y)
    assert_allclose(plain.coef_, theirs.coef_, atol=1e-9)
    # The path is in the same numbers, W = (0, β).
    path = polylogit.path(X, y, like="glmnet", l1_ratio=0.5, penalty_factors=factors, lambdas=[0.1, 0.02], tol=1e-12)
    assert_allclose(path.coef(1), [np.zeros(10), theirs.coef_[0]], atol=1e-8)
    assert_allclose(path.intercepts[1], [0, theirs.intercept_[0]], atol=1e-8)
    bounded = LogisticRegression(bounds=(-0.1, 0.2), **options).fit(X, y).coef_
    assert bounded.min() == -0.1
    assert bounded.max() <= 0.2
    rows = polylogit.path(X, y, like="glmnet", l1_ratio=0.5, bounds=(-0.1, 0.2), lambdas=[0.02], tol=1e-12)
    assert_allclose(rows.coef(0)[1], bounded[0], atol=1e-8)


def test_records_and_copies_keep_what_was_solved(tmp_path):
    X, y = problem(2)
    factors = np.where(np.arange(10) == 3, 0.0, 1.0)
    model = LogisticRegression(like="spark", lam=0.02, l1_ratio=0.5, penalty_factors=factors).fit(X, y)
    assert model.certificate_.kind == "first_order"
    model.save(tmp_path / "m.safetensors")
    again = polylogit.load(tmp_path / "m.safetensors")
    assert_array_equal(again.coef_, model.coef_)
    assert_array_equal(again.penalty_factors, factors)
    assert again.standardize
    assert again.certificate_ == model.certificate_
    # What was loaded is the same problem in scikit-learn's numbers.
    assert_allclose(again.fit(X, y).coef_, model.coef_, atol=1e-6)
    assert_array_equal(model.to_sklearn().coef_, model.coef_)


def test_strengths_that_contradict_each_other_are_refused():
    X, y = problem(2)
    for bad, message in [
        ({"like": "glmnet"}, "needs lam"),
        ({"like": "glmnet", "C": 2.0}, "the strength of glmnet is lam"),
        ({"like": "spark", "C": np.inf}, "the strength of spark is lam"),
        ({"lam": 0.1, "C": 2.0}, "in place of C"),
        ({"lam": 0.1, "penalty": None}, "in place of C"),
        ({"lam": -1.0}, "lam"),
        ({"lam": np.inf}, "lam"),
        ({"like": "R"}, "like"),
        ({"like": "glmnet", "lam": 0.1, "penalty_factors": np.zeros(10)}, "sum of glmnet's penalty factors is 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            LogisticRegression(**bad).fit(X, y)
    with pytest.raises(ValueError, match="like must be"):
        polylogit.path(X, y, like="scikit-learn")
    soft = np.stack([np.full(len(y), 0.5), np.full(len(y), 0.5), np.zeros(len(y))], axis=1)
    with pytest.raises(ValueError, match="needs a row of positive weight for every class"):
        LogisticRegression(like="glmnet", lam=0.1).fit(X, soft)
    with pytest.raises(ValueError, match="leave out like, lam and standardize"):
        LogisticRegression(lam=0.0).summary(X, y)


def test_spark_is_not_penalised_unless_asked():
    X, y = problem(3)
    X = X[:, :2]
    spark, free = LogisticRegression(like="spark").fit(X, y), LogisticRegression(C=np.inf).fit(X, y)
    assert_allclose(spark.coef_, free.coef_, atol=1e-6)
    assert_allclose(spark.coef_.sum(axis=0), 0, atol=1e-12)
