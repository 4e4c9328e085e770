"""`python -m parity --report DIR`: what a run found, as one HTML page that needs nothing else, and as JSON beside it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from parity import plots
from parity.judge import FACTOR, FEW
from parity.results import CLOSE, EXACT, KNOWN, REFUSED, ProgramResult, Result, Results

PAGE, DATA = "index.html", "results.json"
EXTREMES = 10  # rows of the tables of who is further from the truth
FIRST_TEXT = 8  # in the rows of the page's data: of the texts behind the numbers


def write(results: Results, directory: Path | str, now: datetime | None = None) -> Path:
    """Write the page and the JSON into the directory, which is made if need be; the path of the page."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    results.save(directory / DATA)
    page = directory / PAGE
    page.write_text(render(results, now or datetime.now(UTC)), "utf-8")
    return page


def render(results: Results, now: datetime) -> str:
    """The page."""
    loader = PackageLoader("parity")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"ulp": ulp, "count": "{:,}".format, "span": span, "percent": percent}
    environment.globals["source"] = lambda name: Markup(loader.get_source(environment, name)[0])
    measured = [r for r in results.cases if r.mine_ulp is not None and r.theirs_ulp is not None]
    top = plots.top_of(measured)
    families = _grouped(results.cases, lambda r: r.family)
    return environment.get_template("report.html").render(
        results=results,
        now=now,
        data_file=DATA,
        wrong=_wrong(results),
        total=Summary.of("all", results.cases),
        families=[Summary.of(name, found) for name, found in families.items()],
        measured=len(measured),
        factor=FACTOR,
        few=FEW,
        closer=_closer(measured),
        scatter=plots.scatter(measured, top, "scatter") if measured else "",
        histogram=plots.histogram(measured, top, "all", "all families", height=4.6) if measured else "",
        histograms=[
            (name, plots.histogram(found, top, f"family{i}", f"family {name}"))
            for i, (name, found) in enumerate(_grouped(measured, lambda r: r.family).items())
        ],
        extremes=_extremes(measured),
        programs=_programs(results.programs),
        choices={kind: Counter(getattr(r, kind) for r in results.cases) for kind in ("family", "dtype", "verdict")},
        data=_data(results),
    )


# --- numbers as text


def ulp(error: float | None) -> str:
    """Three digits."""
    if error is None:
        return "–"
    return f"{error:,.0f}" if 1000 <= error < 1e6 else f"{error:.3g}".replace("e+0", "e+").replace("e-0", "e-")


def span(seconds: float) -> str:
    """'0.25 s', '12 s', '3 min 20 s'."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def percent(part: int, whole: int) -> str:
    """100 % means all, 0 % none."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{min(share, 99.9):.1f} %" if part < whole else "100 %"


# --- what the page says


@dataclass
class Summary:
    """Results of one family, or of all."""

    name: str
    cases: int
    results: int
    exact: int
    close: int
    other: int  # refused, or a known difference
    wrong: int
    mine: float | None  # the worst errors, in ulp
    theirs: float | None
    seconds: float

    @classmethod
    def of(cls, name: str, results: Sequence[Result]) -> Summary:
        verdicts = Counter(r.verdict for r in results)
        return cls(
            name,
            len({(r.family, r.name) for r in results}),
            len(results),
            verdicts[EXACT],
            verdicts[CLOSE],
            verdicts[REFUSED] + verdicts[KNOWN],
            sum(not r.good for r in results),
            max((r.mine_ulp for r in results if r.mine_ulp is not None), default=None),
            max((r.theirs_ulp for r in results if r.theirs_ulp is not None), default=None),
            math.fsum(r.seconds for r in results),
        )


def _wrong(results: Results) -> list[str]:
    """What does not agree, as counts: ['3 results', '1 training program']."""
    missing = results.coverage.missing if results.coverage else []
    counts = {
        "result": sum(not r.good for r in results.cases),
        "property": sum(not p.good for p in results.properties),
        "training program": sum(not p.good for p in results.programs),
        "public name without a case": len(missing),
    }
    plural = {"property": "properties", "public name without a case": "public names without a case"}
    return [f"{n:,} {what if n == 1 else plural.get(what, what + 's')}" for what, n in counts.items() if n]


@dataclass
class Op:
    """The worst errors among the results of one case."""

    family: str
    name: str
    mine: float
    theirs: float
    bar: float = 0.0  # percent of the longest

    @property
    def gap(self) -> float:
        return self.mine - self.theirs


def _extremes(measured: Sequence[Result]) -> list[tuple[str, list[Op]]]:
    """The cases in which either library is furthest behind the other."""
    worst: dict[tuple[str, str], Op] = {}
    for r in measured:
        op = worst.setdefault((r.family, r.name), Op(r.family, r.name, 0.0, 0.0))
        op.mine, op.theirs = max(op.mine, r.mine_ulp or 0.0), max(op.theirs, r.theirs_ulp or 0.0)
    ops = sorted(worst.values(), key=lambda op: op.gap)
    sides = [
        ("PyTorch is closer to the truth", [op for op in reversed(ops) if op.gap > 0][:EXTREMES]),
        ("minitorch is closer to the truth", [op for op in ops if op.gap < 0][:EXTREMES]),
    ]
    for _, shown in sides:
        longest = math.log2(1 + max((abs(op.gap) for op in shown), default=1.0))
        for op in shown:
            op.bar = 100 * math.log2(1 + abs(op.gap)) / longest
    return sides


def _closer(measured: Sequence[Result]) -> dict[str, int]:
    """In how many results which library is closer to the truth."""
    pairs = [(r.mine_ulp or 0.0, r.theirs_ulp or 0.0) for r in measured]
    return {
        "mine": sum(a < b for a, b in pairs),
        "level": sum(a == b for a, b in pairs),
        "theirs": sum(a > b for a, b in pairs),
    }


def _programs(programs: Sequence[ProgramResult]) -> dict[str, list[tuple[ProgramResult, Markup]]]:
    """{data: [(program, its picture)]}."""
    drawn = [(p, plots.losses(p, f"program{i}")) for i, p in enumerate(programs)]
    return _grouped(drawn, lambda pair: pair[0].data)


def _grouped(items: Iterable[Any], key: Any) -> dict[str, list[Any]]:
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


# --- the table that can be searched


def _data(results: Results) -> dict[str, Any]:
    """Every result as a list of numbers: texts stand in a list of their own, once each. What is wrong comes first."""
    texts: dict[str, int] = {"": 0}
    number = lambda text: texts.setdefault(text, len(texts))
    scripts = _scripts(results)
    rows = []
    for r in sorted(results.cases, key=lambda r: r.good):
        script = "" if r.good else scripts.get((r.family, r.name), "")
        named = [number(text) for text in (r.family, r.name, r.dtype, r.quantity, r.verdict)]
        row = [*named, *map(_short, (r.mine_ulp, r.theirs_ulp, r.limit_ulp)), *map(number, (r.truth, r.detail, script))]
        while row[-1] is None or (len(row) > FIRST_TEXT and row[-1] == 0):  # what is left out is none, or no text
            row.pop()
        rows.append(row)
    return {"texts": list(texts), "rows": rows}


def _scripts(results: Results) -> dict[tuple[str, str], str]:
    """The script of each case that has one: it shows the case's first disagreement."""
    written = {failure.where: failure.script for failure in results.failures}
    found: dict[tuple[str, str], str] = {}
    for r in results.cases:
        script = None if r.good else written.get(f"{r.family}/{r.name} {r.dtype}: {r.quantity}")
        if script is not None:
            found.setdefault((r.family, r.name), script)
    return found


def _short(x: float | None) -> float | None:
    return None if x is None or not math.isfinite(x) else float(f"{x:.3g}")
