"""The estimator, in scikit-learn's form."""

import inspect
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model._base import LinearClassifierMixin, SparseCoefMixin
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _artefact, _calibration, _core, _solve, _summary, _validate
from ._callbacks import CallbackSupportMixin, Steps, has_callbacks, with_callbacks
from ._functions import as_matrix
from ._threads import effective_threads

SOLVERS = {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"}


class LogisticRegression(CallbackSupportMixin, LinearClassifierMixin, SparseCoefMixin, BaseEstimator):
    r"""Softmax (multinomial) logistic regression with a proven distance from the optimum.

    A drop-in for :class:`sklearn.linear_model.LogisticRegression`: the same constructor, attributes, methods
    and objective,

    .. math:: \min_{W, b}\; C \sum_i s_i [\mathrm{logsumexp}(z_i) - z_{i y_i}] + \tfrac12 \|W\|^2,
              \quad z_i = W x_i + b

    with :math:`\tfrac{1-\alpha}2 \|W\|^2 + \alpha \|W\|_1` in place of the ridge for an `l1_ratio` of
    :math:`\alpha` (for two classes, as there, one row :math:`\beta` in place of :math:`W`). Columns of any scale go in as
    they are, and every fit says how far it can be from the optimum at most (`certificate_`).

    Parameters
    ----------
    penalty : {'l2', None, 'deprecated'}, default='deprecated'
        The old spelling of ``l1_ratio=0`` and ``C=np.inf``; accepted quietly.
    C : float, default=1.0
        Inverse strength of the penalty, greater than 0; ``np.inf`` for none.
    l1_ratio : float, default=0.0
        Share of the L1 norm in the penalty: 0 the ridge, 1 the lasso, between them the elastic net. Any `solver` will
        do.
    dual : bool, default=False
        Validated, chooses nothing.
    tol : float, default=1e-4
        The fit ends when the certified gap is at most ``1e-4 * tol**2`` of the objective, or float64 has no
        more digits to give. (scikit-learn's `tol` bounds the gradient, whose square bounds the gap.) At the default
        that is 1e-12, as good as scikit-learn's result at ``tol=1e-10``; ``tol=0.1`` asks for 1e-6.
    fit_intercept : bool, default=True
        Fit intercepts? They are never penalised.
    intercept_scaling : float, default=1
        Validated, chooses nothing: only scikit-learn's liblinear penalises the intercept.
    class_weight : dict or 'balanced', default=None
        Weights of the classes, multiplied with `sample_weight`.
    random_state : int, RandomState instance, default=None
        Chooses nothing: fits are deterministic.
    solver : {'lbfgs', 'liblinear', 'newton-cg', 'newton-cholesky', 'sag', 'saga'}, default='lbfgs'
        Validated as in scikit-learn, chooses nothing: polylogit picks its method by the shape of the data.
    max_iter : int, default=100
        Most steps of the solver.
    verbose : int, default=0
        Print a line for each step?
    warm_start : bool, default=False
        Start from the coefficients of the previous fit?
    n_jobs : int, default=None
        Threads. None uses as many as OpenMP would (``OMP_NUM_THREADS``, threadpoolctl, joblib's workers are
        honoured). The result does not depend on it.
    multi_class : {'auto', 'multinomial', 'deprecated'}, default='deprecated'
        The old spelling; accepted quietly. For 'ovr' use :class:`sklearn.multiclass.OneVsRestClassifier`.
    grouped : bool, default=False
        Penalise the L2 norm of each feature's weights over the classes in place of their L1 norm, so that a feature is
        in or out for all classes together (three classes or more).
    groups : array-like of shape (n_features,) or dict, default=None
        Groups of features that are in or out together, for all classes (the group lasso): a label for each feature, those
        of one label are a group; or a dictionary from names to lists of columns (names or indices). Implies `grouped`;
        each group's L2 norm counts the root of its number of features times. Needs ``l1_ratio > 0``.
    penalty_factors : array-like of shape (n_features,), default=None
        Factors on the penalty of each feature; 0 leaves it unpenalised.
    bounds : tuple (lower, upper), default=None
        Least and largest coefficients: None, numbers, or arrays of the shape (n_features,) or of `coef_`; the lower ones
        at most 0, the upper ones at least 0.
    like : {'scikit-learn', 'glmnet', 'spark'}, default='scikit-learn'
        The package whose numbers these are and whose coefficients shall come out. For ``'glmnet'`` (of two classes
        ``family = "binomial"``) and ``'spark'`` the strength is `lam`, columns are standardised (by Spark's own
        standard deviation), and glmnet's `penalty_factors` are rescaled to sum to n_features. `l1_ratio` is as it stands
        here: glmnet's default is 1.
    lam : float, default=None
        Strength of the penalty on the mean loss, ``1 / (C * sum(sample_weight))``, in place of C; Spark's 0 if not given.
    standardize : bool, default=None
        Penalise the coefficients of standardised columns? They come out on the raw scale. None: as `like` does.
    memory_limit : int, default=None
        Bytes that a fit may take beside X; ``MemoryError``, before it starts, where it needs more. None: what the
        machine, or the container, has to spare.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients; one row for two classes. In the precision of the X that was fitted.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; zeros without.
    certificate_ : Certificate
        ``(kind, gap, relative_gap)``: `objective_` is at most `gap` above the minimum.
    objective_ : float
        The mean form of what was minimised, in nats: the objective above over ``C * sum(sample_weight)``.
    n_iter_ : ndarray of shape (1,)
        Steps taken.
    n_passes_ : float
        Passes over X taken.
    status_ : str
        How the fit ended: 'converged', 'precision_limit' (float64 has no more digits to give), 'step_limit',
        'cancelled' (by a callback) or 'separated' (no penalty, and classes that a linear rule tells apart).
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.
    calibration_ : Calibration
        Of models that :meth:`calibrate` made: the map of the scores that `coef_` and `intercept_` include.

    See Also
    --------
    LogisticRegressionCV : Chooses C by cross-validation.
    polylogit.load : Reads a model that was saved here or by the command.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from polylogit import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression().fit(X, y)
    >>> model.predict(X[:2])
    array([0, 0])
    >>> round(model.score(X, y), 3)
    0.973
    >>> model.certificate_.relative_gap <= 1e-12
    True
    """

    _parameter_constraints: dict = {
        "penalty": [StrOptions({"l1", "l2", "elasticnet"}), None, Hidden(StrOptions({"deprecated"}))],
        "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "dual": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "random_state": ["random_state"],
        "solver": [StrOptions(SOLVERS)],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "n_jobs": [None, Integral],
        "multi_class": [StrOptions({"auto", "multinomial", "ovr"}), Hidden(StrOptions({"deprecated"}))],
        "grouped": ["boolean"],
        "groups": ["array-like", dict, None],
        "penalty_factors": ["array-like", None],
        "bounds": [tuple, list, None],
        "like": [StrOptions({"scikit-learn", "glmnet", "spark"})],
        "lam": [Interval(Real, 0, None, closed="left"), None],
        "standardize": ["boolean", None],
        "memory_limit": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        penalty="deprecated",
        *,
        C=1.0,
        l1_ratio=0.0,
        dual=False,
        tol=1e-4,
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        random_state=None,
        solver="lbfgs",
        max_iter=100,
        verbose=0,
        warm_start=False,
        n_jobs=None,
        multi_class="deprecated",
        grouped=False,
        groups=None,
        penalty_factors=None,
        bounds=None,
        like="scikit-learn",
        lam=None,
        standardize=None,
        memory_limit=None,
    ):
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.multi_class = multi_class
        self.grouped = grouped
        self.groups = groups
        self.penalty_factors = penalty_factors
        self.bounds = bounds
        self.like = like
        self.lam = lam
        self.standardize = standardize
        self.memory_limit = memory_limit

    def _check_params(self):
        """As scikit-learn checks them; the usual values of the usual types need no looking up."""
        for name, default in _defaults(type(self)):
            value = getattr(self, name)
            if value is default:
                continue
            plain = type(value) is float and value > 0 if name in ("C", "tol") else name == "class_weight"
            if not plain or type(value) is str:
                self._validate_params()
                return

    def fit(self, X, y, sample_weight=None, *, offset=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows. C-contiguous float64 and float32 arrays and CSR matrices are used as they are, without a copy.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or, as floats of two dimensions, a distribution over the classes for each row (soft labels).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; ones if not given. Rows of weight 0 do not count.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores as it is; one dimension for two classes only.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._check_params()
        if has_callbacks(self):
            return with_callbacks(type(self)._fit)(self, X, y, sample_weight, offset, called_back=True)
        return self._fit(X, y, sample_weight, offset)

    def _fit(self, X, y, sample_weight, offset, called_back=False):
        penalty = _validate.penalty_of(self, self.l1_ratio)
        _validate.check_solver(self.solver, penalty, self.dual)
        self._check_multi_class()
        given = X, y
        soft = _validate.is_soft(y)
        if soft:
            classes, ids = _validate.soft_labels(y)
            X, ids = _validate.checked_data(self, X, ids, multi_output=True)
        else:
            X, y = _validate.data(self, X, y)
            classes, ids = _validate.class_ids(y)
        context = metadata = None
        if called_back:
            context = self._init_callback_context(max_subtasks=max(self.max_iter, 1) + 1)
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            context.call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=metadata)
        _validate.require_two_classes(classes)
        _validate.check_multiclass_solver(self.solver, len(classes))
        n_classes = len(classes)
        weights = _validate.weights(sample_weight, X, self.class_weight, classes, ids)
        problem = {
            "X": X,
            "y": ids,
            "n_classes": n_classes,
            "weights": weights,
            "offset": _validate.offsets(offset, X.shape[0], n_classes),
            **_validate.strength_of(self, penalty),
            "like": self.like,
            "standardize": self.standardize,
            "l1_ratio": _validate.share_of(penalty, self.l1_ratio),
            "grouped": self.grouped,
            **_validate.penalised(self, X.shape[1]),
            "bounds": _validate.bounds(self.bounds, (1 if n_classes == 2 else n_classes, X.shape[1])),
            "fit_intercept": self.fit_intercept,
            "tol": self.tol,
            "threads": effective_threads(self.n_jobs),
            "memory_limit": self.memory_limit,
            "start": self._start(n_classes, X.shape[1]) if self.warm_start else None,
            "complete": not soft,
        }
        self.classes_ = classes
        steps = None
        if called_back:
            told = {"X": X, "y": y, "metadata": metadata}

            def after(i):
                coef, intercept = _solve.rows_of(_solve.solve(**problem, max_iter=i), X.dtype)
                return {"coef_": coef, "intercept_": intercept}

            steps = Steps(context, self, told, after)
        solution = self._solve(problem, given, steps)
        self._take(solution, X.dtype)
        self._feature_mean = _solve.column_means(X, weights)
        self._target_name = _artefact.name_of(given[1])
        if called_back:
            steps.close(int(self.n_iter_[0]))
            context.call_on_fit_task_end(estimator=self, X=X, y=y, metadata=metadata, reconstruction_attributes={})
        return self

    def _solve(self, problem, given, steps):
        def report(step, passes, objective, relative_gap):
            print(f"step {step}: {passes:.1f} passes, objective {objective:.10g}, relative gap {relative_gap:.2g}")
            return False if steps is None else steps(step, passes, objective, relative_gap)

        try:
            return _solve.solve(**problem, max_iter=self.max_iter, callback=report if self.verbose else steps)
        except ValueError as error:
            # The engine reads X anyway and finds what is not finite; scikit-learn says it in its own words.
            if "must be finite" in str(error):
                _validate.checked_data(self, given[0], given[1], multi_output=problem["y"].ndim == 2)
            raise

    def _check_multi_class(self):
        if self.multi_class == "ovr":
            raise ValueError(
                "multi_class='ovr' fits one model per class: use"
                " sklearn.multiclass.OneVsRestClassifier(LogisticRegression(..))"
            )

    def _start(self, n_classes, n_features):
        """The previous fit's coefficients, where they fit the problem."""
        coef = getattr(self, "coef_", None)
        if coef is None:
            return None
        coef, intercept = _solve.softmax_rows(coef, self.intercept_)
        if coef.shape != (n_classes, n_features):
            raise ValueError(
                f"warm_start=True, but the previous fit had {coef.shape[0]} classes and {coef.shape[1]} features where"
                f" there are {n_classes} and {n_features} now: fit a clone instead"
            )
        return coef, intercept

    def _take(self, solution, dtype):
        """The fitted attributes."""
        self.coef_, self.intercept_ = _solve.rows_of(solution, dtype)
        vars(self).pop("calibration_", None)
        record = solution.record
        self.certificate_ = _solve.Certificate(*record["certificate"])
        self.objective_ = record["objective"]
        self.n_iter_ = np.array([record["steps"]], dtype=np.int32)
        self.n_passes_ = record["passes"]
        self.status_ = record["status"]
        self._record = record
        self._diagnosis = solution.diagnosis
        if self.status_ in ("step_limit", "separated"):
            warnings.warn(self._complaint(), ConvergenceWarning, stacklevel=4)

    def _complaint(self):
        kind, _, gap = self.certificate_
        if self.status_ == "step_limit":
            return (
                f"polylogit failed to converge after {self.n_iter_[0]} iteration(s): the objective is"
                f" {'at most' if kind == 'duality_gap' else 'about'} {gap:.1e} (relative) above its minimum.\n"
                f"Increase the number of iterations (max_iter={self.max_iter}) or tol. Scaling the data is not needed."
            )
        found = self._diagnosis or {}
        names = getattr(self, "feature_names_in_", None)
        columns = found.get("separating_columns", [])
        columns = ", ".join(str(j if names is None else names[j]) for j in columns) or "the columns"
        classes = ", ".join(str(self.classes_[k]) for k in found.get("separated_classes", []))
        return (
            f"the classes are separated: {classes} told apart from the rest without error by {columns}. Without a"
            " penalty the weights grow for ever, so there is no best model; this is the last iterate. Use a finite C."
        )

    def _scores(self, X, offset):
        scores = super().decision_function(X)
        if offset is None:
            return scores
        offset = _validate.offsets(offset, scores.shape[0], len(self.classes_)).astype(scores.dtype, copy=False)
        return scores + (offset[:, 1] - offset[:, 0] if scores.ndim == 1 else offset)

    def _logits(self, X, offset):
        """Scores of all classes, (n, K)."""
        check_is_fitted(self)
        scores = self._scores(X, offset)
        return scores if scores.ndim == 2 else np.stack([np.zeros_like(scores), scores], axis=1)

    def _rows(self, X):
        """What the engine predicts from: X, W, b, and whether the answer is float32."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        single = np.result_type(X.dtype, self.coef_.dtype) == np.float32
        return (as_matrix(X), *_solve.softmax_rows(self.coef_, self.intercept_), single)

    def decision_function(self, X, offset=None):
        """Scores of the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores, as in `fit`.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the log-odds of ``classes_[1]``.
        """
        return self._scores(X, offset)

    def predict(self, X, offset=None):
        """The most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores, as in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        scores = self.decision_function(X) if offset is None else self._scores(X, offset)
        ids = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[ids]

    def predict_proba(self, X, offset=None):
        """Probabilities of the classes, softmax of the scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        if offset is not None:
            return _core.softmax(self._logits(X, offset))
        return _core.probabilities(*self._rows(X))

    def predict_log_proba(self, X, offset=None):
        """Logarithms of the probabilities, by log-sum-exp: finite in the tails, where ``log(p)`` would be -inf.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores, as in `fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In nats, in the order of `classes_`.
        """
        if offset is not None:
            return _core.log_softmax(self._logits(X, offset))
        *rows, single = self._rows(X)
        logs = _core.log_probabilities(*rows)
        return logs.astype(np.float32) if single else logs

    def summary(
        self,
        X,
        y,
        sample_weight=None,
        offset=None,
        *,
        reference=None,
        covariance=None,
        clusters=None,
        weight_kind="frequency",
        level=0.95,
        firth=False,
        despite_penalty=False,
    ):
        """Standard errors, tests and intervals of this model's problem without a penalty.

        Fits to the optimum, from the coefficients of a fit if there is one; the estimator itself does not change.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; what they are, `weight_kind` says.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores, as in `fit`.
        reference : object, default=None
            The class that the others are compared with; None: the first.
        covariance : {'model', 'hc0', 'hc1', 'cluster'}, default=None
            The inverse information, or a robust sandwich. None: 'cluster' with `clusters`, 'hc1' for sampling
            weights, else 'model'.
        clusters : array-like of shape (n_samples,), default=None
            Which rows belong together.
        weight_kind : {'frequency', 'sampling', 'analytic'}, default='frequency'
            Counts of equal rows, inverse probabilities of being in the sample, or relative precisions.
        level : float, default=0.95
            The share of intervals that shall cover the truth.
        firth : bool, default=False
            Firth's estimates: finite where classes are separated; tests and intervals by the penalised profile
            likelihood.
        despite_penalty : bool, default=False
            With a finite `C`, estimates are biased by an unknown amount that standard errors leave out, so asking for
            them is an error unless this is True.

        Returns
        -------
        summary : Summary

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from polylogit import LogisticRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> LogisticRegression(C=np.inf).summary(X[:, [1]], y).p_values_.shape
        (2, 2)
        """
        return _summary.summarise(
            self,
            X,
            y,
            sample_weight,
            offset,
            reference=reference,
            covariance=covariance,
            clusters=clusters,
            weight_kind=weight_kind,
            level=level,
            firth=firth,
            despite_penalty=despite_penalty,
        )

    def calibrate(self, X, y, sample_weight=None, *, method="temperature", offset=None):
        """Make the probabilities fit rows that were held out of the fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Held-out rows. (On the rows of its fit a model is too sure of itself.)
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; ones if not given.
        method : {'temperature', 'vector'}, default='temperature'
            ``'temperature'`` divides all scores by one number, which changes no prediction; ``'vector'`` gives each
            class a factor and a shift, with a weak normal prior.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Offsets of the rows, if the model was fitted with some. They are scaled with the scores.

        Returns
        -------
        model : LogisticRegression
            A copy whose coefficients include the map, `calibration_`. This model stays as it is.

        Raises
        ------
        ValueError
            Where there is no best temperature: every row is predicted rightly, or none of the scores helps.
        """
        return _calibration.calibrated(self, X, y, sample_weight, method, offset)

    def save(self, path, *, target=None):
        """Write the model to a file that holds data only.

        Parameters
        ----------
        path : str or path-like
            ``….json`` for a JSON document, any other name for safetensors.
        target : str, default=None
            The name of the predicted column, for the command ``polylogit``. Default: the name of the y that
            was fitted, else ``"target"``.

        See Also
        --------
        polylogit.load : Reads it back.
        """
        _artefact.save(self, path, target=target)

    @staticmethod
    def load(path):
        """Read a model, from here or from the command.

        Parameters
        ----------
        path : str or path-like
            A file that :meth:`save` or ``polylogit fit -o`` wrote. Untrusted files are safe: loading can fail,
            never run anything.

        Returns
        -------
        model : LogisticRegression
        """
        return _artefact.load(path)

    def to_sklearn(self):
        """The same model as a fitted :class:`sklearn.linear_model.LogisticRegression`.

        Returns
        -------
        model : sklearn.linear_model.LogisticRegression
        """
        return _artefact.to_sklearn(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if self.solver == "liblinear":
            tags.classifier_tags.multi_class = False
        return tags


_DEFAULTS: dict[type, list] = {}


def _defaults(cls):
    if cls not in _DEFAULTS:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        _DEFAULTS[cls] = [(p.name, p.default) for p in parameters]
    return _DEFAULTS[cls]
