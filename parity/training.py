"""Whole training programs, judged like the cases: against the truth, by PyTorch's own distance from it.

**The truth** of a float32 program is the same program in float64, from the same float32 weights and data; that of a float64
program is PyTorch's run. **PyTorch's own distance** is the largest of several runs of the same mathematics that round
otherwise: as it is, and with the hidden units in other orders and the weights moved by one rounding after the first
step (else all would round alike in exp, log and the update, and lie closer to each other than to the truth). Training amplifies rounding, Adam most of all: it divides
a gradient by its own size, so that where the gradient is noise, so is the direction of the step. A single run may be
lucky; the largest of four says how far apart two right answers can be.

**The norm** of a distance is the root mean square over an array, relative to that of the truth, in epsilons of the dtype;
of several arrays, the worst. The largest single difference would be that of one weight whose gradient is noise: at most
the sum of the learning rates, whatever else is right or wrong.

minitorch passes with FACTOR times PyTorch's own distance plus FEW epsilons; weights at the start, and the order of the
batches, must be equal.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from parity.judge import FACTOR, FEW
from parity.programs import Arrays, Program, Record, run
from parity.results import CLOSE, DIFFERS, EXACT, WORSE, Deviation, ProgramResult

EQUAL = ("initial", "batches")
MEASURED = ("forward", "gradients", "losses", "final")
REORDERED = 3


def judge_program(program: Program, library: Any, *, device: str = "cpu") -> ProgramResult:
    """Train it in minitorch (`library`) and in PyTorch."""
    import torch

    start = time.perf_counter()
    theirs = run(torch, program)
    middle = time.perf_counter()
    mine = run(library, program, device=device)
    end = time.perf_counter()
    others = [run(torch, program, reordered=i) for i in range(REORDERED)]
    double = program.dtype == "float64"
    truth = theirs if double else run(torch, program, precise=True)
    deviations = judge_records(mine, theirs, truth, others if double else [theirs, *others], program.dtype)
    losses = [record.losses["loss"].tolist() for record in (mine, theirs, truth)]
    problem = program.problem.name
    return ProgramResult(
        program.name, problem, program.optimizer, program.batch_size, program.dtype, program.steps, deviations,
        losses[0], losses[1], losses[2], mine.accuracy, theirs.accuracy, end - middle, middle - start,
    )  # fmt: skip


def judge_records(mine: Record, theirs: Record, truth: Record, equals: list[Record], dtype: str) -> list[Deviation]:
    """A Deviation per quantity, in the order in which a program makes them. `equals`: runs of PyTorch, all as right."""
    found = [_equal(name, getattr(mine, name), getattr(theirs, name)) for name in EQUAL]
    epsilon = float(np.finfo(dtype).eps)
    for name in MEASURED:
        wrong = _difference_in_kind(getattr(mine, name), getattr(theirs, name))
        if wrong:
            found.append(Deviation(name, DIFFERS, None, None, None, wrong))
            continue
        distance = lambda record, name=name: _distance(getattr(record, name), getattr(truth, name), epsilon)
        own, where = distance(mine)
        most = max(distance(record)[0] for record in equals)
        limit = FACTOR * most + FEW
        exact = all(np.array_equal(a, getattr(theirs, name)[k]) for k, a in getattr(mine, name).items())
        verdict = EXACT if exact else CLOSE if own <= limit else WORSE
        found.append(Deviation(name, verdict, own, most, limit, where))
    return found


def _equal(quantity: str, mine: Arrays, theirs: Arrays) -> Deviation:
    wrong = _difference_in_kind(mine, theirs) or next(
        (f"{k} is another" for k, a in mine.items() if not np.array_equal(a, theirs[k])), ""
    )
    return Deviation(quantity, DIFFERS if wrong else EXACT, None, None, None, wrong)


def _difference_in_kind(mine: Arrays, theirs: Arrays) -> str:
    """Another name, shape or dtype, or numbers that are not finite."""
    if mine.keys() != theirs.keys():
        return f"names {sorted(mine.keys() ^ theirs.keys())}"
    for name, a in mine.items():
        b = theirs[name]
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            return f"{name}: {a.dtype} {a.shape}, PyTorch {b.dtype} {b.shape}"
        if not np.isfinite(a).all() and not np.array_equal(a, b, equal_nan=True):
            return f"{name}: not finite"
    return ""


def _distance(x: Arrays, truth: Arrays, epsilon: float) -> tuple[float, str]:
    """The worst relative root mean square over the arrays, in epsilons, and where."""
    rms = lambda a: math.sqrt(float(np.mean(np.square(a.astype(np.float64))))) if a.size else 0.0
    each = {k: rms(a - truth[k].astype(np.float64)) / (epsilon * (rms(truth[k]) or 1.0)) for k, a in x.items()}
    where = max(each, key=lambda k: each[k])
    return each[where], where
