"""The roof over every kernel of a machine: how fast it moves bytes, and how fast it multiplies matrices."""

from __future__ import annotations

import numpy as np

from benchmarks.backends import MINITORCH, MINITORCH_CUDA, TORCH, TORCH_CUDA, Backend, absent
from benchmarks.results import Roof
from benchmarks.timing import Contender, Effort, measure

FLOATS = 1 << 24  # 64 MiB: more than caches hold


def roofs(devices: tuple[str, ...], effort: Effort) -> list[Roof]:
    """One per device that is there: the better of both libraries, for a copy of 64 MiB and for a matrix product."""
    found = []
    for device, backends in (("cpu", (MINITORCH, TORCH)), ("cuda", (MINITORCH_CUDA, TORCH_CUDA))):
        present = [b for b in backends if not absent(b)]
        if device in devices and present:
            n = 1024 if device == "cpu" else 8192
            copies = {b.name: _copy(b) for b in present}
            products = {b.name: _product(b, n) for b in present}
            found.append(
                Roof(
                    device,
                    flops=2 * n**3 / min(t.low for (t,) in measure(products, effort).values()),
                    bandwidth=2 * 4 * FLOATS / min(t.low for (t,) in measure(copies, effort).values()),
                )
            )
    return found


def _copy(backend: Backend) -> Contender:
    source, target = (backend.tensor(np.zeros(FLOATS, np.float32)) for _ in range(2))
    return Contender((lambda: target.copy_(source),), backend.clock())


def _product(backend: Backend, n: int) -> Contender:
    x = backend.tensor(np.ones((n, n), np.float32))
    return Contender((lambda: x @ x,), backend.clock())
