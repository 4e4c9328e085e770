"""What is timed. The library is an argument: minitorch and PyTorch run the same lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import by_hand

Step = Callable[[], object]


def network(torch: Any, widths: list[int], seed: int = 0) -> Any:
    """Linear and ReLU in turns, with the same weights whatever the library."""
    rng = np.random.default_rng(seed)
    layers = []
    for i, (n, m) in enumerate(zip(widths, widths[1:], strict=False)):
        if i:
            layers.append(torch.nn.ReLU())
        linear = torch.nn.Linear(n, m)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy((rng.standard_normal((m, n)) / n**0.5).astype(np.float32)))
            linear.bias.zero_()
        layers.append(linear)
    return torch.nn.Sequential(*layers)


def data(widths: list[int], batch: int, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (batch, widths[0]) and targets: (batch, 1) zeros and ones, or class numbers."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((batch, widths[0])).astype(np.float32)
    if loss == "bce":
        return x, rng.integers(0, 2, (batch, 1)).astype(np.float32)
    return x, rng.integers(0, widths[-1], batch)


def training_step(torch: Any, widths: list[int], batch: int, loss: str, optimizer: str, **options: Any) -> Step:
    """Forward, loss, zero_grad, backward, optimizer step: the inner lines of the lecture's training loop."""
    model = network(torch, widths)
    criterion = torch.nn.BCEWithLogitsLoss() if loss == "bce" else torch.nn.CrossEntropyLoss()
    make = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
    update = make(model.parameters(), lr=1e-3, **options)
    x, y = (torch.from_numpy(a) for a in data(widths, batch, loss))

    def step() -> None:
        output = model(x)
        value = criterion(output, y)
        update.zero_grad()
        value.backward()
        update.step()

    return step


def hand_step(widths: list[int], batch: int, loss: str, optimizer: str) -> Step:
    """The same step in NumPy by hand."""
    rng = np.random.default_rng(0)
    weights = []
    for n, m in zip(widths, widths[1:], strict=False):
        weights += [(rng.standard_normal((m, n)) / n**0.5).astype(np.float32), np.zeros(m, np.float32)]
    return by_hand.mlp_step(weights, *data(widths, batch, loss), loss, optimizer)


LECTURE = [10, 32, 64, 1]
WIDE = [784, 512, 512, 10]

# name: (widths, batch, loss, optimizer)
TRAINING: dict[str, tuple[list[int], int, str, str]] = {
    f"lecture, batch {batch}, {optimizer}": (LECTURE, batch, "bce", optimizer)
    for batch in (32, 1000)
    for optimizer in ("adam", "sgd")
} | {f"MLP 784-512-512-10, batch 128, {o}": (WIDE, 128, "cross_entropy", o) for o in ("adam", "sgd")}


def _vectors(torch: Any, count: int, *shape: int) -> list[Any]:
    rng = np.random.default_rng(2)
    return [torch.from_numpy(rng.uniform(0.5, 1.5, shape or (32,)).astype(np.float32)) for _ in range(count)]


# One op on small tensors, where its overhead is all there is: name -> (tensors needed, what is computed).
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


def op_steps(torch: Any, name: str) -> tuple[Step, Step]:
    """(forward alone, forward and backward) of one op on 32 values that require grad."""
    count, function = OPS[name]
    leaves = _vectors(torch, count)
    for leaf in leaves:
        leaf.requires_grad_()
    gradient = torch.ones_like(function(torch, *leaves))

    def both() -> None:
        function(torch, *leaves).backward(gradient)
        for leaf in leaves:
            leaf.grad = None

    return lambda: function(torch, *leaves), both
