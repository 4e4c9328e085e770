"""The programs that both libraries run. `torch` is an argument: minitorch or PyTorch, the source is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
HIDDEN = (32, 64)


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


@cache
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


def run(
    torch: Any,
    program: Program,
    *,
    precise: bool = False,
    reordered: int | None = None,
    device: str = "cpu",
) -> Record:
    """Train the program's network in one library, from `manual_seed(0)` alone: weights and shuffles follow from it.

    precise: the same weights and data, computed in float64. reordered: with the hidden units in another order, drawn by
    this seed, and each weight moved by one rounding after the first step: the same mathematics, other roundings. The
    record has the units in the first order again.
    """
    problem, kind = program.problem, "float64" if precise else program.dtype
    torch.manual_seed(0)
    model = network(torch, problem.train_x.shape[1], problem.outputs).to(getattr(torch, kind))
    record = Record(initial=_arrays(model.state_dict().items()))
    there, back = _orders(reordered)
    if reordered is not None:
        model.load_state_dict({k: torch.from_numpy(a) for k, a in _ordered(record.initial, there).items()})
    model = model.to(device)

    if problem.outputs == 1:
        criterion = torch.nn.BCEWithLogitsLoss()
        target = lambda y: torch.from_numpy(y[:, None].astype(kind)).to(device)
    else:
        criterion = torch.nn.CrossEntropyLoss()
        target = lambda y: torch.from_numpy(y.astype(np.int64)).to(device)
    features = lambda x: torch.from_numpy(x.astype(program.dtype).astype(kind)).to(device)
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
            record.forward = {"output": output.detach().cpu().numpy().copy(), "loss": np.array(loss.item())}
            gradients = _arrays((name, p.grad) for name, p in model.named_parameters())
            record.gradients = _ordered(gradients, back)
        optimizer.step()
        if reordered is not None and not losses:
            _round_again(model, np.random.default_rng(reordered))
        rows.append(numbers.cpu().numpy())
        losses.append(loss.item())
    record.batches = {"rows": np.concatenate(rows)}
    record.losses = {"loss": np.array(losses)}
    record.final = _ordered(_arrays(model.state_dict().items()), back)

    model.eval()
    with torch.no_grad():
        output = model(features(problem.test_x)).cpu().numpy()
    guess = output[:, 0] > 0 if problem.outputs == 1 else output.argmax(1)
    record.accuracy = float((guess == problem.test_y).mean())
    return record


def network(torch: Any, features: int, outputs: int) -> Any:
    """The lecture's network: features -> 32 -> 64 -> outputs, with ReLU between."""

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer1 = torch.nn.Linear(features, HIDDEN[0])
            self.layer2 = torch.nn.Linear(HIDDEN[0], HIDDEN[1])
            self.layer3 = torch.nn.Linear(HIDDEN[1], outputs)
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


def _round_again(model: Any, rng: np.random.Generator) -> None:
    """Move each weight to a neighbouring number, up or down."""
    for p in model.parameters():
        array = p.detach().numpy()  # shares its memory
        array[...] = np.nextafter(array, np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(array.dtype))


def _arrays(named: Any) -> Arrays:
    return {name: t.detach().cpu().numpy().copy() for name, t in named}


def _orders(seed: int | None) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Orders of the two layers of hidden units, and their inverses."""
    orders = [np.arange(n) if seed is None else np.random.default_rng(seed).permutation(n) for n in HIDDEN]
    return orders, [np.argsort(order) for order in orders]


def _ordered(arrays: Arrays, orders: list[np.ndarray]) -> Arrays:
    """Weights with the hidden units in another order: rows of one layer, columns of the next."""
    first, second = orders
    kept = {f"layer{i}.{name}": arrays[f"layer{i}.{name}"] for i in (1, 2, 3) for name in ("weight", "bias")}
    kept["layer1.weight"], kept["layer1.bias"] = kept["layer1.weight"][first], kept["layer1.bias"][first]
    kept["layer2.weight"], kept["layer2.bias"] = kept["layer2.weight"][:, first][second], kept["layer2.bias"][second]
    kept["layer3.weight"] = kept["layer3.weight"][:, second]
    return kept
