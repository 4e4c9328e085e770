"""python -m parity: train the same programs in minitorch and in PyTorch and compare every number on the way.

Exit code 0 if all agree, 1 with the first disagreement if not, 2 if PyTorch or scikit-learn is missing.
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parity.judge import Difference, compare
from parity.programs import Program, Record, programs, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m parity", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter training")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 130)
    try:
        import sklearn  # noqa: F401
        import torch
    except ImportError as error:
        console.print(f'{error.name} is missing: `pip install "minitorch[parity]"` brings all that parity needs')
        return 2
    import minitorch

    start = time.perf_counter()
    every = programs(options.quick)
    table = _table()
    first: tuple[Program, Difference] | None = None
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps"), TimeElapsedColumn(),
        console=console, transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task("", total=2 * sum(p.steps for p in every))
        for program in every:
            progress.update(task, description=program.name)
            tick = lambda: progress.advance(task)
            theirs = run(torch, program, tick=tick)
            mine = run(minitorch, program, tick=tick)
            differences = compare(mine, theirs, program.dtype)
            _add_row(table, program, mine, theirs, differences)
            wrong = next((d for d in differences if not d.agrees), None)
            if wrong is not None and first is None:
                first = program, wrong
    console.print(table)
    console.print(
        f"{len(every)} programs from manual_seed(0), {sum(p.steps for p in every):,} training steps in each library, "
        f"{time.perf_counter() - start:.0f} s, PyTorch {torch.__version__}.\n"
        "start: initial weights. order: the shuffled batches. gradients: of every parameter at the first step. "
        "weights: at the end.\nDifferences are relative to the largest value of the array."
    )
    if first is not None:
        console.print(f"[bold red]They disagree[/]: {first[0].name}: {first[1]}")
        return 1
    console.print("[bold green]They agree.[/]")
    return 0


def _table() -> Table:
    table = Table(title="Worst difference between minitorch and PyTorch", title_justify="left")
    for column in ("data", "optimizer", "batch", "dtype"):
        table.add_column(column)
    for column in ("start", "order", "forward", "gradients", "losses", "weights", "accuracy", ""):
        table.add_column(column, justify="right")
    return table


def _add_row(table: Table, program: Program, mine: Record, theirs: Record, differences: list[Difference]) -> None:
    shown = {d.quantity: "equal" if d.worst == 0 else f"{d.worst:.1e}" for d in differences}
    same = mine.accuracy == theirs.accuracy
    accuracy = f"{mine.accuracy:.1%}" + ("" if same else f" / {theirs.accuracy:.1%}")
    verdict = "[green]agree[/]" if all(d.agrees for d in differences) else "[red]differ[/]"
    batch = "all" if program.batch_size is None else str(program.batch_size)
    quantities = ("initial", "batches", "forward", "gradients", "losses", "final")
    numbers = [shown[q] for q in quantities]
    table.add_row(program.problem.name, program.optimizer, batch, program.dtype, *numbers, accuracy, verdict)


if __name__ == "__main__":
    sys.exit(main())
