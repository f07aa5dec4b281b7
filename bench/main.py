"""The benchmark: `bench/run` calls it in its own environment. Writes results.json, table.md and plots."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import bits
import plots
import predictions
import report
import workloads
from contestants import Tools
from lasso import LassoRace
from memory import Memory
from race import Race, Settings
from worker import Failed, environment

PYTHON_PACKAGES = {"scikit-learn": "scikit-learn", "scikit-learn-intelex": "scikit-learn-intelex", "mlpack": "mlpack",
                   "pytorch": "torch", "statsmodels": "statsmodels", "onnxruntime": "onnxruntime", "numpy": "numpy", "scipy": "scipy"}


# Seconds of passes, predictions and the like.
BESIDES, BESIDES_QUICK = 240, 70
ENGINE_LIMIT = 600  # seconds; far more than any of its parts takes


def main() -> None:
    # An end from outside ends the workers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start, args = time.monotonic(), arguments()
    tools, missing = find_tools(args)
    output = args.output or workloads.BENCH / (".work" if args.quick or args.only or args.without_peers else "results")
    output.mkdir(parents=True, exist_ok=True)
    if args.bits:
        agree, table = bits.check(offered(args), tools, note)
        (output / "bits.md").write_text(table)
        print(table)
        sys.exit(0 if agree else 1)
    memory = Memory(workloads.BENCH / "results" / "tolerances.json", output / "tolerances.json")
    results = begun(output, args, tools) or {
        "machine": machine(), "mode": args.mode, "versions": tools.versions, "missing": missing, "kernels": [],
        "workloads": {}, "lasso": {}, "ceilings": engine(tools, "ceilings"),
    }
    chosen = choose(args, results)
    try:
        # Short things first.
        if not args.only:
            besides(args, tools, results, output)
        race(chosen, args, tools, memory, results, output)
    finally:
        # What was measured is kept, however the run ends.
        write(results, output)
    print((output / "table.md").read_text())
    note(f"written to {output} after {(time.monotonic() - start) / 60:.1f} minutes")


def begun(output: Path, args: argparse.Namespace, tools: Tools) -> dict | None:
    """An earlier run's results, if they are to be resumed and were made by the same programs."""
    file = output / "results.json"
    if not (args.resume and file.exists()):
        return None
    results = json.loads(file.read_text())
    if results["versions"] != tools.versions or results["mode"] != args.mode:
        note("nothing to resume: other versions or another mode; everything anew")
        return None
    return results


def choose(args: argparse.Namespace, results: dict) -> list[workloads.Workload]:
    """What is still to be raced, the cheapest first; says how long it will take."""
    chosen = [w for w in offered(args) if w.name not in results["workloads"] | results["lasso"]]
    chosen = [dataclasses.replace(w, seconds=args.times * w.seconds, limit=args.times * w.limit) for w in chosen]
    chosen.sort(key=lambda w: w.seconds)
    besides = 0 if args.only else BESIDES_QUICK if args.quick else BESIDES
    note(f"about {(sum(w.seconds for w in chosen) + besides) / 60:.0f} minutes: "
         + ", ".join(f"{w.name} {w.seconds:.0f} s" for w in chosen) + (f", passes and predictions {besides} s" if besides else ""))
    return chosen


def offered(args: argparse.Namespace) -> list[workloads.Workload]:
    """All workloads of the mode, or those that are named."""
    every = workloads.QUICK + workloads.QUICK_LASSO if args.quick else workloads.FULL + workloads.LASSO
    named = lambda w: w.name in args.only or ("lasso" in args.only and isinstance(w, workloads.Penalised))  # noqa: E731
    chosen = [w for w in every if not args.only or named(w)]
    if not chosen:
        sys.exit(f"--only wants some of: {', '.join(w.name for w in every)}; or lasso, for all with an L1 penalty")
    return chosen


def race(chosen: list[workloads.Workload], args: argparse.Namespace, tools: Tools, memory: Memory, results: dict,
         output: Path) -> None:
    settings = Settings(turns=3, repeated=6, patience=3, cheap=0.3, own_limit=20, least=6) if args.quick else Settings()
    settings = dataclasses.replace(settings, only_sklearn=args.quick, without_peers=args.without_peers)
    for workload in chosen:
        workload.build()
        note(f"racing {workload.name}")
        lasso = isinstance(workload, workloads.Penalised)
        try:
            result = (LassoRace if lasso else Race)(workload, tools, settings, memory).run()
        except (Failed, subprocess.SubprocessError, OSError) as failure:
            # The others are raced all the same.
            note(f"{workload.name}: polylogit: {failure}")
            results["missing"][workload.name] = f"polylogit: {failure}"
            continue
        results["missing"].pop(workload.name, None)
        results["kernels"] = sorted({*results["kernels"], *result["kernels"]})
        results["lasso" if lasso else "workloads"][workload.name] = result
        if not lasso:
            result["roofline_pass_seconds"] = roofline_pass(result["meta"], results["ceilings"])
            plots.draw(workload.name, result, output / f"{workload.name}.svg")
        write(results, output)


def besides(args: argparse.Namespace, tools: Tools, results: dict, output: Path) -> None:
    """What is measured besides whole fits."""
    parts = {
        "tiny": lambda: engine(tools, "tiny", "--data", str(workloads.TABLES)),
        "predictions": lambda: predictions.measure(tools, args.quick, args.without_peers),
        "passes": lambda: engine(tools, "pass", *(["--quick", "--runs", "3"] if args.quick else []))["passes"],
    }
    for name, measure in parts.items():
        if name not in results:
            note(f"measuring {name}")
            try:
                results[name] = measure()
            except (subprocess.SubprocessError, OSError) as failure:
                note(f"{name}: {failure}")
                results["missing"][name] = str(failure)
            write(results, output)


def write(results: dict, output: Path) -> None:
    """By a neighbour that is renamed: a killed run leaves whole files."""
    for name, text in {"results.json": json.dumps(results, indent=1) + "\n", "table.md": report.markdown(results)}.items():
        new = output / f"{name}.new"
        new.write_text(text)
        new.replace(output / name)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller workloads, scikit-learn and glmnet's paths; under five minutes")
    parser.add_argument("--only", type=lambda names: names.split(","), default=[], metavar="NAME,…",
                        help="these workloads (lasso: all with an L1 penalty), nothing else")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    parser.add_argument("--times", type=float, default=1.0, metavar="N", help="every workload, and every fit, has N times as long")
    parser.add_argument("--bits", action="store_true", help="no race: are polylogit's answers the same bits on 1, 2, 3 and 8 threads?")
    parser.add_argument("--without-peers", action="store_true", help="polylogit alone")
    parser.add_argument("--output", type=Path, help="[bench/results; bench/.work for a part of the whole]")
    parser.add_argument("--engine", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rust-peers", type=Path, required=True, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.mode = ("quick" if args.quick else "full") + (", without peers" if args.without_peers else "")
    return args


def find_tools(args: argparse.Namespace) -> tuple[Tools, dict[str, str]]:
    """What there is to run, with versions; what there is not, with the reason."""
    versions, missing = {"polylogit": commit(), "python": platform.python_version()}, {}
    for name, package in PYTHON_PACKAGES.items():
        try:
            versions[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing[name] = "did not install"
    rust_peers = args.rust_peers if args.rust_peers.exists() else None
    if rust_peers:
        versions |= locked_versions(workloads.BENCH / "peers" / "Cargo.lock", {"linfa-logistic": "linfa", "smartcore": "smartcore"})
    elif not args.quick:
        missing["linfa, smartcore"] = "did not build"
    rscript = shutil.which("Rscript")
    if rscript:
        versions |= r_versions(rscript)
    for name in ("glmnet", "nnet"):
        if name not in versions:
            missing[name] = "no such R package" if rscript else "no Rscript"
    return Tools(args.engine, Path(sys.executable), rust_peers, rscript, versions), missing


def locked_versions(lock: Path, names: dict[str, str]) -> dict[str, str]:
    import tomllib

    packages = tomllib.loads(lock.read_text())["package"]
    return {names[p["name"]]: p["version"] for p in packages if p["name"] in names}


def r_versions(rscript: str) -> dict[str, str]:
    code = 'for (p in c("glmnet", "nnet")) if (requireNamespace(p, quietly = TRUE)) cat(p, format(packageVersion(p)), "\\n")'
    told = subprocess.run([rscript, "-e", code], capture_output=True, text=True, check=False).stdout
    return dict(line.split() for line in told.splitlines() if len(line.split()) == 2)


def commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=workloads.BENCH, capture_output=True, text=True,
                          check=False)
    return told.stdout.strip() or "unknown"


def machine() -> dict:
    processors = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in processors.splitlines() if line.startswith("model name")]
    load = os.getloadavg()[0]
    if load > 0.5:
        note(f"warning: the load is {load:.2f}: something else runs on this machine")
    return {
        "cpu": models[0] if models else platform.processor(), "cores": len(os.sched_getaffinity(0)),
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        "system": f"{platform.system()} {platform.machine()}", "load": load,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }


def roofline_pass(meta: dict, ceilings: dict) -> float:
    """max(bytes of X / bandwidth, 4·stored·K / peak flops), in seconds; a sparse value comes with an index of 4 bytes."""
    single = meta["dtype"] == "float32"
    width = (4 if single else 8) + (4 if meta["sparse"] else 0)
    bandwidth = max(ceilings["bandwidth_bytes_per_second"].values())
    flops = max(ceilings["f32_flops_per_second" if single else "f64_flops_per_second"].values())
    return max(width * meta["stored"] / bandwidth, 4 * meta["stored"] * meta["k"] / flops)


def engine(tools: Tools, *arguments: str) -> dict:
    told = subprocess.run([str(tools.engine), *arguments], check=True, stdout=subprocess.PIPE, env=environment(2),
                          timeout=ENGINE_LIMIT)
    return json.loads(told.stdout)


def note(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
