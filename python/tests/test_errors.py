"""Errors are scikit-learn's types and wording where scikit-learn has them, and name the remedy."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn import linear_model
from sklearn.exceptions import NotFittedError

import polylogit
from polylogit import LogisticRegression, LogisticRegressionCV
from versions import modern

X = np.random.default_rng(0).normal(size=(30, 3))
Y = np.arange(30) % 3


def changed(value):
    bad = X.copy()
    bad[4, 1] = value
    return bad


@modern
@pytest.mark.parametrize(
    ("params", "data"),
    [
        ({}, (changed(np.nan), Y)),
        ({}, (changed(np.inf), Y)),
        ({}, (changed(-np.inf).astype(np.float32), Y)),
        ({}, (sparse.csr_array(changed(np.nan)), Y)),
        ({}, (X[:-1], Y)),
        ({}, (X[:0], Y[:0])),
        ({}, (X[:, :0], Y)),
        ({}, (X[0], Y)),
        ({}, (X[None], Y)),
        ({}, (X, np.where(Y == 1, np.nan, Y))),
        ({}, (X, Y + 0.5)),
        ({}, (X, np.zeros(30, int))),
        ({}, (X + 1j, Y)),
        ({"C": -1.0}, (X, Y)),
        ({"C": 0}, (X, Y)),
        ({"C": "1"}, (X, Y)),
        ({"tol": -1e-4}, (X, Y)),
        ({"max_iter": -1}, (X, Y)),
        ({"max_iter": 1.5}, (X, Y)),
        ({"solver": "adam"}, (X, Y)),
        ({"penalty": "l3"}, (X, Y)),
        ({"l1_ratio": 2}, (X, Y)),
        ({"class_weight": "even"}, (X, Y)),
        ({"fit_intercept": "yes"}, (X, Y)),
        ({"dual": True}, (X, Y)),
        ({"solver": "liblinear"}, (X, Y)),
        ({}, (X, Y, np.ones(29))),
        ({}, (X, Y, np.full(30, np.nan))),
        ({}, (X, Y, np.ones((30, 2)))),
    ],
)
def test_the_same_error_as_scikit_learn(params, data):
    with pytest.raises((ValueError, TypeError)) as theirs:
        linear_model.LogisticRegression(**params).fit(*data)
    with pytest.raises(type(theirs.value)) as ours:
        LogisticRegression(**params).fit(*data)
    # Words in any order: the choices of an option are a set, which prints in any.
    ours, theirs = (sorted(re.findall(r"[\w.()]+", str(e.value).splitlines()[0].rstrip("."))) for e in (ours, theirs))
    assert ours == theirs


def test_negative_weights_are_refused():
    weights = np.ones(30)
    weights[3] = -1
    with pytest.raises(ValueError, match=r"[Nn]egative values in data passed to `sample_weight`"):
        LogisticRegression().fit(X, Y, sample_weight=weights)
    with pytest.raises(ValueError, match="at least one non-zero number"):
        LogisticRegression().fit(X, Y, sample_weight=np.zeros(30))
    with pytest.raises(ValueError, match="class_weight must hold finite numbers of at least 0"):
        LogisticRegression(class_weight={0: -1.0}).fit(X, Y)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function", "save"])
@pytest.mark.parametrize("estimator", [LogisticRegression(), LogisticRegressionCV()])
def test_not_fitted(estimator, method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(estimator, method)(X)
    with pytest.raises(NotFittedError):
        estimator.to_sklearn()


def test_several_targets_are_refused():
    with pytest.raises(ValueError, match=r"y should be a 1d array, got an array of shape \(30, 2\) instead"):
        LogisticRegression().fit(X, np.stack([Y, Y], axis=1))
    soft = np.full((30, 2), 0.5)
    soft[3] = 0.6
    with pytest.raises(ValueError, match=r"row 3 is .* has a negative entry or does not sum to 1"):
        LogisticRegression().fit(X, soft)
    with pytest.raises(ValueError, match="class_weight needs one class per row"):
        LogisticRegression(class_weight="balanced").fit(X, np.full((30, 2), 0.5))
    with pytest.raises(ValueError, match="NaN"):
        LogisticRegression().fit(X, np.full((30, 2), np.nan))
    with pytest.raises(ValueError, match="y should be a 1d array"):
        LogisticRegressionCV().fit(X, np.full((30, 2), 0.5))


def test_bad_penalties_are_named():
    with pytest.raises(ValueError, match="OneVsRestClassifier"):
        LogisticRegression(multi_class="ovr").fit(X, Y)
    for bad, message in [
        ({"penalty_factors": [1.0]}, r"penalty_factors has shape \(1,\), expected"),
        ({"penalty_factors": -np.ones(X.shape[1])}, "a penalty factor is -1"),
        ({"bounds": (0.5, 1)}, "a lower bound is"),
        ({"bounds": (None, -1)}, "an upper bound is"),
        ({"bounds": (0, 1, 2)}, "a pair"),
        ({"bounds": (np.zeros(99), None)}, "the lower bound has shape"),
        ({"grouped": "yes"}, "grouped"),
    ]:
        with pytest.raises(ValueError, match=message):
            LogisticRegression(**bad).fit(X, Y)
    with pytest.raises(ValueError, match="a lambda is 0"):
        polylogit.path(X, Y, lambdas=[0.1, 0])
    with pytest.raises(ValueError, match="the number of lambdas is 0"):
        polylogit.path(X, Y, lambdas=0)


def test_too_little_memory():
    with pytest.raises(MemoryError, match=r"the fit needs about .* beside the data .*, 1\.0 KiB are allowed"):
        LogisticRegression(memory_limit=1024).fit(X, Y)
    ample, free = LogisticRegression(memory_limit=1 << 30).fit(X, Y), LogisticRegression().fit(X, Y)
    assert np.array_equal(ample.coef_, free.coef_)
    for bad in (0, -1, "4GiB"):
        with pytest.raises(ValueError, match="memory_limit"):
            LogisticRegression(memory_limit=bad).fit(X, Y)


def test_offset_shapes():
    with pytest.raises(ValueError, match=r"offset has shape \(30,\), expected \(30, 3\)"):
        LogisticRegression().fit(X, Y, offset=np.zeros(30))
    with pytest.raises(ValueError, match=r"offset has shape \(29, 3\), expected \(30, 3\)"):
        LogisticRegression().fit(X, Y, offset=np.zeros((29, 3)))
    with pytest.raises(ValueError, match="offset contains NaN"):
        LogisticRegression().fit(X, Y, offset=np.full((30, 3), np.nan))
    model = LogisticRegression().fit(X, Y, offset=np.zeros((30, 3)))
    with pytest.raises(ValueError, match=r"expected \(2, 3\)"):
        model.predict(X[:2], offset=np.zeros((30, 3)))


def test_a_failed_fit_leaves_the_last_one(tmp_path):
    model = LogisticRegression().fit(X, Y)
    before = model.coef_.copy()
    with pytest.raises(ValueError, match="NaN"):
        model.fit(changed(np.nan), Y)
    assert (model.coef_ == before).all()


def test_functions_name_what_is_wrong():
    with pytest.raises(TypeError, match="real numbers"):
        polylogit.softmax(["a", "b"])
    with pytest.raises(TypeError, match="class indices"):
        polylogit.nll(np.zeros((3, 3)), np.zeros(3), X, Y.astype(float))
    with pytest.raises(ValueError, match="row 2 has class 2, but classes are 0 to 1"):
        polylogit.nll(np.zeros((2, 3)), np.zeros(2), X, Y)
    with pytest.raises(ValueError, match="features"):
        polylogit.nll(np.zeros((3, 4)), np.zeros(3), X, Y)
    with pytest.raises(ValueError, match="2 columns for 3 classes"):
        polylogit.nll(np.zeros((3, 3)), np.zeros(3), X, np.full((30, 2), 0.5))
    with pytest.raises(ValueError, match="dimension"):
        polylogit.softmax(1.0)
