"""What only holds beside the scikit-learn whose form the estimators have; older ones come with Python 3.10."""

import pytest
import sklearn
from sklearn.utils.fixes import parse_version

MODERN = parse_version(sklearn.__version__) >= parse_version("1.9")
modern = pytest.mark.skipif(not MODERN, reason="compares with scikit-learn 1.9")
