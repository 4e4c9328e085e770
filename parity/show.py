"""What a run found, for the terminal: a table by family, one of programs, the names without a case, the disagreements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parity.results import EXACT, KNOWN, REFUSED, Results

MOST_FAILURES = 8


@contextmanager
def progress_bar(console: Console) -> Iterator[Any]:
    """Gives the function that `suite.run` tells of its progress."""
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, count: int) -> None:
            if what == "start":
                bar.update(task, total=count)
            else:
                bar.update(task, advance=count, description=what[:32])

        yield tell


def show(results: Results, console: Console) -> None:
    if results.cases:
        console.print(cases_table(results))
    if results.properties:
        console.print(properties_table(results))
    if results.programs:
        console.print(programs_table(results))
    _asides(results, console)
    for failure in results.failures[:MOST_FAILURES]:
        console.print(f"\n[bold red]{escape(failure.where)}[/]\n{escape(failure.detail)}\n")
        console.print(
            escape(failure.script.rstrip()), soft_wrap=True, highlight=False
        )  # to be pasted: no line may be cut
    if len(results.failures) > MOST_FAILURES:
        rest = ", ".join(f.where for f in results.failures[MOST_FAILURES:])
        console.print(f"\n[bold red]And {len(results.failures) - MOST_FAILURES} more:[/] {escape(rest)}")
    console.print(_total(results))


def cases_table(results: Results) -> Table:
    table = Table(title="Cases: the worst error of each library against the truth, in ulp", title_justify="left")
    for column, justify in {
        "family": "left", "cases": "right", "numbers": "right", "equal to the bit": "right",
        "minitorch": "right", "PyTorch": "right", "worst in": "left", "s": "right", "": "left",
    }.items():  # fmt: skip
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for family, group in groupby(results.cases, key=lambda r: r.family):
        rows = list(group)
        judged = [r for r in rows if r.verdict != REFUSED]
        measured = [r for r in rows if r.mine_ulp is not None and r.verdict != KNOWN]
        worst = max(measured, key=lambda r: r.mine_ulp or 0.0, default=None)
        theirs = max((r.theirs_ulp or 0.0 for r in measured), default=None)
        table.add_row(
            family, f"{len({(r.name, r.dtype) for r in rows}):,}", f"{len(judged):,}",
            f"{sum(r.verdict == EXACT for r in judged) / max(len(judged), 1):.1%}",
            _ulp(None if worst is None else worst.mine_ulp), _ulp(theirs), "" if worst is None or not worst.mine_ulp else f"{worst.name}, {worst.dtype}",
            f"{sum(r.seconds for r in rows):.1f}", _mark(all(r.good for r in rows)),
        )  # fmt: skip
    return table


def properties_table(results: Results) -> Table:
    table = Table(title="Drawn by Hypothesis", title_justify="left")
    for column in ("family", "examples", "numbers", "equal to the bit", "minitorch", "PyTorch", "s", ""):
        table.add_column(column, justify="left" if column in ("family", "") else "right")
    for p in results.properties:
        table.add_row(
            p.name, f"{p.examples:,}", f"{p.quantities:,}", f"{p.exact / max(p.quantities, 1):.1%}", _ulp(p.mine_ulp),
            _ulp(p.theirs_ulp), f"{p.seconds:.1f}", _mark(p.good),
        )  # fmt: skip
    return table


def programs_table(results: Results) -> Table:
    title = "Training programs: distance from the truth, minitorch / PyTorch, in epsilons (root mean square)"
    table = Table(title=title, title_justify="left")
    for column in ("data", "optimizer", "batch", "dtype", "start", "order"):
        table.add_column(column)
    for column in ("forward", "gradients", "losses", "weights", "accuracy", ""):
        table.add_column(column, justify="right")
    for p in results.programs:
        told = [
            "equal" if d.verdict == EXACT else "" if d.mine is None else f"{d.mine:.1f} / {d.theirs:.1f}"
            for d in p.deviations
        ]
        told = [text or "[red]differ[/]" for text in told]
        same = p.mine_accuracy == p.theirs_accuracy
        accuracy = f"{p.mine_accuracy:.1%}" + ("" if same else f" / {p.theirs_accuracy:.1%}")
        batch = "all" if p.batch_size is None else str(p.batch_size)
        table.add_row(p.data, p.optimizer, batch, p.dtype, *told, accuracy, _mark(p.good))
    return table


def _asides(results: Results, console: Console) -> None:
    """What is not equal and not hidden: known differences, what minitorch refuses, names without a case."""
    for verdict, title in (KNOWN, "Known differences"), (REFUSED, "Refused with NotImplementedError"):
        told: dict[str, list[str]] = {}
        for r in results.cases:
            if r.verdict == verdict:
                reason = r.detail.partition(": ")[0] if verdict == KNOWN else " ".join(r.detail.split())
                told.setdefault(reason, []).append(f"{r.family}/{r.name}".split(" (")[0])
        if told:
            console.print(f"\n[bold]{title}: {len(told)}[/]")
        for reason, where in told.items():
            console.print(f"  {escape(', '.join(dict.fromkeys(where)))}: {escape(reason)}", soft_wrap=True)
    if results.left_out:
        console.print(f"\n[bold]Left out, as PyTorch's tensors are not on a GPU: {len(results.left_out)}[/]")
        console.print(f"  {escape(', '.join(results.left_out))}", soft_wrap=True)
    if results.gone:
        console.print(f"\n[bold]Known differences that are gone: {len(results.gone)}; take `known` off these cases[/]")
        for line in results.gone:
            console.print(f"  {escape(line)}", soft_wrap=True)
    drawn = sum(p.known for p in results.properties)
    if drawn:
        console.print(f"  and {drawn} quantities of drawn cases: parity/drawn.py says which")
    if results.coverage is not None and results.coverage.missing:
        console.print(f"\n[bold red]Public names without a case: {len(results.coverage.missing)}[/]")
        console.print(f"  {', '.join(results.coverage.missing)}")


def _total(results: Results) -> str:
    quantities = len(results.cases) + sum(p.quantities for p in results.properties)
    names = f"{len(results.coverage.covered):,} public names, each called by a case; " if results.coverage else ""
    warning = f"[bold yellow]{results.other_release}[/]\n" if results.other_release else ""
    verdict = "[bold green]They agree.[/]" if results.good else "[bold red]They disagree.[/]"
    return (
        f"\n{names}{quantities:,} results compared, {len(results.programs)} training programs, {results.seconds:.0f} s, "
        f"PyTorch {results.versions['torch']}, seed {results.settings['seed']}.\n{warning}{verdict}"
    )


def _ulp(x: float | None) -> str:
    if x is None:
        return "equal"
    return f"{x:.1f}" if x < 1e4 else f"{x:.0e}"


def _mark(good: bool) -> str:
    return "[green]agree[/]" if good else "[red]differ[/]"
