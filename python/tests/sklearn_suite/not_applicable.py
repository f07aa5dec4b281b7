"""scikit-learn's tests that cannot apply, and why: a pattern of the test's name to a reason.

They run all the same and have to fail, so that the list never outlives its reasons. `docs/python.md` shows it.
"""

QUIET = "announces a change of scikit-learn's own parameters; the old spellings are accepted quietly here"
LIBLINEAR = "a limit or a private way of the liblinear solver, which does not run here"
MESSAGES = "expects the names of other solvers in the warning; ours names polylogit"
ANY_SOLVER = "wants errors where a solver cannot fit a penalty; every name of a solver fits all penalties here"
PRIVATE = "calls a private function of scikit-learn with our parameters (one more: multi_class)"

NOT_APPLICABLE = {
    r"test_l1_ratio_None_deprecated$": QUIET,
    r"test_logisticregression_warns_with_n_jobs$": QUIET,
    r"test_logisticregressioncv_warns_with_use_legacy_attributes$": QUIET,
    r"test_lr_scoring_warns$": QUIET,
    r"test_penalty_deprecated\[": QUIET,
    r"test_dtype_match\[.*-liblinear\]": LIBLINEAR + ": it turns float32 into float64",
    r"test_large_sparse_matrix\[.*-(liblinear|saga?)\]": (
        "a limit of the liblinear, sag and saga solvers: 64-bit indices are fine here"
    ),
    r"test_liblinear_dual_random_state$": LIBLINEAR + ": results that depend on random_state",
    r"test_liblinear_with_large_values$": LIBLINEAR + ": it freezes on values above 1e30",
    r"test_logistic_regression_callback_support_warning$": "callbacks work whatever `solver` says",
    r"test_check_solver_option\[": ANY_SOLVER,
    r"test_max_iter\[": MESSAGES,
    r"test_newton_cholesky_fallback_to_lbfgs$": MESSAGES,
    r"test_logistic_cv_multinomial_score\[": PRIVATE,
}
