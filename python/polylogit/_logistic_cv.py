"""Cross-validated choice of C, in scikit-learn's form."""

import inspect
from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import _check_method_params

from . import _artefact, _solve, _validate
from ._logistic import LogisticRegression
from ._threads import effective_threads


class LogisticRegressionCV(LogisticRegression):
    """Softmax logistic regression that chooses C by cross-validation.

    A drop-in for :class:`sklearn.linear_model.LogisticRegressionCV`. Each fold fits the whole grid, every C
    starting from the one before.

    Parameters
    ----------
    Cs : int or list of floats, default=10
        The grid; a number gives that many values between 1e-4 and 1e4, evenly in the logarithm.
    l1_ratios : array-like of shape (n_l1_ratios,), default=None
        Shares of the L1 norm to choose from; without, that of `penalty`, or 0, the ridge.
    fit_intercept : bool, default=True
        Fit intercepts?
    cv : int or cross-validation generator, default=None
        The folds: 5 stratified ones by default.
    dual : bool, default=False
        Validated, chooses nothing.
    penalty : {'l1', 'l2', 'elasticnet', 'deprecated'}, default='deprecated'
        The old spelling; accepted quietly.
    scoring : str or callable, default=None
        The score that chooses; accuracy by default.
    solver : str, default='lbfgs'
        Validated as in scikit-learn, chooses nothing.
    tol : float, default=1e-4
        As in :class:`LogisticRegression`.
    max_iter : int, default=100
        Most steps of the solver in each fit.
    class_weight : dict or 'balanced', default=None
        Weights of the classes; 'balanced' is taken on the whole of y.
    n_jobs : int, default=None
        Folds at the same time, in threads that share the machine's.
    verbose : int, default=0
        Verbosity of joblib.
    refit : bool, default=True
        Fit the best C on all rows? Otherwise the coefficients of the folds' best C are averaged.
    intercept_scaling : float, default=1.0
        Validated, chooses nothing.
    random_state : int, RandomState instance, default=None
        Chooses nothing.
    use_legacy_attributes : bool, default=True
        Attributes in scikit-learn's old shapes (dictionaries by class) or in its new ones?
    multi_class : {'auto', 'multinomial', 'deprecated'}, default='deprecated'
        The old spelling; accepted quietly.
    grouped : bool, default=False
        As in :class:`LogisticRegression`.
    groups : array-like of shape (n_features,) or dict, default=None
        As in :class:`LogisticRegression`.
    penalty_factors : array-like of shape (n_features,), default=None
        As in :class:`LogisticRegression`.
    bounds : pair (low, high), default=None
        As in :class:`LogisticRegression`.

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, feature_names_in_
        As in :class:`LogisticRegression`.
    Cs_ : ndarray of shape (n_cs,)
        The grid.
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
        The shares of L1.
    C_, l1_ratio_ : float, or ndarray of shape (n_classes,) or (1,)
        What was chosen.
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_cs, n_classes or 1, n_dof), or dict
        Coefficients (and intercepts, last) of every fold and C.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_cs), or dict
        Scores of every fold and C.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_cs), or (1, n_folds, n_cs[, n_l1_ratios])
        Steps.
    certificate_, objective_, status_, n_passes_
        Of the final fit, if `refit`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from polylogit import LogisticRegressionCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegressionCV(scoring="neg_log_loss", use_legacy_attributes=False).fit(X, y)
    >>> model.predict(X[:2])
    array([0, 0])
    """

    # scikit-learn passes sample_weight on to the scorer itself.
    __metadata_request__score = {"sample_weight": UNUSED}

    _parameter_constraints: dict = {
        **{
            name: rule
            for name, rule in LogisticRegression._parameter_constraints.items()
            if name not in ("C", "warm_start", "l1_ratio", "like", "lam", "standardize")
        },
        "Cs": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "l1_ratios": ["array-like", None, Hidden(StrOptions({"warn"}))],
        "cv": ["cv_object"],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None, Hidden(StrOptions({"warn"}))],
        "refit": ["boolean"],
        "penalty": [StrOptions({"l1", "l2", "elasticnet"}), Hidden(StrOptions({"deprecated"}))],
        "use_legacy_attributes": ["boolean", Hidden(StrOptions({"warn"}))],
    }

    def __init__(
        self,
        *,
        Cs=10,
        l1_ratios="warn",
        fit_intercept=True,
        cv=None,
        dual=False,
        penalty="deprecated",
        scoring="warn",
        solver="lbfgs",
        tol=1e-4,
        max_iter=100,
        class_weight=None,
        n_jobs=None,
        verbose=0,
        refit=True,
        intercept_scaling=1.0,
        random_state=None,
        use_legacy_attributes="warn",
        multi_class="deprecated",
        grouped=False,
        groups=None,
        penalty_factors=None,
        bounds=None,
    ):
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.solver = solver
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes
        self.multi_class = multi_class
        self.grouped = grouped
        self.groups = groups
        self.penalty_factors = penalty_factors
        self.bounds = bounds

    def fit(self, X, y, sample_weight=None, **params):
        """Choose C on folds, then fit it on all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, of the fits and (unless metadata routing says otherwise) of the scores.
        **params : dict
            For the splitter and the scorer, with metadata routing.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._validate_params()
        _raise_for_params(params, self, "fit")
        ratios, shares = self._check_penalty()
        self._check_multi_class()
        self._target_name = _artefact.name_of(y)
        X, y = _validate.data(self, X, y)
        classes, ids = _validate.class_ids(y)
        _validate.require_two_classes(classes)
        _validate.check_multiclass_solver(self.solver, len(classes))
        self.classes_ = classes
        routed = self._route("fit", sample_weight, params)
        folds = list(check_cv(self.cv, y, classifier=True).split(X, y, **routed.splitter.split))
        class_weight = self._class_weight(y, sample_weight)
        weights = _validate.weights(sample_weight, X, None, classes, ids)
        fit_weights = _validate.weights(sample_weight, X, class_weight, classes, ids)
        self.Cs_ = np.logspace(-4, 4, self.Cs) if isinstance(self.Cs, Integral) else np.asarray(self.Cs)

        problem = {
            "n_classes": len(classes),
            "grouped": self.grouped,
            **_validate.penalised(self, X.shape[1]),
            "bounds": _validate.bounds(self.bounds, (1 if len(classes) == 2 else len(classes), X.shape[1])),
            "fit_intercept": self.fit_intercept,
            "tol": self.tol,
            "max_iter": self.max_iter,
            "threads": effective_threads(None),
        }
        scorer = _scorer(None if self.scoring == "warn" else self.scoring, classes)
        parameters = routed.scorer.score
        if not _routing_enabled() and weights is not None:
            parameters = {**parameters, "sample_weight": weights}

        grid = [(share, C) for share in shares for C in self.Cs_]

        def fold(train, test):
            """The fits of one fold, and their scores on the rows left out."""
            x, own = X[train], None if fit_weights is None else fit_weights[train]
            fits, start = [], None
            for share, C in grid:
                if C == self.Cs_[0]:
                    start = None
                fits.append(_solve.solve(x, ids[train], weights=own, C=C, l1_ratio=share, start=start, **problem))
                start = fits[-1].coef, fits[-1].intercept
            given = _check_method_params(X=X, params=parameters, indices=test)
            scores = [scorer(self._model_of(s, C), X[test], y[test], **given) for s, (_, C) in zip(fits, grid)]
            return fits, scores

        # Threads: the engine releases the interpreter, and nothing has to be sent anywhere.
        out = Parallel(n_jobs=self.n_jobs, verbose=self.verbose, prefer="threads")(
            delayed(fold)(train, test) for train, test in folds
        )
        fits = [fit for fit, _ in out]
        scores = np.array([score for _, score in out])  # (folds, l1_ratios · Cs)

        if self.refit:
            best = int(scores.sum(axis=0).argmax())
            chosen = grid[best]
            starts = [fit[best] for fit in fits]
            start = np.mean([s.coef for s in starts], axis=0), np.mean([s.intercept for s in starts], axis=0)
            share, C = chosen
            solution = _solve.solve(X, ids, weights=fit_weights, C=C, l1_ratio=share, start=start, **problem)
            self._take(solution, np.float64)
        else:
            # An average of fits is no fit: it has no certificate.
            for name in ("certificate_", "objective_", "n_passes_", "status_", "_record", "_diagnosis"):
                self.__dict__.pop(name, None)
            bests = scores.argmax(axis=1)
            chosen = tuple(np.mean([grid[b] for b in bests], axis=0))
            rows = [_solve.rows_of(fit[b], np.float64) for fit, b in zip(fits, bests)]
            self.coef_ = np.mean([coef for coef, _ in rows], axis=0)
            self.intercept_ = np.mean([intercept for _, intercept in rows], axis=0)
        self._feature_mean = _solve.column_means(X, fit_weights)
        self._keep(fits, scores, chosen, ratios)
        return self

    def _check_penalty(self):
        """The grid of l1_ratios, or None where none was given, and the shares of L1 that are fitted."""
        ratios = None if isinstance(self.l1_ratios, str) else self.l1_ratios
        kind = self.penalty
        if kind == "deprecated":
            values = np.asarray([0] if ratios is None else ratios)
            kind = "l2" if (values == 0).all() else "l1" if (values == 1).all() else "elasticnet"
        if kind == "elasticnet" and (
            ratios is None
            or len(ratios) == 0
            or not all(isinstance(r, (int, float, np.number)) and 0 <= r <= 1 for r in ratios)
        ):
            raise ValueError(f"l1_ratios must be an array-like of numbers between 0 and 1; got (l1_ratios={ratios!r})")
        _validate.check_solver(self.solver, kind, self.dual)
        if kind == "elasticnet" or (self.penalty == "deprecated" and ratios is not None):
            return ratios, [float(r) for r in ratios]
        return ratios, [_validate.share_of(kind, None)] * (1 if ratios is None else len(ratios))

    def _class_weight(self, y, sample_weight):
        class_weight, classes = self.class_weight, self.classes_
        if isinstance(class_weight, dict) and not set(class_weight) <= set(classes):
            raise ValueError(
                "The given class_weight dict must have the class labels as keys;"
                f" classes={classes} but key={class_weight.keys()}"
            )
        if isinstance(class_weight, str):
            each = compute_class_weight(class_weight, classes=classes, y=y, sample_weight=sample_weight)
            class_weight = dict(zip(classes, each))
        return class_weight

    def _model_of(self, solution, C):
        """What a scorer sees of one fit."""
        model = LogisticRegression(C=C)
        model.classes_ = self.classes_
        model.coef_, model.intercept_ = _solve.rows_of(solution, np.float64)
        return model

    def _keep(self, fits, scores, chosen, ratios):
        """The attributes of the search, in scikit-learn's two sets of shapes."""
        n_ratios = 1 if ratios is None else len(ratios)
        share, chosen_c = chosen

        def flat(solution):
            coef, intercept = _solve.rows_of(solution, np.float64)
            return np.concatenate([coef, intercept[:, None]], axis=1) if self.fit_intercept else coef

        shape = len(fits), n_ratios, len(self.Cs_)
        coefs = np.array([[flat(s) for s in fit] for fit in fits])
        coefs = coefs.reshape(*shape, *coefs.shape[2:])
        steps = np.array([[s.record["steps"] for s in fit] for fit in fits], dtype=np.int32).reshape(shape)
        scores = scores.reshape(shape)
        self.l1_ratios_ = np.asarray([None] if ratios is None else ratios)
        if not (self.use_legacy_attributes == "warn" or self.use_legacy_attributes):
            self.C_, self.l1_ratio_ = float(chosen_c), float(share)
            self.coefs_paths_, self.scores_, self.n_iter_ = coefs, scores, steps
            return
        n_rows = coefs.shape[3]
        self.C_ = np.full(n_rows, chosen_c)
        self.l1_ratio_ = np.full(n_rows, None if ratios is None and self.refit else share)
        by_class = np.transpose(coefs, (3, 0, 2, 1, 4))  # (classes, folds, Cs, ratios, dof)
        scores, steps = scores.swapaxes(1, 2), steps.swapaxes(1, 2)[None]
        if ratios is None:
            by_class, scores, steps = by_class[:, :, :, 0], scores[:, :, 0], steps[..., 0]
        keys = self.classes_[-n_rows:]
        self.coefs_paths_ = dict(zip(keys, by_class))
        self.scores_ = {key: scores.copy() for key in keys}
        self.n_iter_ = steps

    def _route(self, method, sample_weight, params):
        if _routing_enabled():
            if method == "fit":
                params = {"sample_weight": sample_weight, **params}
            return process_routing(self, method, **params)
        return Bunch(splitter=Bunch(split={}), scorer=Bunch(score=dict(params)))

    def score(self, X, y, *, sample_weight=None, **score_params):
        """Score with `scoring` on other rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        **score_params : dict
            For the scorer, with metadata routing.

        Returns
        -------
        score : float
        """
        _raise_for_params(score_params, self, "score")
        if sample_weight is not None:
            score_params["sample_weight"] = sample_weight
        routed = self._route("score", None, score_params)
        return self._get_scorer()(self, X, y, **routed.scorer.score)

    def get_metadata_routing(self):
        """Where metadata goes: to the splitter and the scorer.

        Returns
        -------
        routing : MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
            .add(
                scorer=self._get_scorer(),
                method_mapping=MethodMapping().add(caller="score", callee="score").add(caller="fit", callee="score"),
            )
        )

    def _get_scorer(self):
        return get_scorer("accuracy" if self.scoring in ("warn", None) else self.scoring)


def _scorer(scoring, classes):
    """The scorer of the folds. A fold may lack a class, so where the metric takes `labels` it is told all."""
    scorer = get_scorer("accuracy" if scoring is None else scoring)
    takes = inspect.signature(scorer._score_func).parameters if hasattr(scorer, "_score_func") else ()
    if "labels" not in takes:
        return scorer
    told = {"labels": classes, **getattr(scorer, "_kwargs", {})}
    if len(classes) == 2 and "pos_label" in takes:
        told["pos_label"] = classes[-1]
    return make_scorer(
        scorer._score_func,
        greater_is_better=scorer._sign == 1,
        response_method=scorer._response_method,
        **told,
    )
