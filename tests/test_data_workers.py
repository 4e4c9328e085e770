"""Worker processes: seeds, streams, transfer, order."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from typing import Any

import numpy as np
import pytest
from data_helpers import Function, Stream, alone, next_draw, plain, same

import minitorch
import minitorch.utils.data
from minitorch.utils.data import DataLoader, TensorDataset, get_worker_info

# On a machine with one or two processors both libraries warn of as many workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


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
