"""Groups of features that are in or out together."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, special
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.preprocessing import scale

import polylogit
from polylogit import LogisticRegression, LogisticRegressionCV

LABELS = np.array([0, 1, 0, 2, 2, 1, 0, 3, 3, 4])


def problem(name):
    X, y = load_wine(return_X_y=True) if name == "wine" else load_breast_cancer(return_X_y=True)
    return scale(X)[:, :10], y


@pytest.mark.parametrize("name", ["wine", "cancer"])
def test_groups_are_in_or_out_together(name):
    X, y = problem(name)
    model = LogisticRegression(C=0.03, l1_ratio=1.0, groups=LABELS).fit(X, y)
    used = {label: (model.coef_[:, LABELS == label] != 0) for label in range(5)}
    assert all(u.all() or not u.any() for u in used.values())
    assert 0 < sum(u.all() for u in used.values()) < 5
    named = {"a": [0, 2, 6], "b": [1, 5], "c": [3, 4], "d": [7, 8]}
    assert_array_equal(LogisticRegression(C=0.03, l1_ratio=1.0, groups=named).fit(X, y).coef_, model.coef_)
    assert model.certificate_.kind == "duality_gap"


@pytest.mark.parametrize("name", ["wine", "cancer"])
@pytest.mark.parametrize("l1_ratio", [0.4, 1.0])
def test_no_point_is_better(name, l1_ratio):
    """scikit-learn's objective with one more norm: for two classes of their one vector."""
    X, y = problem(name)
    model = LogisticRegression(C=0.05, l1_ratio=l1_ratio, groups=LABELS).fit(X, y)
    shape = model.coef_.shape
    ids = np.searchsorted(model.classes_, y)

    def value(theta):
        coef, intercept = theta[: shape[0] * 10].reshape(shape[0], 10), theta[shape[0] * 10 :]
        z = X @ coef.T + intercept
        if shape[0] == 1:
            z = np.hstack([np.zeros_like(z), z])
        loss = (special.logsumexp(z, axis=1) - z[np.arange(len(y)), ids]).sum()
        norms = [np.sqrt((LABELS == g).sum()) * np.linalg.norm(coef[:, LABELS == g]) for g in range(5)]
        return 0.05 * loss + (1 - l1_ratio) / 2 * (coef**2).sum() + l1_ratio * sum(norms)

    found = np.concatenate([model.coef_.ravel(), model.intercept_])
    best = value(found)
    assert_allclose(model.objective_, best / (0.05 * len(y)), rtol=1e-12)
    other = optimize.minimize(value, found + 1e-3, method="Powell", options={"maxiter": 20}).fun
    assert other >= best - 1e-9 * best


def test_labels_of_their_own_are_the_features():
    X, y = problem("wine")
    expected = LogisticRegression(C=0.05, l1_ratio=1.0, grouped=True).fit(X, y)
    model = LogisticRegression(C=0.05, l1_ratio=1.0, groups=list("abcdefghij")).fit(X, y)
    assert_array_equal(model.coef_, expected.coef_)


def test_names_of_columns():
    pd = pytest.importorskip("pandas")
    X, y = problem("wine")
    frame = pd.DataFrame(X, columns=list("abcdefghij"))
    groups = {"first": ["a", "c"], "rest": ["d", 8]}
    model = LogisticRegression(C=0.05, l1_ratio=1.0, groups=groups).fit(frame, y)
    expected = LogisticRegression(C=0.05, l1_ratio=1.0, groups={1: [0, 2], 2: [3, 8]}).fit(X, y)
    assert_array_equal(model.coef_, expected.coef_)
    of_path = polylogit.path(frame, y, groups=groups, lambdas=10)
    assert_array_equal(of_path.coef(-1), polylogit.path(X, y, groups={1: [0, 2], 2: [3, 8]}, lambdas=10).coef(-1))


def test_paths_and_cross_validation():
    X, y = problem("wine")
    path = polylogit.path(X, y, groups=LABELS, lambdas=20, tol=1e-9)
    for point in range(len(path)):
        used = (path.coef(point) != 0).all(axis=0)
        assert all(len(set(used[LABELS == g])) == 1 for g in range(5))
    alone = LogisticRegression(lam=path.lambdas[-1], l1_ratio=1.0, groups=LABELS, standardize=True).fit(X, y)
    assert_allclose(path.objective[-1], alone.objective_, rtol=1e-8)
    chosen = LogisticRegressionCV(
        Cs=[0.02, 0.1], l1_ratios=[1.0], groups=LABELS, cv=3, use_legacy_attributes=False, scoring="neg_log_loss"
    ).fit(X, y)
    expected = LogisticRegression(C=chosen.C_, l1_ratio=1.0, groups=LABELS).fit(X, y)
    assert_allclose(chosen.coef_, expected.coef_, atol=1e-4)


@pytest.mark.parametrize("name", ["wine", "cancer"])
def test_saving_keeps_groups(name, tmp_path):
    X, y = problem(name)
    model = LogisticRegression(C=0.2, l1_ratio=0.4, groups=LABELS).fit(X, y)
    model.save(tmp_path / "m.safetensors")
    again = polylogit.load(tmp_path / "m.safetensors")
    assert_array_equal(again.coef_, model.coef_)
    assert_allclose([again.C, again.l1_ratio], [0.2, 0.4], rtol=1e-12)
    assert_array_equal(again.groups[:, None] == again.groups, LABELS[:, None] == LABELS)
    # The strength of two classes is converted there and back, to rounding.
    assert_allclose(again.fit(X, y).coef_, model.coef_, rtol=1e-9)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([0, 1], r"groups has shape \(2,\), expected \(10,\)"),
        ([None] * 10, r"feature 0 has no label \(None\)"),
        ({"a": [0, 1], "b": [1]}, "feature 1 is in 'b' and in 'a'"),
        ({"a": [0, 0]}, "feature 0 is in 'a' twice"),
        ({"a": [10]}, r"'a' has feature 10, but there are 10 \(0 to 9\)"),
        ({"a": [-1]}, "'a' has feature -1"),
        ({"a": ["x"]}, "'a' has column 'x', but X has no column names"),
        ({"a": []}, "'a' has no columns"),
        ({"a": [0, 9]}, r"the features of 'a' need one penalty factor, got \[.*1\.0.*2\.0.*\]"),
    ],
)
def test_bad_groups(groups, message):
    X, y = problem("wine")
    factors = np.ones(10)
    factors[9] = 2
    for run in (
        lambda: LogisticRegression(l1_ratio=1.0, groups=groups, penalty_factors=factors).fit(X, y),
        lambda: LogisticRegressionCV(l1_ratios=[1.0], groups=groups, penalty_factors=factors).fit(X, y),
        lambda: polylogit.path(X, y, groups=groups, penalty_factors=factors),
    ):
        with pytest.raises(ValueError, match=message):
            run()
