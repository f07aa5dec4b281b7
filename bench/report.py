"""results.json → table.md."""

from __future__ import annotations

import math
import re

Rows = list[list[str]]


def seconds(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    if value < 1e-3:
        return f"{1e6 * value:.0f} µs"
    return f"{1e3 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


def size(value: float) -> str:
    return f"{value / 2**20:.3g} MiB"


def memory(extra: float, meta: dict) -> str:
    """What a fit takes besides the data, and the peak with X over X; a sparse value comes with an index of 4 bytes."""
    x = meta["stored"] * ((4 if meta["dtype"] == "float32" else 8) + (4 if meta["sparse"] else 0))
    return f"{size(extra)} ({1 + extra / x:.2f}×)"


def table(head: list[str], rows: Rows) -> str:
    lines = [head, ["-"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(r: dict) -> str:
    parts = ["# Results", machine(r), "## Whole fits", FITS, whole_fits(r)]
    if any(w["peers"] for w in r["workloads"].values()):
        parts += ["## Every contestant", CONTESTANTS, every_contestant(r)]
    if r["lasso"]:
        parts += ["## L1, paths and cross-validation", LASSO, lasso(r)]
    # A run that was stopped has the workloads that it got to.
    if "predictions" in r:
        parts += ["## Prediction", predictions(r)]
    if "tiny" in r:
        parts += ["## Tiny", tiny(r)]
    if "passes" in r:
        parts += ["## One pass", PASS, passes(r)]
    return "\n\n".join(parts) + "\n"


FITS = """Seconds to a relative suboptimality of 1e-6, data in memory, medians; polylogit's answers are proven by their
certificate, those of peers were found at the loosest tolerance that gets there. *There*: when polylogit's fit came within
1e-6 (its first step within 1e-6 of its certified bound on F*), *proven*: when its certificate said so, the fit's end.
*Ratios*: the peer's fastest solver, threads and dtype over both of them, on two threads. *Passes* and *roofline passes*: to
both, too; the latter is time over the time of one pass at the machine's ceilings. *Extra memory*: peak above the data; in
brackets the peak with X, over X. *Same bits*: on one and two threads. *Others*: cores that other programs had while fits were
timed. What is not said to be timed once or twice was timed in every turn. A fit that is stopped after L seconds is "not in
L s": L is 30 times polylogit's time (65 times for covertype; 20 s at least, 6 s in the quick run) until a peer arrives, a small multiple of that one's
time from then on, and never more than the workload's budget leaves."""
CONTESTANTS = """Suboptimality is (F − F*)/F*, F in float64 by one function for all, F* the best known (polylogit at
tol = 1e-12 or better). Where a tolerance stands, it is the loosest that arrives."""
LASSO = """α = 1: F = mean nll + λ Σ_j s_j ‖W_·j‖₁, grouped ‖W_·j‖₂, s_j the standard deviation of column j on paths and 1 for single fits
(of columns standardised before, where it says so): one problem for all. Paths have 100 λ from λ_max to 1e-4 of it (1e-2 where
d > n), the same sequence for both and fitted to its end; cross-validations the same folds. *Reached*: the largest
(F − F*)/F* over the λ, F in float64 from the coefficients, a feature's weights moved together to where they cost least. A
peer's tolerance is the loosest decade that reaches 1e-6; polylogit's is 1e-6, proven (*certified*: its largest relative gap),
and *unproven* the loosest decade that reaches 1e-6, too; in brackets that of the fit at tol = 1e-9 that F* is known by.
Who is stopped by its limit is "not in T s": *reached* is then what it had at its end, or of glmnet at the last tolerance
that it finished. *Ratio*: to polylogit on two threads and on one. *Weights*: not 0, at the last λ. *Curve*: the largest
relative difference of the mean held-out loss from polylogit's over the λ (cv.glmnet keeps probabilities in [1e-5, 1 − 1e-5])."""
PASS = """F with its gradient, and a Hessian product after it, on all threads, against max(bytes of X / bandwidth,
4·stored·K / peak flops of f64): both are computed in f64, whatever X is stored in. A sparse pass's bytes are X twice (by rows, by
columns), θ, its gradient, and residuals out and in. The product is the difference of two times; where noise left less of it than the
ceilings allow, it is not known (–)."""
# The share of the ceilings, which vary themselves, above which a time is noise.
POSSIBLE = 1.1


def away(suboptimality: float) -> str:
    return f"{suboptimality:.1e}" if math.isfinite(suboptimality) else "–"


def machine(r: dict) -> str:
    m, c = r["machine"], r["ceilings"]
    versions = ", ".join(f"{name} {version}" for name, version in r["versions"].items())
    gigabytes, flops = c["bandwidth_bytes_per_second"], (c["f32_flops_per_second"], c["f64_flops_per_second"])
    ceilings = (f"Ceilings on one / two threads: {gigabytes['1'] / 1e9:.1f} / {gigabytes['2'] / 1e9:.1f} GB/s; "
                + "; ".join(f"{kind} {f['1'] / 1e9:.0f} / {f['2'] / 1e9:.0f} GFlop/s"
                            for kind, f in zip(("f32", "f64"), flops, strict=True)))
    lines = [f"{m['date']}, {m['cpu']}, {m['cores']} cores, {m['memory_gib']:.0f} GiB, {m['system']}; load at the "
             f"start {m['load']:.2f}. Mode: {r['mode']}.", f"{ceilings} ({c['how']}).", f"Versions: {versions}. "
             f"BLAS kernels: {', '.join(r['kernels']) or 'none used'}."]
    if r["missing"]:
        lines.append("Left out: " + "; ".join(f"{name} ({why})" for name, why in r["missing"].items()) + ".")
    return "\n\n".join(lines)


def fastest(peers: list[dict], name: str) -> dict | None:
    """A peer's best time, or else what kept it from one."""
    own = [p for p in peers if p["peer"] == name]
    timed = [p for p in own if p["seconds"] is not None]
    if timed:
        return min(timed, key=lambda p: p["seconds"])
    closest = lambda p: (p["suboptimality"] if math.isfinite(p["suboptimality"]) else math.inf)  # noqa: E731
    return min(own, key=closest, default=None)


def whole_fits(r: dict) -> str:
    names = list(dict.fromkeys(p["peer"] for w in r["workloads"].values() for p in w["peers"]))
    head = ["work", "there", "proven", "1 thread", *names, "passes", "roofline passes", "certified gap",
            "extra memory (peak / X)", "same bits", "others"]
    rows = []
    for name, w in r["workloads"].items():
        own = w["polylogit"]["2"]
        both = (own["goal_seconds"], own["seconds"])
        cells = [peer_cell(fastest(w["peers"], peer), both, w["skipped"].get(peer)) for peer in names]
        rows.append([
            f"**{name}** {w['about']}", *map(seconds, both),
            f"{seconds(w['polylogit']['1']['seconds'])} ({w['polylogit']['1']['seconds'] / own['seconds']:.2f}×)", *cells,
            f"{goal_passes(own):.0f}, {own['passes']:.0f}",
            ", ".join(f"{t / w['roofline_pass_seconds']:.0f}" for t in both),
            f"{own['certificate']['relative_gap']:.1e}", memory(own["extra_bytes"], w["meta"]),
            "yes" if w["same_bits"] else "**no**", f"{w['neighbours']:.2f}",
        ])
    return table(head, rows)


def goal_passes(own: dict) -> float:
    """Passes when the fit was there."""
    return next((s["passes"] for s in own["trajectory"] if s["seconds"] >= own["goal_seconds"]), own["passes"])


def peer_cell(peer: dict | None, own: tuple[float, float], skipped: str | None) -> str:
    if peer is None:
        return skipped or "–"
    ratios = lambda peer_seconds: " / ".join(f"{peer_seconds / t:.3g}×" for t in own)  # noqa: E731
    if peer["seconds"] is None:
        text = peer["outcome"]
        if math.isfinite(peer["suboptimality"]):
            text += f", {peer['suboptimality']:.0e} away"
        if limit := re.match(r"not in (\S+) s", peer["outcome"]):
            text += f" **> {ratios(float(limit[1]))}**"
        return text
    few = f", {times(peer['counted'])}" if peer["counted"] < 3 else ""
    return f"{seconds(peer['seconds'])} ({peer['solver']}{few}) **{ratios(peer['seconds'])}**"


def times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def every_contestant(r: dict) -> str:
    head = ["work", "contestant", "dtype", "tolerance", "threads", "seconds", "runs", "ratio", "iterations", "suboptimality",
            "extra memory", "outcome"]
    rows = []
    for name, w in r["workloads"].items():
        for threads, own in w["polylogit"].items():
            rows.append([name, f"polylogit ({own['solver']})", w["meta"]["dtype"], "1e-06", threads,
                         seconds(own["seconds"]), f"{len(own['runs'])}", "", f"{own['steps']}", f"{own['suboptimality']:.1e}",
                         size(own["extra_bytes"]), own["status"]])
        for p in w["peers"]:
            ratio = f"{p['seconds'] / w['polylogit']['2']['seconds']:.3g}" if p["seconds"] is not None else ""
            rows.append([name, f"{p['peer']} {p['solver']}", p["dtype"], f"{p['tol']:.0e}" if p["tol"] else "–",
                         f"{p['threads'] or '–'}", seconds(p["seconds"]), f"{p['counted'] or '–'}", ratio, f"{p['iterations'] or '–'}",
                         away(p["suboptimality"]), size(p["extra_bytes"]), p["outcome"]])
        for peer, why in w["skipped"].items():
            rows.append([name, peer, *["–"] * 9, why])
    return table(head, rows)


def lasso(r: dict) -> str:
    head = ["work", "by", "threads", "tolerance", "seconds", "runs", "ratio", "reached", "certified", "weights", "curve", "extra memory",
            "outcome"]
    rows = []
    for name, w in r["lasso"].items():
        title = f"**{name}** {w['about']}"
        for threads, own in w["polylogit"].items():
            outcome = "proven" if own["reached"] else f"not in {own['seconds']:.3g} s ({own['status']})"
            certified = f"{own['certificate']['relative_gap']:.1e} (F* {w['exact']['relative_gap']:.0e})"
            rows.append([title, "polylogit", threads, "1e-06", seconds(own["seconds"]), f"{len(own['runs'])}", "",
                         f"{own['suboptimality']:.1e}", certified, f"{own['nonzeros']}", "", size(own["extra_bytes"]), outcome])
        for p in [*([w["loose"]] if w["loose"]["seconds"] else []), *w["peers"]]:
            rows.append([title, " ".join(dict.fromkeys((p["peer"], p["solver"]))), f"{p['threads'] or 1}",
                         f"{p['tol']:.0e}" if p["tol"] else "–", seconds(p["seconds"]), f"{p['counted'] or '–'}",
                         lasso_ratio(w, p) if p is not w["loose"] else "", away(p["suboptimality"]), "",
                         f"{p.get('nonzeros', '–')}", f"{p['curve']:.0e}" if "curve" in p else "", size(p["extra_bytes"]),
                         p["outcome"]])
        rows += [[title, peer, *["–"] * 10, why] for peer, why in w["skipped"].items()]
    return table(head, rows)


def lasso_ratio(w: dict, peer: dict) -> str:
    """Of a fit that was stopped a bound; none where ours did not arrive."""
    limit = re.match(r"not in (\S+) s", peer["outcome"])
    if (peer["seconds"] is None and not limit) or not all(own["reached"] for own in w["polylogit"].values()):
        return "–"
    taken, sign = (peer["seconds"], "") if peer["seconds"] is not None else (float(limit[1]), "> ")
    return f"**{sign}" + " / ".join(f"{taken / own['seconds']:.3g}×" for own in w["polylogit"].values()) + "**"


def predictions(r: dict) -> str:
    head = ["rows", "by", "dtype", "threads", "seconds", "ratio to polylogit's", "largest error of p"]
    rows = []
    for p in r["predictions"]:
        own = {row["dtype"]: row["seconds"] for row in p["rows"] if row["peer"] == "polylogit"}
        for row in p["rows"]:
            rows.append([p["table"], row["peer"], row["dtype"], f"{row['threads']}", seconds(row["seconds"]),
                         f"{row['seconds'] / own[row['dtype']]:.2f}", f"{row['largest_error']:.0e}"])
        rows += [[p["table"], peer, *["–"] * 4, why] for peer, why in p["skipped"].items()]
    return table(head, rows)


def tiny(r: dict) -> str:
    fits = [[f"fit of {name}", f"{f['microseconds']:.0f} µs", f"{f['solver']}, {f['steps']} steps, gap {f['relative_gap']:.0e}"]
            for name, f in r["tiny"]["fits"].items()]
    rows = [[f"one row, d={p['d']}, K={p['k']}", f"{p['nanoseconds']:.0f} ns", "probabilities"]
            for p in r["tiny"]["single_rows"]]
    return table(["from Rust", "time", ""], fits + rows)


def passes(r: dict) -> str:
    def product(p: dict) -> list[str]:
        # A difference of two times: noise, where it is beyond the ceilings.
        if (p["product_share"] or math.inf) > POSSIBLE:
            return ["–", "–"]
        return [seconds(p["product_seconds"]), f"{100 * p['product_share']:.0f} %"]

    rows = [[f"{p['n']}×{p['d']} {p['kind']}", f"{p['k']}", seconds(p["roofline_seconds"]), seconds(p["seconds"]),
             f"{100 * p['share']:.0f} %", *product(p)] for p in r["passes"]]
    return table(["X", "K", "roofline", "F and ∂F", "share", "∇²F·v", "share"], rows)
