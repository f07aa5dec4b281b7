"""Statistics of a fit: what scikit-learn leaves to others."""

from html import escape
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_array, check_consistent_length

from . import _core, _validate
from ._functions import as_matrix, positive_rows
from ._solve import softmax_rows
from ._threads import effective_threads

_COLUMNS = ["estimate", "std_err", "z", "p_value", "low", "high"]
_COVARIANCES = ("model", "hc0", "hc1", "cluster")
_WEIGHTS = ("frequency", "sampling", "analytic")


class Test(NamedTuple):
    """A test against the chi-square distribution.

    Attributes
    ----------
    statistic : float
        Wald's, or the likelihood ratio's.
    df : int
        Degrees of freedom.
    p_value : float
        Probability of a larger statistic where the hypothesis is true.
    """

    statistic: float
    df: int
    p_value: float


class Estimate(NamedTuple):
    """A number with its standard error, test and interval."""

    estimate: float
    std_err: float
    z: float
    p_value: float
    low: float
    high: float


class Probabilities(NamedTuple):
    """Probabilities of rows, each array (n, K): `low` and `high` are intervals on the scale of the log odds."""

    value: np.ndarray
    std_err: np.ndarray
    low: np.ndarray
    high: np.ndarray


def summarise(model, X, y, sample_weight, offset, **options):
    """The statistics of `model`'s problem; see `LogisticRegression.summary`."""
    if not hasattr(model, "C"):
        raise TypeError("a cross-validated model is penalised: use LogisticRegression(C=np.inf).summary(X, y)")
    if model.class_weight is not None:
        raise ValueError("statistics need weights that mean something: class_weight does not, use sample_weight")
    if _validate.is_soft(y):
        raise ValueError("statistics need one class for each row: soft labels are no observations")
    _choice("covariance", options["covariance"], (None, *_COVARIANCES))
    _choice("weight_kind", options["weight_kind"], _WEIGHTS)
    checked = clone(model)
    checked._check_params()
    penalty = _validate.penalty_of(checked, checked.l1_ratio)
    if model.like != "scikit-learn" or model.lam is not None or model.standardize:
        raise ValueError("statistics take the strength of a ridge as C: leave out like, lam and standardize")
    if penalty not in ("l2", None):
        raise ValueError(f"statistics of {penalty} penalties have no theory here: use C=np.inf, or a ridge")
    X, y = _validate.data(checked, X, y)
    classes, ids = _validate.class_ids(y)
    _validate.require_two_classes(classes)
    n_classes = len(classes)
    weights = _validate.weights(sample_weight, X, None, classes, ids)
    offset = _validate.offsets(offset, X.shape[0], n_classes)
    clusters = options["clusters"]
    if clusters is not None:
        check_consistent_length(X, clusters)
        clusters = np.unique(np.asarray(clusters), return_inverse=True)[1].astype(np.int64).reshape(-1)
    weights, X, ids, offset, clusters = positive_rows(weights, X, ids, offset, clusters)
    total = X.shape[0] if weights is None else float(weights.sum())
    strength = 0.0 if penalty is None else (2.0 if n_classes == 2 else 1.0) / (model.C * total)
    if options["firth"]:
        if np.isfinite(getattr(model, "C", np.inf)) and model.C != 1.0:
            raise ValueError("firth=True is a penalty of its own: use C=np.inf")
        strength = 0.0
    reference = options["reference"]
    at = 0 if reference is None else _index(reference, classes, "reference", "a class")
    data = as_matrix(X), ids, weights, offset
    names = getattr(checked, "feature_names_in_", None)
    names = [f"x{j}" for j in range(X.shape[1])] if names is None else [str(name) for name in names]
    wanted = {
        "lambda_": strength,
        "fit_intercept": model.fit_intercept,
        "max_iter": max(model.max_iter, 1),
        "threads": effective_threads(model.n_jobs),
        "start": _start(model, classes, X.shape[1]) if not options["firth"] else None,
        "reference": at,
        "covariance": options["covariance"],
        "clusters": clusters,
        "weight_kind": options["weight_kind"],
        "level": options["level"],
        "firth": options["firth"],
        "despite_penalty": options["despite_penalty"],
    }
    try:
        core = _core.statistics(data[0], ids, n_classes, weights, offset, wanted)
    except ValueError as error:
        raise _named(error, classes, names) from None
    return Summary(core, data, classes, names, options["level"])


def _choice(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name} must be one of {[a for a in allowed if a]}, got {value!r}")


def _index(value, among, name, what):
    found = np.flatnonzero(np.asarray(among) == value)
    if len(found) != 1:
        raise ValueError(f"{name}={value!r} is not {what}: these are {list(among)}")
    return int(found[0])


def _start(model, classes, n_features):
    """The fitted coefficients, where they belong to these data."""
    if not np.array_equal(getattr(model, "classes_", None), classes) or model.status_ == "separated":
        return None
    coef, intercept = softmax_rows(model.coef_, model.intercept_)
    return (coef, intercept) if coef.shape[1] == n_features else None


def _named(error, classes, names):
    """The engine's errors with the names of classes and columns."""
    if len(error.args) == 4:
        _, apart, columns, complete = error.args
        return ValueError(
            f"the classes are {'' if complete else 'quasi-'}separated: {', '.join(str(classes[k]) for k in apart)} told"
            f" apart from the rest without error by {', '.join(names[j] for j in columns) or 'the columns'}, so their"
            " estimates are infinite. Use firth=True, a ridge, or fewer columns."
        )
    if "is penalised" in str(error):
        return ValueError(f"{error}: set C=np.inf (or firth=True), or pass despite_penalty=True")
    return error


class Summary:
    """Statistics of a fit: coefficients as log odds against a reference class, and what follows from them.

    Made by :meth:`LogisticRegression.summary`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        All classes.
    reference_ : object
        The class that the others are compared with.
    rows_ : ndarray of shape (n_classes - 1,)
        The other classes: the rows of the arrays below.
    terms_ : list of str
        ``"(intercept)"`` and the names of the columns that are estimated: their columns.
    estimates_, std_err_, z_, p_values_, low_, high_ : ndarray of shape (n_classes - 1, n_terms)
        Coefficients, standard errors, estimate over error, two-sided p-values, ends of the intervals.
    ratios_ : ndarray of shape (n_classes - 1, n_terms)
        Relative-risk ratios, ``exp(estimates_)``.
    covariance_matrix_ : ndarray of shape (n_parameters, n_parameters)
        Of the estimates, in the order of ``estimates_.ravel()``.
    loglik_, loglik_null_, nobs_, n_parameters_ : float, float, float, int
        Log-likelihoods of the fit and of the intercepts alone, in nats; N; p.
    lr_test_ : Test or None
        The likelihood-ratio test that no column has an effect; None where there is no likelihood (sampling weights,
        a penalty). For Firth's estimates the penalised one.
    mcfadden_r2_, cox_snell_r2_, nagelkerke_r2_, aic_, bic_ : float or None
        Pseudo-R² and criteria.
    condition_number_ : float
        Of the information, every parameter scaled to 1.
    left_out_ : dict
        Columns without an estimate and why.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from polylogit import LogisticRegression
    >>> X, y = load_wine(return_X_y=True)
    >>> summary = LogisticRegression(C=np.inf).summary(X[:, [1, 2]], y)
    >>> summary.estimates_.shape
    (2, 3)
    >>> bool(summary.lr_test_.p_value < 1e-10)
    True
    """

    def __init__(self, core, data, classes, names, level):
        self._core, self._data, self._level = core, data, level
        self.classes_, self._names = classes, names
        self.reference_ = classes[core.reference]
        self.rows_ = np.delete(classes, core.reference)
        self.terms_ = ["(intercept)" if t < 0 else names[t] for t in core.terms]
        numbers = core.estimates()
        self._numbers = numbers
        parts = np.moveaxis(numbers, 2, 0)
        self.estimates_, self.std_err_, self.z_, self.p_values_, self.low_, self.high_ = parts
        self.ratios_ = np.exp(self.estimates_)
        likelihood = core.likelihood()
        self.loglik_, self.loglik_null_ = likelihood["loglik"], likelihood["loglik_null"]
        self.nobs_, self.n_parameters_ = likelihood["nobs"], likelihood["parameters"]
        self.lr_test_ = None if likelihood["lr_test"] is None else Test(*likelihood["lr_test"])
        for name in ("mcfadden_r2", "cox_snell_r2", "nagelkerke_r2", "aic", "bic", "condition_number"):
            setattr(self, f"{name}_", likelihood[name])
        self.covariance_, self.clusters_ = likelihood["covariance"], likelihood["clusters"]
        constant, dependent = core.left_out()
        self.left_out_ = {names[j]: "constant" for j in constant}
        for column, on in dependent:
            self.left_out_[names[column]] = "combination of " + ", ".join(names[j] for j, _ in on)

    @property
    def covariance_matrix_(self):
        return self._core.covariance_matrix()

    def frame(self):
        """All estimates as a pandas DataFrame, indexed by class and term.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``estimate, std_err, z, p_value, low, high, ratio``.
        """
        import pandas as pd

        index = pd.MultiIndex.from_product([self.rows_, self.terms_], names=["class", "term"])
        frame = pd.DataFrame(self._numbers.reshape(-1, 6), index=index, columns=_COLUMNS)
        return frame.assign(ratio=np.exp(frame["estimate"]))

    def with_reference(self, reference):
        """The same fit against another class: a linear map of the estimates, not another fit.

        Parameters
        ----------
        reference : object
            A class.

        Returns
        -------
        summary : Summary
        """
        at = _index(reference, self.classes_, "reference", "a class")
        return Summary(self._core.with_reference(at), self._data, self.classes_, self._names, self._level)

    def wald_test(self, columns):
        """Wald's test that columns have no effect on any class (the columns of a category go together).

        Parameters
        ----------
        columns : str, int or list of these
            Names or positions.

        Returns
        -------
        test : Test
        """
        return Test(*self._core.wald_columns(self._places(columns)))

    def lr_test(self, columns):
        """The likelihood-ratio test that columns have no effect on any class: fits again without them.

        Parameters
        ----------
        columns : str, int or list of these
            Names or positions.

        Returns
        -------
        test : Test
        """
        return Test(*self._core.likelihood_ratio(self._data, self._places(columns)))

    def contrast(self, weights, value=0.0):
        """A linear combination of coefficients.

        Parameters
        ----------
        weights : dict
            ``{(class, term): weight}``, terms being names of columns or ``"(intercept)"``. Coefficients of the
            reference class are 0.
        value : float, default=0.0
            What ``z`` and ``p_value`` test it against.

        Returns
        -------
        estimate : Estimate
        """
        return Estimate(*self._core.contrast(self._combination(weights), float(value)))

    def contrasts_test(self, contrasts, values=None):
        """Wald's test that several contrasts have given values.

        Parameters
        ----------
        contrasts : list of dict
            As in :meth:`contrast`.
        values : list of float, default=None
            One for each contrast; None stands for zeros.

        Returns
        -------
        test : Test
        """
        values = [0.0] * len(contrasts) if values is None else [float(v) for v in values]
        return Test(*self._core.wald([self._combination(c) for c in contrasts], values))

    def predict_proba(self, X):
        """Probabilities of rows with standard errors and intervals by the delta method.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : Probabilities
            Arrays of shape (n_samples, n_classes).
        """
        X = check_array(X, accept_sparse="csr", dtype=_validate.FLOATS, order="C")
        return Probabilities(*self._core.probabilities(as_matrix(X)))

    def marginal_effects(self, at="average", discrete=()):
        """What a column does to the probability of each class.

        Parameters
        ----------
        at : {'average', 'mean'}, default='average'
            Averaged over the rows, or at the mean of every column.
        discrete : list, default=()
            Columns of 0 and 1 whose effect is the change from 0 to 1 (others: the derivative). A list in the
            list holds the columns of one category; their effect is against the level without a column.

        Returns
        -------
        effects : pandas.DataFrame
            Indexed by column and class: ``estimate, std_err, z, p_value, low, high``.
        """
        import pandas as pd

        _choice("at", at, ("average", "mean"))
        together = {}
        for entry in discrete:
            group = self._places(entry)
            together.update(dict.fromkeys(group, group))
        of = [(j, together.get(j)) for j in range(len(self._names))]
        row = self._core.means() if at == "mean" else None
        numbers = self._core.effects(self._data, row, of)
        index = pd.MultiIndex.from_product([self._names, self.classes_], names=["column", "class"])
        return pd.DataFrame(numbers.reshape(-1, 6), index=index, columns=_COLUMNS)

    def influence(self):
        """How much each row matters to the fit.

        Returns
        -------
        leverage : ndarray of shape (n_samples,)
            The rows' shares of the parameters.
        cook : ndarray of shape (n_samples,)
            Cook's distances, in one step.

        Raises
        ------
        ValueError
            If the estimates are Firth's: these are not at the maximum of the likelihood.
        """
        leverage, cook = self._core.influence(self._data)
        return leverage, cook

    def _places(self, columns):
        columns = [columns] if isinstance(columns, (str, int, np.integer)) else columns
        place = lambda c: _index(c, self._names, "column", "a column") if isinstance(c, str) else int(c)  # noqa: E731
        return [place(c) for c in columns]

    def _combination(self, weights):
        def term(name):
            return -1 if name == "(intercept)" else self._places(name)[0]

        return [
            (_index(label, self.classes_, "class", "a class"), term(name), float(weight))
            for (label, name), weight in weights.items()
            if label != self.reference_
        ]

    def _facts(self):
        test = self.lr_test_
        how = {"model": "of the model", "hc0": "robust (HC0)", "hc1": "robust (HC1)"}
        lines = [
            ("reference", str(self.reference_)),
            ("observations", f"{self.nobs_:g}, {self.n_parameters_} parameters"),
            ("covariance", how.get(self.covariance_, f"robust for {self.clusters_} clusters")),
            ("ln L", f"{self.loglik_:.6g}; {self.loglik_null_:.6g} with intercepts alone"),
        ]
        if test is not None:
            lines.append(("all columns", f"χ² = {test.statistic:.5g} on {test.df} df, {_p(test.p_value)}"))
        r2 = [("McFadden", self.mcfadden_r2_), ("Nagelkerke", self.nagelkerke_r2_)]
        lines.append(("pseudo R²", ", ".join(f"{name} {value:.4g}" for name, value in r2 if value is not None)))
        if self.aic_ is not None:
            lines.append(("criteria", f"AIC {self.aic_:.6g}, BIC {self.bic_:.6g}"))
        lines += [("left out", f"{name}: {why}") for name, why in self.left_out_.items()]
        return lines

    def _rows(self):
        """Header and rows of the table; a class alone on its row."""
        level = f"{100 * self._level:g} %"
        rows = []
        for k, label in enumerate(self.rows_):
            rows.append([str(label)])
            for name, (estimate, error, z, p, low, high) in zip(self.terms_, self._numbers[k]):
                numbers = [f"{estimate:.5g}", f"{error:.4g}", f"{z:.3f}", _p(p).removeprefix("p = ").removeprefix("p ")]
                rows.append([f"  {name}", *numbers, f"{low:.4g}", f"{high:.4g}", f"{np.exp(estimate):.4g}"])
        return ["", "estimate", "std. error", "z", "p", f"low ({level})", "high", "ratio"], rows

    def __repr__(self):
        header, rows = self._rows()
        widths = [max(len(r[c]) for r in [header, *rows] if c < len(r)) for c in range(len(header))]
        lines = [f"{key:<13} {value}" for key, value in self._facts()] + [""]
        for row in [header, *rows]:
            cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def _repr_html_(self):
        header, rows = self._rows()
        facts = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self._facts())
        head = "".join(f"<th>{escape(h)}</th>" for h in header)
        body = ""
        for row in rows:
            if len(row) == 1:
                body += f'<tr><th colspan="{len(header)}" style="text-align:left">{escape(row[0])}</th></tr>'
            else:
                cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
                body += f'<tr><th style="text-align:left">{escape(row[0].strip())}</th>{cells}</tr>'
        return f"<table>{facts}</table><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _p(p):
    if p < 1e-16:
        return "p < 1e-16"
    return f"p = {p:.1e}" if p < 1e-4 else f"p = {p:.4f}"
