"""scikit-learn's own checks of what an estimator must do, with no expected failures."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from polylogit import LogisticRegression, LogisticRegressionCV


@parametrize_with_checks(
    [
        LogisticRegression(),
        LogisticRegression(C=10.0, solver="newton-cholesky", n_jobs=1),
        LogisticRegressionCV(Cs=3, cv=3),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)
