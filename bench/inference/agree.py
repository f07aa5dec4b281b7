"""polylogit's statistics beside statsmodels' MNLogit and R's nnet, VGAM and brglm2 on the repository's tables.

python agree.py          (polylogit, pandas, statsmodels; Rscript with nnet, VGAM, brglm2, jsonlite where there is R)
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm

from polylogit import LogisticRegression

DATA = Path(__file__).parents[2] / "data"
HERE = Path(__file__).parent
TABLES = {
    "penguins": ("penguins.csv", "species", ["body_mass_g", "flipper_length_mm"], None),
    "wine": ("wine.csv", "cultivar", ["malic_acid", "ash", "magnesium", "hue"], None),
    "glass": ("glass.csv", "type", ["Na", "Al", "K"], ["type_1", "type_2", "type_3"]),
    "iris": ("iris.csv", "species", ["sepal_length", "sepal_width"], ["versicolor", "virginica"]),
    "letter": ("letter.csv", None, None, list("ABCDE")),
}


def table(name):
    file, target, columns, classes = TABLES[name]
    frame = pd.read_csv(DATA / file)
    target = target or frame.select_dtypes(exclude="number").columns[0]
    columns = columns or [c for c in frame.columns if c != target][:8]
    if classes:
        frame = frame[frame[target].isin(classes)]
    frame = frame.dropna(subset=columns)
    return frame[columns].astype(float), frame[target].astype(str)


def worst(found, expected):
    return float(np.max(np.abs(found / np.asarray(expected) - 1)))


def with_r(X, y):
    if not shutil.which("Rscript"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        x, labels, out = (Path(folder) / name for name in ("x.csv", "y.csv", "out.json"))
        X.to_csv(x, index=False)
        labels.write_text("\n".join(y) + "\n")
        subprocess.run(["Rscript", HERE / "peers.R", x, labels, out], check=True, capture_output=True, timeout=900)
        return json.loads(out.read_text())


def main():
    print("largest relative differences: coefficients, standard errors")
    for name in TABLES:
        X, y = table(name)
        summary = LogisticRegression(C=np.inf).summary(X, y)
        firth = LogisticRegression(C=np.inf).summary(X, y, firth=True)
        fit = sm.MNLogit(pd.Categorical(y).codes, sm.add_constant(X)).fit(
            method="newton", maxiter=200, tol=1e-14, disp=False
        )
        line = [f"{worst(summary.estimates_, fit.params.to_numpy().T):.1e}"]
        line += [f"{worst(summary.std_err_, fit.bse.to_numpy().T):.1e}"]
        text = f"{name:9} statsmodels {' '.join(line)}"
        peers = with_r(X, y)
        if peers:
            for peer, ours in (("nnet", summary), ("VGAM", summary), ("brglm2", firth)):
                theirs = peers[peer]
                text += f" | {peer}{' (Firth)' if ours is firth else ''} {worst(ours.estimates_, theirs['coef']):.1e}"
                text += f" {worst(ours.std_err_, theirs['se']):.1e}"
        print(text)


if __name__ == "__main__":
    main()
