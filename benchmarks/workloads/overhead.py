"""What a call costs before it computes anything: one op on 32 values, and a chain of a thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.backends import Backend
from benchmarks.timing import Step
from benchmarks.workload import Workload

VALUES = 32

# name -> (tensors needed, what is computed)
OPS: dict[str, tuple[int, Callable[..., Any]]] = {
    "x + y": (2, lambda torch, x, y: x + y),
    "x * y": (2, lambda torch, x, y: x * y),
    "x / y": (2, lambda torch, x, y: x / y),
    "x * 2.0": (1, lambda torch, x: x * 2.0),
    "x ** 2": (1, lambda torch, x: x**2),
    "-x": (1, lambda torch, x: -x),
    "exp": (1, lambda torch, x: x.exp()),
    "log": (1, lambda torch, x: x.log()),
    "tanh": (1, lambda torch, x: x.tanh()),
    "sigmoid": (1, lambda torch, x: x.sigmoid()),
    "relu": (1, lambda torch, x: x.relu()),
    "sum": (1, lambda torch, x: x.sum()),
    "mean": (1, lambda torch, x: x.mean()),
    "max(dim)": (1, lambda torch, x: x.max(0).values),
    "softmax": (1, lambda torch, x: x.softmax(0)),
    "log_softmax": (1, lambda torch, x: x.log_softmax(0)),
    "reshape": (1, lambda torch, x: x.reshape(4, 8)),
    "transpose": (1, lambda torch, x: x.reshape(4, 8).t()),
    "x[2:9]": (1, lambda torch, x: x[2:9]),
    "x[index]": (1, lambda torch, x: x[[0, 3, 3]]),
    "cat": (2, lambda torch, x, y: torch.cat([x, y])),
    "where": (2, lambda torch, x, y: torch.where(x > y, x, y)),
    "x @ y": (2, lambda torch, x, y: x @ y),
    "clamp": (1, lambda torch, x: x.clamp(0.8, 1.2)),
}


def _leaves(backend: Backend, count: int, values: int = VALUES) -> list[Any]:
    rng = np.random.default_rng(2)
    return [backend.tensor(rng.uniform(0.5, 1.5, values).astype(np.float32), requires_grad=True) for _ in range(count)]


def _forward(count: int, function: Callable[..., Any]) -> Callable[[Backend], Step]:
    def build(backend: Backend) -> Step:
        torch, leaves = backend.torch, _leaves(backend, count)
        return lambda: function(torch, *leaves)

    return build


def _both(count: int, function: Callable[..., Any]) -> Callable[[Backend], Step]:
    def build(backend: Backend) -> Step:
        torch, leaves = backend.torch, _leaves(backend, count)
        gradient = torch.ones_like(function(torch, *leaves)).detach()

        def step() -> list[Any]:
            function(torch, *leaves).backward(gradient)
            gradients = [leaf.grad for leaf in leaves]
            for leaf in leaves:
                leaf.grad = None
            return gradients

        return step

    return build


def overhead() -> Iterator[Workload]:
    """One op on 32 values that require grad."""
    for name, (count, function) in OPS.items():
        for label, make in (("forward", _forward), ("forward and backward", _both)):
            yield Workload("overhead", name, VALUES, make(count, function), label=label, compiled=False)


def chain() -> Iterator[Workload]:
    """A thousand ops, one after the other, forward and backward."""
    for values in (1, 1_000):

        def build(backend: Backend, values: int = values) -> Step:
            (leaf,) = _leaves(backend, 1, values)

            def step() -> Any:
                x = leaf
                for _ in range(500):
                    x = x * 0.999 + 0.001
                x.sum().backward()
                gradient, leaf.grad = leaf.grad, None
                return gradient

            return step

        yield Workload("chain", "1,000 ops and back", values, build, label=f"{values:,} values", compiled=False)
