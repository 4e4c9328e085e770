"""The report: a page that needs nothing else, says what the results say, and lets no text of theirs become a tag."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from parity import __main__ as command
from parity import plots, report, suite
from parity.results import (
    CLOSE,
    DIFFERS,
    EXACT,
    KNOWN,
    REFUSED,
    WORSE,
    Coverage,
    Deviation,
    Failure,
    ProgramResult,
    Property,
    Result,
    Results,
)

EVIL = """</script><script>alert("1 & '2'")</script>{{ 7 * 7 }}<!--"""
NOW = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
VOID = {"meta", "link", "input"}


def program(name: str = "digits, Adam, full batch, float32", verdict: str = CLOSE, **options: Any) -> ProgramResult:
    losses = [1.0, 0.5, 0.25]
    measured = Deviation("losses", verdict, 1.5, 0.75, 5.5, "loss")
    equal = Deviation("initial", EXACT, None, None, None)
    values: dict[str, Any] = {
        "name": name, "data": "digits", "optimizer": "Adam", "batch_size": None, "dtype": "float32", "steps": 3,
        "deviations": [equal, measured], "mine_losses": losses, "theirs_losses": [1.0, 0.5 + 1e-8, 0.25],
        "truth_losses": [1.0 + 1e-8, 0.5, 0.25], "mine_accuracy": 0.875, "theirs_accuracy": 0.875, "mine_seconds": 0.5,
        "theirs_seconds": 0.25,
    }  # fmt: skip
    return ProgramResult(**values | options)


def agreeing() -> Results:
    return Results(
        {"python": "3.11", "minitorch": "0.1.0", "torch": "2.13.0"},
        {"system": "Linux", "processor": "some"},
        {"only": "", "quick": True, "seed": 0},
        [
            Result("reduce", "sum", "float32", "value", EXACT, 0.5, 0.5, 5.0, "float64", seconds=1.0),
            Result("reduce", "sum", "float32", "gradient of x", EXACT, 0.0, 0.0, 0.0, seconds=1.0),
            Result("reduce", "mean", "float64", "value", CLOSE, 2.00001, 1.5, 7.0, "mpmath", seconds=1.0),
            Result("index", EVIL, "int64", "value", EXACT),
            Result("index", "put", "", "error", REFUSED, detail="put(): accumulate=True"),
            Result("index", "where", "bool", "value", KNOWN, detail="a reason"),
        ],
        [
            Property("chains", 100, 640, 500, 2, 2.5, 1.5, CLOSE, 3.0),
            Property("views", 9, 9, 9, 0, None, None, EXACT, 1),
        ],
        [program(), program("cancer, SGD", data="cancer", batch_size=32)],
        Coverage(["add", "nn.Linear"], [], {"cuda.*": "needs a GPU"}),
        seconds=75.0,
    )


def differing() -> Results:
    results = agreeing()
    wrong = Result("reduce", "norm", "float32", "value", WORSE, 99.0, 1.0, 6.0, "float64", "99 ulp")
    more = replace(wrong, dtype="float16", mine_ulp=None, theirs_ulp=None, verdict=DIFFERS, detail=EVIL)
    results.cases += [wrong, more]
    results.failures = [Failure("reduce/norm float32: value", "99 ulp", f"print({EVIL!r})")]
    return results


class Page(HTMLParser):
    """Its tags with their attributes, its text, and what stands in script elements; tags must close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text, self.scripts = "", [""]
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("dd", "dt", "td", "th"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text += data

    def attributes(self, name: str) -> list[str]:
        return [value or "" for _, attributes in self.tags for n, value in attributes.items() if n == name]

    def rows(self) -> list[tuple[Any, ...]]:
        """What the table is made of: (family, name, dtype, quantity, verdict, mine, theirs, limit, truth, detail, script)."""
        data = json.loads(self.scripts[1])
        rows = [row + [None] * (report.FIRST_TEXT - len(row)) for row in data["rows"]]
        rows = [row + [0] * (11 - len(row)) for row in rows]
        texts = data["texts"]
        return [(*(texts[i] for i in r[:5]), *r[5:8], *(texts[i] for i in r[8:])) for r in rows]


def page(results: Results) -> Page:
    return Page(report.render(results, NOW))


def words(p: Page) -> str:
    return " ".join(p.text.split())


# --- what it needs, and what it lets through


@pytest.mark.parametrize("make", [agreeing, differing])
def test_the_page_needs_nothing_else(make: Any) -> None:
    html = report.render(make(), NOW)
    assert not re.search(r"https?:|@import|url\((?!#)", html)
    p = Page(html)
    assert {a for n in ("src", "srcset", "action", "data", "poster", "xlink:href") for a in p.attributes(n)} == set()
    assert [u for u in p.attributes("href") if not u.startswith("#") and u not in ("data:,", report.DATA)] == []
    policy = next(a["content"] for t, a in p.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'")


def test_no_text_becomes_a_tag() -> None:
    results = differing()
    results.machine = {EVIL: EVIL}
    results.programs[0] = program(EVIL, WORSE, data=EVIL, optimizer=EVIL)
    results.programs[0].deviations[0].where = EVIL
    results.properties[0] = replace(results.properties[0], name=EVIL, verdict=DIFFERS, detail=EVIL)
    results.coverage = Coverage([EVIL], [EVIL], {EVIL: EVIL})
    results.failures[0].where = EVIL
    results.cases[0].family = EVIL
    results.gone = [EVIL]
    p = page(results)
    assert [a.get("type") for t, a in p.tags if t == "script"] == ["application/json", None]
    assert p.scripts[2] == (Path(report.__file__).parent / "templates/report.js").read_text("utf-8")
    assert p.text.count(EVIL) > 12
    assert EVIL in [row[1] for row in p.rows()]


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    p = page(differing())
    ids = p.attributes("id")
    assert len(ids) == len(set(ids)) > 10
    named = [*p.attributes("href"), *(u[4:-1] for u in p.attributes("clip-path"))]
    assert {n[1:].split("?")[0] for n in named if n.startswith("#")} <= set(ids)
    assert set(p.attributes("aria-labelledby")) <= set(ids)


def test_pictures_take_the_colours_of_the_page() -> None:
    picture = str(plots.losses(program(), "p"))
    assert not re.search(r"#[0-9a-f]{6}\b", picture)
    assert {f"var({v})" for v in ("--mine", "--theirs", "--ink", "--soft")} <= set(
        re.findall(r"var\([\w-]+\)", picture)
    )


# --- what it says


def test_the_json_is_what_was_given(tmp_path: Path) -> None:
    results = differing()
    path = report.write(results, tmp_path / "new" / "folder", NOW)
    assert path.read_text("utf-8") == report.render(results, NOW)
    found = json.loads((path.parent / report.DATA).read_text())
    assert found == dataclasses.asdict(results) | {"good": False}


def test_every_result_is_in_the_table() -> None:
    results = differing()
    rows = page(results).rows()
    script = results.failures[0].script
    expected = [
        (r.family, r.name, r.dtype, r.quantity, r.verdict, r.mine_ulp, r.theirs_ulp, r.limit_ulp, r.truth, r.detail)
        for r in results.cases
    ]
    expected[2] = (*expected[2][:5], 2.0, *expected[2][6:])  # three digits
    assert rows == [*((*row, script) for row in expected[6:]), *((*row, "") for row in expected[:6])]


def test_the_headline() -> None:
    good = words(page(agreeing()))
    assert good.startswith("minitorch parity: agrees")
    assert "They agree 6 results of 5 cases, 649 results of 109 drawn cases, 2 training programs of 6 steps" in good
    assert "when 2030-01-02 03:04 UTC time 1 min 15 s quick yes seed 0 python 3.11" in good
    assert "Disagreements" not in good
    results = differing()
    results.programs.append(program("a program", DIFFERS))
    results.properties[1].verdict = WORSE
    assert results.coverage is not None
    results.coverage.missing = ["relu", "nn.Foo"]
    bad = words(page(results))
    assert "They differ: 2 results, 1 property, 1 training program, 2 public names without a case 8 results" in bad
    assert "The first: reduce/norm float32: value 99 ulp This shows it: print(" in bad
    assert "a program: losses differs by 1.5 eps, PyTorch 0.75, allowed 5.5 (loss)." in bad
    assert "without a case: relu, nn.Foo." in bad


def test_a_family_in_figures() -> None:
    results = differing().cases
    summary = report.Summary.of("reduce", [r for r in results if r.family == "reduce"])
    assert summary == report.Summary("reduce", 3, 5, 2, 1, 0, 2, 99.0, 1.5, 3.0)
    text = words(page(differing()))
    assert "reduce 3 5 40.0 % 1 0 2 99 1.5 3 s index 3 3 33.3 % 0 2 0 – – 0 s all 6 8 37.5 % 1 2 2 99 1.5 3 s" in text


def test_who_is_closer_to_the_truth() -> None:
    results = agreeing()
    results.cases.append(Result("loss", "nll", "float32", "value", CLOSE, 0.25, 3.25, 9.0))
    text = words(page(results))
    assert (
        "minitorch may have 2 times PyTorch's error plus 4 ulp. It is closer to the truth in 1 of them, PyTorch in 1, level in 2."
        in text
    )
    assert "PyTorch is closer to the truth By case, its worst errors in ulp; the largest gaps" in text
    assert "gap mean 2 1.5 0.5 minitorch is closer" in text
    assert "gap nll 0.25 3.25 3 By family" in text


def test_nothing_was_compared() -> None:
    text = words(page(Results({}, {}, {})))
    assert "Nothing was compared 0 results of 0 cases." in text


@pytest.mark.parametrize(
    ("mine", "theirs", "shown"),
    [
        ([1.0, 0.5], [1.0, 0.5], "equal at every step"),
        ([1.0, math.nan], [1.0, 0.5], ""),
        ([math.inf, 0.5], [1.0, 0.25], "1e-1"),
        ([1.0], [1.0, 0.5], ""),
        ([], [], "equal at every step"),
    ],
)
def test_loss_curves_of_all_kinds(tmp_path: Path, mine: list[float], theirs: list[float], shown: str) -> None:
    results = agreeing()
    results.programs = [program(mine_losses=mine, theirs_losses=theirs, truth_losses=theirs)]
    text = Page(report.write(results, tmp_path, NOW).read_text("utf-8")).text
    assert shown in text
    found = json.loads((tmp_path / report.DATA).read_text(), parse_constant=pytest.fail)["programs"][0]
    assert found["mine_losses"] == [x if math.isfinite(x) else str(x) for x in mine]


def test_thousands_of_results_are_rows_of_data_not_of_html() -> None:
    results = agreeing()
    results.cases = [
        Result("reduce", f"case {i}", "float32", "value", CLOSE, i / 100, i / 90, 2 * i / 90 + 4, "float64")
        for i in range(5000)
    ]
    html = report.render(results, NOW)
    p = Page(html)
    assert [row[1] for row in p.rows()] == [r.name for r in results.cases]
    assert len(p.tags) < 3000 and len(html) < 900_000


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (report.ulp(None), "–"),
        (report.ulp(0.0), "0"),
        (report.ulp(0.12345), "0.123"),
        (report.ulp(12345.6), "12,346"),
        (report.ulp(7.18e15), "7.18e+15"),
        (report.ulp(2.5e7), "2.5e+7"),
        (report.percent(0, 0), "–"),
        (report.percent(0, 3), "0.0 %"),
        (report.percent(99999, 100000), "99.9 %"),
        (report.percent(3, 3), "100 %"),
        (report.span(0.2512), "0.25 s"),
        (report.span(59.7), "1 min 0 s"),
        (report.span(42.4), "42 s"),
    ],
)
def test_numbers_as_text(shown: str, text: str) -> None:
    assert shown == text


# --- the command


@pytest.mark.parametrize(("make", "status"), [(agreeing, 0), (differing, 1)])
def test_the_command_writes_it(
    make: Any, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite, "run", lambda *args: make())
    assert command.main(["--report", str(tmp_path / "report")]) == status
    assert f"Report: {tmp_path / 'report' / 'index.html'}\n" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "report").iterdir()} == {report.PAGE, report.DATA}


def test_no_folder_to_write_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stop:
        command.main(["--report", str(tmp_path / "file")])
    assert stop.value.code == 2
    assert "argument --report:" in capsys.readouterr().err


# --- in a browser, where there is one

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize(
    ("address", "names", "shown"),
    [
        ("", ["norm", "norm", "sum", "sum", "mean", EVIL, "put", "where"], "1 to 8 of 8 results"),
        ("#cases?family=reduce&verdict=exact", ["sum", "sum"], "1 to 2 of 2 results"),
        ("#cases?q=SUM+gradient", ["sum"], "1 to 1 of 1 results"),
        ("#cases?dtype=float64&q=nothing", [], "0 results"),
    ],
)
def test_the_table_in_a_browser(address: str, names: list[str], shown: str, tmp_path: Path) -> None:
    url = report.write(differing(), tmp_path / "report", NOW).as_uri()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    found = subprocess.run(
        [str(CHROMIUM), *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", url + address],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if "minitorch parity" not in found.stdout:
        pytest.skip("this Chromium does not read the page")
    table = found.stdout[found.stdout.index('<table id="table"') :]
    cells = Page("<table>" + table[table.index("<tbody") : table.index("</section>")].removesuffix("</section>"))
    assert [t for t, a in cells.tags if t == "button" and "aria-expanded" in a] == ["button"] * len(names)
    assert shown in cells.text
    for name in names:
        assert name in cells.text
