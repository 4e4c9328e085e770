"""The programs that both libraries run. `torch` is an argument: minitorch or PyTorch, the source is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """Real data, standardised and split: rows of float64 features, and targets."""

    name: str
    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    outputs: int  # 1: two classes, told by the sign of a logit


@dataclass
class Record:
    """What one run leaves to compare, in the order in which it came to be."""

    initial: Arrays = field(default_factory=dict)
    forward: Arrays = field(default_factory=dict)
    gradients: Arrays = field(default_factory=dict)
    batches: Arrays = field(default_factory=dict)
    losses: Arrays = field(default_factory=dict)
    final: Arrays = field(default_factory=dict)
    accuracy: float = 0.0


@dataclass(frozen=True)
class Program:
    """A training run: on which data, with which optimizer, in batches of what size (None: all rows at once)."""

    problem: Problem
    optimizer: str
    batch_size: int | None
    dtype: str
    epochs: int

    @property
    def name(self) -> str:
        batches = "full batch" if self.batch_size is None else f"batches of {self.batch_size}"
        return f"{self.problem.name}, {self.optimizer}, {batches}, {self.dtype}"

    @property
    def steps(self) -> int:
        rows = len(self.problem.train_x)
        return self.epochs * (1 if self.batch_size is None else -(-rows // self.batch_size))


def problems() -> list[Problem]:
    """The lecture's binary classifier on breast cancer data, with its 30 features and with the first 10, and digits."""
    from sklearn.datasets import load_breast_cancer, load_digits

    cancer, digits = load_breast_cancer(), load_digits()
    return [
        _split("breast cancer (30)", cancer.data, cancer.target, 1),
        _split("breast cancer (10)", cancer.data[:, :10], cancer.target, 1),
        _split("digits", digits.data, digits.target, 10),
    ]


def _split(name: str, x: np.ndarray, y: np.ndarray, outputs: int) -> Problem:
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    cut = int(0.8 * len(x))
    mean, std = x[:cut].mean(0), x[:cut].std(0) + 1e-9
    x = (x - mean) / std
    return Problem(name, x[:cut], y[:cut], x[cut:], y[cut:], outputs)


def programs(quick: bool = False) -> list[Program]:
    """Every combination of problem, optimizer, batches and dtype."""
    return [
        Program(problem, optimizer, batch_size, dtype, epochs)
        for problem in problems()
        for dtype in ("float32", "float64")
        for optimizer in ("Adam", "SGD")
        for batch_size, epochs in ((None, 20 if quick else 100), (32, 1 if quick else 5))
    ]


def run(torch: Any, program: Program, tick: Callable[[], None] = lambda: None) -> Record:
    """Train the program's network in one library, from `manual_seed(0)` alone: weights and shuffles follow from it."""
    problem, dtype = program.problem, getattr(torch, program.dtype)
    torch.manual_seed(0)
    model = network(torch, problem.train_x.shape[1], problem.outputs).to(dtype)
    record = Record(initial=_arrays(model.state_dict().items()))

    if problem.outputs == 1:
        criterion = torch.nn.BCEWithLogitsLoss()
        target = lambda y: torch.from_numpy(y[:, None].astype(program.dtype))
    else:
        criterion = torch.nn.CrossEntropyLoss()
        target = lambda y: torch.from_numpy(y.astype(np.int64))
    features = lambda x: torch.from_numpy(x.astype(program.dtype))
    x, y = features(problem.train_x), target(problem.train_y)
    if program.optimizer == "Adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    rows: list[np.ndarray] = []
    losses: list[float] = []
    for batch in _batches(torch, x, y, program):
        batch_x, batch_y, numbers = batch
        output = model(batch_x)
        loss = criterion(output, batch_y)
        optimizer.zero_grad()
        loss.backward()
        if not losses:
            record.forward = {"output": output.detach().numpy().copy(), "loss": np.array(loss.item())}
            record.gradients = _arrays((name, p.grad) for name, p in model.named_parameters())
        optimizer.step()
        rows.append(numbers.numpy())
        losses.append(loss.item())
        tick()
    record.batches = {"rows": np.concatenate(rows)}
    record.losses = {"loss": np.array(losses)}
    record.final = _arrays(model.state_dict().items())

    model.eval()
    with torch.no_grad():
        output = model(features(problem.test_x)).numpy()
    guess = output[:, 0] > 0 if problem.outputs == 1 else output.argmax(1)
    record.accuracy = float((guess == problem.test_y).mean())
    return record


def network(torch: Any, features: int, outputs: int) -> Any:
    """The lecture's network: features -> 32 -> 64 -> outputs, with ReLU between."""

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer1 = torch.nn.Linear(features, 32)
            self.layer2 = torch.nn.Linear(32, 64)
            self.layer3 = torch.nn.Linear(64, outputs)
            self.relu = torch.nn.ReLU()

        def forward(self, x: Any) -> Any:
            x = self.relu(self.layer1(x))
            x = self.relu(self.layer2(x))
            return self.layer3(x)

    return Network()


def _batches(torch: Any, x: Any, y: Any, program: Program) -> Iterator[tuple[Any, Any, Any]]:
    """(features, targets, row numbers), shuffled by the library's own DataLoader unless it is the full batch."""
    numbers = torch.arange(len(x))
    if program.batch_size is None:
        for _ in range(program.epochs):
            yield x, y, numbers
        return
    dataset = torch.utils.data.TensorDataset(x, y, numbers)
    loader = torch.utils.data.DataLoader(dataset, batch_size=program.batch_size, shuffle=True)
    for _ in range(program.epochs):
        yield from loader


def _arrays(named: Any) -> Arrays:
    return {name: t.detach().numpy().copy() for name, t in named}
