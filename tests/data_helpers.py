"""What the tests of utils.data share: programs run in both libraries, and processes watched."""

from __future__ import annotations

import collections
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.utils.data

import minitorch
import minitorch.utils.data
from minitorch.utils.data import Dataset, IterableDataset, get_worker_info


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


class Stream(IterableDataset):
    """Numbers shared out over the workers: worker i of n gives i, i + n, ... up to its own limit."""

    def __init__(self, *limits: int, length: int | None = None) -> None:
        self.limits = limits
        self.length = length

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info() or torch.utils.data.get_worker_info()
        worker = info.id if info else 0
        return iter(range(100 * worker, 100 * worker + self.limits[worker]))
