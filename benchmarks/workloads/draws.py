"""Drawing random numbers: a million at a time, where the stream itself is what costs, and a few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.backends import Backend
from benchmarks.timing import Step
from benchmarks.workload import Workload

MANY = 1_000_000

Make = Callable[[Any], Step]  # the library -> the step


def _fills(name: str, *args: Any, dtype: str = "float32") -> Make:
    """An in-place method on a million numbers that are there already."""

    def make(torch: Any) -> Step:
        x = torch.empty(MANY, dtype=getattr(torch, dtype))
        return lambda: getattr(x, name)(*args)

    return make


def _dropout(n: int) -> Make:
    def make(torch: Any) -> Step:
        x, dropout = torch.ones(n), torch.nn.Dropout(0.3)
        return lambda: dropout(x)

    return make


# name: (how many numbers, their maker)
DRAWS: dict[str, tuple[int, Make]] = {
    "rand": (MANY, lambda torch: lambda: torch.rand(MANY)),
    "rand float64": (MANY, lambda torch: lambda: torch.rand(MANY, dtype=torch.float64)),
    "uniform_(-0.1, 0.1)": (MANY, _fills("uniform_", -0.1, 0.1)),
    "uniform_(0.5, 3)": (MANY, _fills("uniform_", 0.5, 3)),
    "randn": (MANY, lambda torch: lambda: torch.randn(MANY)),
    "normal_(1, 2)": (MANY, _fills("normal_", 1, 2)),
    "normal_(0.3, 0.7)": (MANY, _fills("normal_", 0.3, 0.7)),
    "randn float64": (MANY, lambda torch: lambda: torch.randn(MANY, dtype=torch.float64)),
    "randint(0, 10)": (MANY, lambda torch: lambda: torch.randint(0, 10, (MANY,))),
    "randint(0, 2**40)": (MANY, lambda torch: lambda: torch.randint(0, 2**40, (MANY,))),
    "randperm": (MANY, lambda torch: lambda: torch.randperm(MANY)),
    "bernoulli_(0.3)": (MANY, _fills("bernoulli_", 0.3)),
    "dropout": (MANY, _dropout(MANY)),
    "exponential_": (MANY, _fills("exponential_")),
    "exponential_ float64": (MANY, _fills("exponential_", dtype="float64")),
    "a new Linear(10, 32)": (352, lambda torch: lambda: torch.nn.Linear(10, 32).weight),
    "a new Linear(30, 32)": (992, lambda torch: lambda: torch.nn.Linear(30, 32).weight),
    "a new Linear(784, 128)": (100_480, lambda torch: lambda: torch.nn.Linear(784, 128).weight),
    "rand of few": (10, lambda torch: lambda: torch.rand(10)),
    "randn of few": (10, lambda torch: lambda: torch.randn(10)),
    "randn of a hundred": (100, lambda torch: lambda: torch.randn(100)),
    "randperm of MNIST": (60_000, lambda torch: lambda: torch.randperm(60_000)),
    "dropout of a layer": (2048, _dropout(2048)),
}


def random_numbers() -> Iterator[Workload]:
    for name, (n, make) in DRAWS.items():

        def build(backend: Backend, make: Make = make) -> Step:
            backend.torch.manual_seed(0)
            return make(backend.torch)

        yield Workload("random", name, n, build, compiled=False, cuda=False)
