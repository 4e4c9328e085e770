"""The report's pictures: SVG without numbers of colours, so that they take those of the page, light or dark."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from parity.judge import FACTOR, FEW
from parity.results import ProgramResult, Result

# Drawn in colours that stand for the page's own.
INK, SOFT, MINE, THEIRS, BAD = "#010101", "#020202", "#030303", "#040404", "#050505"
PAGE = {INK: "--ink", SOFT: "--soft", MINE: "--mine", THEIRS: "--theirs", BAD: "--bad"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "parity",  # the same picture from the same numbers
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.solid_joinstyle": "round",
}
WIDTH = 360  # in units of the SVG: on a phone, one is a pixel
LOWEST, HIGHEST = -4, 15  # errors are drawn between 2**LOWEST and 2**HIGHEST ulp
ZERO = LOWEST - 1.5  # where that of zero is drawn


def losses(program: ProgramResult, name: str) -> Markup:
    """Both curves, and below them their difference beside PyTorch's own error, on a log scale."""
    mine, theirs, truth = (
        np.array(x, np.float64) for x in (program.mine_losses, program.theirs_losses, program.truth_losses)
    )
    with matplotlib.rc_context(STYLE):
        figure, (above, below) = _figure(3.5, 2, height_ratios=(3, 2))
        above.plot(theirs, color=THEIRS, linewidth=5)
        above.plot(mine, color=MINE, linewidth=1.8)
        above.set_ylabel("loss")
        if mine.shape == theirs.shape:
            _differences(below, mine - theirs, theirs - truth if truth.shape == theirs.shape else None)
        below.set_ylabel("difference")
        below.set_xlabel("step")
        below.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        said = f"Loss over {program.steps} steps of {program.name} in minitorch and in PyTorch, and their difference"
        return _svg(figure, name, said)


def _differences(axes: Axes, difference: np.ndarray, error: np.ndarray | None) -> None:
    drawn = [difference] if error is None else [difference, error]
    finite = np.abs(np.concatenate([x[np.isfinite(x) & (x != 0)] for x in drawn]))
    if not len(finite):
        axes.set_yticks([])
        axes.text(0.5, 0.5, "equal at every step", transform=axes.transAxes, ha="center", va="center")
        return
    # A decade below the smallest stands for zero.
    floor = 10.0 ** math.floor(math.log10(finite.min()) - 0.5)
    heights = [np.where(x == 0, floor, np.abs(x)) for x in drawn]
    if error is not None and error.any():
        axes.plot(heights[1], color=THEIRS, linewidth=0.8)
    axes.plot(heights[0], ".", color=INK, markersize=3.5)
    axes.set_yscale("log")
    decades = range(math.ceil(math.log10(floor)) + 1, math.ceil(math.log10(finite.max())) + 1)
    shown = [d for d in decades if (d - decades[0]) % (1 + len(decades) // 4) == 0]
    axes.yaxis.set_major_locator(FixedLocator([floor, *[10.0**d for d in shown]]))
    axes.yaxis.set_major_formatter(FixedFormatter(["0", *[f"1e{d}" for d in shown]]))
    axes.yaxis.set_minor_locator(FixedLocator([]))


def histogram(results: Sequence[Result], top: int, name: str, about: str, height: float = 2.2) -> Markup:
    """How many results have an error of that size, in each library. `top`: the last bin is that of 2**top ulp and more."""
    measured = [(r.mine_ulp, r.theirs_ulp) for r in results if r.mine_ulp is not None and r.theirs_ulp is not None]
    bins = np.array([ZERO - 0.5, *range(LOWEST, top + 1)])
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _figure(height)
        for side, colour, shift in (0, MINE, 0.29), (1, THEIRS, 0.71):
            # Zeros fall below the second bin.
            counts = np.bincount(
                [max(0, 1 + math.floor(position(pair[side]) - LOWEST)) for pair in measured], minlength=len(bins)
            )
            axes.bar(bins + shift, counts, 0.4, color=colour)
        axes.set_ylabel("results")
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        _ulp_axis(axes.xaxis, top)
        axes.set_xlim(ZERO - 0.7, top + 1.1)
        axes.set_xlabel("error in ulp")
        return _svg(figure, name, f"Histogram of the errors of minitorch and of PyTorch, {about}")


def scatter(results: Sequence[Result], top: int, name: str) -> Markup:
    """minitorch's error over PyTorch's; a dot is the larger, the more results lie there."""
    dots: Counter[tuple[float, float, bool]] = Counter(
        (_rounded(r.theirs_ulp), _rounded(r.mine_ulp), r.good)
        for r in results
        if r.mine_ulp is not None and r.theirs_ulp is not None
    )
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _figure(4.6)
        ends = np.array([ZERO, top + 1])
        axes.plot(ends, ends, color=SOFT, linewidth=0.6)
        allowed = np.linspace(LOWEST, top + 1, 60)
        axes.plot(allowed, np.log2(FACTOR * 2**allowed + FEW), color=SOFT, linewidth=0.8, linestyle="--")
        axes.text(LOWEST, math.log2(FEW) + 0.25, "allowed", color=INK, fontsize=9)
        for good, colour in (True, MINE), (False, BAD):
            chosen = [(x, y, n) for (x, y, fine), n in dots.items() if fine is good]
            if chosen:
                x, y, n = zip(*chosen)
                axes.scatter(
                    x, y, [9 * (1 + math.log2(k)) for k in n], color=colour, alpha=0.55 if good else 1, linewidths=0
                )
        for axis in axes.xaxis, axes.yaxis:
            _ulp_axis(axis, top)
        axes.set_xlim(ZERO - 0.7, top + 1.3)
        axes.set_ylim(ZERO - 0.7, top + 1.3)
        axes.set_xlabel("PyTorch's error in ulp")
        axes.set_ylabel("minitorch's error in ulp")
        return _svg(
            figure, name, "Errors of minitorch over errors of PyTorch, a dot per result; the diagonal is equality"
        )


def _figure(height: float, rows: int = 1, **options: Any) -> tuple[Figure, Any]:
    """`height` in inches. The margins are the same in all, so that they align, and need no search for the best."""
    figure = Figure(figsize=(WIDTH / 72, height))
    figure.subplots_adjust(0.17, 0.55 / height, 0.98, 1 - 0.08 / height, hspace=0.12)
    return figure, figure.subplots(rows, 1, sharex=True, squeeze=False, **options)[:, 0]


def position(ulp: float) -> float:
    """Where an error lies on an axis: its log2; zero to the left of all others."""
    return ZERO if ulp == 0 else min(max(math.log2(ulp), LOWEST), HIGHEST)


def top_of(results: Sequence[Result]) -> int:
    """The bin of the largest error, at least that of 8 ulp."""
    return max([3, *(math.floor(position(e)) for r in results for e in (r.mine_ulp, r.theirs_ulp) if e)])


def _rounded(ulp: float) -> float:
    """To halves, so that dots lie over each other."""
    return ZERO if ulp == 0 else round(2 * position(ulp)) / 2


def _ulp_axis(axis: Any, top: int) -> None:
    """0, 1/16, 1/4, 1, 4 ..."""
    powers = range(LOWEST, top + 1, 2 if top < 9 else 4)
    axis.set_major_locator(FixedLocator([ZERO, *powers]))
    axis.set_major_formatter(FixedFormatter(["0", *[f"1/{2**-p}" if p < 0 else f"{2**p:,}" for p in powers]]))


def _svg(figure: Figure, name: str, about: str) -> Markup:
    """As an element of an HTML page: without XML's head, its size, and the ids that nothing refers to."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = buffer.getvalue()
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    inside = text[text.index(">", text.index("<svg")) + 1 :]
    inside = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", inside, flags=re.DOTALL)
    for colour, variable in PAGE.items():
        inside = inside.replace(colour, f"var({variable})")
    used = set(re.findall(r"#([\w-]+)", inside))
    inside = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", inside)
    inside = re.sub(r'(href="|url\()#', rf"\1#{name}-", inside).replace("xlink:href", "href")
    inside = re.sub(r"\s*\n\s*", "\n", inside)
    return Markup(f'<svg {box[0]} role="img" aria-label="{escape(about)}">{inside}')
