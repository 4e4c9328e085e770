"""minitorch.utils.data against torch.utils.data: orders and draws bit for bit, arguments, errors, workers."""

from __future__ import annotations

import collections
import gc
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from hypothesis import given, settings
from hypothesis import strategies as st

import minitorch
import minitorch.utils.data
from minitorch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, get_worker_info
from minitorch.utils.data.fetch import make_fetch

# On a machine with one or two processors both libraries warn of as many workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

Point = collections.namedtuple("Point", "x y")


def plain(value: Any) -> Any:
    """`value` without tensors: what the two libraries must agree on."""
    if isinstance(value, torch.Tensor | minitorch.Tensor):
        return ("tensor", str(value.dtype), tuple(value.shape), value.tolist())
    if isinstance(value, np.ndarray):
        return ("array", str(value.dtype), value.tolist())
    if isinstance(value, dict | collections.UserDict):
        return (type(value).__name__, [(key, plain(item)) for key, item in value.items()])
    if isinstance(value, list | tuple | collections.deque):
        return (type(value).__name__, [plain(item) for item in value])
    return value


def both(program: Callable[[Any], Any]) -> tuple[Any, Any]:
    """What `program(library)` gives under PyTorch and under minitorch, global generators seeded alike."""
    torch.manual_seed(1234)
    with warnings.catch_warnings():  # its loaders fork a process with threads, which Python 3.12 warns of
        warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
        theirs = plain(program(torch))
    minitorch.manual_seed(1234)
    return theirs, plain(program(minitorch))


def same(program: Callable[[Any], Any]) -> None:
    theirs, ours = both(program)
    assert ours == theirs


def seeded(library: Any, seed: int | None) -> Any:
    """A generator with that seed, or None: the global one."""
    return None if seed is None else library.Generator().manual_seed(seed)


def next_draw(library: Any, generator: Any) -> int:
    """Tells where a generator stands."""
    return library.randint(0, 2**27, (1,), generator=generator).item()


# ------------------------------------------------------------------------------------------- orders and draws


def epochs(library: Any, generator_seed: int | None, count: int = 3, **options: Any) -> list[Any]:
    generator = seeded(library, generator_seed)
    loader = library.utils.data.DataLoader(range(11), generator=generator, **options)
    return [(list(loader), next_draw(library, generator), next_draw(library, None)) for _ in range(count)]


@settings(max_examples=60, deadline=None)
@given(
    batch_size=st.sampled_from([None, 1, 2, 4, 11, 20]),
    shuffle=st.sampled_from([None, False, True]),
    drop_last=st.booleans(),
    seed=st.sampled_from([None, 0, 7, 2**63]),
)
def test_epochs_equal_without_workers(
    batch_size: int | None, shuffle: bool | None, drop_last: bool, seed: int | None
) -> None:
    drop_last = drop_last and batch_size is not None
    same(lambda lib: epochs(lib, seed, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last))


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (None, {"batch_size": 4, "shuffle": True}),
        (5, {"batch_size": 3, "shuffle": True, "drop_last": True}),
        (5, {"batch_size": None, "shuffle": True, "prefetch_factor": 1}),
        (None, {"batch_size": 2, "shuffle": True, "persistent_workers": True}),
        (6, {"batch_size": 2, "shuffle": True, "persistent_workers": True, "prefetch_factor": 3}),
    ],
)
def test_epochs_equal_with_workers(seed: int | None, options: dict[str, Any]) -> None:
    same(lambda lib: epochs(lib, seed, count=2, num_workers=2, **options))


def test_orders_do_not_depend_on_the_number_of_workers() -> None:
    for seed in (None, 3):
        results = []
        for workers in (0, 1, 3):
            minitorch.manual_seed(9)
            loader = DataLoader(range(13), 2, shuffle=True, num_workers=workers, generator=seeded(minitorch, seed))
            results.append(plain([list(loader), list(loader)]))
        assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("workers", [0, 2])
def test_draws_between_the_batches(workers: int) -> None:
    """The sampler draws when PyTorch's does: seen by drawing from its generator in between."""

    def program(library: Any) -> list[Any]:
        generator = seeded(library, 4)
        loader = library.utils.data.DataLoader(range(10), 2, shuffle=True, num_workers=workers, generator=generator)
        iterator, steps = iter(loader), []
        for _ in range(7):
            steps.append((next_draw(library, generator), plain(next(iterator, "end"))))
        return steps

    same(program)


def test_known_order() -> None:
    minitorch.manual_seed(0)
    loader = DataLoader(range(10), 4, shuffle=True)
    assert [batch.tolist() for batch in loader] == [[6, 7, 1, 4], [2, 0, 9, 8], [3, 5]]


def test_left_early() -> None:
    def program(library: Any) -> list[Any]:
        loader = library.utils.data.DataLoader(range(9), 2, shuffle=True, generator=seeded(library, 1))
        seen = []
        for _ in range(3):
            for i, batch in enumerate(loader):
                seen.append(batch)
                if i == 1:
                    break
        return [*seen, list(loader)]

    same(program)


def test_two_iterators_at_once() -> None:
    def program(library: Any) -> list[Any]:
        loader = library.utils.data.DataLoader(range(6), 2, shuffle=True)
        return list(zip(loader, loader, strict=True))

    same(program)


# --------------------------------------------------------------------------------------------------- samplers

lengths = st.integers(1, 40)
seeds = st.sampled_from([None, 0, 99])


@settings(max_examples=60, deadline=None)
@given(size=lengths, count=st.none() | st.integers(1, 90), replacement=st.booleans(), seed=seeds)
def test_random_sampler(size: int, count: int | None, replacement: bool, seed: int | None) -> None:
    def program(library: Any) -> list[Any]:
        generator = seeded(library, seed)
        sampler = library.utils.data.RandomSampler(range(size), replacement, count, generator)
        result = [len(sampler), list(sampler), list(sampler), next_draw(library, generator)]
        assert all(type(index) is int for index in result[1])
        return result

    same(program)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(0, 40), seed=seeds)
def test_subset_random_sampler(size: int, seed: int | None) -> None:
    def program(library: Any) -> list[Any]:
        sampler = library.utils.data.SubsetRandomSampler([3 * i for i in range(size)], generator=seeded(library, seed))
        return [len(sampler), list(sampler), list(sampler)]

    same(program)


@settings(max_examples=40, deadline=None)
@given(
    weights=st.lists(st.floats(0.01, 10), min_size=1, max_size=12),
    count=st.integers(1, 20),
    replacement=st.booleans(),
    seed=seeds,
)
def test_weighted_random_sampler(weights: list[float], count: int, replacement: bool, seed: int | None) -> None:
    count = count if replacement else min(count, len(weights))

    def program(library: Any) -> list[Any]:
        sampler = library.utils.data.WeightedRandomSampler(weights, count, replacement, seeded(library, seed))
        result = [len(sampler), sampler.weights, list(sampler), list(sampler)]
        assert all(type(index) is int for index in result[2])
        return result

    same(program)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 12), batch_size=st.integers(1, 6), drop_last=st.booleans())
def test_batch_sampler(size: int, batch_size: int, drop_last: bool) -> None:
    def program(library: Any) -> list[Any]:
        data = library.utils.data
        sampler = data.BatchSampler(data.SequentialSampler(range(size)), batch_size, drop_last)
        return [len(sampler), list(sampler), list(sampler)]

    same(program)


def test_samplers_are_lazy() -> None:
    def program(library: Any) -> list[int]:
        data = library.utils.data
        generator = seeded(library, 2)
        started = [
            iter(data.RandomSampler(range(50), generator=generator)),
            iter(data.RandomSampler(range(50), replacement=True, num_samples=70, generator=generator)),
            iter(data.SubsetRandomSampler(range(50), generator=generator)),
            iter(data.WeightedRandomSampler([1.0] * 50, 40, generator=generator)),
        ]
        draws = [next_draw(library, generator)]
        for iterator in started:
            draws += [next(iterator), next_draw(library, generator)]
        return draws

    same(program)


def test_random_sampler_follows_a_growing_source() -> None:
    source = [0, 1]
    sampler = minitorch.utils.data.RandomSampler(source)
    source.append(2)
    assert sorted(sampler) == [0, 1, 2]


# --------------------------------------------------------------------------------------------------- datasets


@pytest.mark.filterwarnings("ignore:Length of split")
@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.integers(0, 9), min_size=1, max_size=5), seed=seeds)
def test_random_split_by_lengths(parts: list[int], seed: int | None) -> None:
    def program(library: Any) -> list[Any]:
        options = {} if seed is None else {"generator": seeded(library, seed)}
        splits = library.utils.data.random_split(range(100, 100 + sum(parts)), parts, **options)
        return [[split.indices, list(split), len(split)] for split in splits]

    same(program)


@pytest.mark.filterwarnings("ignore:Length of split")
@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 30), weights=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_random_split_by_fractions(size: int, weights: list[int]) -> None:
    fractions = [weight / sum(weights) for weight in weights]
    if sum(fractions) > 1:
        fractions[-1] = max(0.0, 1 - sum(fractions[:-1]))

    def program(library: Any) -> Any:
        try:
            return [split.indices for split in library.utils.data.random_split(range(size), fractions)]
        except ValueError as error:  # fractions that rounding took beyond 1
            return str(error)

    same(program)


def test_random_split_warns_of_an_empty_part() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        minitorch.utils.data.random_split(range(1), [0.5, 0.5])


class Both(Dataset):
    """Has `__getitems__`, which differs from `__getitem__` so that one sees which was called."""

    def __init__(self, missing: int = 0) -> None:
        self.missing = missing

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        return index

    def __getitems__(self, indices: list[int]) -> list[int]:
        return [10 * index for index in indices][self.missing :]


DATASETS: list[Callable[[Any], Any]] = [
    lambda t: t.utils.data.TensorDataset(t.arange(6), t.arange(12).reshape(6, 2))[2],
    lambda t: t.utils.data.TensorDataset(t.arange(6))[1:4],
    lambda t: t.utils.data.TensorDataset(t.arange(6))[[0, 5]],
    lambda t: len(t.utils.data.TensorDataset(t.arange(6))),
    lambda t: [t.utils.data.ConcatDataset([[1, 2], [], [3]])[i] for i in (0, 1, 2, -1, -3)],
    lambda t: t.utils.data.ConcatDataset(iter([[1, 2], [3]])).cumulative_sizes,
    lambda t: len(t.utils.data.TensorDataset(t.arange(6)) + t.utils.data.TensorDataset(t.arange(3))),
    lambda t: t.utils.data.StackDataset(range(4), "abcd")[2],
    lambda t: t.utils.data.StackDataset(a=range(4), b="abcd")[2],
    lambda t: t.utils.data.StackDataset(a=range(4), b=Both()).__getitems__([1, 3]),
    lambda t: t.utils.data.StackDataset(range(4), Both()).__getitems__([1, 3]),
    lambda t: len(t.utils.data.StackDataset(range(4), Both())),
    lambda t: t.utils.data.Subset(range(9), [4, 2])[1],
    lambda t: t.utils.data.Subset(range(9), [4, 2])[-1],
    lambda t: t.utils.data.Subset(t.arange(9), [4, 2, 7])[[0, 2]],
    lambda t: t.utils.data.Subset(Both(), [3, 1]).__getitems__([0, 1]),
    lambda t: t.utils.data.Subset(range(9), [3, 1]).__getitems__([0, 1]),
    lambda t: list(t.utils.data.DataLoader(Both(), 3)),
    lambda t: list(t.utils.data.DataLoader(Both(), None)),
    lambda t: list(t.utils.data.DataLoader(t.utils.data.StackDataset(x=Both(), y=range(4)), 3)),
    lambda t: list(t.utils.data.DataLoader(t.utils.data.ConcatDataset([Both(), Both()]), 3)),
    lambda t: list(t.utils.data.DataLoader(t.utils.data.random_split(Both(), [3, 1])[0], 2)),
    lambda t: list(t.utils.data.DataLoader([], 2)),
    lambda t: list(t.utils.data.DataLoader([], 2, num_workers=1)),
    lambda t: list(t.utils.data.DataLoader({"a": 1, "b": 2}, sampler=["b", "a"])),
    lambda t: list(t.utils.data.DataLoader(range(9), batch_sampler=[[1, 2], [5]])),
    lambda t: list(t.utils.data.DataLoader(range(9), batch_sampler=[])),
    lambda t: list(t.utils.data.DataLoader(range(9), 2, sampler=[8, 3, 1])),
    lambda t: list(t.utils.data.DataLoader(range(9), None, sampler=[8, 3, 1])),
    lambda t: list(t.utils.data.DataLoader(t.arange(9), sampler=[slice(0, 2), slice(3, 5)], batch_size=2)),
    lambda t: list(t.utils.data.DataLoader(range(9), 4, collate_fn=sum)),
    lambda t: [len(t.utils.data.DataLoader(range(10), 3, drop_last=drop)) for drop in (False, True)],
    lambda t: len(t.utils.data.DataLoader(range(10), None)),
    lambda t: len(iter(t.utils.data.DataLoader(range(10), 4))),
    lambda t: t.utils.data.DataLoader(range(10)).prefetch_factor,
    lambda t: t.utils.data.DataLoader(range(10), num_workers=1).prefetch_factor,
    lambda t: t.utils.data.get_worker_info(),
]


@pytest.mark.parametrize("number", range(len(DATASETS)))
def test_datasets_and_loaders(number: int) -> None:
    same(DATASETS[number])


def test_tensor_dataset_is_gathered_as_if_collated_one_by_one() -> None:
    data = TensorDataset(minitorch.arange(24.0).reshape(8, 3), minitorch.arange(8))
    collate = minitorch.utils.data.default_collate
    slowly = make_fetch(data, True, lambda batch: collate(batch), False)
    for dataset, indices in [
        (data, [3, 0, 3]),
        (data, [-1, 2]),
        (data, [np.int64(4), 1]),
        (Subset(data, [7, 5, 3]), [0, 2]),
        (Subset(Subset(data, (7, 5, 3)), [2, 1]), [1]),
    ]:
        quickly = make_fetch(dataset, True, collate, False)
        slowly = make_fetch(dataset, True, lambda batch: collate(batch), False)
        assert plain(quickly(indices)) == plain(slowly(indices))


def test_tensor_dataset_subclass_is_asked() -> None:
    class Negated(TensorDataset):
        def __getitem__(self, index: Any) -> tuple[Any, ...]:
            return tuple(-tensor for tensor in super().__getitem__(index))

    loader = DataLoader(Negated(minitorch.arange(3)), 2)
    assert [batch[0].tolist() for batch in loader] == [[0, -1], [-2]]


def test_batches_of_tensors_that_require_grad_keep_their_graph() -> None:
    leaf = minitorch.arange(4.0).requires_grad_()
    (batch,) = next(iter(DataLoader(TensorDataset(leaf), 2)))
    batch.sum().backward()
    assert leaf.grad.tolist() == [1, 1, 0, 0]


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


# ------------------------------------------------------------------------------------------ arguments, errors


class Stream(IterableDataset):
    """Numbers shared out over the workers: worker i of n gives i, i + n, ... up to its own limit."""

    def __init__(self, *limits: int, length: int | None = None) -> None:
        self.limits = limits
        self.length = length

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info() or torch.utils.data.get_worker_info()
        worker = info.id if info else 0
        return iter(range(100 * worker, 100 * worker + self.limits[worker]))


class StreamWithLength(Stream):
    def __len__(self) -> int:
        assert self.length is not None
        return self.length


torch.utils.data.IterableDataset.register(Stream)  # the same object serves both libraries
SAME_WORDS: list[Callable[[Any], Any]] = [
    lambda d: d.DataLoader(range(9), num_workers=-1),
    lambda d: d.DataLoader(range(9), num_workers="a"),
    lambda d: d.DataLoader(range(9), timeout=-1),
    lambda d: d.DataLoader(range(9), prefetch_factor=2),
    lambda d: d.DataLoader(range(9), num_workers=1, prefetch_factor=-2),
    lambda d: d.DataLoader(range(9), persistent_workers=True),
    lambda d: d.DataLoader(range(9), 0),
    lambda d: d.DataLoader(range(9), -1),
    lambda d: d.DataLoader(range(9), 1.5),
    lambda d: d.DataLoader(range(9), True),
    lambda d: d.DataLoader(range(9), np.int64(2)),
    lambda d: d.DataLoader(range(9), shuffle=True, sampler=[1]),
    lambda d: d.DataLoader(range(9), drop_last=1),
    lambda d: d.DataLoader(range(9), batch_sampler=[[1]], batch_size=2),
    lambda d: d.DataLoader(range(9), batch_sampler=[[1]], shuffle=True),
    lambda d: d.DataLoader(range(9), batch_sampler=[[1]], sampler=[1]),
    lambda d: d.DataLoader(range(9), batch_sampler=[[1]], drop_last=True),
    lambda d: d.DataLoader(range(9), batch_size=None, drop_last=True),
    lambda d: d.DataLoader(Stream(3), shuffle=True),
    lambda d: d.DataLoader(Stream(3), sampler=[1]),
    lambda d: d.DataLoader(Stream(3), batch_sampler=[[1]]),
    lambda d: len(d.DataLoader(Stream(3))),
    lambda d: d.DataLoader([], shuffle=True),
    lambda d: d.DataLoader(range(9), multiprocessing_context="fork"),
    lambda d: d.DataLoader(range(9), num_workers=1, multiprocessing_context="bad"),
    lambda d: d.DataLoader(range(9), num_workers=1, multiprocessing_context=5),
    lambda d: d.DataLoader(range(9)).foo,
    lambda d: list(d.DataLoader(range(9), collate_fn=5)),
    lambda d: list(d.DataLoader(5, sampler=[0])),
    lambda d: list(d.DataLoader(range(9), batch_sampler=[[]])),
    lambda d: list(d.DataLoader([None])),
    lambda d: list(d.DataLoader([1], sampler=[3])),
    lambda d: len(d.DataLoader(range(9), sampler=iter([1]))),
    lambda d: d.IterableDataset(),
    lambda d: d.Dataset()[0],
    lambda d: d.Sampler([1]),
    lambda d: list(d.Sampler()),
    lambda d: d.RandomSampler(range(9), replacement=1),
    lambda d: d.RandomSampler(range(9), num_samples=0),
    lambda d: d.RandomSampler(range(9), num_samples=2.5),
    lambda d: d.RandomSampler([]),
    lambda d: d.RandomSampler(5),
    lambda d: list(d.RandomSampler([], num_samples=3)),
    lambda d: list(d.RandomSampler([], True, 3)),
    lambda d: list(d.SequentialSampler(5)),
    lambda d: d.WeightedRandomSampler([1, 2], 0),
    lambda d: d.WeightedRandomSampler([1, 2], True),
    lambda d: d.WeightedRandomSampler([1, 2], 2, replacement=1),
    lambda d: d.WeightedRandomSampler([[1, 2], [3, 4]], 2),
    lambda d: d.BatchSampler([1], 0, False),
    lambda d: d.BatchSampler([1], 2, 1),
    lambda d: len(d.BatchSampler(iter([]), 2, False)),
    lambda d: d.ConcatDataset([]),
    lambda d: d.ConcatDataset([d.ChainDataset([])]),
    lambda d: d.ConcatDataset([range(9)])[-10],
    lambda d: d.StackDataset(),
    lambda d: d.StackDataset(range(9), a=range(9)),
    lambda d: d.StackDataset(range(9), [1]),
    lambda d: d.StackDataset(a=range(9), b=[1]),
    lambda d: d.StackDataset(range(4), Both(1)).__getitems__([1, 2]),
    lambda d: list(d.ChainDataset([range(9)])),
    lambda d: len(d.ChainDataset([range(9)])),
    lambda d: d.random_split(range(9), [1, 2]),
    lambda d: d.random_split(range(9), [0.5, 0.4]),
    lambda d: d.random_split(range(9), [-0.5, 1.5]),
    lambda d: d.random_split(range(9), []),
    lambda d: d.default_collate([1j]),
    lambda d: d.default_collate([{1, 2}]),
    lambda d: d.default_collate([np.array(["a"])]),
    lambda d: d.default_collate([np.datetime64(3, "s")]),
    lambda d: d.default_collate([[1, 2], [3]]),
    lambda d: d.default_collate([{"a": 1}, {"b": 1}]),
    lambda d: d.default_collate([Point(1, 2), (3,)]),
    lambda d: d.default_collate([]),
    lambda d: d.default_collate(5),
]
SAME_TYPE: list[Callable[[Any], Any]] = [
    lambda d: list(d.DataLoader(range(9), timeout=3)),
    lambda d: list(d.DataLoader(range(9), generator=5)),
    lambda d: list(d.RandomSampler(range(9), generator=5)),
    lambda d: d.ConcatDataset([range(9)])[9],
    lambda d: d.random_split(range(9), [1, 8.0]),
    lambda d: list(d.WeightedRandomSampler([1, 2], 3, replacement=False)),
    lambda d: list(d.WeightedRandomSampler([0, 0], 3)),
    lambda d: list(d.WeightedRandomSampler([-1, 3], 3)),
    lambda d: d.default_collate([1, "a"]),
    lambda d: d.default_collate([np.zeros(2), np.zeros(3)]),
    lambda d: pickle.dumps(iter(d.DataLoader(range(9)))),
]


def error_of(program: Callable[[Any], Any], data: Any) -> tuple[type[BaseException], str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which one is the question
        program(data)
    return caught.type, "".join(str(caught.value).lower().split())


@pytest.mark.parametrize("number", range(len(SAME_WORDS)))
def test_errors_in_pytorchs_words(number: int) -> None:
    """The same type, and PyTorch's message (spaces and capitals aside) or the beginning of it and more."""
    their_type, theirs = error_of(SAME_WORDS[number], torch.utils.data)
    our_type, ours = error_of(SAME_WORDS[number], minitorch.utils.data)
    assert our_type is their_type
    assert ours.startswith(theirs.rstrip("."))


@pytest.mark.parametrize("number", range(len(SAME_TYPE)))
def test_errors_of_pytorchs_type(number: int) -> None:
    assert error_of(SAME_TYPE[number], minitorch.utils.data)[0] is error_of(SAME_TYPE[number], torch.utils.data)[0]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"num_workers": 1, "prefetch_factor": 0}, AssertionError),
        ({"num_workers": 1, "prefetch_factor": 1.5}, TypeError),
        ({"num_workers": 1.5}, TypeError),
    ],
)
def test_numbers_that_fail_late(options: dict[str, Any], error: type[Exception]) -> None:
    """PyTorch's types; it is not asked here, since its half-made iterators fail again in `__del__`."""
    with pytest.raises(error):
        iter(DataLoader(range(9), **options))


@pytest.mark.parametrize(
    "name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_fixed_attributes(name: str) -> None:
    loader = DataLoader(range(3))
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is init"):
        setattr(loader, name, None)


def test_other_attributes_may_be_set() -> None:
    loader = DataLoader(range(4), 2)
    loader.collate_fn = sum
    loader.num_workers, loader.prefetch_factor = 1, 1
    loader.multiprocessing_context = "fork"
    assert list(loader) == [1, 5]
    assert loader.multiprocessing_context is multiprocessing.get_context("fork")


def test_too_many_workers_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    with pytest.warns(UserWarning, match="This DataLoader will create 2 worker processes in total"):
        DataLoader(range(3), num_workers=2)


def test_length_of_a_stream() -> None:
    for options in ({}, {"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}):
        same(lambda lib, o=options: len(lib.utils.data.DataLoader(StreamWithLength(9, length=3), **o)))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stream_longer_than_it_said_warns(workers: int) -> None:
    loader = DataLoader(StreamWithLength(5, length=3), num_workers=workers)
    assert [batch.item() for batch in loader] == [0, 1, 2, 3, 4]  # nobody asked for its length
    assert len(loader) == 3
    with pytest.warns(UserWarning, match=r"was reported to be 3.*but [45] samples have been fetched") as seen:
        assert len(list(loader)) == 5
    assert len(seen) == 2
    assert ("get_worker_info" in str(seen[0].message)) == bool(workers)


def test_pin_memory_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minitorch.utils.data.iterators, "cuda_device_count", lambda: 0)
    loader = DataLoader(range(2), pin_memory=True)
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert [batch.item() for batch in loader] == [0, 1]
    monkeypatch.setattr(minitorch.utils.data.iterators, "cuda_device_count", lambda: 1)
    assert [batch.item() for batch in loader] == [0, 1]
    with pytest.warns(UserWarning, match="pin_memory_device is deprecated"):
        iter(DataLoader(range(2), pin_memory=True, pin_memory_device="cuda"))


def test_pickle() -> None:
    loader = pickle.loads(pickle.dumps(DataLoader(range(5), 2, generator=None)))
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]


# ---------------------------------------------------------------------------------------------------- workers


class Function(Dataset):
    """Sample i is `function(i)`."""

    def __init__(self, function: Callable[[int], Any], size: int = 6) -> None:
        self.function = function
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        return self.function(index)


def alone(batch: list[Any]) -> Any:
    return batch[0]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not waited for does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: set[int], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(alive, pids))


def pids_of(iterator: Any) -> set[int]:
    return {worker.process.pid for worker in iterator.workers}


def test_seeds_of_workers() -> None:
    def program(library: Any) -> list[Any]:
        def draw(index: int) -> list[int]:
            numbers = [random.randrange(10**6), int(np.random.randint(10**6)), library.initial_seed()]
            return [*numbers, next_draw(library, None), library.utils.data.get_worker_info().seed]

        result = []
        for persistent in (False, True):
            loader = library.utils.data.DataLoader(
                Function(draw), num_workers=2, collate_fn=alone, persistent_workers=persistent
            )
            result.append([list(loader), list(loader), next_draw(library, None)])
        return result

    same(program)


def test_known_seeds() -> None:
    minitorch.manual_seed(42)
    dataset = Function(lambda i: [get_worker_info().seed, minitorch.initial_seed()])
    loader = DataLoader(dataset, num_workers=2, collate_fn=alone)
    first = 6909045637428952499
    assert list(loader)[:3] == [[first] * 2, [first + 1] * 2, [first] * 2]


def test_worker_info_and_init_fn() -> None:
    called: list[int] = []

    def look(index: int) -> tuple[Any, ...]:
        info = get_worker_info()
        assert info is not None
        with pytest.raises(AttributeError):
            info.id = 7  # type: ignore[misc]
        return info.id, info.num_workers, info.dataset is dataset, called

    dataset = Function(look)
    loader = DataLoader(dataset, num_workers=2, worker_init_fn=called.append, collate_fn=alone)
    assert list(loader) == [(i % 2, 2, True, [i % 2]) for i in range(6)]
    assert called == []
    assert get_worker_info() is None


@pytest.mark.parametrize("options", [{}, {"batch_size": 2}, {"batch_size": 3, "drop_last": True}])
@pytest.mark.parametrize("limits", [(5, 1, 6), (0, 7, 0)])
def test_streams_with_workers(limits: tuple[int, ...], options: dict[str, Any]) -> None:
    same(lambda lib: list(lib.utils.data.DataLoader(Stream(*limits), num_workers=3, **options)))


def test_stream_with_persistent_workers_begins_anew() -> None:
    def program(library: Any) -> list[Any]:
        loader = library.utils.data.DataLoader(Stream(3, 5), 2, num_workers=2, persistent_workers=True)
        return [list(loader), list(loader)]

    same(program)


def test_end_stays_the_end() -> None:
    for loader in (DataLoader(range(3), num_workers=1), DataLoader(Stream(3), num_workers=1)):
        iterator = iter(loader)
        assert len(list(iterator)) == 3
        assert next(iterator, None) is None


def test_batches_survive_their_transfer() -> None:
    """Big and small, shared, strange of shape: as without workers, and no batch changes a later one."""

    def sample(i: int) -> dict[str, Any]:
        big = minitorch.full((40, 50), float(i))
        return {
            "big": big,
            "again": big,
            "strided": minitorch.arange(6000).reshape(60, 100).t() + i,
            "empty": minitorch.zeros(0, 3),
            "small": minitorch.tensor(i),
            "array": np.full(5000, i, np.int16),
            "text": f"{i}" * 10000,
        }

    dataset = Function(sample, 9)
    expected = list(DataLoader(dataset, collate_fn=alone))
    batches = list(DataLoader(dataset, num_workers=2, collate_fn=alone))
    assert plain(batches) == plain(expected)
    for batch in batches:
        batch["big"][0, 0] = -1.0
        assert batch["again"][0, 0] == -1
        batch["array"][0] = 3


def test_spawned_workers_get_their_files() -> None:
    data = TensorDataset(minitorch.arange(20000.0).reshape(4, 5000), minitorch.arange(4))
    plain_batches = plain(list(DataLoader(data, 2)))
    assert plain(list(DataLoader(data, 2, num_workers=1, multiprocessing_context="spawn"))) == plain_batches


def test_without_memory_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    data = TensorDataset(minitorch.arange(200000.0).reshape(8, 25000))
    assert plain(list(DataLoader(data, 2, num_workers=2))) == plain(list(DataLoader(data, 2)))


def test_order_does_not_depend_on_speed() -> None:
    slow = Function(lambda i: time.sleep(0.05 * (i % 2 == 0)) or i, 8)
    assert [batch.item() for batch in DataLoader(slow, num_workers=2)] == list(range(8))


def test_out_of_order() -> None:
    opened = multiprocessing.get_context("fork").Event()
    dataset = Function(lambda i: (opened.wait() or True) and i if i == 0 else i, 6)
    seen = []
    for batch in DataLoader(dataset, num_workers=2, in_order=False):
        seen.append(batch.item())
        if len(seen) == 2:
            opened.set()
    assert seen[:2] == [1, 3]
    assert sorted(seen) == list(range(6))


def test_workers_load_ahead_only_so_far() -> None:
    """No more than `prefetch_factor` batches per worker."""
    count = multiprocessing.get_context("fork").Value("i", 0)

    def sample(i: int) -> int:
        with count.get_lock():
            count.value += 1
        return i

    iterator = iter(DataLoader(Function(sample, 50), num_workers=2, prefetch_factor=3))
    next(iterator)
    deadline = time.monotonic() + 10
    while count.value < 7 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert count.value == 7


class NeedsTwo(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)


class ByName(Exception):
    message = "of the class"

    def __init__(self, *, message: str) -> None:
        super().__init__(message)


def raising(error: BaseException, at: int = 1) -> Dataset:
    def sample(i: int) -> int:
        if i == at:
            raise error
        return i

    return Function(sample)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("bad sample"), ValueError),
        (KeyError("key"), KeyError),
        (OSError(2, "no such file"), FileNotFoundError),
        (NotImplementedError(), NotImplementedError),
        (ByName(message="m"), ByName),
        (NeedsTwo(1, 2), RuntimeError),
        (UnicodeDecodeError("utf8", b"a", 0, 1, "r"), RuntimeError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_exception_in_a_worker(error: Exception, expected: type[Exception]) -> None:
    iterator = iter(DataLoader(raising(error), num_workers=2))
    pids = pids_of(iterator)
    assert next(iterator).item() == 0
    with pytest.raises(expected) as caught:
        next(iterator)
    assert caught.type is expected
    start = f"Caught {type(error).__name__} in DataLoader worker process 1.\nOriginal Traceback (most rec"
    assert str(caught.value).startswith(start)
    assert "in sample" in str(caught.value)
    assert [batch.item() for batch in iterator] == [2, 3, 4, 5]  # as in PyTorch, the loop may go on
    assert gone(pids)


def test_exception_of_a_local_class() -> None:
    class Local(Exception):
        pass

    with pytest.raises(RuntimeError, match="Caught Local in DataLoader worker process 0"):
        list(DataLoader(raising(Local("x"), at=0), num_workers=1))


def test_exception_leaves_no_process() -> None:
    pids: set[int] = set()

    def train() -> None:
        iterator = iter(DataLoader(raising(ValueError("bad")), num_workers=2))
        pids.update(pids_of(iterator))
        list(iterator)

    with pytest.raises(ValueError, match="bad"):
        train()
    assert len(pids) == 2
    assert gone(pids)


def test_errors_before_the_first_sample() -> None:
    def fail(worker: int) -> None:
        raise ValueError("init")

    iterator = iter(DataLoader(range(3), num_workers=1, worker_init_fn=fail))
    for _ in range(3):
        with pytest.raises(ValueError, match="Caught ValueError in DataLoader worker process 0"):
            next(iterator)
    assert next(iterator, None) is None

    class Unready(IterableDataset):
        def __iter__(self) -> Iterator[int]:
            raise ValueError("not ready")

    iterator = iter(DataLoader(Unready(), num_workers=1))
    with pytest.raises(ValueError, match="not ready"):
        next(iterator)
    assert next(iterator, None) is None


def test_a_batch_that_cannot_be_pickled() -> None:
    loader = DataLoader(Function(lambda i: lambda: i), num_workers=1, collate_fn=alone)
    with pytest.raises((pickle.PicklingError, AttributeError), match="DataLoader worker process 0"):
        next(iter(loader))


def test_error_in_the_sampler_leaves_no_process() -> None:
    class Sampler(minitorch.utils.data.Sampler):
        def __iter__(self) -> Iterator[int]:
            yield 0
            raise ValueError("sampler")

    before = set(multiprocessing.active_children())
    with pytest.raises(ValueError, match="sampler"):
        iter(DataLoader(range(3), sampler=Sampler(), num_workers=2))
    gc.collect()  # the exception held the half-made iterator
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"it is killed by signal: Killed \(SIGKILL\)"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), r"Terminated \(SIGTERM\)"),
        (lambda: os._exit(7), "with exit code 7"),
        (lambda: sys.exit(3), "with exit code 3"),
    ],
    ids=["kill", "terminate", "exit", "sys.exit"],
)
def test_death_of_a_worker(end: Callable[[], None], how: str) -> None:
    def sample(i: int) -> int:
        if i == 3:
            end()
        return i

    iterator = iter(DataLoader(Function(sample), num_workers=2))
    pids = pids_of(iterator)
    victim = iterator.workers[1].process.pid
    assert [next(iterator).item() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid\(s\) {victim}\) exited unexpectedly.*{how}"):
        next(iterator)
    assert gone(pids)
    with pytest.raises(RuntimeError, match="has failed"):
        next(iterator)


def test_death_is_seen_while_waiting_for_another() -> None:
    """Worker 0 never answers; worker 1 dies."""
    sleeping = Function(lambda i: time.sleep(1000))
    iterator = iter(DataLoader(sleeping, num_workers=2))
    pids = pids_of(iterator)
    victim = iterator.workers[1].process
    os.kill(victim.pid, signal.SIGKILL)
    minitorch.utils.data.pool._GRACE, grace = 0.1, minitorch.utils.data.pool._GRACE
    try:
        with pytest.raises(RuntimeError, match=rf"{victim.pid}.*SIGKILL"):
            next(iterator)
    finally:
        minitorch.utils.data.pool._GRACE = grace
    assert gone(pids)


def test_timeout() -> None:
    opened = multiprocessing.get_context("fork").Event()
    iterator = iter(DataLoader(Function(lambda i: opened.wait() and i), num_workers=2, timeout=0.3))
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.3 seconds"):
            next(iterator)
    opened.set()
    minutes = DataLoader(range(2), num_workers=1, timeout=600)
    assert [batch.item() for batch in minutes] == [0, 1]
    iterator.timeout = 0
    assert [batch.item() for batch in iterator] == list(range(6))


def test_workers_end_with_the_loop() -> None:
    def read(stop_at: int, **options: Any) -> set[int]:
        pids = set()
        for i, pid in enumerate(DataLoader(Function(lambda i: os.getpid(), 20), num_workers=2, **options)):
            pids.add(pid.item())
            if i == stop_at:
                break
        assert len(pids) == 2
        return pids

    gc.disable()  # nothing may hang on the cycle collector
    try:
        assert gone(read(99))
        assert gone(read(3))
        assert gone(read(99, persistent_workers=True))
        assert gone(read(3, persistent_workers=True))
    finally:
        gc.enable()


def test_persistent_workers_stay_and_are_replaced_if_they_die() -> None:
    dataset = Function(lambda i: [i, os.getpid()])
    loader = DataLoader(dataset, num_workers=2, persistent_workers=True, collate_fn=alone)
    first = iter(loader)
    pids = pids_of(first)
    seen = list(first)
    for i, item in enumerate(loader):  # left early: what is under way belongs to no later epoch
        assert item == seen[i]
        if i == 2:
            break
    assert list(loader) == seen
    assert iter(loader) is first
    os.kill(min(pids), signal.SIGKILL)
    with pytest.raises(RuntimeError, match="SIGKILL"):
        list(loader)
    assert gone(pids)
    assert [i for i, _ in loader] == list(range(6))


def test_a_forked_child_leaves_the_workers_alone() -> None:
    iterator = iter(DataLoader(range(8), 2, num_workers=2))
    child = multiprocessing.get_context("fork").Process(target=lambda: iterator.stop())
    child.start()
    child.join()
    assert child.exitcode == 0
    assert [batch.tolist() for batch in iterator] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_workers_do_not_wait_for_locks_of_other_threads() -> None:
    """Workers are forked while somebody draws random numbers; their copies of the locks are never released."""
    minitorch.rand(1)
    twister = minitorch.default_generator._twister
    loader = DataLoader(range(2), num_workers=1, generator=seeded(minitorch, 1), timeout=20)
    with twister.lock, np.random.get_bit_generator().lock:
        iterator = iter(loader)
        time.sleep(0.1)
    assert [batch.item() for batch in iterator] == [0, 1]


def test_interrupts_wait_until_a_worker_has_started() -> None:
    done = []

    def start() -> None:
        with minitorch.utils.data.pool.interrupts_wait():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        start()
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupted_while_waiting() -> None:
    iterator = iter(DataLoader(Function(lambda i: time.sleep(0.3 * (i == 1)) or i), num_workers=2))
    pids = pids_of(iterator)
    assert next(iterator).item() == 0
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    assert all(map(alive, pids))  # who catches it may go on
    assert [batch.item() for batch in iterator] == [1, 2, 3, 4, 5]
    assert gone(pids)


SCRIPT = """
import os, sys, time
import minitorch
from minitorch.utils.data import DataLoader, Dataset

class Pids(Dataset):
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        if index > 50:
            time.sleep(0.05)
        return os.getpid()

pids = set()
loader = DataLoader(Pids(), num_workers=2, persistent_workers=PERSISTENT)
for pid in loader:
    pids.add(pid.item())
    if len(pids) == 2 and not sys.stdout.closed:
        print(*pids, flush=True)
        sys.stdout.close()
        LATER
"""


@pytest.mark.parametrize(
    ("later", "sent", "persistent"),
    [
        ("pass", signal.SIGINT, False),
        ("pass", signal.SIGKILL, False),
        ("time.sleep(1000)", signal.SIGKILL, True),
        ("time.sleep(1000)", signal.SIGTERM, False),
        ("sys.exit()", None, True),
        ("os._exit(0)", None, False),
    ],
)
def test_workers_end_with_the_program(later: str, sent: signal.Signals | None, persistent: bool) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.replace("LATER", later).replace("PERSISTENT", str(persistent))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert program.stdout is not None
    pids = {int(word) for word in program.stdout.readline().split()}
    assert len(pids) == 2
    if sent is signal.SIGINT:
        os.killpg(program.pid, sent)  # as a terminal does: the workers get it as well
    elif sent is not None:
        program.send_signal(sent)
    _, errors = program.communicate(timeout=30)
    assert gone(pids)
    if sent is signal.SIGINT:
        assert errors.count(b"KeyboardInterrupt") == 1
