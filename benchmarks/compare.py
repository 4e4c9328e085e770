"""python -m benchmarks compare OLD.json [NEW.json]: what became faster or slower."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.backends import HAND, MINITORCH, MINITORCH_CUDA, TORCH, TORCH_CUDA
from benchmarks.results import Results, Row
from benchmarks.tables import micro
from benchmarks.timing import Timing

# Each of minitorch's columns, with the one that tells how much faster or slower the machine itself was.
PAIRS = ((MINITORCH.name, (TORCH.name, HAND.name)), (MINITORCH_CUDA.name, (TORCH_CUDA.name,)))


def change(old: Timing, new: Timing) -> tuple[float, str]:
    """(new / old, "slower", "faster" or ""): a word where the middle halves of the rounds do not overlap."""
    word = "slower" if new.low > old.high else "faster" if new.high < old.low else ""
    return new.median / old.median, word


def comparison(old: Results, new: Results) -> Table:
    """A row for each workload that both runs have."""
    table = Table(title=f"{old.machine.date} -> {new.machine.date}", title_justify="left")
    for column in ("", "backend", "old, us", "new, us", "new / old", "", "the others' new / old"):
        table.add_column(column, justify="right" if "/" in column or "us" in column else "left")
    before = {row.key: row for row in old.rows}
    for row in new.rows:
        for mine, controls in PAIRS:
            if row.key in before and mine in row.times and mine in before[row.key].times:
                was, now = before[row.key].times[mine], row.times[mine]
                ratio, word = change(was, now)
                style = {"slower": "red", "faster": "green"}.get(word, "")
                table.add_row(
                    escape(row.key), mine, micro(was.median), micro(now.median), f"{ratio:.2f}", word,
                    _drift(before[row.key], row, controls), style=style,
                )  # fmt: skip
    return table


def show(old: Results, new: Results, console: Console) -> None:
    """The table, and what must be equal for it to mean something."""
    console.print(comparison(old, new))
    console.print(
        '"slower" and "faster" stand where the middle halves of the rounds do not overlap. The last column is the same '
        "ratio for code that did not change: PyTorch, or NumPy by hand."
    )
    for fact in ("cpu", "gpu", "threads", "blas", "numpy", "torch", "python"):
        was, now = getattr(old.machine, fact), getattr(new.machine, fact)
        if was != now:
            console.print(f"[bold]Not the same {fact}: {was} -> {now}")


def _drift(old: Row, new: Row, controls: tuple[str, ...]) -> str:
    for name in controls:
        if name in old.times and name in new.times:
            return f"{new.times[name].median / old.times[name].median:.2f}"
    return ""
