"""One run: every row, its contenders in turns."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track

from benchmarks import memory, roofline
from benchmarks.backends import BACKENDS, COMPILED, FUSED, HAND, Backend, absent
from benchmarks.machine import describe
from benchmarks.results import Results, Row, Split
from benchmarks.timing import FULL, QUICK, Contender, Effort, Step, measure
from benchmarks.workload import Workload
from benchmarks.workloads import all_workloads
from benchmarks.workloads.training import PARTS, SPLITS, Training

DEVICES = {"cpu": ("cpu",), "cuda": ("cuda",), "all": ("cpu", "cuda")}


@dataclass(frozen=True)
class Options:
    """What to measure: kept with the results, so that `compare` can repeat it."""

    threads: int = 1
    device: str = "all"
    only: str = ""
    quick: bool = False
    compiled: bool = False

    @property
    def effort(self) -> Effort:
        return QUICK if self.quick else FULL

    def refused(self, backend: Backend) -> str:
        """Why this column is left out; "" if it is not."""
        if backend.device not in DEVICES[self.device]:
            return f"left out by --device {self.device}"
        if backend == COMPILED and not self.compiled:
            return "left out: --compiled measures it"
        return absent(backend)


def run(options: Options, console: Console) -> Results:
    """Measure everything the options ask for."""
    set_threads(options.threads)
    results = Results(describe(options.threads), vars(options).copy())
    workloads = [w for w in all_workloads() if options.only in w.key and (w.quick or not options.quick)]
    for workload in track(workloads, "workloads", console=console, transient=True):
        results.rows.append(_row(workload, options))
    for name in track([n for n in SPLITS if options.only in n], "parts of a step", console=console, transient=True):
        results.splits.append(_split(name, options))
    results.peaks = memory.peaks({w.key for w in workloads}, DEVICES[options.device], options.threads)
    if any(row.flops and row.bytes for row in results.rows):
        results.roofs = roofline.roofs(DEVICES[options.device], options.effort)
    return results


def set_threads(count: int) -> None:
    """For the numerical kernels of both libraries and of NumPy's BLAS."""
    import torch
    from threadpoolctl import threadpool_limits

    import minitorch

    torch.set_num_threads(count)
    minitorch.set_num_threads(count)
    threadpool_limits(count)


def _row(workload: Workload, options: Options) -> Row:
    row = Row(workload.family, workload.line, workload.name, workload.size, workload.flops, workload.bytes)
    contenders = {}
    for backend in workload.backends():
        reason = options.refused(backend) or _too_large(workload)
        if reason:
            row.missing[backend.name] = reason
            continue
        try:
            step = workload.step(backend)
            step()
        except Exception as error:  # what one column cannot do is for its cell to say, not for the run to end on
            known = f"not offered: {error}", f"failed: {type(error).__name__}: {error}"
            row.missing[backend.name] = known[not is_missing(error)]
        else:
            contenders[backend.name] = Contender((step,), backend.clock())
    if contenders:
        row.times = {name: times[0] for name, times in measure(contenders, options.effort).items()}
    return row


def is_missing(error: Exception) -> bool:
    """Whether the library says that it does not have this, rather than failing at it."""
    return isinstance(error, NotImplementedError) or str(error).startswith("module 'minitorch")


def _too_large(workload: Workload) -> str:
    """Twice what a step must touch is about what a contender takes; those before it have theirs already."""
    if workload.bytes < 1e9 or "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return ""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return "not enough free memory" if 2 * workload.bytes > free else ""


def _split(name: str, options: Options) -> Split:
    spec = SPLITS[name]
    contenders = {}
    for backend in BACKENDS:
        if backend == FUSED or backend.mode == "graph" or options.refused(backend):
            continue
        try:
            if backend == HAND:
                hand = spec.by_hand()
                parts: tuple[Step, ...] = (hand.forward, hand.loss, hand.backward, hand.update)
            else:
                parts = Training(backend, spec).parts()
            for part in parts:
                part()
        except Exception:  # the row of the same training step says why
            continue
        contenders[backend.name] = Contender(parts, backend.clock())
    times = measure(contenders, options.effort)
    return Split(name, {backend: dict(zip(PARTS, parts, strict=True)) for backend, parts in times.items()})
