"""scikit-learn's own tests of its logistic regression, from the installed package, run on polylogit's classes.

The module is imported with the two names bound to ours. What cannot apply is in `not_applicable.py`.
"""

import re
from pathlib import Path
from unittest import mock

import pytest
import sklearn.linear_model

import polylogit
from not_applicable import NOT_APPLICABLE

pytest.register_assert_rewrite("sklearn.linear_model.tests.test_logistic")

with (
    mock.patch.object(sklearn.linear_model, "LogisticRegression", polylogit.LogisticRegression),
    mock.patch.object(sklearn.linear_model, "LogisticRegressionCV", polylogit.LogisticRegressionCV),
):
    from sklearn.linear_model.tests import test_logistic as theirs
    from sklearn.linear_model.tests.test_logistic import *  # noqa: F403


def test_the_classes_are_ours():
    assert theirs.LogisticRegression is polylogit.LogisticRegression
    assert theirs.LogisticRegressionCV is polylogit.LogisticRegressionCV


def test_every_exception_is_documented():
    docs = (Path(__file__).parents[3] / "docs" / "python.md").read_text(encoding="utf-8")
    names = {re.match(r"\w+", pattern).group() for pattern in NOT_APPLICABLE}
    assert {name for name in names if f"`{name}`" not in docs} == set()
