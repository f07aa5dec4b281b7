"""A probe on text embeddings, from the text to predictions by the command.

Which part of SciPy does a docstring come from? The texts are those of the SciPy that is installed; the embedding is
TF-IDF and a truncated SVD, and stands for whatever model gives yours. What follows is what one does with any
embedding: fit a probe on it, know how good it is, keep it, use it where there is no Python.

Run it as a script, or cell by cell in an editor that knows ``# %%``.
"""

# %% The texts: every public function and class of a few subpackages, and the name of its subpackage.
import importlib
import inspect
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import polylogit

parts = [
    "fft",
    "integrate",
    "interpolate",
    "linalg",
    "ndimage",
    "optimize",
    "signal",
    "sparse",
    "spatial",
    "special",
    "stats",
]
texts, labels = [], []
for part in parts:
    module = importlib.import_module(f"scipy.{part}")
    for name in module.__all__:
        text = inspect.getdoc(getattr(module, name)) or ""
        # The names of subpackages would give the answer away.
        text = re.sub("|".join(parts), " ", text)
        if len(text) > 200:
            texts.append(text)
            labels.append(part)
print(len(texts), "docstrings")

# %% The embedding: 100 numbers a text.
train, test, y_train, y_test = train_test_split(texts, labels, test_size=0.3, stratify=labels, random_state=0)
embed = make_pipeline(TfidfVectorizer(sublinear_tf=True, stop_words="english"), TruncatedSVD(100, random_state=0))
names = [f"e{j}" for j in range(100)]
X_train = pd.DataFrame(embed.fit_transform(train), columns=names)
X_test = pd.DataFrame(embed.transform(test), columns=names)

# %% The probe: C by cross-validation on the log loss.
probe = polylogit.LogisticRegressionCV(
    Cs=np.logspace(-1, 4, 11), scoring="neg_log_loss", use_legacy_attributes=False
).fit(X_train, pd.Series(y_train, name="part"))
print(f"C = {probe.C_:.3g}, accuracy {np.mean(probe.predict(X_test) == y_test):.3f} on texts left out")
print(classification_report(y_test, probe.predict(X_test), zero_division=0))

# %% How surely it is the best there is: a bound that holds whatever the solver did.
kind, gap, relative = probe.certificate_
print(f"{kind}: F = {probe.objective_:.10f} nats is at most {gap:.1e} above the minimum ({relative:.1e} of it)")

# %% What it is sure of and wrong about: log-probabilities are exact in the tails.
log_p = probe.predict_log_proba(X_test)
own = log_p[np.arange(len(y_test)), np.searchsorted(probe.classes_, y_test)]
for i in np.argsort(own)[:3]:
    first_line = test[i].splitlines()[0]
    print(f"{y_test[i]:12} p = {np.exp(own[i]):.4f}, predicted {probe.predict(X_test.iloc[[i]])[0]:12} {first_line}")

# %% Keep it: a file of numbers that runs nothing when it is loaded, for Python and for the command.
folder = Path(tempfile.mkdtemp())
probe.save(folder / "probe.safetensors")
again = polylogit.load(folder / "probe.safetensors")
assert (again.predict(X_test) == probe.predict(X_test)).all()

# %% The command predicts with it, row by row of a table with the same columns.
command = os.environ.get("POLYLOGIT") or shutil.which("polylogit")
X_test.to_csv(folder / "new.csv", index=False)
if command:
    arguments = [command, "predict", "probe.safetensors", "new.csv", "--proba", "-o", "predicted.csv"]
    subprocess.run(arguments, cwd=folder, check=True)
    predicted = pd.read_csv(folder / "predicted.csv")
    print(predicted.round(3).head(3).to_string())
    assert (predicted["prediction"] == probe.predict(X_test)).all()
    print("the command and Python agree on", len(predicted), "rows")
else:
    print("polylogit is not on the PATH; `cargo build --release` builds it. Then:")
    print(f"  polylogit predict {folder / 'probe.safetensors'} {folder / 'new.csv'} --proba")
