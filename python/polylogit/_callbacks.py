"""scikit-learn's callback protocol (1.9) on the engine's steps."""

from functools import partial

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9 has no callbacks

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method):
        return method


__all__ = ["CallbackSupportMixin", "Steps", "has_callbacks", "with_callbacks"]


def has_callbacks(estimator):
    """Is anybody listening?"""
    return bool(getattr(estimator, "_skl_callbacks", None)) or hasattr(estimator, "_parent_callback_ctx")


class Steps:
    """One task per step, and an empty one after the last, as scikit-learn's own bridge has it.

    Parameters
    ----------
    context : CallbackContext
        Of the whole fit.
    told : dict
        X, y and metadata for the hooks.
    after : callable
        ``after(i)`` gives the fitted attributes after i steps. It is only called for callbacks that ask for
        `fitted_estimator`, and fits again that far: fits are deterministic, so the bits are the same.
    """

    def __init__(self, context, estimator, told, after):
        self._context, self._estimator, self._told, self._after = context, estimator, told, after
        self._done = 0
        self._begin()

    def _begin(self):
        self._task = self._context.subcontext(task_name="iteration")
        self._task.call_on_fit_task_begin(
            estimator=self._estimator, reconstruction_attributes=partial(self._after, self._done), **self._told
        )

    def __call__(self, step, passes, objective, relative_gap):
        """Hears of a step; True asks the engine to stop there."""
        stop = False
        while self._done < step:
            self._done += 1
            stop |= self._task.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes=partial(self._after, self._done), **self._told
            )
            self._begin()
        return stop

    def close(self, n_iter):
        """Ends the task that was begun and never ran."""
        self(max(n_iter, 1), 0.0, 0.0, 0.0)
        self._task.call_on_fit_task_end(estimator=self._estimator)
