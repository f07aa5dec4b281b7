"""What X may be: containers, memory layouts, byte orders; and what is not copied."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import polylogit
from polylogit import LogisticRegression, _validate
from versions import MODERN

NAMES = ["a", "b", "c", "d"]


def layouts(X):
    strided = np.zeros((2 * len(X), 7))
    strided[::2, 1:5] = X
    locked = X.copy()
    locked.flags.writeable = False
    unaligned = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(X.shape)
    unaligned[:] = X
    return {
        "F order": np.asfortranarray(X),
        "strided": strided[::2, 1:5],
        "reversed": X[::-1][::-1],
        "read-only": locked,
        "big endian": X.astype(">f8"),
        "little endian": X.astype("<f8"),
        "big endian float32": X.astype(">f4"),
        "unaligned": unaligned,
        "list": X.tolist(),
        "object": X.astype(object),
        "pandas": pd.DataFrame(X, columns=NAMES),
        "pandas float64[pyarrow]": pd.DataFrame(X, columns=NAMES).astype("float64[pyarrow]"),
        "pandas Float64": pd.DataFrame(X, columns=NAMES).astype("Float64"),
        "polars": pl.DataFrame(X, schema=NAMES),
        "pyarrow": pa.table({name: X[:, j] for j, name in enumerate(NAMES)}),
        "matrix of rows": np.array([row for row in X]),
    }


@pytest.mark.parametrize("layout", list(layouts(np.zeros((2, 4)))))
def test_dense_layouts(iris, layout):
    X, y = iris
    given = layouts(X)[layout]
    expected = LogisticRegression().fit(X, y)
    model = LogisticRegression().fit(given, y)
    tolerance = 1e-5 if "float32" in layout else 0
    assert_allclose(model.coef_, expected.coef_, rtol=tolerance, atol=tolerance)
    assert_allclose(model.predict_proba(given), expected.predict_proba(X), atol=max(1e-14, tolerance))
    if layout.startswith("pandas") or (MODERN and layout in ("polars", "pyarrow")):
        assert_array_equal(model.feature_names_in_, NAMES)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_formats(form, kind, dtype):
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((80, 6)) < 0.4, rng.normal(size=(80, 6)), 0).astype(dtype)
    y = (dense.sum(axis=1) + rng.normal(size=80) > 0).astype(int) + (dense[:, 0] > 1)
    X = getattr(sparse, f"{form}_{kind}")(dense)
    model = LogisticRegression().fit(X, y)
    expected = LogisticRegression().fit(dense, y)
    assert model.coef_.dtype == dtype
    assert_allclose(model.coef_, expected.coef_, atol=1e-9 if dtype == np.float64 else 1e-6)
    assert_allclose(model.predict_proba(X), expected.predict_proba(dense), atol=1e-6)


def test_csr_with_long_indices_duplicates_and_disorder():
    data = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    indices = np.array([2, 0, 1, 1, 0], dtype=np.int64)
    indptr = np.array([0, 2, 4, 5], dtype=np.int64)
    X = sparse.csr_array((data, indices, indptr), shape=(3, 3))
    before = X.indices.copy()
    model = LogisticRegression().fit(X, [0, 1, 1])
    assert_array_equal(X.indices, before)  # the caller's matrix is left alone
    expected = LogisticRegression().fit(X.toarray(), [0, 1, 1])
    assert_allclose(model.coef_, expected.coef_, atol=1e-12)


@pytest.mark.parametrize(
    "y",
    [
        lambda y: y.tolist(),
        lambda y: y.astype(">i4"),
        lambda y: y.astype(np.int8) - 1,
        lambda y: y.astype(float),
        lambda y: y.astype(np.uint64),
        lambda y: y * 1_000_000_007,
        lambda y: np.array(["x", "yy", "zzz"])[y],
        lambda y: np.array(["x", "yy", "zzz"], dtype=object)[y],
        lambda y: pd.Series(np.array(["x", "yy", "zzz"])[y], name="species"),
        lambda y: pd.Series(pd.Categorical(np.array(["x", "yy", "zzz"])[y])),
        lambda y: pl.Series(y),
        lambda y: pa.array(y),
        lambda y: y == 1,
    ],
)
def test_labels(iris, y):
    X, ids = iris
    given = y(ids)
    model = LogisticRegression(C=100.0).fit(X, given)
    values = np.asarray(given)
    assert_array_equal(model.classes_, np.unique(values))
    expected = LogisticRegression(C=100.0).fit(X, np.unique(values, return_inverse=True)[1])
    assert_allclose(model.coef_, expected.coef_, atol=1e-12)
    assert model.predict(X).dtype == model.classes_.dtype
    assert model.score(X, values) > (0.7 if values.dtype == bool else 0.95)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_plain_arrays_take_the_short_way_and_give_the_same(iris, dtype, monkeypatch):
    X, y = iris[0].astype(dtype), iris[1]
    expected = LogisticRegression().fit(X.tolist(), y.tolist()) if dtype == np.float64 else None

    def long_way(*arguments, **options):
        raise AssertionError("scikit-learn's checks were called")

    monkeypatch.setattr(_validate, "checked_data", long_way)
    model = LogisticRegression().fit(X, y)
    assert model.n_features_in_ == 4
    if expected is not None:
        assert_array_equal(model.coef_, expected.coef_)


@pytest.mark.parametrize(
    "values",
    [
        [5, 3, 3, 5],
        [-(2**62), 2**62, 0, 0],
        [2**63 - 1, -(2**63), 0, 1],
        [2**63 - 1, 2**63 - 2, 2**63 - 1, 2**63 - 2],
        [-5, 100, 7, 7],
        [0, 0, 0, 10**9],
    ],
)
def test_whole_number_labels_far_and_near(values):
    classes, ids = _validate.class_ids(np.array(values))
    expected, expected_ids = np.unique(values, return_inverse=True)
    assert_array_equal(classes, expected)
    assert_array_equal(ids, expected_ids)


def test_column_vector_warns(iris):
    X, y = iris
    with pytest.warns(Warning, match="A column-vector y was passed"):
        LogisticRegression().fit(X, y[:, None])


MEMORY = """
import resource, sys
import numpy as np
import polylogit
kind = sys.argv[1]
n, d = 1_000_000, 20
X = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
X = X if kind == "float32" else X.astype(np.float64)
y = (X[:, 0] > 0).astype(np.int64)
tiny = polylogit.LogisticRegression().fit(X[:100], y[:100])  # every import is done
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
polylogit.LogisticRegression(max_iter=2, n_jobs=1).fit(X, y)
print((peak() - before) / X.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_dense_x_is_not_copied(kind):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEMORY, kind], capture_output=True, text=True, check=True
    )
    # 160 MB of float64 or 80 of float32; ids, labels and probabilities of two classes are the rest.
    assert float(done.stdout) < 0.8


def test_pandas_categories_and_text_are_refused_with_the_remedy(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=NAMES)
    frame["kind"] = pd.Categorical(np.where(X[:, 0] > 5, "u", "v"))
    with pytest.raises(ValueError, match=r"column 'kind' holds categories or text.*OneHotEncoder"):
        LogisticRegression().fit(frame, y)
    frame["kind"] = np.where(X[:, 0] > 5, "u", "v")
    with pytest.raises(ValueError, match=r"could not convert string to float.*column 'kind' holds.*OneHotEncoder"):
        LogisticRegression().fit(frame, y)
    with pytest.raises(ValueError, match=r"column 'kind' holds.*OneHotEncoder"):
        LogisticRegression().fit(pl.DataFrame(frame), y)


def test_feature_names_are_checked_as_in_scikit_learn(iris):
    X, y = iris
    model = LogisticRegression().fit(pd.DataFrame(X, columns=NAMES), y)
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        model.predict(pd.DataFrame(X, columns=NAMES[::-1]))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_")


def test_functions_take_any_layout():
    z = np.random.default_rng(0).normal(size=(6, 5))
    for given in (np.asfortranarray(z), z.astype(">f8"), z[:, ::-1][:, ::-1], z.tolist()):
        assert_array_equal(polylogit.softmax(given), polylogit.softmax(z))
    assert_array_equal(polylogit.softmax(z[::2, ::2]), polylogit.softmax(z[::2, ::2].copy()))
