"""The optimizer's step alone, over how many parameters there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import by_hand
from benchmarks.backends import Backend
from benchmarks.timing import Step
from benchmarks.workload import Workload


def _arrays(n: int, tensors: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.standard_normal(n // tensors, np.float32) for _ in range(tensors)]


def _build(name: str, n: int, tensors: int) -> Callable[[Backend], Step]:
    def build(backend: Backend) -> Step:
        parameters = [backend.tensor(a, requires_grad=True) for a in _arrays(n, tensors)]
        for p in parameters:
            p.grad = backend.torch.ones_like(p)
        optimizer = backend.optimizer(name, parameters)

        def step() -> list:
            optimizer.step()
            return parameters

        return step

    return build


def _hand(name: str, n: int, tensors: int) -> Callable[[], Step]:
    def build() -> Step:
        weights = _arrays(n, tensors)
        update = {"adam": by_hand.adam, "sgd": by_hand.sgd}[name](weights)
        gradients = [np.ones_like(w) for w in weights]

        def step() -> list[np.ndarray]:
            update(gradients)
            return weights

        return step

    return build


def optimizers() -> Iterator[Workload]:
    # (operations, arrays read or written) per parameter: Adam reads p, g, m, v and writes p, m, v.
    for name, operations, arrays in (("adam", 12, 7), ("sgd", 2, 3)):
        for n in (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000):
            yield Workload(
                "optimizer", f"{name}, one tensor", n, _build(name, n, 1), _hand(name, n, 1),
                flops=operations * n, bytes=arrays * n * 4, quick=n in (1_000, 100_000, 1_000_000),
                optimizer=True, compiled=False,
            )  # fmt: skip
        for n in (10_000, 1_000_000):
            yield Workload(
                "optimizer", f"{name}, 100 tensors", n, _build(name, n, 100), _hand(name, n, 100),
                optimizer=True, compiled=False,
            )  # fmt: skip
