"""The examples in docstrings and pages run."""

import doctest
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import polylogit

MODULES = [
    "polylogit._calibration",
    "polylogit._functions",
    "polylogit._logistic",
    "polylogit._logistic_cv",
    "polylogit._artefact",
    "polylogit._summary",
]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_pages(page, tmp_path, monkeypatch):
    """Every Python block of a page, one after the other in one namespace."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    assert blocks
    monkeypatch.chdir(tmp_path)
    scope = {}
    for block in blocks:
        exec(compile(block, page, "exec"), scope)


def test_the_example_runs(tmp_path):
    """From texts to a probe to the command's predictions, which it compares itself where the command is built."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    script = ROOT / "examples" / "docstring_probe.py"
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "duality_gap" in done.stdout
    if os.environ.get("POLYLOGIT"):
        assert "the command and Python agree" in done.stdout


def test_everything_public_is_documented():
    for name in polylogit.__all__:
        thing = getattr(polylogit, name)
        if not name.startswith("__"):
            assert inspect.getdoc(thing), name
    for cls in (polylogit.LogisticRegression, polylogit.LogisticRegressionCV):
        documented = inspect.getdoc(cls)
        assert {p for p in cls().get_params() if f"{p} : " not in documented} == set()


def test_the_stub_names_what_the_core_has():
    stub = (ROOT / "python" / "polylogit" / "_core.pyi").read_text(encoding="utf-8")
    public = [n for n in vars(importlib.import_module("polylogit._core")) if callable(getattr(polylogit._core, n))]
    assert {
        n for n in public if not n.startswith("_") and f"def {n}(" not in stub and f"class {n}:" not in stub
    } == set()


def test_version():
    assert polylogit.__version__.count(".") == 2
