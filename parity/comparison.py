"""Two runs of one script, compared: whether they agree, where they first part, and how that is shown."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parity.printed import Parting, Printed, compare_printed
from parity.recorded import SHOWN, Events, Run, StateRow, compare_events, compare_state, ordinal, place_text
from parity.tolerance import Tolerance


@dataclass(frozen=True)
class Comparison:
    """All that is said about two runs of one script."""

    theirs: Run
    mine: Run
    tolerance: Tolerance
    printed: Printed
    events: Events
    state: list[StateRow]
    random_state: bool | None  # equal or not; None if the script never imported torch, or did not come to its end

    @property
    def one_crashed(self) -> bool:
        a, b = self.theirs.crash, self.mine.crash
        return (a or {}).get("type") != (b or {}).get("type")

    @property
    def both_crashed(self) -> bool:
        return self.theirs.crash is not None and not self.one_crashed

    @property
    def empty(self) -> bool:
        return not (self.printed.numbers or self.events.differences or self.state)

    @property
    def may_be_rounding(self) -> bool:
        """The runs made as many steps, from the same loss, and then their losses parted."""
        e = self.events
        same = e.backwards[0] == e.backwards[1] and e.steps[0] == e.steps[1] > 0 and not self.one_crashed
        return same and bool(e.differences) and e.differences[0] <= self.tolerance.relative < e.worst

    @property
    def agrees(self) -> bool:
        parted = self.printed.first or self.events.first or self.random_state is False or self.one_crashed
        return not parted and all(row.agrees for row in self.state)


def compare_runs(theirs: Run, mine: Run, relative: float | None, ignore: list[re.Pattern[str]]) -> Comparison:
    """Compare what both runs left in their records; lines that match one of `ignore` are left out."""
    tolerance = Tolerance.of(theirs.dtypes | mine.dtypes, relative)
    kept = lambda lines: [line for line in lines if not any(p.search(line.text) for p in ignore)]
    ended = theirs.crash is None and mine.crash is None
    states = [run.arrays.get("random_state") for run in (theirs, mine)]
    known = states[0] is not None and states[1] is not None
    return Comparison(
        theirs,
        mine,
        tolerance,
        compare_printed(kept(theirs.lines), kept(mine.lines), tolerance),
        compare_events(theirs, mine, tolerance),
        compare_state(theirs, mine, tolerance) if ended else [],
        bool(np.array_equal(*states)) if known else None,  # type: ignore[arg-type]
    )


def first_parting(c: Comparison) -> str:
    """Where the runs first part: the earliest difference that was seen, in words."""
    line, event = c.printed.first, c.events.first
    if c.one_crashed and (line is None or line.over) and (event is None or event.over):
        crashed = [run for run in (c.theirs, c.mine) if run.crash is not None]
        goes_on = "" if len(crashed) == 2 else f" and {SHOWN[(c.mine if c.theirs.crash else c.theirs).library]} goes on"
        return ", and ".join(map(_ending, crashed)) + goes_on
    line_number = line.number if line else math.inf
    if event is not None and event.lines < line_number:
        return f"{_from(*event.places)}: {event.message}"
    if line is not None:
        return f"line {line_number:,} of the output, {_line_places(line)}: {line.reason}"
    for row in c.state:
        if not row.agrees:
            return f"the end of the script, {row.name} ({row.kind}): {row.reason}"
    if c.random_state is False:
        return "the state of the random generator at the end: they drew other random numbers, or more of them"
    return ""


def _ending(run: Run) -> str:
    assert run.crash is not None
    return f"{place_text(run.crash['place'])}, where {SHOWN[run.library]} ends with {run.crash['type']}"


def rounding_text(c: Comparison, nudged: Run) -> str:
    """Is it rounding? What PyTorch does when its parameters are moved by one rounding after the first step."""
    own = compare_events(c.theirs, nudged, c.tolerance).worst
    moved = "PyTorch against itself, its parameters moved by one rounding after the first optimizer step"
    if own > c.tolerance.relative:
        return (
            f"This may be rounding alone. {moved}: its losses part too, by {own:.1e}. This training enlarges whatever it "
            "is given; a lower learning rate or float64 tells more."
        )
    return f"This is more than rounding. {moved}: its losses stay within {own:.1e}."


def _from(a: str, b: str) -> str:
    return a if a == b else f"{a} in PyTorch, {b} in minitorch"


def _line_places(parting: Parting) -> str:
    lines = [line for line in (parting.theirs, parting.mine) if line is not None]
    return f"printed by {_from(lines[0].place, lines[-1].place)}"


# --- showing


def show(c: Comparison, console: Console, nudged: Run | None = None) -> None:
    """The table, then where they part; and with a run of PyTorch nudged, whether that may be rounding."""
    table = _table(c)
    if table.rows:
        console.print(table)
    growth = _growth(c.events.differences)
    if growth:
        say(console, f"Relative difference of the loss: {growth}.")
    say(
        console,
        f"PyTorch took {c.theirs.seconds:.1f} s, minitorch {c.mine.seconds:.1f} s, with their imports. Allowed: "
        f"{c.tolerance.relative:.1e} relative, {10 * c.tolerance.relative:.1e} for parameters, "
        f"{c.tolerance.absolute:.1e} absolute.",
    )
    for run in (c.theirs, c.mine):
        if run.crash is not None and c.one_crashed:
            say(console, crash_text(run), style="red")
    parting = first_parting(c)
    if parting:
        say(console, f"They first part at {parting}.")
    if c.printed.first is not None and not (c.one_crashed and c.printed.first.over):
        _show_lines(c.printed.first, console)
    if nudged is not None:
        say(console, rounding_text(c, nudged))
    say(console, *(("They agree.", "bold green") if c.agrees else ("They differ.", "bold red")))


def say(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _table(c: Comparison) -> Table:
    table = Table(title="Worst difference between minitorch and PyTorch", title_justify="left")
    for column in ("compared", "PyTorch", "minitorch", "worst", "where", ""):
        table.add_column(column, justify="right" if column in ("PyTorch", "minitorch", "worst") else "left")

    def row(name: str, counts: tuple[int, int], worst: float | None, where: str, agrees: bool) -> None:
        shown = "" if worst is None else "equal" if worst == 0 else "-" if worst == math.inf else f"{worst:.1e}"
        verdict = "[green]agree[/]" if agrees else "[red]differ[/]"
        table.add_row(name, f"{counts[0]:,}", f"{counts[1]:,}", shown, where, verdict)

    p, e = c.printed, c.events
    if p.lines != (0, 0):
        where = f"line {p.worst_line.number:,}, {p.worst_line.place}" if p.worst_line else ""
        row("lines printed", p.lines, None if p.numbers else 0.0, "", p.first is None)
        if p.numbers:
            row("  numbers in them", (p.numbers, p.numbers), p.worst, where, not p.differing)
    first = "" if e.first is None else _from(*e.first.places)
    for kind, name, counts in (
        ("backward", "losses, at backward()", e.backwards),
        ("step", "optimizer steps", e.steps),
    ):
        if counts != (0, 0):
            differs = kind in e.differing
            row(name, counts, e.worst if kind == "backward" else None, first if differs else "", not differs)
    for s in c.state:
        if s.values or not s.agrees:
            row(escape(f"{s.name} ({s.kind}), values"), (s.values, s.values), s.worst, escape(s.where), s.agrees)
    if c.random_state is not None:
        table.add_row("random state", "", "", *_RANDOM_STATE[c.random_state])
    return table


_RANDOM_STATE = {True: ("equal", "", "[green]agree[/]"), False: ("-", "", "[red]differ[/]")}


def _growth(differences: list[float]) -> str:
    """How the loss parts over the backward passes: rounding grows step by step, a wrong number comes at once."""
    marks = [n for n in (1, 10, 100, 1_000, 10_000, 100_000) if n < len(differences)] + [len(differences)]
    if len(differences) < 2:
        return ""
    return ", ".join(f"{ordinal(n)} backward {differences[n - 1]:.1e}" for n in marks)


def _show_lines(parting: Parting, console: Console) -> None:
    say(console, f"The first lines that differ ({parting.reason}):")
    for name, line in (("PyTorch", parting.theirs), ("minitorch", parting.mine)):
        if line is None:
            say(console, f"  {name:9}: (no such line)")
        else:
            say(console, f"  {name:9}: {line.text}     [line {line.number:,}, {line.place}]")
    if parting.tells_time:
        say(console, "If these lines tell the time, leave them out: --ignore REGEX.")


def crash_text(run: Run) -> str:
    crash = run.crash
    assert crash is not None
    where = f" at {place_text(crash['place'])}" if crash["place"] else ""
    last = "".join(f"\n    {line}" for line in run.stderr.rstrip().splitlines()[-12:])
    return f"Under {SHOWN[run.library]} the script ends with {crash['type']}{where}: {crash['message']}{last}"


def as_json(c: Comparison) -> dict[str, Any]:
    """The comparison as plain data."""
    line = lambda x: x and {"text": x.text, "line": x.number, "printed_by": x.place}
    first = c.printed.first
    return {
        "seconds": {"torch": c.theirs.seconds, "minitorch": c.mine.seconds},
        "tolerance": {"relative": c.tolerance.relative, "absolute": c.tolerance.absolute},
        "first_parting": first_parting(c) or None,
        "printed": {
            "lines": c.printed.lines,
            "numbers": c.printed.numbers,
            "worst": c.printed.worst,
            "first_difference": first
            and {"torch": line(first.theirs), "minitorch": line(first.mine), "reason": first.reason},
        },
        "backward": {"passes": c.events.backwards, "worst": c.events.worst, "differences": c.events.differences},
        "steps": c.events.steps,
        "state": [vars(row) for row in c.state],
        "random_state_equal": c.random_state,
        "crash": {"torch": c.theirs.crash, "minitorch": c.mine.crash},
    }
