"""Problems on which both packages are compared."""

import numpy as np
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_classification


def problems():
    """Name → (X, y, fit arguments, constructor arguments): two classes and more, weights, sparse, no intercept, f32."""
    rng = np.random.default_rng(0)
    flowers, species = load_iris(return_X_y=True)
    cells, cancer = load_breast_cancer(return_X_y=True)
    wines, cultivar = load_wine(return_X_y=True)
    images, digit = load_digits(return_X_y=True)
    wide, wide_y = make_classification(40, 120, n_informative=8, n_classes=3, random_state=1)
    mixed, mixed_y = make_classification(600, 8, n_informative=5, n_classes=4, random_state=2)
    scaled = mixed * np.array([1e-6, 1e-3, 1.0, 1e3, 1e6, 1.0, 1.0, 1.0])
    counts = sparse.random(400, 60, density=0.1, random_state=3, format="csr") * 5
    topic = (counts[:, :20].sum(axis=1) > counts[:, 20:40].sum(axis=1)).astype(int)
    topic = np.asarray(topic).ravel() + (rng.random(400) < 0.2)
    names = np.array(["setosa", "versicolor", "virginica"])[species]
    return {
        "three classes": (flowers, species, {}, {}),
        "two classes": (wines[cultivar > 0], cultivar[cultivar > 0], {}, {}),
        "raw scales": (cells, cancer, {}, {}),
        "ten classes": (images[:900] / 16, digit[:900], {}, {}),
        "more columns than rows": (wide, wide_y, {}, {"C": 0.1}),
        "columns from 1e-6 to 1e6": (scaled, mixed_y, {}, {"C": 1e-3}),
        "sample weights": (flowers, species, {"sample_weight": rng.uniform(0.1, 3, 150)}, {}),
        "weights of zero": (mixed, mixed_y, {"sample_weight": rng.integers(0, 3, 600).astype(float)}, {}),
        "class weights": (cells, cancer, {}, {"class_weight": {0: 3.0, 1: 0.5}}),
        "balanced": (mixed[:450], mixed_y[:450], {}, {"class_weight": "balanced"}),
        "no intercept": (flowers, species, {}, {"fit_intercept": False}),
        "no intercept, two classes": (wines[cultivar < 2], cultivar[cultivar < 2], {}, {"fit_intercept": False}),
        "sparse": (counts, topic, {}, {}),
        "no penalty": (mixed, mixed_y, {}, {"C": np.inf}),
        "no penalty, two classes": (mixed, mixed_y % 2, {}, {"C": np.inf}),
        "text labels": (flowers, names, {}, {"C": 10.0}),
        "float32": (flowers.astype(np.float32), species, {}, {}),
    }
