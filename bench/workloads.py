"""The workloads: tables of the repository and generated ones, cached as .npy in bench/.data.

Every generator has a fixed seed. The cache carries a hash of this file in its names, so that an edit makes it anew.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse

BENCH = Path(__file__).resolve().parent
TABLES = BENCH.parent / "data"
CACHE = BENCH / ".data"
STAMP = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]

Matrix = np.ndarray | sparse.csr_matrix
Data = tuple[Matrix, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """X and y, and F = mean nll + ‖W‖²/(2·C·n); `c` None means no penalty."""

    name: str
    about: str
    make: Callable[[], Data]
    c: float | None = 1.0
    seconds: float = 60.0  # what its race may take, about
    limit: float = 600.0  # what a peer's fit may take
    patience: float = 30.0  # and in times of polylogit's certified time, until a peer has arrived
    relative: str = ""  # a smaller one like it

    @property
    def folder(self) -> Path:
        return CACHE / f"{self.name}-{STAMP}"

    def build(self) -> Path:
        """Writes the cache unless it is there."""
        if not (self.folder / "meta.json").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            x, y = self.make()
            y = np.unique(y, return_inverse=True)[1].astype(np.int64)
            np.save(self.folder / "y.npy", y)
            self.add(x, y)
            if sparse.issparse(x):
                x.sort_indices()
                for part in ("data", "indices", "indptr"):
                    np.save(self.folder / f"{part}.npy", getattr(x, part))
            else:
                np.save(self.folder / "x.npy", np.ascontiguousarray(x))
            stored = x.nnz if sparse.issparse(x) else x.size
            meta = {"n": x.shape[0], "d": x.shape[1], "k": int(y.max()) + 1, "stored": int(stored),
                    "sparse": bool(sparse.issparse(x)), "dtype": x.dtype.name, "c": self.c}
            (self.folder / "meta.json").write_text(json.dumps(meta))
        return self.folder

    def add(self, x: Matrix, y: np.ndarray) -> None:
        """What the cache has besides X and y."""

    def meta(self) -> dict:
        return json.loads((self.build() / "meta.json").read_text())


@dataclass(frozen=True)
class Penalised(Workload):
    """F = mean nll + λ Σ_j s_j ‖W_·j‖, the norm the 1-norm, or where it is grouped the 2-norm; s_j is the standard
    deviation of column j on paths, as glmnet has it, and 1 for single fits, as scikit-learn has it.

    λ goes from λ_max to `ratio` of it in `count` steps, or is 1/(C·n) alone.
    """

    grouped: bool = False
    folds: int = 0  # of a cross-validation
    count: int = 100
    ratio: float | None = None
    own_seconds: float = 60.0  # what a fit of polylogit may take

    def add(self, x: Matrix, y: np.ndarray) -> None:
        n = len(y)
        scales = deviations(x) if self.ratio else np.ones(x.shape[1])
        np.save(self.folder / "scales.npy", scales)
        if self.ratio:
            residuals = np.eye(y.max() + 1)[y] - np.bincount(y) / n
            gradient = (x.T @ residuals) / n / np.where(scales > 0, scales, np.inf)[:, None]
            largest = np.linalg.norm(gradient, 2 if self.grouped else np.inf, axis=1).max()
            np.save(self.folder / "lambdas.npy", largest * self.ratio ** (np.arange(self.count) / (self.count - 1)))
        else:
            np.save(self.folder / "lambdas.npy", np.array([1 / (self.c * n)]))
        if self.folds:
            # Of each class as many in each fold, give or take one.
            folds = np.empty(n, np.int64)
            folds[np.argsort(y, kind="stable")] = np.arange(n) % self.folds
            np.save(self.folder / "folds.npy", folds)


def deviations(x: Matrix) -> np.ndarray:
    """Of the columns, with 1/n."""
    mean = np.asarray(x.mean(axis=0)).ravel()
    squares = x.multiply(x) if sparse.issparse(x) else x**2
    return np.sqrt(np.maximum(np.asarray(squares.mean(axis=0)).ravel() - mean**2, 0.0))


def load(folder: Path) -> Data:
    """X and y of a cached workload."""
    meta = json.loads((folder / "meta.json").read_text())
    y = np.load(folder / "y.npy")
    if not meta["sparse"]:
        return np.load(folder / "x.npy"), y
    parts = tuple(np.load(folder / f"{part}.npy") for part in ("data", "indices", "indptr"))
    return sparse.csr_matrix(parts, shape=(meta["n"], meta["d"])), y


# Real tables.


def table(name: str, target: str) -> Data:
    """The numbers of a table, raw."""
    with open(TABLES / f"{name}.csv", newline="") as file:
        header, *rows = csv.reader(file)
    at = header.index(target)
    x = np.array([row[:at] + row[at + 1 :] for row in rows], dtype=np.float64)
    return x, np.array([row[at] for row in rows])


def text(rows: int | None = None) -> Data:
    """TF-IDF of words (1-2) and characters (3-5 within words) of Debian's one-line descriptions."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    with gzip.open(TABLES / "debian_sections.csv.gz", "rt", newline="") as file:
        records = list(csv.DictReader(file))[:rows]
    texts = [f"{r['package']} {r['description']}" for r in records]
    options = {"sublinear_tf": True, "min_df": 2, "dtype": np.float64}
    words = TfidfVectorizer(ngram_range=(1, 2), **options).fit_transform(texts)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **options).fit_transform(texts)
    return sparse.csr_matrix(sparse.hstack([words, characters])), np.array([r["section"] for r in records])


# Generated ones.


def draw(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels from softmax(z): the largest of z plus Gumbel noise."""
    return np.argmax(z + rng.gumbel(size=z.shape), axis=1)


def softmax(z: np.ndarray) -> np.ndarray:
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def calibrate(z: np.ndarray, shares: np.ndarray, accuracy: float) -> tuple[float, np.ndarray]:
    """Scale a and intercepts b, so that softmax(a·z + b) has these class shares and this Bayes accuracy."""
    low, high, b = 0.0, 20.0, np.log(shares)
    for _ in range(25):
        a = (low + high) / 2
        for _ in range(60):
            b = b + np.log(shares / softmax(a * z + b).mean(axis=0))
        low, high = (a, high) if softmax(a * z + b).max(axis=1).mean() < accuracy else (low, a)
    return a, b


def covertype_columns(n: int, rng: np.random.Generator) -> np.ndarray:
    """54 columns on the natural scales of Covertype: ten numbers, four areas and forty soils one-hot."""
    elevation = np.clip(rng.normal(2800, 280, n), 1850, 3860)
    aspect = rng.uniform(0, 360, n)
    slope = np.clip(rng.gamma(3.5, 4.0, n), 0, 66)
    water = np.minimum(rng.gamma(1.6, 168, n), 1400)
    above_water = np.clip(0.17 * water + rng.normal(0, 45, n), -173, 601)
    roads = np.minimum(rng.gamma(2.3, 1020, n), 7117)
    fires = np.minimum(rng.gamma(2.2, 900, n), 7173)

    def shade(sun: float, height: float) -> np.ndarray:
        a, s, h = np.radians(aspect - sun), np.radians(slope), np.radians(height)
        light = np.sin(h) * np.cos(s) + np.cos(h) * np.sin(s) * np.cos(a)
        return np.clip(254 * light + rng.normal(0, 2, n), 0, 255)

    shades = [shade(110, 50), shade(180, 60), shade(250, 35)]
    numbers = np.column_stack([elevation, aspect, slope, water, above_water, roads, *shades, fires]).round()
    z = (elevation - 2800) / 280

    def one_hot(shares: np.ndarray, tilt: np.ndarray) -> np.ndarray:
        """Areas and soils lie at heights of their own."""
        return np.eye(len(shares))[draw(np.log(shares) + np.outer(z, tilt), rng)]

    areas = one_hot(np.array([0.449, 0.051, 0.436, 0.064]), np.array([0.5, 1.0, 0.3, -2.5]))
    soils = one_hot(1.0 / np.arange(1, 41) ** 1.3, rng.normal(0, 1.0, 40))
    return np.hstack([numbers, areas, soils])


def covertype(n: int) -> Data:
    """Covertype's shape, scales and class shares; labels from a softmax model with a Bayes accuracy of 72 %."""
    rng = np.random.default_rng(54)
    x = covertype_columns(n, rng)
    standard = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    w = rng.normal(0, 0.25, (54, 7))
    w[0] = [0.9, 0.1, -2.3, -3.5, -0.2, -2.0, 2.6]
    shares = np.array([36.5, 48.8, 6.2, 0.5, 1.6, 3.0, 3.5])
    z = standard @ w
    a, b = calibrate(z[:20000], shares / shares.sum(), 0.72)
    return x, draw(a * z + b, rng)


def shuttle() -> Data:
    """Shuttle's shape, class shares and integer scales: clusters that a linear rule almost separates."""
    rng = np.random.default_rng(9)
    n = 58000
    shares = np.array([78.6, 0.09, 0.3, 15.3, 5.6, 0.02, 0.02])
    counts = np.maximum(np.round(n * shares / 100), 10).astype(int)
    counts[0] += n - counts.sum()
    y = rng.permutation(np.repeat(np.arange(7), counts))
    # Centres of (time, third and fifth column), and how far a class reaches.
    time = np.array([46, 44, 52, 80, 55, 60, 70])[y] + rng.normal(0, [5, 4, 3, 7, 3, 3, 3], (n, 7))[np.arange(n), y]
    third = np.array([82, 100, 66, 84, 96, 105, 60])[y] + rng.normal(0, 3.5, n)
    fifth = np.array([40, -10, 26, 2, 52, 90, -60])[y] + rng.normal(0, 6, n)
    spikes = [rng.standard_t(1.7, n) * s for s in (4, 3, 12)]
    columns = [time, spikes[0], third, spikes[1], fifth, spikes[2], third - time + rng.normal(0, 1, n)]
    columns += [third - fifth + rng.normal(0, 1, n), time - fifth + rng.normal(0, 2, n)]
    return np.clip(np.column_stack(columns), -27000, 16000).round(), y


def probe(n: int, d: int, k: int) -> Data:
    """Embeddings: float32, a power-law spectrum in no particular basis, rows of norm about 10."""
    rng = np.random.default_rng(d + k)
    spectrum = np.arange(1, d + 1) ** -0.5
    basis = np.linalg.qr(rng.normal(size=(d, d)))[0]
    spread = (10 * spectrum / np.linalg.norm(spectrum))[:, None] * basis
    w = rng.normal(size=(d, k)) / np.sqrt(d)
    x, y = np.empty((n, d), np.float32), np.empty(n, np.int64)
    for start in range(0, n, 10000):
        part = slice(start, min(start + 10000, n))
        x[part] = rng.normal(size=(part.stop - start, d)) @ spread
        y[part] = draw(6 * (x[part] @ w), rng)
    y[:k] = np.arange(k)
    return x, y


def wide(n: int, d: int) -> Data:
    """Far more columns than rows; fifty of them tell the classes apart."""
    rng = np.random.default_rng(20000)
    y = np.arange(n) % 5
    x = rng.normal(size=(n, d))
    x[:, :50] += rng.normal(size=(5, 50))[y]
    return x, y


def correlated(n: int, d: int) -> Data:
    """Blocks of fifty columns, neighbours in a block correlated by 0.5 to 0.8; twenty columns tell four classes apart."""
    rng = np.random.default_rng(10000)
    x = rng.normal(size=(n, d))
    rho = rng.uniform(0.5, 0.8, d // 50)
    for j in range(d):
        if j % 50:
            r = rho[j // 50]
            x[:, j] = r * x[:, j - 1] + np.sqrt(1 - r**2) * x[:, j]
    w = np.zeros((d, 4))
    w[rng.choice(d, 20, replace=False)] = rng.normal(0, 1.5, (20, 4))
    return x, draw(x @ w, rng)


def standardised(data: Data) -> Data:
    x, y = data
    return (x - x.mean(axis=0)) / deviations(x), y


FULL = [
    Workload("iris", "150×4, K=3", lambda: table("iris", "species"), seconds=20),
    Workload("wine", "178×13, K=3", lambda: table("wine", "cultivar"), seconds=20),
    Workload("glmnet", "500×30, K=3, no penalty", lambda: table("glmnet_multinomial", "target"), None, seconds=40),
    Workload("digits", "1797×64, K=10, raw", lambda: table("digits", "digit"), seconds=50),
    Workload("dna", "3186×180 binary, K=3", lambda: table("dna", "splice"), seconds=50),
    Workload("letter", "20000×16, K=26, raw", lambda: table("letter", "letter"), seconds=80),
    Workload("shuttle", "shuttle-shaped 58000×9, K=7, nearly separable, unbalanced", shuttle, seconds=80),
    Workload("wide", "500×20000, K=5", lambda: wide(500, 20000), seconds=60, relative="wide-200"),
    Workload("text", "TF-IDF of Debian's descriptions, K=53, C=10", text, 10.0, 1900, limit=1500.0,
             relative="text-2k"),
    Workload("covertype", "covertype-shaped 581012×54, K=7, natural scales", lambda: covertype(581012), seconds=400,
             patience=65.0, relative="covertype-30k"),
    Workload("probe100", "probe 100000×384 float32, K=100", lambda: probe(100000, 384, 100), seconds=390,
             relative="probe20"),
    Workload("probe1000", "probe 20000×768 float32, K=1000", lambda: probe(20000, 768, 1000), seconds=780,
             relative="probe20"),
]
QUICK_SECONDS = {"iris": 8, "wine": 8, "digits": 18, "dna": 12, "letter": 26}
QUICK = [replace(w, seconds=QUICK_SECONDS[w.name]) for w in FULL if w.name in QUICK_SECONDS] + [
    Workload("covertype-30k", "covertype-shaped 30000×54, K=7", lambda: covertype(30000), seconds=20),
    Workload("probe20", "probe 10000×256 float32, K=20", lambda: probe(10000, 256, 20), seconds=24),
    Workload("text-2k", "TF-IDF of 2000 descriptions, C=10", lambda: text(2000), 10.0, 40),
    Workload("wide-200", "200×5000, K=5", lambda: wide(200, 5000), seconds=9),
]

# α = 1 everywhere.
LASSO = [
    Penalised("path-glmnet", "path, 500×30, K=3", lambda: table("glmnet_multinomial", "target"), seconds=15, ratio=1e-4),
    Penalised("path-grouped", "grouped path, 500×30, K=3", lambda: table("glmnet_multinomial", "target"), seconds=20,
              ratio=1e-4, grouped=True),
    Penalised("cv-glmnet", "10 folds, 500×30, K=3", lambda: table("glmnet_multinomial", "target"), seconds=30, ratio=1e-4,
              folds=10, relative="path-glmnet"),
    Penalised("l1-dna", "one λ, dna standardised, C=1", lambda: standardised(table("dna", "splice")), seconds=35),
    Penalised("l1-letter", "one λ, letter standardised, C=1", lambda: standardised(table("letter", "letter")), seconds=65),
    Penalised("path-wide", "path, 200×10000 correlated, K=4", lambda: correlated(200, 10000), seconds=65, ratio=1e-2),
    Penalised("cv-dna", "10 folds, dna, K=3", lambda: table("dna", "splice"), seconds=170, ratio=1e-4, folds=10,
              relative="path-glmnet"),
    # With this C some 5000 weights are not 0.
    Penalised("l1-text", "one λ, TF-IDF of Debian's descriptions, K=53, C=1.4", text, 1.4, 600, own_seconds=300),
]
QUICK_SECONDS |= {"path-glmnet": 12, "cv-glmnet": 20, "l1-dna": 20}
QUICK_LASSO = [replace(w, seconds=QUICK_SECONDS[w.name]) for w in LASSO if w.name in QUICK_SECONDS]
