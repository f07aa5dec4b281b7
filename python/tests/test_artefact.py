"""Models as files: here, in the command, in scikit-learn."""

import json
import os
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file
from sklearn import linear_model

import polylogit
from polylogit import LogisticRegression, LogisticRegressionCV
from versions import modern

COMMAND = os.environ.get("POLYLOGIT") or shutil.which("polylogit")
command = pytest.mark.skipif(COMMAND is None, reason="the command is not built: set POLYLOGIT to its path")


def run(*arguments, cwd):
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=True, cwd=cwd).stdout


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
@pytest.mark.parametrize(
    "labels", [[0, 1], [False, True], ["no", "yes"], [1.0, 2.0], [3, 5, 9], ["a", "b", "é"], [-1.0, 0.0, 7.0]]
)
def test_round_trip(iris, tmp_path, name, labels):
    X, y = iris
    rows = y < len(labels)
    X, y = X[rows], np.array(labels)[y[rows]]
    model = LogisticRegression(C=3.0).fit(X, y)
    model.save(tmp_path / name)
    again = polylogit.load(str(tmp_path / name))
    assert type(again) is LogisticRegression
    assert_array_equal(again.classes_, model.classes_)
    assert again.classes_.dtype.kind == model.classes_.dtype.kind
    assert_allclose(again.coef_, model.coef_, rtol=1e-15)
    assert_allclose(again.predict_proba(X), model.predict_proba(X), rtol=1e-13)
    assert again.certificate_ == model.certificate_
    assert again.objective_ == model.objective_
    assert again.n_passes_ == model.n_passes_
    assert_array_equal(again.n_iter_, model.n_iter_)
    assert again.C == pytest.approx(3.0)
    assert not hasattr(again, "feature_names_in_")
    assert_array_equal(LogisticRegression.load(tmp_path / name).predict(X), model.predict(X))


def test_the_file_is_data_for_anybody(iris, tmp_path):
    X, y = iris
    model = LogisticRegression().fit(X, y)
    polylogit.save(model, tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    assert_array_equal(tensors["coef"], model.coef_)
    assert_array_equal(tensors["intercept"], model.intercept_)
    model.save(tmp_path / "m.json")
    document = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert document["features"] == ["x0", "x1", "x2", "x3"]
    assert document["schema"]["columns"][1]["kind"]["number"]["mean"] == pytest.approx(X[:, 1].mean())
    assert document["rows"] == 150
    assert document["lambda"] == pytest.approx(1 / 150)


def test_a_search_is_saved_as_what_it_found(iris, tmp_path):
    X, y = iris
    search = LogisticRegressionCV(Cs=3).fit(X, y)
    search.save(tmp_path / "m.safetensors")
    model = LogisticRegressionCV.load(tmp_path / "m.safetensors")
    assert type(model) is LogisticRegression
    assert model.C == pytest.approx(search.C_[0])
    assert model.certificate_ == search.certificate_
    assert_allclose(model.predict_proba(X), search.predict_proba(X), rtol=1e-12)
    # Averaged coefficients are nobody's optimum.
    search.set_params(refit=False).fit(X, y)
    assert not hasattr(search, "certificate_")
    search.save(tmp_path / "m.safetensors")
    assert polylogit.load(tmp_path / "m.safetensors").certificate_.gap == np.inf


def test_names_of_columns_and_target(iris, tmp_path):
    X, y = iris
    frame = pd.DataFrame(X, columns=["target", "b", "c", "target_"])
    model = LogisticRegression().fit(frame, pd.Series(y))
    model.save(tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))["schema"]["target"] == "target__"
    again = polylogit.load(tmp_path / "m.json")
    assert_array_equal(again.feature_names_in_, frame.columns)
    model = LogisticRegression().fit(frame, pd.Series(y, name="species"))
    model.save(tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))["schema"]["target"] == "species"
    with pytest.raises(ValueError, match="target='b' is the name of a column"):
        model.save(tmp_path / "m.json", target="b")


def test_bad_files(tmp_path, iris):
    with pytest.raises(FileNotFoundError, match="cannot be read"):
        polylogit.load(tmp_path / "nothing")
    (tmp_path / "text").write_text("hello, world")
    with pytest.raises(ValueError, match="neither a safetensors file nor a JSON document"):
        polylogit.load(tmp_path / "text")
    model = LogisticRegression().fit(*iris)
    with pytest.raises(OSError, match="cannot write"):
        model.save(tmp_path / "no" / "folder.safetensors")
    model.save(tmp_path / "whole.safetensors")
    whole = (tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="truncated"):
        polylogit.load(tmp_path / "half.safetensors")
    model.classes_ = np.array([1, "a", (2, 3)], dtype=object)
    with pytest.raises(TypeError, match="class labels must be bool, int, float or str"):
        model.save(tmp_path / "m.safetensors")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_to_and_from_scikit_learn(iris, tmp_path, n_classes):
    X, y = iris
    frame = pd.DataFrame(X[y < n_classes], columns=list("abcd"))
    y = y[y < n_classes]
    theirs = linear_model.LogisticRegression(C=0.5, max_iter=500).fit(frame, y)
    ours = polylogit.from_sklearn(theirs)
    assert_array_equal(ours.coef_, theirs.coef_)
    assert_allclose(ours.predict_proba(frame), theirs.predict_proba(frame), rtol=1e-12)
    assert ours.C == 0.5
    back = ours.to_sklearn()
    assert type(back) is linear_model.LogisticRegression
    assert_array_equal(back.predict_proba(frame), theirs.predict_proba(frame))
    assert_array_equal(back.feature_names_in_, theirs.feature_names_in_)
    ours.coef_[:] = 0
    assert theirs.coef_.any()
    polylogit.save(theirs, tmp_path / "theirs.safetensors")
    loaded = polylogit.load(tmp_path / "theirs.safetensors")
    assert_allclose(loaded.predict_proba(frame), theirs.predict_proba(frame), rtol=1e-12)
    assert loaded.certificate_.gap == np.inf
    # What it lacks, one more fit from there gives.
    certified = polylogit.from_sklearn(theirs).set_params(warm_start=True).fit(frame, y)
    assert certified.certificate_.relative_gap < 1e-11


@modern
def test_from_scikit_learn_takes_logistic_regressions_only(iris):
    X, y = iris
    cv = linear_model.LogisticRegressionCV(
        Cs=[0.1, 1.0], l1_ratios=(0,), scoring="neg_log_loss", use_legacy_attributes=False, max_iter=1000
    ).fit(X, y)
    assert polylogit.from_sklearn(cv).C == cv.C_
    with pytest.raises(TypeError, match="RidgeClassifier"):
        polylogit.from_sklearn(linear_model.RidgeClassifier().fit(X, y))


@command
def test_the_command_predicts_with_our_models(iris, tmp_path):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    frame = pd.DataFrame(X, columns=["sepal length", "sepal width", "petal length", "petal width"])
    for labels in (names, np.where(y == 2, "virginica", "other")):
        model = LogisticRegressionCV(Cs=3).fit(frame, pd.Series(labels, name="species"))
        model.save(tmp_path / "m.safetensors")
        assert polylogit.load(tmp_path / "m.safetensors")._target_name == "species"
        frame.to_csv(tmp_path / "rows.csv", index=False)
        run("predict", "m.safetensors", "rows.csv", "--proba", "-o", "out.csv", cwd=tmp_path)
        out = pd.read_csv(tmp_path / "out.csv")
        assert_array_equal(out["prediction"], model.predict(frame))
        assert_allclose(out[[f"p_{k}" for k in model.classes_]], model.predict_proba(frame), atol=1e-12)
        shown = json.loads(run("show", "m.safetensors", "--format", "json", cwd=tmp_path))
        assert shown["certificate"]["relative_gap"] == model.certificate_.relative_gap


@command
def test_we_predict_with_the_commands_models(iris, tmp_path):
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.assign(species=y).to_csv(tmp_path / "iris.csv", index=False)
    run(
        "fit",
        "iris.csv",
        "--target",
        "species",
        "--no-standardize",
        "-o",
        "m.safetensors",
        "--tol",
        "1e-12",
        cwd=tmp_path,
    )
    model = polylogit.load(tmp_path / "m.safetensors")
    own = LogisticRegression().fit(frame, y)
    assert model.C == pytest.approx(1.0)
    assert_array_equal(model.classes_, own.classes_)
    assert_allclose(model.predict_proba(frame), own.predict_proba(frame), atol=1e-9)
