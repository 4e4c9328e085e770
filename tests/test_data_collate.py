"""How samples become a batch."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from data_helpers import same

import minitorch
import minitorch.utils.data

# On a machine with one or two processors both libraries warn of as many workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

Point = collections.namedtuple("Point", "x y")


# ---------------------------------------------------------------------------------------- collate and convert


class Constant(collections.abc.Mapping):
    """A mapping that cannot be changed."""

    def __init__(self, items: dict[str, Any]) -> None:
        self.stored = items

    def __getitem__(self, key: str) -> Any:
        return self.stored[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)


class Pair(list):
    """A list that cannot be made from a list."""

    def __init__(self, first: Any, second: Any) -> None:
        super().__init__([first, second])


COLLATED: list[Callable[[Any], Any]] = [
    lambda t: [1, 2],
    lambda t: [1.5, 2],
    lambda t: [1, 2.5],
    lambda t: [True, False],
    lambda t: [True, 2],
    lambda t: [t.tensor(1), t.tensor(2)],
    lambda t: [t.ones(2), t.zeros(2)],
    lambda t: [t.ones(2, dtype=t.float64), t.zeros(2)],
    lambda t: [t.zeros(2, 0), t.zeros(2, 0)],
    lambda t: ["a", "b"],
    lambda t: [b"a", b"b"],
    lambda t: [[1, 2], [3, 4]],
    lambda t: [(1, "a"), (3, "b")],
    lambda t: [[], []],
    lambda t: [{"a": 1, "b": 2.0}, {"a": 3, "b": 4.0}],
    lambda t: [{"a": 1}, {"a": 2, "b": 3}],
    lambda t: [Point(1, 2.0), Point(3, 4.0)],
    lambda t: [np.float32(1), np.float32(2)],
    lambda t: [np.float64(1)],
    lambda t: [np.int8(1)],
    lambda t: [np.bool_(True)],
    lambda t: [np.array(1), np.array(2)],
    lambda t: [np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)],
    lambda t: [np.array([1.0]), np.array([2])],
    lambda t: [np.zeros(2), t.ones(2)],
    lambda t: [[1, [2, {"a": np.ones(2)}]], [3, [4, {"a": np.zeros(2)}]]],
    lambda t: [collections.OrderedDict(b=1, a=2), collections.OrderedDict(a=1, b=2)],
    lambda t: [collections.defaultdict(int, b=1), collections.defaultdict(int, b=2)],
    lambda t: [collections.UserDict(a=1), collections.UserDict(a=3)],
    lambda t: [collections.deque([1, 2]), collections.deque([3, 4])],
    lambda t: [Pair(1, 2), Pair(3, 4)],
    lambda t: [range(3), range(3)],
    lambda t: ((1, 2), (3, 4)),
    lambda t: {0: "a"},
]

CONVERTED: list[Callable[[Any], Any]] = [
    lambda t: 1,
    lambda t: "a",
    lambda t: None,
    lambda t: t.ones(2),
    lambda t: np.float32(2),
    lambda t: np.array(2),
    lambda t: np.array(["a"]),
    lambda t: np.array([None]),
    lambda t: [1, np.array([2])],
    lambda t: (1, np.array([2])),
    lambda t: Point(1, np.array([2])),
    lambda t: {"a": np.array([2]), "b": [np.ones(1)]},
    lambda t: collections.defaultdict(int, a=np.array([1])),
    lambda t: Pair(1, np.ones(1)),
    lambda t: collections.deque([1, np.ones(1)]),
    lambda t: range(3),
]


@pytest.mark.parametrize("number", range(len(COLLATED)))
def test_default_collate(number: int) -> None:
    same(lambda lib: lib.utils.data.default_collate(COLLATED[number](lib)))


@pytest.mark.parametrize("number", range(len(CONVERTED)))
def test_default_convert(number: int) -> None:
    same(lambda lib: lib.utils.data.default_convert(CONVERTED[number](lib)))


def test_types_are_kept() -> None:
    collated = minitorch.utils.data.default_collate([Constant({"a": 1}), Constant({"a": 2})])
    assert type(collated) is Constant
    assert collated["a"].tolist() == [1, 2]
    source = collections.defaultdict(int, a=np.ones(1))
    converted = minitorch.utils.data.default_convert(source)
    assert converted["none"] == 0
    assert isinstance(source["a"], np.ndarray)  # the sample itself is left alone


def test_convert_shares_memory() -> None:
    array = np.zeros(2)
    minitorch.utils.data.default_convert({"a": array})["a"][0] = 5
    assert array[0] == 5
