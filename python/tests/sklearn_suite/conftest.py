import re

import pytest

from not_applicable import NOT_APPLICABLE
from versions import MODERN

# The list of exceptions is that of one version.
collect_ignore = [] if MODERN else ["test_logistic.py"]


@pytest.fixture
def global_random_seed():
    """scikit-learn's own fixture has 42 as its default, too."""
    return 42


def pytest_collection_modifyitems(items):
    for item in items:
        for pattern, reason in NOT_APPLICABLE.items():
            if re.match(pattern, item.name):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
