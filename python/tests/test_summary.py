"""Statistics against statsmodels' numbers, and their laws as Python sees them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression as Sklearn

from polylogit import LogisticRegression, LogisticRegressionCV, Summary

ROOT = Path(__file__).parents[2]
REFERENCES = json.loads((ROOT / "crates/polylogit/tests/reference/inference.json").read_text())
FREE = LogisticRegression(C=np.inf)


def table(reference):
    frame = pd.read_csv(ROOT / "data" / reference["file"])
    frame = frame[frame[reference["target"]].isin(reference["classes"])]
    frame = frame.dropna(subset=reference["columns"])
    return frame[reference["columns"]], frame[reference["target"]].to_numpy(dtype=object)


@pytest.mark.parametrize("name", REFERENCES)
def test_statsmodels_numbers(name):
    reference = REFERENCES[name]
    X, y = table(reference)
    summary = FREE.summary(X, y)
    assert isinstance(summary, Summary)
    assert summary.terms_ == ["(intercept)", *reference["columns"]]
    close = dict(rtol=1e-6, atol=0)
    for key, found in {
        "coef": summary.estimates_,
        "std_err": summary.std_err_,
        "z": summary.z_,
        "p_value": summary.p_values_,
        "conf_int_95": np.stack([summary.low_, summary.high_], axis=2),
        "loglik": summary.loglik_,
        "loglik_null": summary.loglik_null_,
        "lr_chi2": summary.lr_test_.statistic,
        "lr_p": summary.lr_test_.p_value,
        "mcfadden_r2": summary.mcfadden_r2_,
        "aic": summary.aic_,
        "bic": summary.bic_,
    }.items():
        np.testing.assert_allclose(found, reference[key], **close, err_msg=key)
    effects = summary.marginal_effects()
    for key, column in {"average_marginal_effects": "estimate", "average_marginal_effects_se": "std_err"}.items():
        found = effects[column].unstack("class").loc[reference["columns"], reference["classes"]].to_numpy().T
        np.testing.assert_allclose(found, reference[key], **close)


@pytest.fixture(scope="module")
def penguins():
    return table(REFERENCES["penguins_2cols"])


def test_a_fit_is_where_it_starts_and_stays_as_it_is(penguins):
    X, y = penguins
    model = LogisticRegression(C=np.inf).fit(X, y)
    before = model.coef_.copy()
    np.testing.assert_allclose(model.summary(X, y).estimates_, FREE.summary(X, y).estimates_, rtol=1e-9)
    assert (model.coef_ == before).all()


def test_robust_errors_of_statsmodels_formula(penguins):
    X, y = penguins
    summary = FREE.summary(X, y, covariance="hc0")
    values = np.column_stack([np.ones(len(X)), X])
    beta = np.vstack([np.zeros(3), summary.estimates_])
    z = values @ beta.T
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    scores = ((y[:, None] == summary.classes_) - p)[:, 1:, None] * values[:, None, :]
    scores = scores.reshape(len(X), -1)
    bread = FREE.summary(X, y).covariance_matrix_
    expected = bread @ (scores.T @ scores) @ bread
    np.testing.assert_allclose(summary.std_err_.ravel(), np.sqrt(np.diag(expected)), rtol=1e-6)
    clusters = np.array(["a", "b", "c", "d"])[np.arange(len(X)) % 4]
    grouped = np.stack([scores[clusters == c].sum(0) for c in "abcd"])
    n, (g, k) = len(X), grouped.shape
    expected = g / (g - 1) * (n - 1) / (n - k) * bread @ (grouped.T @ grouped) @ bread
    found = FREE.summary(X, y, clusters=clusters)
    assert (found.covariance_, found.clusters_) == ("cluster", 4)
    np.testing.assert_allclose(found.std_err_.ravel(), np.sqrt(np.diag(expected)), rtol=1e-6)


def test_references_contrasts_and_tests(penguins):
    X, y = penguins
    summary = FREE.summary(X, y)
    other = summary.with_reference("Gentoo")
    np.testing.assert_allclose(other.std_err_, FREE.summary(X, y, reference="Gentoo").std_err_, rtol=1e-8)
    mass = summary.contrast({("Chinstrap", "body_mass_g"): 1, ("Gentoo", "body_mass_g"): -1})
    np.testing.assert_allclose(mass[:2], [other.estimates_[1, 1], other.std_err_[1, 1]], rtol=1e-8)
    joint = summary.wald_test("body_mass_g")
    same = summary.contrasts_test([{("Chinstrap", "body_mass_g"): 1}, {("Gentoo", "body_mass_g"): 1}])
    assert joint.df == same.df == 2
    assert joint.statistic == pytest.approx(same.statistic, rel=1e-10)
    moved = summary.contrast({("Gentoo", "body_mass_g"): 1}, 0.01)
    assert moved.z == pytest.approx((moved.estimate - 0.01) / moved.std_err)
    alone = summary.contrasts_test([{("Gentoo", "body_mass_g"): 1}], [0.01])
    assert alone.statistic == pytest.approx(moved.z**2)
    assert alone.p_value == pytest.approx(moved.p_value)
    with pytest.raises(ValueError, match="contradicts"):
        summary.contrasts_test([{("Gentoo", "body_mass_g"): 1}, {("Gentoo", "body_mass_g"): 2}], [0.01, 0.01])
    with pytest.raises(ValueError, match="values has 2 values where 1"):
        summary.contrasts_test([{("Gentoo", "body_mass_g"): 1}], [0, 0])
    all_columns = summary.lr_test(["body_mass_g", 1])
    assert all_columns.statistic == pytest.approx(summary.lr_test_.statistic, rel=1e-9)
    frame = summary.frame()
    assert frame.loc[("Gentoo", "flipper_length_mm"), "ratio"] == np.exp(summary.estimates_[1, 2])


def test_probabilities_and_influence(penguins):
    X, y = penguins
    summary = FREE.summary(X, y)
    p = summary.predict_proba(X)
    np.testing.assert_allclose(p.value, LogisticRegression(C=np.inf).fit(X, y).predict_proba(X), atol=1e-6)
    assert ((0 <= p.low) & (p.low <= p.value) & (p.value <= p.high) & (p.high <= 1)).all()
    leverage, cook = summary.influence()
    assert leverage.sum() == pytest.approx(summary.n_parameters_)
    assert cook.shape == (len(X),)


def test_categories_change_at_once(penguins):
    X, y = penguins
    rng = np.random.default_rng(0)
    level = rng.integers(0, 3, len(X))
    X = X.assign(b=(level == 1).astype(float), c=(level == 2).astype(float))
    summary = FREE.summary(X, y)
    effects = summary.marginal_effects(discrete=[["b", "c"]])
    off, on = X.assign(b=0.0, c=0.0), X.assign(b=1.0, c=0.0)
    expected = (summary.predict_proba(on).value - summary.predict_proba(off).value).mean(0)
    np.testing.assert_allclose(effects.loc["b", "estimate"], expected, atol=1e-12)
    at_mean = summary.marginal_effects("mean")
    assert at_mean.loc["body_mass_g", "estimate"].sum() == pytest.approx(0, abs=1e-12)


def test_weights(penguins):
    X, y = penguins
    counts = 1 + np.arange(len(X)) % 3
    many = FREE.summary(np.repeat(X.to_numpy(), counts, axis=0), np.repeat(y, counts))
    few = FREE.summary(X, y, sample_weight=counts.astype(float))
    np.testing.assert_allclose(few.std_err_, many.std_err_, rtol=1e-8)
    assert few.nobs_ == counts.sum()
    sampling = FREE.summary(X, y, sample_weight=counts * 0.1, weight_kind="sampling")
    assert sampling.covariance_ == "hc1"
    assert sampling.lr_test_ is None
    dropped = FREE.summary(X, y, sample_weight=(counts > 1).astype(float))
    np.testing.assert_allclose(dropped.std_err_, FREE.summary(X[counts > 1], y[counts > 1]).std_err_, rtol=1e-8)


def test_two_classes_agree_with_scikit_learn(penguins):
    X, y = penguins
    X, y = X[y != "Gentoo"], y[y != "Gentoo"]
    Z = (X - X.mean()) / X.std()
    summary = FREE.summary(Z, y)
    sklearn = Sklearn(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(Z, y)
    np.testing.assert_allclose(summary.estimates_[:, 1:], sklearn.coef_, rtol=1e-6)


def test_what_is_printed(penguins):
    summary = FREE.summary(*penguins)
    text = repr(summary)
    for part in ["Adelie", "-29.818", "flipper_length_mm", "2.2e-08", "χ² = 449.5 on 4 df, p < 1e-16", "low (95 %)"]:
        assert part in text
    html = summary._repr_html_()
    assert html.count("<tr>") > 8
    assert "<script" not in html
    assert "&lt;b&gt;" in FREE.summary(penguins[0].rename(columns={"body_mass_g": "<b>"}), penguins[1])._repr_html_()


def test_separated_classes_are_named_and_firth_is_finite():
    X = pd.DataFrame({"size": np.arange(12.0), "noise": np.tile([1.0, -1, 1], 4)})
    y = np.repeat(["a", "b"], 6)
    with pytest.raises(ValueError, match=r"separated: a, b told apart .* by size.*firth=True"):
        FREE.summary(X, y)
    firth = FREE.summary(X, y, firth=True)
    assert np.isfinite(firth.estimates_).all()
    assert firth.low_[0, 1] < firth.estimates_[0, 1] < firth.high_[0, 1]
    assert firth.lr_test_.df == 2


def test_dependent_columns_are_left_out(penguins):
    X, y = penguins
    X = X.assign(double=2 * X["body_mass_g"] + 1, one=1.0)
    summary = FREE.summary(X, y)
    assert summary.left_out_["one"] == "constant"
    assert len(summary.terms_) == 3
    assert any("combination of" in why for why in summary.left_out_.values())
    assert "left out" in repr(summary)


def test_what_is_refused(penguins):
    X, y = penguins
    with pytest.raises(ValueError, match=r"penalised .*C=np.inf"):
        LogisticRegression().summary(X, y)
    assert LogisticRegression().summary(X, y, despite_penalty=True).aic_ is None
    with pytest.raises(ValueError, match="covariance must be one of"):
        FREE.summary(X, y, covariance="hc3")
    with pytest.raises(ValueError, match="weight_kind must be one of"):
        FREE.summary(X, y, weight_kind="importance")
    with pytest.raises(ValueError, match="reference='Emperor' is not a class"):
        FREE.summary(X, y, reference="Emperor")
    with pytest.raises(ValueError, match="class_weight"):
        LogisticRegression(C=np.inf, class_weight="balanced").summary(X, y)
    with pytest.raises(ValueError, match="soft labels"):
        FREE.summary(X, np.full((len(X), 3), 1 / 3))
    with pytest.raises(ValueError, match="level is 2"):
        FREE.summary(X, y, level=2)
    with pytest.raises(ValueError, match="sampling weights"):
        FREE.summary(X, y, np.ones(len(X)), weight_kind="sampling", covariance="model")
    with pytest.raises(ValueError, match="inconsistent numbers"):
        FREE.summary(X, y, clusters=[1, 2])
    with pytest.raises(ValueError, match="column='wing' is not a column"):
        FREE.summary(X, y).wald_test("wing")
    with pytest.raises(TypeError, match="cross-validated"):
        LogisticRegressionCV().summary(X, y)
