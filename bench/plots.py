"""Suboptimality against time, one SVG a workload, legible on light and dark pages."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

GREY = "#808080"
COLOURS = ["#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#1f78b4", "#b15928"]
MARKERS = "osD^vP*XH"
FLOOR = 1e-12  # below this float64 says nothing
plt.rcParams.update({"svg.hashsalt": "polylogit", "font.family": "sans-serif", "font.size": 10, "text.color": GREY,
                     "axes.labelcolor": GREY, "axes.edgecolor": GREY, "xtick.color": GREY, "ytick.color": GREY})


def draw(name: str, result: dict, path: Path) -> None:
    """Lines of polylogit are single fits step by step; those of peers are whole fits, one for each tolerance."""
    figure, axes = plt.subplots(figsize=(7, 4.2))
    best = result["best_objective"]
    for threads, style in (("1", "--"), ("2", "-")):
        steps = result["polylogit"][threads]["trajectory"]
        axes.plot([s["seconds"] for s in steps], [height(s["objective"], best) for s in steps], style, color=COLOURS[0],
                  linewidth=2, label=f"polylogit, {threads} thread{'s' * (threads != '1')}")
    colour = 1
    for peer in result["peers"]:
        points = [p for p in peer["search"] if p["suboptimality"] == p["suboptimality"]]
        if points:
            axes.plot([p["seconds"] for p in points], [height(p["objective"], best) for p in points], MARKERS[colour % len(MARKERS)] + "-",
                      color=COLOURS[colour % len(COLOURS)], linewidth=1, markersize=4,
                      label=" ".join(dict.fromkeys([peer["peer"], peer["solver"], peer["dtype"].removeprefix("float64")])))
            colour += 1
    axes.axhline(1e-6, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="(F − F*) / F*")
    axes.set_title(f"{name}: {result['about']}", fontsize=10)
    axes.grid(color=GREY, alpha=0.2)
    axes.legend(fontsize=8, framealpha=0, loc="center left", bbox_to_anchor=(1.01, 0.5))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def height(objective: float, best: float) -> float:
    return max((objective - best) / abs(best), FLOOR)
