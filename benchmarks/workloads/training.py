"""Whole training steps: the lecture's network over batch sizes, networks for digits over widths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks import by_hand
from benchmarks.backends import Backend
from benchmarks.timing import Step
from benchmarks.workload import Workload

PARTS = ("forward", "loss", "backward", "optimizer")


@dataclass(frozen=True)
class Spec:
    """A network of Linear and ReLU in turns, its batch, loss ("bce" or "cross_entropy") and optimizer."""

    widths: tuple[int, ...]
    batch: int
    loss: str
    optimizer: str

    def weights(self) -> list[np.ndarray]:
        """[w1, b1, w2, b2, ...], the same at each call."""
        rng = np.random.default_rng(0)
        arrays = []
        for n, m in pairwise(self.widths):
            arrays += [(rng.standard_normal((m, n)) / n**0.5).astype(np.float32), np.zeros(m, np.float32)]
        return arrays

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (batch, widths[0]) and targets: (batch, 1) zeros and ones, or class numbers."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.batch, self.widths[0]), np.float32)
        if self.loss == "bce":
            return x, rng.integers(0, 2, (self.batch, 1)).astype(np.float32)
        return x, rng.integers(0, self.widths[-1], self.batch)

    def by_hand(self) -> by_hand.MLP:
        """The step in NumPy."""
        return by_hand.MLP(self.weights(), *self.data(), self.loss, self.optimizer)

    @property
    def flops(self) -> float:
        """Of the matrix products: one forward and two backward for each layer, but one for the first, whose input
        needs no gradient."""
        products = [2 * self.batch * n * m for n, m in pairwise(self.widths)]
        return 3 * sum(products) - products[0]


class Training:
    """The inner lines of the lecture's training loop, in any library."""

    def __init__(self, backend: Backend, spec: Spec) -> None:
        torch = backend.torch
        x, y = spec.data()
        self.x, self.y = backend.tensor(x), backend.tensor(y)
        self.model = backend.model(network(torch, spec))
        self.criterion = torch.nn.BCEWithLogitsLoss() if spec.loss == "bce" else torch.nn.CrossEntropyLoss()
        self.optimizer = backend.optimizer(spec.optimizer, self.model.parameters())
        self.backend = backend

    def step(self) -> Step:
        """Forward, loss, zero_grad, backward, optimizer step; returns the loss."""
        x, y, model, criterion, optimizer = self.x, self.y, self.model, self.criterion, self.optimizer
        passes = self.backend.compile(lambda: criterion(model(x), y))
        if self.backend.mode == "compiled":

            def step() -> Any:
                loss = passes()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                return loss

        else:

            def step() -> Any:
                output = model(x)
                loss = criterion(output, y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                return loss

        return step

    def parts(self) -> tuple[Step, ...]:
        """The same in four, in the order of PARTS; zero_grad belongs to the optimizer's."""
        x, y, optimizer = self.x, self.y, self.optimizer
        model, criterion = self.backend.compile(self.model), self.backend.compile(self.criterion)
        output: Any = None
        value: Any = None

        def forward() -> None:
            nonlocal output
            output = model(x)

        def loss() -> None:
            nonlocal value
            value = criterion(output, y)

        def update() -> None:
            optimizer.step()
            optimizer.zero_grad()

        return forward, loss, lambda: value.backward(), update


def network(torch: Any, spec: Spec) -> Any:
    """The network with the weights of the spec."""
    arrays = iter(spec.weights())
    layers: list[Any] = []
    for n, m in pairwise(spec.widths):
        if layers:
            layers.append(torch.nn.ReLU())
        linear = torch.nn.Linear(n, m)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(next(arrays)))
            linear.bias.copy_(torch.from_numpy(next(arrays)))
        layers.append(linear)
    return torch.nn.Sequential(*layers)


def _workload(family: str, line: str, size: int, label: str, spec: Spec, quick: bool = True) -> Workload:
    return Workload(
        family, line, size, lambda backend: Training(backend, spec).step(), lambda: spec.by_hand().step,
        label=label, flops=spec.flops, quick=quick, optimizer=True,
    )  # fmt: skip


LECTURE = (10, 32, 64, 1)
SPLITS = {f"lecture, Adam, batch {n:,}": Spec(LECTURE, n, "bce", "adam") for n in (32, 1000, 65536)}


def lecture() -> Iterator[Workload]:
    """10-32-64-1 over batch sizes."""
    for optimizer in ("adam", "sgd"):
        for n in (8, 32, 128, 1000, 8192, 65536):
            spec = Spec(LECTURE, n, "bce", optimizer)
            yield _workload("lecture", f"lecture, {optimizer}", n, f"batch {n:,}", spec)


def digits() -> Iterator[Workload]:
    """64-h-10 over h, batch 128; and a deeper network for larger images."""
    for optimizer in ("adam", "sgd"):
        for width in (64, 256, 1024, 2048, 8192):
            spec = Spec((64, width, 10), 128, "cross_entropy", optimizer)
            line = f"digits 64-h-10, {optimizer}"
            yield _workload("digits", line, width, f"h = {width:,}", spec, quick=width in (64, 1024))
        spec = Spec((784, 512, 512, 10), 128, "cross_entropy", optimizer)
        yield _workload("digits", f"784-512-512-10, {optimizer}", 512, "batch 128", spec)
