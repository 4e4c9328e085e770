"""Large work on the CPU by several threads: NumPy lets go of the interpreter while it computes.

Handing work over costs some 50 us and every call of NumPy a wait for the interpreter, so it pays only where each thread
has a few milliseconds to do: optimizers' steps, elementwise formulas and rows of millions of numbers. (Two threads took
0.6 times as long as one for Adam on 1,000,000 parameters, 0.6 for sigmoid of 10,000,000 numbers, 0.55 for softmax of
8,192 x 1,000; for sigmoid of 1,000,000 they gained nothing.) Results do not depend on the number. Products of matrices
have threads of their own, which the BLAS library decides on (OMP_NUM_THREADS).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextvars import ContextVar, copy_context
from functools import lru_cache
from typing import Any

_WORTH_IT = 12 << 20  # bytes

_number = os.cpu_count() or 1
# Whether this is part of shared work: a share of a share could wait for the threads that it is itself run by.
_sharing: ContextVar[bool] = ContextVar("sharing", default=False)


def get_num_threads() -> int:
    """How many threads large work is shared by: what `set_num_threads` was given, at first the number of processors."""
    return _number


def set_num_threads(num: Any, /) -> None:
    """Share large work by this many threads. NumPy's BLAS is not asked: see OMP_NUM_THREADS."""
    global _number
    if not isinstance(num, int) or isinstance(num, bool):
        raise RuntimeError(f"set_num_threads expects an int, but got {num.__class__.__name__}")
    if num <= 0:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {num}")
    _number = num


def useful(touched: int) -> int:
    """How many threads pay for work on so many bytes."""
    return _number if touched >= _WORTH_IT and not _sharing.get() else 1


def share(work: Callable[[int, Any], None], parts: Sequence[Any], count: int) -> None:
    """work(thread, part) for every part, by `count` threads, of which this one is number 0. Raises what any raised."""

    def run(thread: int) -> None:
        token = _sharing.set(True)
        try:
            for part in parts[thread::count]:
                work(thread, part)
        finally:
            _sharing.reset(token)

    others = []
    for thread in range(1, count):
        try:
            others.append(_pool(os.getpid(), _number).submit(copy_context().run, run, thread))
        except RuntimeError:  # the interpreter is ending: no new threads
            run(thread)
    try:
        run(0)
    finally:
        errors = [other.exception() for other in others]  # waits
    for error in errors:
        if error is not None:
            raise error


@lru_cache(1)
def _pool(process: int, count: int) -> Any:
    """Threads of this process: those of the one it was forked from are not in it."""
    from concurrent.futures import ThreadPoolExecutor  # late: it is a fifth of the time of `import minitorch`

    return ThreadPoolExecutor(max(1, count - 1), "minitorch")
