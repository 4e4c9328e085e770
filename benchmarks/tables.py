"""The results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.backends import BACKENDS, RATIOS
from benchmarks.results import NOT_MEASURED, Results, Row
from benchmarks.timing import Timing
from benchmarks.workloads import FAMILIES
from benchmarks.workloads.training import PARTS


def show(results: Results, console: Console) -> None:
    """Everything that was measured."""
    for table in tables(results):
        console.print(table)
        console.print()
    for line in absences(results.rows):
        console.print(line, style="dim", highlight=False, markup=False)


def tables(results: Results) -> Iterator[Any]:
    """One per family, then the parts of a step, memory and the roofs."""
    for family, about in FAMILIES.items():
        rows = results.family(family)
        if rows:
            yield rows_table(f"{about.title}: microseconds", rows)
    if results.splits:
        yield _split_table(results)
    if results.peaks:
        yield _peak_table(results)
    if results.roofs:
        yield _roof_table(results)


def rows_table(title: str, rows: list[Row]) -> Table:
    """Rows of one family: a column per backend that any of them was measured with, then the ratios."""
    present = [b.name for b in BACKENDS if any(b.name in row.times for row in rows)]
    ratios = [(a.name, b.name, title) for a, b, title in RATIOS if a.name in present and b.name in present]
    table = _table(title, *present, *[title for _, _, title in ratios])
    for row in rows:
        cells = [time_cell(row.times.get(name)) for name in present]
        table.add_row(escape(row.name), *cells, *[ratio_cell(row.median(a), row.median(b)) for a, b, _ in ratios])
    return table


def time_cell(timing: Timing | None) -> str:
    """Microseconds, and half the distance between the quartiles in percent."""
    if timing is None:
        return NOT_MEASURED
    return f"{micro(timing.median)} ±{timing.spread:.0%}"


def micro(seconds: float) -> str:
    """Three digits at least."""
    us = seconds * 1e6
    return f"{us:,.2f}" if us < 10 else f"{us:,.1f}" if us < 100 else f"{us:,.0f}"


def ratio_cell(mine: float | None, theirs: float | None) -> str:
    """How many times as long minitorch takes: below 1 it is faster."""
    return "" if mine is None or theirs is None else f"{mine / theirs:.2f}"


def absences(rows: list[Row]) -> list[str]:
    """Why there are columns or cells without a time, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for backend, reason in row.missing.items():
            reasons.setdefault((backend, reason), []).append(row.key)
    lines = []
    for (backend, reason), keys in reasons.items():
        wanted = sum(backend in row.times or backend in row.missing for row in rows)
        where = "" if len(keys) == wanted else f" for {keys[0]}" + (f" and {len(keys) - 1} more" if keys[1:] else "")
        lines.append(f"{backend}{where}: {NOT_MEASURED}, {reason}")
    return lines


def _split_table(results: Results) -> Table:
    table = _table("where a step's time goes: microseconds", *PARTS, "together")
    for split in results.splits:
        table.add_section()
        for backend, parts in split.times.items():
            cells = [time_cell(parts[part]) for part in PARTS]
            table.add_row(f"{split.name}: {backend}", *cells, micro(sum(t.median for t in parts.values())))
    return table


def _peak_table(results: Results) -> Table:
    names = [b.name for b in BACKENDS if any(b.name in peak.bytes for peak in results.peaks)]
    table = _table("peak memory beyond the libraries' own, MiB", *names)
    for peak in results.peaks:
        cells = [f"{peak.bytes[name] / 2**20:,.1f}" if name in peak.bytes else NOT_MEASURED for name in names]
        table.add_row(peak.name, *cells)
    return table


def _roof_table(results: Results) -> Table:
    table = _table("what the machine can do, measured", "GFLOP/s (matrix product)", "GB/s (copy)")
    for roof in results.roofs:
        table.add_row(roof.device, f"{roof.flops / 1e9:,.0f}", f"{roof.bandwidth / 1e9:,.1f}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table
