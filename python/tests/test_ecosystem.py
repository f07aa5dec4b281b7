"""Inside the tools that people put a classifier into."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context, linear_model
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from polylogit import LogisticRegression, LogisticRegressionCV
from versions import modern


def exact():
    """scikit-learn's own, as exact as it gets."""
    return linear_model.LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000)


def test_pipeline(cancer):
    X, y = cancer
    ours = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    theirs = make_pipeline(StandardScaler(), exact()).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)
    assert ours[:-1].set_output(transform="pandas").transform(X).shape == X.shape


def test_text_pipeline():
    texts = ["good fine nice", "bad awful", "nice good", "awful bad bad", "fine", "bad"] * 5
    y = ["pos", "neg", "pos", "neg", "pos", "neg"] * 5
    ours = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, y)
    theirs = make_pipeline(TfidfVectorizer(), exact()).fit(texts, y)
    assert_allclose(ours.predict_proba(texts), theirs.predict_proba(texts), atol=1e-8)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search(iris, n_jobs):
    X, y = iris
    grid = {"C": [0.01, 0.1, 1.0, 10.0], "fit_intercept": [True, False]}
    ours = GridSearchCV(LogisticRegression(), grid, scoring="neg_log_loss", n_jobs=n_jobs).fit(X, y)
    theirs = GridSearchCV(exact(), grid, scoring="neg_log_loss").fit(X, y)
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-7)


def test_cross_validation(iris):
    X, y = iris
    ours = cross_val_score(LogisticRegression(), X, y, scoring="neg_log_loss", cv=5)
    assert_allclose(ours, cross_val_score(exact(), X, y, scoring="neg_log_loss", cv=5), atol=1e-8)
    p = cross_val_predict(LogisticRegression(), X, y, method="predict_log_proba")
    assert np.isfinite(p).all()
    assert cross_validate(LogisticRegression(), X, y, return_estimator=True)["estimator"][0].certificate_.gap < 1e-9


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(iris, method):
    X, y = iris
    ours = CalibratedClassifierCV(LogisticRegression(), method=method, cv=3).fit(X, y)
    theirs = CalibratedClassifierCV(exact(), method=method, cv=3).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def test_column_transformer():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=90), "colour": rng.choice(["red", "green", "blue"], 90)})
    y = np.where(frame["size"] + (frame["colour"] == "red") + rng.normal(size=90) > 0.5, "yes", "no")

    def pipe(model):
        encode = ColumnTransformer([("c", OneHotEncoder(), ["colour"])], remainder="passthrough")
        return make_pipeline(encode.set_output(transform="default"), model).fit(frame, y)

    assert_allclose(pipe(LogisticRegression()).predict_proba(frame), pipe(exact()).predict_proba(frame), atol=1e-8)


def test_meta_estimators(iris):
    X, y = iris
    ours, theirs = OneVsRestClassifier(LogisticRegression()), OneVsRestClassifier(exact())
    assert_allclose(ours.fit(X, y).predict_proba(X), theirs.fit(X, y).predict_proba(X), atol=1e-8)
    many = MultiOutputClassifier(LogisticRegression()).fit(X, np.stack([y, y % 2], axis=1))
    assert many.predict(X).shape == (150, 2)
    assert RFE(LogisticRegression(), n_features_to_select=2).fit(X, y).support_.sum() == 2
    assert SelectFromModel(LogisticRegression()).fit(X, y).transform(X).shape[1] < 4


def test_pickle_joblib_clone_and_copy(iris, tmp_path):
    X, y = iris
    model = LogisticRegression(C=2.0, class_weight={0: 1.0, 1: 2.0, 2: 1.0}).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    for again in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib"), copy.deepcopy(model)):
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.certificate_ == model.certificate_
        assert again.get_params() == model.get_params()
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    assert not hasattr(fresh, "coef_")


def test_sparsify_and_densify(iris):
    X, y = iris
    model = LogisticRegression().fit(X, y)
    p = model.predict_proba(X)
    assert_allclose(model.sparsify().predict_proba(X), p, atol=1e-14)
    assert_allclose(model.densify().predict_proba(X), p, atol=1e-14)


@modern
def test_tags_and_parameters():
    ours, theirs = get_tags(LogisticRegression()), get_tags(linear_model.LogisticRegression())
    assert is_classifier(LogisticRegression())
    assert ours.input_tags == theirs.input_tags
    assert ours.classifier_tags == theirs.classifier_tags
    assert ours.target_tags == theirs.target_tags
    for mine, other in (
        (LogisticRegression, linear_model.LogisticRegression),
        (LogisticRegressionCV, linear_model.LogisticRegressionCV),
    ):
        params = mine().get_params()
        assert params.pop("multi_class") == "deprecated"
        extra = {"bounds": None, "grouped": False, "groups": None, "penalty_factors": None}
        if mine is LogisticRegression:
            extra |= {"like": "scikit-learn", "lam": None, "standardize": None, "memory_limit": None}
        assert {name: params.pop(name) for name in extra} == extra
        assert params == other().get_params()


def test_metadata_routing(iris):
    X, y = iris
    weights = np.random.default_rng(0).uniform(0, 2, 150)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, LogisticRegression().set_fit_request(sample_weight=True, offset=False))
        model = pipe.fit(X, y, sample_weight=weights)[-1]
        scaled = StandardScaler().fit_transform(X)
        assert_allclose(model.coef_, LogisticRegression().fit(scaled, y, sample_weight=weights).coef_)
        offset = np.random.default_rng(1).normal(size=(150, 3))
        asks = LogisticRegression().set_fit_request(offset=True).set_predict_proba_request(offset=True)
        pipe = make_pipeline(StandardScaler(), asks).fit(X, y, offset=offset)
        expected = LogisticRegression().fit(scaled, y, offset=offset)
        assert_allclose(pipe.predict_proba(X, offset=offset), expected.predict_proba(scaled, offset=offset))


@modern
def test_cv_is_scikit_learns(iris):
    X, y = iris
    params = {
        "Cs": [0.01, 0.1, 1.0, 10.0],
        "scoring": "neg_log_loss",
        "l1_ratios": (0,),
        "use_legacy_attributes": False,
    }
    ours = LogisticRegressionCV(**params).fit(X, y)
    theirs = linear_model.LogisticRegressionCV(solver="newton-cholesky", tol=1e-12, max_iter=1000, **params).fit(X, y)
    assert ours.C_ == theirs.C_
    assert_allclose(ours.scores_, theirs.scores_, atol=1e-7)
    assert_allclose(ours.coefs_paths_, theirs.coefs_paths_, atol=1e-4)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)
    for name in ("Cs_", "l1_ratios_", "coefs_paths_", "scores_", "n_iter_", "coef_", "intercept_"):
        assert getattr(ours, name).shape == getattr(theirs, name).shape
    assert ours.certificate_.relative_gap < 1e-11
    assert ours.score(X, y) == pytest.approx(-log_loss(y, ours.predict_proba(X)))
    assert_array_equal(ours.to_sklearn().predict(X), ours.predict(X))


@modern
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("l1_ratios", [None, (0.0,)])
def test_cv_legacy_attributes(iris, refit, l1_ratios):
    X, y = iris
    for rows in (slice(None), slice(0, 100)):
        params = {
            "Cs": 3,
            "cv": 3,
            "refit": refit,
            "l1_ratios": l1_ratios,
            "use_legacy_attributes": True,
            "scoring": None,
        }
        ours = LogisticRegressionCV(**params).fit(X[rows], y[rows])
        theirs = linear_model.LogisticRegressionCV(solver="newton-cholesky", tol=1e-10, **params).fit(X[rows], y[rows])
        assert_allclose(ours.C_, theirs.C_)
        assert_array_equal(ours.l1_ratio_, theirs.l1_ratio_)
        assert_array_equal(ours.l1_ratios_, theirs.l1_ratios_)
        assert list(ours.scores_) == list(theirs.scores_)
        for key in ours.scores_:
            assert_allclose(ours.scores_[key], theirs.scores_[key])
            assert ours.coefs_paths_[key].shape == theirs.coefs_paths_[key].shape
        assert ours.n_iter_.shape == theirs.n_iter_.shape
        assert_allclose(ours.coef_, theirs.coef_, rtol=1e-2)


def test_cv_in_threads_gives_the_same_bits(cancer):
    X, y = cancer
    one = LogisticRegressionCV(Cs=4).fit(X, y)
    two = LogisticRegressionCV(Cs=4, n_jobs=2).fit(X, y)
    assert_array_equal(one.coef_, two.coef_)
