"""Which case exercises what: every op, every derivative rule, and every line of the modules whose text is edited."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import minitorch
from parity.case import Case
from parity.evaluate import Outcome, evaluate
from parity.faults import ROOT, Key, all_ops, function_replaced, rule_replaced

DTYPES = ("", "float32", "float64", "float16")  # in this order cases are asked, then the integers


@dataclass(frozen=True)
class Item:
    """A case in one dtype."""

    case: Case
    dtype: str

    def __str__(self) -> str:
        return f"{self.case.family}/{self.case.name} {self.dtype}".strip()

    def run(self) -> Outcome:
        return evaluate(self.case, minitorch, self.dtype)


def items_of(cases: Iterable[Case]) -> list[Item]:
    """Every case in every dtype, in an order that is the same in every process."""
    return [Item(case, dtype) for case in cases for dtype in case.dtypes or ("",)]


@contextmanager
def watched(files: frozenset[str]) -> Iterator[set[Key]]:
    """Into the set go the ops and rules that run, and the lines of `files` (paths below minitorch)."""
    seen: set[Key] = set()
    with ExitStack() as stack:
        for name, op in all_ops().items():
            stack.enter_context(function_replaced(op, _noting(op.function, ("op", name), seen)))
            for i, rule in enumerate(op.rules):
                if rule is not None:
                    stack.enter_context(rule_replaced(op, i, _noting(rule, ("rule", name, i), seen)))
        with _lines(files, seen):
            yield seen


def _noting(function: Any, key: Key, seen: set[Key]) -> Any:
    def noting(*args: Any, **options: Any) -> Any:
        seen.add(key)
        return function(*args, **options)

    return noting


@contextmanager
def _lines(files: frozenset[str], seen: set[Key]) -> Iterator[None]:
    names = {os.path.join(ROOT, file): file for file in files}

    def entered(frame: Any, event: str, _: Any) -> Any:
        file = names.get(frame.f_code.co_filename)
        if file is None:
            return None
        seen.add(("line", file, frame.f_lineno))

        def local(frame: Any, event: str, _: Any) -> Any:
            seen.add(("line", file, frame.f_lineno))
            return local

        return local

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        yield
    finally:
        sys.settrace(before)


def trace(items: list[Item], numbers: Iterable[int], files: frozenset[str]) -> dict[Key, list[tuple[int, int]]]:
    """For each key the items that exercise it, as (how many keys that item has, its number)."""
    found: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    with watched(files) as seen:
        for n in numbers:
            seen.clear()
            items[n].run()
            keys = frozenset(seen)
            for key in keys:
                found[key].append((len(keys), n))
    return found


def in_order(found: Iterable[tuple[int, int]], items: list[Item]) -> list[int]:
    """Numbers of items: float32 first, of these the most direct first, which exercise little else."""
    direct = {n: size for size, n in found}
    rank = {dtype: i for i, dtype in enumerate(DTYPES)}
    return sorted(direct, key=lambda n: (rank.get(items[n].dtype, len(rank)), direct[n], n))
