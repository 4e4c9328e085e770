"""python -m parity mutants: proof that the suite can fail.

Plants one fault at a time in minitorch, runs the cases that exercise the place, and shows that one of them turns red:
every derivative rule, every op, the engine, and the text of optimizers, schedulers, losses, initialisation and random
streams. Exit code 0 if every fault is caught or explained in equivalent.py, 1 if one survives, 2 if PyTorch is missing.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parity.edits import edit_mutants, files
from parity.equivalent import reason
from parity.evaluate import Array, Outcome
from parity.faults import Key, Mutant, function_mutants, rule_mutants
from parity.judge import equal, judge
from parity.suite import all_cases, single_thread
from parity.theirs import theirs
from parity.trace import Item, in_order, items_of, trace

CAUGHT, EXPLAINED, SURVIVED, UNREACHED, IDLE = "caught", "explained", "survived", "not reached", "idle"
SAMPLE = 12  # --quick: one fault of so many
CHUNK = 8  # faults that a process is given at once
PATIENCE = 3.0  # seconds after which a case under a fault is called endless
EXPLAINED_CASES = 12  # how many cases a fault that is said to change nothing gets


@dataclass
class Verdict:
    """What became of a fault. Idle: it never had anything to get wrong, so it was not planted at all."""

    mutant: str
    source: str
    outcome: str
    cases: int = 0  # how many ran
    detail: str = ""  # the case that turned red and how; or why none should

    @property
    def kind(self) -> str:
        return self.mutant.partition(" | ")[0]

    @property
    def good(self) -> bool:
        return self.outcome in (CAUGHT, EXPLAINED, IDLE)


def all_mutants() -> list[Mutant]:
    """Every fault, in an order that is the same in every process."""
    return [*rule_mutants(), *function_mutants(), *edit_mutants()]


def chosen(only: str = "", quick: bool = False, seed: int = 0) -> list[int]:
    """The numbers of the faults whose description holds the text; with quick, a sample of each kind."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for i, mutant in enumerate(all_mutants()):
        if only.lower() in str(mutant).lower():
            numbers[mutant.kind].append(i)
    if not quick:
        return [i for some in numbers.values() for i in some]
    rng = random.Random(seed)
    return sorted(i for some in numbers.values() for i in rng.sample(some, -(-len(some) // SAMPLE)))


class Bench:
    """The cases of one process: what they give without a fault, and whether that is right, computed when first asked for."""

    def __init__(self, items: list[Item] | None = None) -> None:
        self.items = items_of(all_cases()) if items is None else items
        self.mutants = all_mutants()
        self._sound: dict[int, Outcome] = {}
        self._red: dict[int, set[str]] = {}

    def sound(self, n: int) -> Outcome:
        if n not in self._sound:
            self._sound[n] = self.items[n].run()
        return self._sound[n]

    def red_anyway(self, n: int) -> set[str]:
        """The quantities that are wrong without any fault: they can show nothing."""
        if n not in self._red:
            self._red[n] = set(self.disagreements(n, self.sound(n)))
        return self._red[n]

    def disagreements(self, n: int, outcome: Outcome) -> dict[str, str]:
        """The quantities that the suite would show in red, and why."""
        item = self.items[n]
        side = theirs(item.case, item.dtype)
        if item.dtype == "float16" and "not implemented for 'Half'" in str(side.outcome.error):
            return {}
        return {r.quantity: r.detail for r in judge(item.case, item.dtype, outcome, side) if not r.good}

    def verdict(self, mutant: Mutant, numbers: Iterable[int]) -> Verdict:
        """Plant the fault and run these cases until one turns red."""
        why = reason(mutant)
        ran, seen = 0, False
        for n in list(numbers)[: EXPLAINED_CASES if why else None]:
            expected = self.sound(n)
            with mutant.plant() as effect, patience():
                found = self.items[n].run()
            ran, seen = ran + 1, seen or effect.seen
            if same(found, expected):
                continue
            red = [
                f"{q}: {detail}" for q, detail in self.disagreements(n, found).items() if q not in self.red_anyway(n)
            ]
            if red:
                if not same(self.items[n].run(), expected):
                    raise AssertionError(f"{mutant} changed minitorch for good: {self.items[n]}")
                return Verdict(str(mutant), mutant.source, CAUGHT, ran, f"{self.items[n]}, {red[0]}")
        outcome = EXPLAINED if why else UNREACHED if not ran else SURVIVED if seen else IDLE
        return Verdict(str(mutant), mutant.source, outcome, ran, why)


def same(a: Outcome, b: Outcome) -> bool:
    """Equal in everything that is judged."""
    if type(a.error) is not type(b.error) or list(a.quantities) != list(b.quantities):
        return False
    return all(_same(x, b.quantities[name]) for name, x in a.quantities.items())


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, Array) and isinstance(y, Array):
        facts = lambda z: (z.dtype, z.requires_grad, z.strides, z.values.shape, z.values.tobytes())
        return bool(facts(x) == facts(y))
    return equal(x, y)


@contextmanager
def patience() -> Iterator[None]:
    """TimeoutError after a while: a fault may make a loop endless."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ended(*_: Any) -> None:
        raise TimeoutError(f"more than {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- two processes: each traces half of the cases, then each is given faults with the cases to run

_bench: Bench
_limits: list[Any] = []


def _enter() -> None:
    global _bench
    _limits.append(single_thread())
    _bench = Bench()


def _trace(part: int, parts: int) -> dict[Key, list[tuple[int, int]]]:
    return trace(_bench.items, range(part, len(_bench.items), parts), files())


def _verdicts(work: list[tuple[int, list[int]]]) -> list[Verdict]:
    return [_bench.verdict(_bench.mutants[i], numbers) for i, numbers in work]


Progressed = Callable[[str, int, int], None]  # (what, how many done, of how many)


def run(numbers: list[int], workers: int = 2, progress: Progressed = lambda what, done, of: None) -> list[Verdict]:
    """What becomes of the faults with these numbers."""
    items, mutants = items_of(all_cases()), all_mutants()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_enter) as pool:
        parts = 8 * workers
        exercised: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        for done, future in enumerate(as_completed([pool.submit(_trace, part, parts) for part in range(parts)])):
            for key, found in future.result().items():
                exercised[key] += found
            progress("tracing the cases", done + 1, parts)
        work = [(i, in_order([x for key in mutants[i].keys for x in exercised[key]], items)) for i in numbers]
        work.sort(key=lambda pair: (mutants[pair[0]].source, pair[0]))  # neighbours share what PyTorch was asked
        futures = [pool.submit(_verdicts, work[at : at + CHUNK]) for at in range(0, len(work), CHUNK)]
        verdicts: list[Verdict] = []
        for judged in as_completed(futures):
            verdicts += judged.result()
            progress("planting faults", len(verdicts), len(work))
    order = {str(mutants[i]): at for at, i in enumerate(numbers)}
    return sorted(verdicts, key=lambda v: order[v.mutant])


# --- on the screen


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m parity mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose description holds the text")
    parser.add_argument("--quick", action="store_true", help=f"a sample: one of {SAMPLE} of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--all", action="store_true", help="show every fault, with the case that caught it")
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        import torch  # noqa: F401
    except ImportError:
        console.print('torch is missing: `pip install "minitorch[parity]"` brings all that parity needs')
        return 2
    start = time.perf_counter()
    numbers = chosen(options.only, options.quick, options.seed)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        verdicts = run(
            numbers,
            options.workers,
            lambda what, done, of: bar.update(task, description=what, completed=done, total=of),
        )
    return report(verdicts, console, time.perf_counter() - start, options.all)


def report(verdicts: list[Verdict], console: Console, seconds: float = 0.0, everything: bool = False) -> int:
    """The table of kinds, the survivors, the exit code."""
    if everything:
        for v in verdicts:
            console.print(escape(f"{v.outcome}: {v.mutant} ({v.source}; {v.cases} cases) {v.detail}"), soft_wrap=True)
    console.print(_table(verdicts))
    for v in verdicts:
        if not v.good:
            what = "no case runs it" if v.outcome == UNREACHED else f"{v.cases} cases stayed green"
            console.print(escape(f"survived: {v.mutant} (minitorch/{v.source}): {what}"), soft_wrap=True)
    survivors = sum(not v.good for v in verdicts)
    planted = sum(v.outcome != IDLE for v in verdicts)
    ran = sum(v.cases for v in verdicts)
    console.print(f"{planted:,} faults planted one by one, {ran:,} cases run against them, {seconds:.0f} s.")
    if not planted:
        console.print("[bold red]No fault was planted.[/]")
        return 1
    console.print(f"[bold red]{survivors} survived.[/]" if survivors else "[bold green]None survived.[/]")
    return 1 if survivors else 0


def _table(verdicts: list[Verdict]) -> Table:
    table = Table(title="Faults by kind", title_justify="left")
    table.add_column("kind")
    columns = ("planted", CAUGHT, EXPLAINED, SURVIVED)
    for column in columns:
        table.add_column(column, justify="right")
    for kind in [*dict.fromkeys(v.kind for v in verdicts), "all"]:
        group = [v for v in verdicts if kind in (v.kind, "all") and v.outcome != IDLE]
        count = {c: sum(v.outcome == c for v in group) for c in (CAUGHT, EXPLAINED)}
        survived = sum(not v.good for v in group)
        table.add_row(
            kind, str(len(group)), str(count[CAUGHT]), str(count[EXPLAINED]), f"[red]{survived}[/]" if survived else "0"
        )
    return table
