"""Arguments of loaders and datasets, and the errors they raise."""

from __future__ import annotations

import collections
import multiprocessing
import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from data_helpers import Both, Stream, same

import minitorch
import minitorch.utils.data
from minitorch.utils.data import DataLoader

# On a machine with one or two processors both libraries warn of as many workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

Point = collections.namedtuple("Point", "x y")


# ------------------------------------------------------------------------------------------ arguments, errors


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
