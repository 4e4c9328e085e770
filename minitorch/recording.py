"""The CUDA graph that is being captured, for what must go another way meanwhile.

While a stream is captured, kernels are noted and not run. So nothing may wait for the GPU; memory of the host may not
be copied, since it is gone at the replay; random numbers, which are drawn on the host, have to be drawn anew before each
replay; and CuPy's products of matrices refuse.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

Array = Any
Draw = Callable[[], tuple[np.ndarray, ...]]


class Recording(Protocol):
    """A graph that is being captured (cuda/graphs.py)."""

    kept: list[Any]  # what must live as long as the graph
    checks: bool  # whether there are kernels in it that look for faults (faults.py)

    def gemm(self, a: Array, b: Array) -> Array:
        """a @ b, in a way that can be captured."""

    def drawn(self, draw: Draw) -> tuple[Array, ...]:
        """Arrays on the GPU, to which what `draw()` gives is copied before each replay."""


class _Here(threading.local):
    """As CuPy has its streams and allocators: other threads go on as ever."""

    recording: Recording | None = None


here = _Here()


def refuse(what: str, cure: str) -> None:
    """RuntimeError while a graph is captured."""
    if here.recording is not None:
        raise RuntimeError(
            f"CUDA error: operation not permitted when stream is capturing: {what} cannot be part of a CUDA graph. {cure}"
        )
