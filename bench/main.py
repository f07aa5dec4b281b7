"""The benchmark: `bench/run` calls it in its own environment. Writes results.json, table.md and plots."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import plots
import predictions
import report
import workloads
from race import Race, Settings, Tools
from worker import environment

PYTHON_PACKAGES = {"scikit-learn": "scikit-learn", "scikit-learn-intelex": "scikit-learn-intelex", "mlpack": "mlpack",
                   "statsmodels": "statsmodels", "onnxruntime": "onnxruntime", "numpy": "numpy", "scipy": "scipy"}


def main() -> None:
    # An end from outside ends the workers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = arguments()
    quick, partial = args.quick, bool(args.only) or args.without_peers
    settings = Settings(turns=3 if quick else 5, limit=10 if quick else args.limit, only_sklearn=quick, hurry=quick,
                        without_peers=args.without_peers)
    tools, missing = find_tools(args)
    output = args.output or workloads.BENCH / (".work" if quick or partial else "results")
    output.mkdir(parents=True, exist_ok=True)
    chosen = [w for w in (workloads.QUICK if quick else workloads.FULL) if not args.only or w.name in args.only]
    known = {w.name for w in workloads.FULL + workloads.QUICK}
    if not chosen:
        sys.exit(f"--only wants some of: {', '.join(sorted(known))}")
    for workload in chosen:
        note(f"building {workload.name}")
        workload.build()

    results = {
        "machine": machine(), "mode": "quick" if quick else "full", "versions": tools.versions, "missing": missing,
        "kernels": [], "workloads": {}, "ceilings": engine(tools, "ceilings"),
    }
    for workload in chosen:
        note(f"racing {workload.name}")
        result = Race(workload, tools, settings).run()
        result["roofline_pass_seconds"] = roofline_pass(result["meta"], results["ceilings"])
        results["kernels"] = sorted({*results["kernels"], *result["kernels"]})
        results["workloads"][workload.name] = result
        (output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        plots.draw(workload.name, result, output / f"{workload.name}.svg")
    note("predictions, tiny fits, passes")
    results["predictions"] = predictions.measure(tools, settings, quick)
    results["tiny"] = engine(tools, "tiny", "--data", str(workloads.TABLES))
    results["passes"] = engine(tools, "pass", *(["--quick", "--runs", "3"] if quick else []))["passes"]
    (output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (output / "table.md").write_text(report.markdown(results))
    print(report.markdown(results))
    note(f"written to {output}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small workloads, scikit-learn only")
    parser.add_argument("--only", type=lambda names: names.split(","), default=[], metavar="NAME,…")
    parser.add_argument("--without-peers", action="store_true", help="polylogit alone")
    parser.add_argument("--limit", type=float, default=120, help="seconds that a peer's fit may take [120]")
    parser.add_argument("--output", type=Path, help="[bench/results; bench/.work for a part of the whole]")
    parser.add_argument("--engine", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rust-peers", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


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
    else:
        missing["linfa, smartcore"] = "did not build"
    rscript = shutil.which("Rscript")
    if rscript:
        versions |= r_versions(rscript)
    for name in ("glmnet", "nnet"):
        if name not in versions:
            missing[name] = "no such R package" if rscript else "no Rscript"
    missing["PyTorch"] = "not tried: its default wheel on PyPI is made for CUDA"
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
    told = subprocess.run([str(tools.engine), *arguments], check=True, stdout=subprocess.PIPE, env=environment(2))
    return json.loads(told.stdout)


def note(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
