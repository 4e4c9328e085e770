"""One pass over a DataLoader: in this process, or with worker processes that load ahead."""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
import time
import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import connection
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, Any

from minitorch.device import cuda_device_count
from minitorch.utils.data.fetch import make_fetch
from minitorch.utils.data.pin import pin_memory
from minitorch.utils.data.pool import WorkerHandle, interrupts_wait, stop_workers
from minitorch.utils.data.sampler import draw_seed
from minitorch.utils.data.worker import Exhausted, Failure, WorkerInfo

if TYPE_CHECKING:
    from minitorch.utils.data.dataloader import DataLoader

_GLANCE = 1.0  # seconds between two looks at whether all workers live, while waiting for a batch


class LoaderIterator:
    """What `iter(loader)` gives. Making one draws a seed from the loader's generator, even without workers.

    It does not keep the loader: a loader may keep it, and then both must vanish together.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.dataset = loader.dataset
        self.base_seed = draw_seed(loader.generator)
        self.pin = loader.pin_memory and cuda_device_count() > 0
        if loader.pin_memory:
            _warn_of_pin_memory(loader.pin_memory_device)
        self.make_fetch = partial(
            make_fetch, loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
        )
        self.begin(loader)

    def begin(self, loader: DataLoader[Any]) -> None:
        """Start an epoch."""
        self.index_sampler = loader._index_sampler
        self.indices = iter(self.index_sampler)
        self.yielded = 0
        self.expected = loader._IterableDataset_len_called

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return len(self.index_sampler)  # type: ignore[arg-type]  # TypeError where there is none

    def __next__(self) -> Any:
        batch = self.next_batch()
        self.yielded += 1
        if self.expected is not None and self.yielded > self.expected:
            self._warn_of_length()
        return pin_memory(batch) if self.pin else batch

    def next_batch(self) -> Any:
        raise NotImplementedError

    def _warn_of_length(self) -> None:
        text = (
            f"Length of IterableDataset {self.dataset} was reported to be {self.expected} (when accessing "
            f"len(dataloader)), but {self.yielded} samples have been fetched."
        )
        if isinstance(self, MultiProcessIterator):
            text += (
                " With several workers each one iterates over its own copy of the dataset: share out the "
                "samples in __iter__ by get_worker_info()."
            )
        warnings.warn(text, stacklevel=3)

    def __reduce__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class SingleProcessIterator(LoaderIterator):
    """Loads a batch when it is asked for."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.timeout != 0:
            raise AssertionError(f"DataLoader: timeout={loader.timeout} needs num_workers > 0")
        super().__init__(loader)
        self.fetch = self.make_fetch()

    def next_batch(self) -> Any:
        return self.fetch(next(self.indices))


class MultiProcessIterator(LoaderIterator):
    """Hands out tasks to workers in turn and takes their replies in the same turn, so the batches come in
    the order of the sampler without being sorted. With `in_order=False` whoever is ready is taken.

    There are no threads. However the iterator ends (its last batch, an error, being dropped, the end of the
    program), `stop` runs once and its workers are gone.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        if not loader.prefetch_factor or loader.prefetch_factor < 0:
            raise AssertionError(
                f"prefetch_factor must be greater than 0 with workers, but got {loader.prefetch_factor}"
            )
        self.timeout = loader.timeout
        self.in_order = loader.in_order
        self.persistent = loader.persistent_workers
        self.broken = False
        self.workers: list[WorkerHandle] = []
        self.stop = weakref.finalize(self, stop_workers, self.workers, os.getpid())
        super().__init__(loader)

    def begin(self, loader: DataLoader[Any]) -> None:
        super().begin(loader)
        for worker in self.workers:  # kept from the last epoch, which may have been left early
            while worker.under_way:
                self._wait([worker])
                with self._stopping_on_error():
                    worker.receive()
            worker.restart()
        if not self.workers:
            self._start_workers(loader)
        self.in_line = deque(self.workers)  # who gets the next task
        self.turns: deque[WorkerHandle] = deque()  # who owes a reply, in the order of the tasks
        with self._stopping_on_error():
            self._hand_out()

    def _start_workers(self, loader: DataLoader[Any]) -> None:
        assert loader.prefetch_factor is not None
        context = loader.multiprocessing_context or default_context()
        for i in range(loader.num_workers):
            info = WorkerInfo(i, loader.num_workers, self.base_seed + i, self.dataset)
            with interrupts_wait():
                self.workers.append(
                    WorkerHandle(context, loader.prefetch_factor, self.make_fetch, info, loader.worker_init_fn)
                )

    def next_batch(self) -> Any:
        if self.broken:
            raise RuntimeError("This DataLoader iterator has failed and stopped its workers: begin a new one")
        while self.turns:
            worker = self._wait([self.turns[0]] if self.in_order else list(set(self.turns)))
            with self._stopping_on_error():
                self.turns.remove(worker)
                reply = worker.receive()
                if isinstance(reply, Exhausted) and worker in self.in_line:
                    self.in_line.remove(worker)
                self._hand_out()
            if isinstance(reply, Failure):
                raise reply.error()
            if not isinstance(reply, Exhausted):
                return reply
        if not self.persistent:
            self.stop()
        raise StopIteration

    def _hand_out(self) -> None:
        """Give tasks to the workers in turn, until the next in line has all it may have."""
        while self.in_line:
            worker = self.in_line[0] if self.in_order else min(self.in_line, key=lambda w: w.under_way)
            if worker.under_way == worker.capacity:
                return
            try:
                index = next(self.indices)
            except StopIteration:
                return
            worker.give(index)
            self.turns.append(worker)
            self.in_line.rotate(-1)

    def _wait(self, candidates: list[WorkerHandle]) -> WorkerHandle:
        """The first of `candidates` with a reply. RuntimeError after `timeout` seconds, or if one died."""
        deadline = time.monotonic() + (self.timeout if self.timeout > 0 else math.inf)
        while True:
            left = max(0.0, deadline - time.monotonic())
            ready = connection.wait([worker.replies for worker in candidates], min(left, _GLANCE))
            if ready:
                return next(worker for worker in candidates if worker.replies is ready[0])
            with self._stopping_on_error():
                for worker in self.workers:
                    if not worker.process.is_alive():
                        raise worker.death()
            if left == 0:
                raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")

    @contextmanager
    def _stopping_on_error(self) -> Iterator[None]:
        """An error inside (a death, Ctrl-C) may leave half a message in a pipe, or a task in nobody's turn:
        nothing after it could be trusted."""
        try:
            yield
        except BaseException:
            self.broken = True
            self.stop()
            raise


def _warn_of_pin_memory(device: str) -> None:
    """PyTorch's warnings."""
    if device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device, "
            f"ignore pin_memory_device='{device}'.",
            stacklevel=5,
        )
    if not cuda_device_count():
        warnings.warn(
            "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory "
            "won't be used.",
            stacklevel=5,
        )


def default_context() -> BaseContext:
    """The start method the program has set, else fork on Linux, as PyTorch does, else the system's own."""
    chosen = multiprocessing.get_start_method(allow_none=True)
    if chosen is None and sys.platform == "linux":
        chosen = "fork"
    return multiprocessing.get_context(chosen)
