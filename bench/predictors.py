"""Prediction by peers as workers (protocol: worker.py): python predictors.py FOLDER PEER DTYPE.

FOLDER has x.npy (n × d) and model.{weights,intercepts}.npy; PREFIX.npy gets the first rows' probabilities.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from peers import say

SAMPLE = 1000
Predict = Callable[[np.ndarray], np.ndarray]


def classifier(folder: Path, dtype: str):
    from sklearn.linear_model import LogisticRegression

    w, b = (np.load(folder / f"model.{part}.npy") for part in ("weights", "intercepts"))
    model = LogisticRegression()
    model.classes_, model.n_features_in_ = np.arange(len(b)), w.shape[1]
    model.coef_, model.intercept_ = w.astype(dtype), b.astype(dtype)
    return model


def sklearn(folder: Path, dtype: str, threads: int) -> Predict:
    return classifier(folder, dtype).predict_proba


def onnx(folder: Path, dtype: str, threads: int) -> Predict:
    """The LinearClassifier that skl2onnx makes; float32 is what ONNX Runtime has kernels for."""
    import onnxruntime
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    model = classifier(folder, "float32")
    kinds = [("x", FloatTensorType([None, model.n_features_in_]))]
    graph = convert_sklearn(model, initial_types=kinds, options={id(model): {"zipmap": False}})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, ["CPUExecutionProvider"])
    return lambda x: session.run(["probabilities"], {"x": x})[0]


PREDICTORS = {"scikit-learn": sklearn, "onnxruntime": onnx}


def main(folder: str, peer: str, dtype: str) -> None:
    from threadpoolctl import threadpool_limits

    x = np.load(Path(folder) / "x.npy").astype(dtype, copy=False)
    predictors = {threads: PREDICTORS[peer](Path(folder), dtype, threads) for threads in (1, 2)}
    say({"ready": True})
    for line in sys.stdin:
        _, repeat, prefix, _, threads = line.split()
        predict = predictors[int(threads)]
        with threadpool_limits(int(threads)):
            seconds = []
            for _ in range(int(repeat)):
                start = time.perf_counter()
                p = predict(x)
                seconds.append(time.perf_counter() - start)
        np.save(f"{prefix}.npy", p[:SAMPLE].astype(np.float64))
        say({"seconds": seconds})


if __name__ == "__main__":
    main(*sys.argv[1:])
