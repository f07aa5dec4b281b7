"""The page of `polylogit report` in a real browser: what a reader sees, hears, types and prints."""

import itertools
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

COMMAND = os.environ.get("POLYLOGIT") or shutil.which("polylogit")
BROWSER = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
DRIVER = shutil.which("chromedriver")
DATA = Path(__file__).parents[2] / "data"
CHARTS = [
    "convergence",
    "balance",
    "forest",
    "heat",
    "confusion",
    "reliability",
    "confidence",
    "roc",
    "pr",
    "histogram",
]
EVIL = [
    "</script><script>document.title='hacked'</script>",
    "<img src=x onerror=\"document.title='hacked'\">",
    "__proto__",
]

selenium = pytest.importorskip("selenium", reason="selenium drives the browser: pip install selenium")
pytestmark = [
    pytest.mark.skipif(COMMAND is None, reason="the command is not built: set POLYLOGIT to its path"),
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None, reason="no browser: apt-get install chromium chromium-driver"
    ),
]

from selenium import webdriver
from selenium.webdriver.common.keys import Keys


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [
        "headless=new",
        "no-sandbox",
        "disable-dev-shm-usage",
        "disable-background-networking",
        "host-resolver-rules=MAP * ~NOTFOUND",
        "window-size=1280,1000",
        "hide-scrollbars",
    ]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def run(*arguments, cwd):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=True, cwd=cwd).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


def model(classes, features, coef, rows, target="kind"):
    """A model file by hand."""
    record = {
        "lambda": 0.1,
        "l1_ratio": 0.0,
        "standardize": True,
        "fit_intercept": True,
        "objective": 1.0,
        "nll_mean": 0.9,
        "certificate": {"kind": "duality_gap", "gap": 1e-9, "relative_gap": 1e-9},
        "status": "converged",
        "rows": rows,
        "total_weight": rows,
        "steps": 3,
        "passes": 7.0,
        "seconds": 0.1,
        "solver": "newton",
        "reason": "by hand",
        "version": "0.1.0",
        "feature_sd": [1.0] * len(features),
    }
    columns = [{"name": name, "kind": {"number": {"mean": 0.0}}} for name in features]
    return json.dumps(
        {
            "format": 1,
            "classes": classes,
            "features": features,
            "intercept": [0.0] * len(classes),
            "coef": coef.tolist(),
            **record,
            "schema": {"target": target, "weight": None, "columns": columns},
        }
    )


@pytest.fixture(scope="module")
def pages(folder):
    """A page by its name, written when it is first asked for."""

    def write(name):
        path = folder / f"{name}.html"
        if path.exists():
            return path
        if name == "penguins":
            run(
                "fit",
                DATA / "penguins.csv",
                "--target",
                "species",
                "--features",
                "bill_length_mm,island,sex",
                "-o",
                "m.safetensors",
                cwd=folder,
            )
            run("report", "m.safetensors", DATA / "penguins.csv", "-o", path, cwd=folder)
        elif name == "intervals":
            run(
                "fit",
                DATA / "penguins.csv",
                "--target",
                "species",
                "--features",
                "body_mass_g,flipper_length_mm",
                "--lambda",
                "0",
                "-o",
                "u.safetensors",
                cwd=folder,
            )
            run("report", "u.safetensors", DATA / "penguins.csv", "-o", path, cwd=folder)
        elif name == "cv":
            run(
                "cv",
                DATA / "iris.csv",
                "--target",
                "species",
                "--l1-ratio",
                "1",
                "--folds",
                "3",
                "--lambdas",
                "15",
                "-o",
                "c.safetensors",
                cwd=folder,
            )
            run("report", "c.safetensors", DATA / "iris.csv", "-o", path, cwd=folder)
        else:
            rng = np.random.default_rng(0)
            if name == "big":
                classes, features = [f"class {k}" for k in range(100)], [f"column_{j}" for j in range(1000)]
            else:
                classes, features = EVIL, ["<b>bold</b>", "\"'><svg onload=alert(1)>"]
            n, d, k = 300, len(features), len(classes)
            coef, x = rng.normal(size=(k, d)), rng.normal(size=(n, d))
            y = np.argmax(x @ coef.T + rng.gumbel(size=(n, k)) * np.sqrt(d), axis=1)

            def quote(text):
                return '"' + str(text).replace('"', '""') + '"'

            lines = [",".join(map(quote, [*features, "kind"]))]
            lines += [",".join([*(f"{v:.3f}" for v in row), quote(classes[label])]) for row, label in zip(x, y)]
            (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
            (folder / f"{name}.json").write_text(model(classes, features, coef, n), encoding="utf-8")
            run("report", f"{name}.json", f"{name}.csv", "-o", path, cwd=folder)
        return path

    return write


def opened(browser, path, width=1280, height=1000):
    """Opens a page, and waits until it has drawn itself; nothing may be logged and nothing asked for."""
    browser.set_window_size(width, height)
    browser.get_log("browser")
    browser.get(path.as_uri())
    deadline = time.monotonic() + 20
    while not browser.execute_script("return document.documentElement.dataset.ready"):
        assert time.monotonic() < deadline, browser.get_log("browser")
        time.sleep(0.02)
    quiet(browser)


def quiet(browser):
    assert browser.get_log("browser") == []
    requests = browser.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert [r for r in requests if not r.startswith("data:")] == []


def drawn(browser, name):
    """What a chart holds: (width, height, shapes or pixels that are not empty, role, label)."""
    return browser.execute_script(
        """
        const figure = document.getElementById(arguments[0]);
        if (!figure) return null;
        const chart = figure.querySelector(".chart svg, .chart canvas");
        const box = chart.getBoundingClientRect();
        const shapes = chart instanceof HTMLCanvasElement
            ? chart.getContext("2d").getImageData(0, 0, chart.width, chart.height).data.filter((v, i) => i % 4 == 3 && v).length
            : [...chart.querySelectorAll("path, rect, circle, line")].filter((s) => s.getBBox().width + s.getBBox().height > 0).length;
        return [box.width, box.height, shapes, chart.getAttribute("role"), chart.getAttribute("aria-label")];
        """,
        name,
    )


# The fit of a cross-validated model begins at its goal.
@pytest.mark.parametrize(("name", "charts"), [("penguins", CHARTS), ("cv", ["cv", *CHARTS[1:]]), ("intervals", CHARTS)])
def test_every_chart_is_there_and_says_what_it_shows(browser, pages, name, charts):
    opened(browser, pages(name))
    for chart in charts:
        width, height, shapes, role, label = drawn(browser, chart)
        assert min(width / 200, height / 80, shapes / 4) >= 1, (chart, width, height, shapes)
        assert role == "img", chart
        assert len(label) > 30, (chart, label)
        assert not re.search("NaN|undefined", label), label
    text = browser.execute_script("return document.body.innerText")
    assert "NaN" not in text
    assert "undefined" not in text
    assert "[object" not in text
    assert browser.title == "species: polylogit report"


def test_intervals_are_drawn_or_their_absence_explained(browser, pages):
    opened(browser, pages("intervals"))
    words = browser.execute_script("return document.getElementById('forest').innerText")
    assert "with intervals of 95 %" in words
    opened(browser, pages("penguins"))
    assert "a penalty shrinks the estimates" in browser.execute_script(
        "return document.getElementById('forest').innerText"
    )


def test_structure_for_screen_readers(browser, pages):
    opened(browser, pages("penguins"))
    unnamed = browser.execute_script(
        """
        const named = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.closest("label") || e.textContent.trim();
        return [...document.querySelectorAll("button, select, input, figure, section, [tabindex='0'], [role=img], nav, table")]
            .filter((e) => !named(e)).map((e) => e.outerHTML.slice(0, 80));
        """
    )
    assert unnamed == []
    levels = browser.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    broken = browser.execute_script(
        "return [...document.querySelectorAll('[aria-labelledby]')].filter((e) => !document.getElementById(e.getAttribute('aria-labelledby'))).length"
    )
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert broken == 0
    assert len(ids) == len(set(ids))


def column(browser, label, at):
    return browser.execute_script(
        """
        const table = document.querySelector(`[role=table][aria-label="${arguments[0]}"]`);
        return [...table.querySelectorAll(`.body [aria-colindex="${arguments[1]}"]`)].map((c) => c.textContent);
        """,
        label, at,
    )  # fmt: skip


def test_tables_sort_by_keyboard(browser, pages):
    opened(browser, pages("penguins"))
    table = browser.find_element("css selector", "[role=table][aria-label=Coefficients]")
    head = table.find_element("css selector", "[role=columnheader][aria-colindex='1'] button")
    browser.execute_script("arguments[0].focus()", head)
    head.send_keys(Keys.ENTER)
    active = browser.switch_to.active_element
    assert active.text.startswith("column")
    assert column(browser, "Coefficients", 1) == sorted(column(browser, "Coefficients", 1))
    active.send_keys(Keys.SPACE)
    assert column(browser, "Coefficients", 1) == sorted(column(browser, "Coefficients", 1), reverse=True)
    sort = browser.switch_to.active_element.find_element("xpath", "..").get_attribute("aria-sort")
    assert sort == "descending"
    # From heading to heading, and out of the table, by Tab alone.
    labels = []
    for _ in range(8):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        labels.append(browser.execute_script("return document.activeElement.textContent"))
    assert labels[0].startswith("size")
    assert len(set(labels)) > 4
    quiet(browser)


def test_a_class_is_chosen_by_keyboard(browser, pages):
    opened(browser, pages("penguins"))
    select = browser.find_element("css selector", "#forest select")
    before = drawn(browser, "forest")[4]
    select.send_keys("Gentoo")
    assert "Gentoo" in drawn(browser, "forest")[4]
    assert "Gentoo" not in before
    details = browser.find_element("css selector", "#roc details summary")
    details.send_keys(Keys.ENTER)
    time.sleep(0.1)
    assert browser.execute_script("return document.querySelectorAll('#roc details tbody tr').length") > 5


def luminance(browser, selector, what):
    rgb = browser.execute_script(
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]].match(/[0-9.]+/g).slice(0, 3).map(Number)",
        selector, what,
    )  # fmt: skip
    linear = [(v / 255 / 12.92) if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser, pages, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        opened(browser, pages("penguins"))
        paper = luminance(browser, "body", "backgroundColor")
        assert paper > 0.9 if scheme == "light" else paper < 0.02
        for selector in ["body", "nav a", "figure p", ".card dt", "#balance svg text", ".grid .head button", "footer"]:
            ink = luminance(browser, selector, "color")
            contrast = (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)
            assert contrast >= 4.5, (selector, contrast)
        button = browser.find_element("css selector", "header button")
        for theme, dark in [("light", False), ("dark", True), ("automatic", scheme == "dark")]:
            button.click()
            assert button.text == f"Theme: {theme}"
            assert (luminance(browser, "body", "backgroundColor") < 0.1) == dark
        quiet(browser)
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_on_paper_it_is_light_and_whole(browser, pages):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    try:
        opened(browser, pages("big"))
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert luminance(browser, "body", "backgroundColor") > 0.9
        assert browser.execute_script("return getComputedStyle(document.querySelector('nav')).display") == "none"
        rows = column(browser, "Coefficients", 1)
        assert len(rows) == 60
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
        browser.execute_script("dispatchEvent(new Event('afterprint'))")
        assert 20 < len(column(browser, "Coefficients", 1)) < 40
        opened(browser, pages("penguins"))
        assert len(browser.print_page()) > 50_000
        quiet(browser)
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_a_phone_scrolls_one_way_only(browser, pages):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        for name in ["penguins", "big", "cv"]:
            opened(browser, pages(name), 500)
            wide = browser.execute_script(
                "return [innerWidth, document.documentElement.scrollWidth, ...[...document.querySelectorAll('.chart svg, .chart canvas')].map((c) => c.getBoundingClientRect().right)]"
            )
            assert wide[0] == 375, name
            assert max(wide[1:]) <= 376, (name, wide)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_names_from_files_stay_text(browser, pages):
    opened(browser, pages("evil"))
    assert browser.title == "kind: polylogit report"
    found = browser.execute_script(
        "return [document.scripts.length, document.querySelectorAll('img, b, main svg[onload]').length, ({}).polluted]"
    )
    assert found == [2, 0, None]
    words = browser.execute_script("return document.body.innerText")
    for name in ["</script><script>document", "<b>bold</b>", "__proto__"]:
        assert name in words
    for chart in set(CHARTS) - {"convergence"}:
        assert drawn(browser, chart)[2] > 3, chart


def test_a_thousand_columns_by_a_hundred_classes_stay_fluid(browser, pages, record_property):
    path = pages("big")
    assert path.stat().st_size < 1_700_000
    opened(browser, path)
    load = browser.execute_script(
        "const n = performance.getEntriesByType('navigation')[0]; return n.domComplete - n.startTime"
    )
    cells = browser.execute_script(
        "return document.querySelectorAll('[role=table][aria-label=Coefficients] .cell').length"
    )
    assert cells < 1500
    scroll, sort = browser.execute_async_script(
        """
        const done = arguments[0];
        const table = document.querySelector("[role=table][aria-label=Coefficients]");
        table.scrollIntoView();
        const frames = [];
        let last = performance.now(), at = 0;
        const step = (now) => {
            frames.push(now - last);
            last = now;
            table.scrollTop += 400;
            table.scrollLeft += 120;
            if (at++ < 60) return requestAnimationFrame(step);
            const start = performance.now();
            table.querySelector("[role=columnheader][aria-colindex='1'] button").click();
            table.offsetHeight;
            done([frames.slice(1).sort((a, b) => a - b), performance.now() - start]);
        };
        requestAnimationFrame(step);
        """
    )
    median, worst = scroll[len(scroll) // 2], scroll[-1]
    for key, value in [("load_ms", load), ("scroll_frame_ms", median), ("worst_frame_ms", worst), ("sort_ms", sort)]:
        record_property(key, round(value, 1))
    print(f"load {load:.0f} ms, a frame while scrolling {median:.1f} ms (worst {worst:.0f}), a sort {sort:.1f} ms")
    # Far from what was measured (docs/report.md): a table that draws every cell takes seconds.
    assert load < 20_000
    assert median < 250
    assert sort < 1000
    end = browser.execute_script(
        "const t = document.querySelector('[role=table][aria-label=Coefficients]'); t.scrollTop = 1e9; t.scrollLeft = 1e9; return new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r([t.querySelector('.body .row:last-child').getAttribute('aria-rowindex'), t.querySelector('.body .row .cell:last-child').getAttribute('aria-colindex')]))))"
    )
    assert end == ["1001", "102"]
    heat = browser.find_element("css selector", "#heat canvas")
    heat.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert browser.execute_script("return document.querySelector('#heat .readout').textContent").startswith(
        "class 1, column_"
    )
    quiet(browser)
