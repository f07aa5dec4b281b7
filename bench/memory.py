"""What earlier runs found, tolerances.json: where a search starts. Never a result."""

from __future__ import annotations

import json
import math
from pathlib import Path

from contestants import Contestant
from workloads import Workload


class Memory:
    def __init__(self, *files: Path) -> None:
        """Later files correct earlier ones; the last one is written."""
        self.file = files[-1]
        self.known: dict[str, dict] = {}
        for file in files:
            for name, told in (json.loads(file.read_text()) if file.exists() else {}).items():
                kept = self.known.setdefault(name, {"contestants": {}})
                kept["contestants"] |= told["contestants"]

    def of(self, workload: Workload, contestant: Contestant) -> dict:
        """`tol` that arrived (None: none did), `seconds` of that fit; of a smaller relative without seconds."""
        own = self.known.get(workload.name, {}).get("contestants", {}).get(contestant.key)
        if own is not None:
            return own
        tol = self.known.get(workload.relative, {}).get("contestants", {}).get(contestant.key, {}).get("tol")
        return {"tol": tol} if tol else {}

    def rank(self, workload: Workload, contestant: Contestant) -> float:
        """Seconds that it took, here or on the relative; infinite for who did not arrive."""
        for name in (workload.name, workload.relative):
            told = self.known.get(name, {}).get("contestants", {}).get(contestant.key)
            if told is not None:
                return told.get("seconds", math.inf)
        return math.inf

    def remember(self, workload: Workload, peers: list[dict]) -> None:
        kept = self.known.setdefault(workload.name, {"contestants": {}})
        for peer in peers:
            fit = next((p for p in peer["search"] if p["tol"] == peer["tol"]), None)
            key = f"{peer['peer']} {peer['solver']} {peer['dtype']}"
            # Who was not run is not known, and a busy machine makes nobody late for good.
            if peer["tol"] is None and (not peer["late"] or kept["contestants"].get(key, {}).get("tol")):
                continue
            kept["contestants"][key] = {"tol": peer["tol"]} | ({"seconds": round(fit["seconds"], 4)} if fit else {})
        lines = [f" {json.dumps(name)}: {json.dumps(told)}" for name, told in sorted(self.known.items())]
        new = self.file.with_suffix(".new")
        new.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        new.replace(self.file)
