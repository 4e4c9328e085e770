"""The suite: every case in every dtype, the drawn cases, the training programs, and whether any public name has no case."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from typing import Any

import numpy as np

import minitorch
from parity.case import Case
from parity.cases import TABLE
from parity.evaluate import evaluate
from parity.judge import judge
from parity.programs import programs
from parity.reproduce import script
from parity.results import KNOWN, Coverage, Failure, ProgramResult, Property, Result, Results
from parity.source import forms
from parity.theirs import theirs
from parity.training import judge_program

QUICK_DTYPES = ("", "float32", "int64", "bool")
CHUNK = 30  # cases that a process is given at once
EXAMPLES, QUICK_EXAMPLES = 100, 15


# --- one case


def judge_case(case: Case, dtypes: Iterable[str] | None = None, seed: int = 0, device: str = "cpu") -> list[Result]:
    """Run a case in minitorch and judge it; PyTorch's side is computed once and kept."""
    results: list[Result] = []
    for dtype in case.dtypes or ("",):
        if dtypes is not None and dtype not in dtypes:
            continue
        start = time.perf_counter()
        side = theirs(case, dtype, seed)
        if dtype == "float16" and "not implemented for 'Half'" in str(side.outcome.error):
            continue
        found = judge(case, dtype, evaluate(case, minitorch, dtype, seed=seed, device=device), side)
        for result in found:
            result.seconds = (time.perf_counter() - start) / len(found)
        results += found
    return results


def left_out(case: Case, device: str) -> bool:
    """Whether there is nothing to compare: what is asked is where a tensor is, and the libraries' are in two places."""
    return case.cpu and device != "cpu"


@cache
def all_cases() -> list[Case]:
    """The table, and the other forms of its calls."""
    import torch

    methods = {n for n in set(dir(minitorch.Tensor)) & set(dir(torch.Tensor)) if not n.startswith("_")}
    return [form for case in TABLE for form in forms(case, methods)]


def matching(only: str, cases: Iterable[Case]) -> list[Case]:
    """The cases whose 'family/name' holds the text."""
    return [case for case in cases if only.lower() in f"{case.family}/{case.name}".lower()]


def inputs_of(key: str, dtype: str, seed: int = 0) -> dict[str, np.ndarray]:
    """The inputs of the case 'family/name', for a script that is too short to hold them."""
    case = next(c for c in all_cases() if f"{c.family}/{c.name}" == key)
    return dict(zip(case.arguments, case.inputs(dtype, seed)))


# --- everything


@dataclass(frozen=True)
class Settings:
    """What to run."""

    only: str = ""
    quick: bool = False
    seed: int = 0
    examples: int | None = None
    device: str = "cpu"
    workers: int = 1
    coverage: bool = True

    @property
    def dtypes(self) -> tuple[str, ...] | None:
        return QUICK_DTYPES if self.quick else None

    @property
    def drawn(self) -> int:
        return self.examples if self.examples is not None else QUICK_EXAMPLES if self.quick else EXAMPLES


Piece = tuple[str, Any]  # ("cases", indices), ("property", name), ("program", index)


def pieces(settings: Settings) -> list[Piece]:
    """The run, cut into pieces for processes; the long ones first."""
    from parity.drawn import PROPERTIES

    cases = all_cases()
    wanted = [i for i, case in enumerate(cases) if matching(settings.only, [case])]
    chunks = [wanted[i : i + CHUNK] for i in range(0, len(wanted), CHUNK)]
    kept = lambda kind, name: settings.only.lower() in f"{kind}/{name}".lower()
    training = [i for i, p in enumerate(programs(settings.quick)) if kept("program", p.name)]
    drawn = [name for name in PROPERTIES if settings.drawn and kept("drawn", name)]
    return [
        *(("program", i) for i in training),
        *(("property", name) for name in drawn),
        *(("cases", chunk) for chunk in chunks),
    ]


def do(piece: Piece, settings: Settings) -> tuple[list[Any], list[Failure], set[str]]:
    """One piece: what was found, how to see what is wrong, and the public names called."""
    from parity.coverage import called_by_once
    from parity.drawn import run_property

    kind, what = piece
    if kind == "program":
        return [judge_program(programs(settings.quick)[what], minitorch, device=settings.device)], [], set()
    if kind == "property":
        found, failed = run_property(what, settings.drawn, settings.seed, settings.device)
        return [found], failed, set()
    results: list[Result] = []
    failures: list[Failure] = []
    called: set[str] = set()
    for case in (all_cases()[i] for i in what):
        if not left_out(case, settings.device):
            found_here = judge_case(case, settings.dtypes, settings.seed, settings.device)
            results += found_here
            failures += failures_of(case, found_here, settings.seed)
        if settings.coverage and not settings.only:
            called |= called_by_once(case)
    return results, failures, called


def gone(results: list[Result]) -> list[str]:
    """The known differences among the cases run that no dtype shows any more."""
    ran = {(r.family, r.name) for r in results}
    still = {(r.family, r.name) for r in results if r.verdict == KNOWN}
    known = {case.base or case for case in all_cases() if case.known and (case.family, case.name) in ran}
    known -= {case.base or case for case in all_cases() if (case.family, case.name) in still}
    return sorted(f"{case.family}/{case.name}: {case.known}" for case in known)


def failures_of(case: Case, results: list[Result], seed: int = 0) -> list[Failure]:
    """The first disagreement of a case, with its script."""
    for r in results:
        if not r.good:
            where = f"{r.family}/{r.name} {r.dtype}: {r.quantity}"
            return [Failure(where, r.detail, script(case, r.dtype, r.quantity, seed))]
    return []


def run(
    settings: Settings | None = None, progress: Callable[[str, int], None] | None = None, **options: Any
) -> Results:
    """The whole suite, or what the settings leave of it. `progress(what, how many pieces)` is told of each step."""
    settings = settings or Settings(**options)
    start = time.perf_counter()
    results = Results(versions(), machine(), _told(settings))
    unasked = [case for case in matching(settings.only, all_cases()) if left_out(case, settings.device)]
    results.left_out = [f"{case.family}/{case.name}" for case in unasked]
    called: set[str] = set()
    todo = pieces(settings)
    progress = progress or (lambda what, count: None)
    progress("start", len(todo))
    for piece, (found, failures, names) in _done(todo, settings):
        targets: dict[str, list[Any]] = {"program": results.programs, "property": results.properties}
        targets.get(piece[0], results.cases).extend(found)
        results.failures += failures
        called |= names
        progress(_label(piece), 1)
    _in_order(results)
    results.gone = gone(results.cases) if settings.dtypes is None else []
    if settings.coverage and not settings.only:
        from parity.coverage import judged

        results.coverage = judged(called)
    results.seconds = time.perf_counter() - start
    return results


def _done(todo: list[Piece], settings: Settings) -> Iterator[tuple[Piece, Any]]:
    """The pieces as they are done, here or in processes of their own."""
    if settings.workers == 1:
        with single_thread():
            for piece in todo:
                yield piece, do(piece, settings)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(settings.workers, mp_context=context, initializer=_enter) as pool:
        waiting: dict[Future[Any], Piece] = {pool.submit(do, piece, settings): piece for piece in todo}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def single_thread() -> Any:
    """One thread for each library: that is what is compared, and processes share the processors."""
    import torch

    torch.set_num_threads(1)
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1)


_limits: list[Any] = []


def _enter() -> None:
    _limits.append(single_thread())  # kept, or the limit ends


def _label(piece: Piece) -> str:
    kind, what = piece
    return f"{kind} {what}" if kind != "cases" else all_cases()[what[0]].family


def _in_order(results: Results) -> None:
    """As the table has them, whichever process was first."""
    families = {family: i for i, family in enumerate(dict.fromkeys(c.family for c in TABLE))}
    results.cases.sort(key=lambda r: families[r.family])
    names = [p.name for p in programs()]
    results.programs.sort(key=lambda p: names.index(p.name))


def _told(settings: Settings) -> dict[str, Any]:
    return {"only": settings.only, "quick": settings.quick, "seed": settings.seed, "examples": settings.drawn,
            "device": settings.device, "workers": settings.workers}  # fmt: skip


def versions() -> dict[str, str]:
    """Of everything that computes."""

    def of(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "?"

    names = ("minitorch", "torch", "numpy", "hypothesis", "scikit-learn", "mpmath")
    return {"python": platform.python_version(), **{name: of(name) for name in names}}


def machine() -> dict[str, Any]:
    """Where."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            processor = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"system": platform.platform(), "processor": processor, "cores": os.cpu_count()}


__all__ = ["Coverage", "ProgramResult", "Property", "Results", "Settings", "all_cases", "judge_case", "matching", "run"]
