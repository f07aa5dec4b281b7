"""How many threads a fit may use. Its results do not depend on it."""

import joblib

try:
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
except ImportError:  # pragma: no cover - a scikit-learn that moved it

    def _openmp_effective_n_threads(only_physical_cores):
        return joblib.cpu_count(only_physical_cores=only_physical_cores)


def effective_threads(n_jobs):
    """`n_jobs` as in joblib; None: what OpenMP would use.

    The latter follows OMP_NUM_THREADS, threadpoolctl's limits, cgroups and the affinity of the process, and
    joblib's process workers set it to their share of the machine. All fits of a process share one pool, so
    fits that run in Python threads side by side add none.
    """
    allowed = _openmp_effective_n_threads(only_physical_cores=False)
    if not n_jobs:
        return allowed
    wanted = joblib.effective_n_jobs(n_jobs)
    inside_a_worker = joblib.parallel.get_active_backend()[0].nesting_level
    return min(wanted, allowed) if inside_a_worker else wanted
