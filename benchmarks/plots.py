"""The results as pictures, each as PNG and SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.backends import BACKENDS, MINITORCH, MINITORCH_CUDA, TORCH, TORCH_CUDA
from benchmarks.results import Results, Roof, Row
from benchmarks.workloads import FAMILIES
from benchmarks.workloads.training import PARTS

COLOURS = dict(zip([b.name for b in BACKENDS], [f"C{i}" for i in range(10)], strict=False))
GPU_WINS = ((MINITORCH.name, MINITORCH_CUDA.name), (TORCH.name, TORCH_CUDA.name))


def draw(results: Results, folder: Path) -> list[Path]:
    """Write every picture that the results have data for; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures(results):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once: it is slow
        for suffix in "png", "svg":
            path = folder / f"{name}.{suffix}"
            figure.savefig(path, dpi=120, metadata={"Date": None} if suffix == "svg" else None)
            written.append(path)
    return written


def figures(results: Results) -> Iterator[tuple[str, Figure]]:
    """(name, picture): per family speed against size, or bars where there is one size; then the rest."""
    for family, about in FAMILIES.items():
        rows = [row for row in results.family(family) if row.times]
        lines = _lines(rows)
        if any(len(line) > 1 for line in lines.values()):
            yield family, _speed(about.title, about.size, about.unit, lines)
        elif rows:
            yield family, _bars(about.title, rows)
    if results.splits:
        yield "step", _steps(results)
    for roof in results.roofs:
        points = list(_reached(results, roof))
        if points:
            yield f"roofline_{roof.device}", _roofline(roof, points)


# --- speed against size


def _lines(rows: list[Row]) -> dict[str, list[Row]]:
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row.line, []).append(row)
    return {name: sorted(line, key=lambda row: row.size) for name, line in lines.items()}


def speed(row: Row, backend: str, unit: str) -> float | None:
    """Units of work per second."""
    seconds = row.median(backend)
    work = {"FLOP": row.flops, "steps": 1}.get(unit, row.size)
    return work / seconds if seconds and work else None


def overtaken_at(line: list[Row], cpu: str, gpu: str) -> float | None:
    """The size from which the GPU is faster than the CPU, between the two measured around it; None if there is none.

    On a logarithmic scale of sizes and of times, which makes lines of the curves.
    """
    gains = [
        (row.size, math.log(c / g)) for row in line if (c := row.median(cpu)) is not None and (g := row.median(gpu))
    ]
    for (n, before), (m, after) in pairwise(gains):
        if before < 0 <= after:
            return n * (m / n) ** (before / (before - after))
    return None


def _speed(title: str, size: str, unit: str, lines: dict[str, list[Row]]) -> Figure:
    lines = {name: line for name, line in lines.items() if len(line) > 1}
    columns = min(4, math.ceil(len(lines) ** 0.5))
    height = math.ceil(len(lines) / columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * height + 0.8), layout="constrained")
    figure.suptitle(f"{title}: {unit} per second")
    grid = figure.subplots(height, columns, squeeze=False).flat
    for axes, (name, line) in zip(grid, lines.items(), strict=False):
        for backend in COLOURS:
            points = [(row.size, y) for row in line if (y := speed(row, backend, unit))]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", ms=3, color=COLOURS[backend], label=backend)
        for i, (cpu, gpu) in enumerate(GPU_WINS):
            overtaken = overtaken_at(line, cpu, gpu)
            if overtaken:
                axes.axvline(overtaken, color=COLOURS[gpu], ls=":", lw=1)
                place = overtaken, 0.02 + 0.05 * i  # they may be close to each other
                axes.annotate(f"{overtaken:,.0f}", place, xycoords=("data", "axes fraction"), fontsize=7)
        axes.set(xscale="log", yscale="log", xlabel=size, title=name)
        axes.grid(alpha=0.3)
    for axes in list(grid):  # cells of the grid that no line came for
        axes.set_visible(False)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """One for all axes, below them."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=4)


# --- bars


def _bars(title: str, rows: list[Row]) -> Figure:
    present = [b for b in COLOURS if any(b in row.times for row in rows)]
    figure = Figure(figsize=(9, 0.22 * len(rows) * max(2, len(present)) ** 0.5 + 1.5), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(present)
    for i, backend in enumerate(present):
        shown = [(k, row.times[backend]) for k, row in enumerate(rows) if backend in row.times]
        axes.barh(
            [k + (i - (len(present) - 1) / 2) * height for k, _ in shown],
            [t.median * 1e6 for _, t in shown],
            height,
            xerr=[[(t.median - t.low) * 1e6 for _, t in shown], [(t.high - t.median) * 1e6 for _, t in shown]],
            color=COLOURS[backend],
            label=backend,
            error_kw={"lw": 0.7},
        )
    axes.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=7)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    medians = [t.median for row in rows for t in row.times.values()]
    if max(medians) > 30 * min(medians):
        axes.set_xscale("log")
    axes.set(xlabel="microseconds", title=title)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def _steps(results: Results) -> Figure:
    """Each step as a bar made of its parts."""
    figure = Figure(figsize=(4.2 * len(results.splits), 4), layout="constrained")
    figure.suptitle("where a step's time goes")
    for axes, split in zip(figure.subplots(1, len(results.splits), squeeze=False)[0], results.splits, strict=True):
        below = [0.0] * len(split.times)
        for part, colour in zip(PARTS, ("C0", "C2", "C1", "C4"), strict=True):
            heights = [times[part].median * 1e6 for times in split.times.values()]
            axes.bar(range(len(heights)), heights, bottom=below, color=colour, label=part)
            below = [b + h for b, h in zip(below, heights, strict=True)]
        axes.set_xticks(range(len(below)), list(split.times), rotation=30, ha="right", fontsize=8)
        axes.set(title=split.name, ylabel="microseconds")
    _legend(figure)
    return figure


# --- the roofline


def _reached(results: Results, roof: Roof) -> Iterator[tuple[str, str, float, float]]:
    """(backend, line, operations per byte, operations per second) of every line's largest row."""
    backends = (MINITORCH.name, TORCH.name) if roof.device == "cpu" else (MINITORCH_CUDA.name, TORCH_CUDA.name)
    counted = [row for row in results.rows if row.flops and row.bytes]
    for row in {(row.family, row.line): row for row in sorted(counted, key=lambda row: row.size)}.values():
        for backend in backends:
            seconds = row.median(backend)
            if seconds:
                name = "matmul" if row.family == "matmul" else row.line
                yield backend, name, row.flops / row.bytes, row.flops / seconds


def _roofline(roof: Roof, points: list[tuple[str, str, float, float]]) -> Figure:
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    ends = (min(p[2] for p in points) / 2, max(2 * roof.flops / roof.bandwidth, *[p[2] * 2 for p in points]))
    corners = sorted({*ends, roof.flops / roof.bandwidth})
    axes.plot(corners, [min(roof.flops, roof.bandwidth * x) / 1e9 for x in corners], color="black", lw=1)
    for i, (backend, name, intensity, rate) in enumerate(points):
        axes.plot(intensity, rate / 1e9, "o", ms=4, color=COLOURS[backend])
        offset = (4, 3) if i % 2 else (4, -8)
        axes.annotate(name, (intensity, rate / 1e9), offset, textcoords="offset points", fontsize=6)
    for backend in {p[0]: None for p in points}:
        axes.plot([], [], "o", color=COLOURS[backend], label=backend)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="operations per byte that must be moved",
        ylabel="GFLOP/s",
        title=f"{roof.device}: the roof is a copy's {roof.bandwidth / 1e9:,.0f} GB/s "
        f"and a matrix product's {roof.flops / 1e9:,.0f} GFLOP/s",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
