"""A DataLoader's worker process: fetch the batches it is told to, until it is told to stop."""

from __future__ import annotations

import itertools
import os
import pickle
import random
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from minitorch.random import default_generator
from minitorch.utils.data.dataset import Dataset, IterableDataset
from minitorch.utils.data.fetch import Fetch
from minitorch.utils.data.transfer import MemoryFile, send


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows of itself: its number among `num_workers`, its seed, its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Dataset[Any]


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The WorkerInfo of this process if it is a DataLoader's worker, else None."""
    return _worker_info


@dataclass(frozen=True)
class Task:
    """Fetch the batch of `index`."""

    index: Any


class Restart:
    """A task: a new epoch begins, iterate over the dataset from its start."""


class Exhausted:
    """A reply: this worker's part of an IterableDataset has ended."""


class Failure:
    """A reply: an exception that the dataset, `collate_fn` or `worker_init_fn` raised."""

    def __init__(self, error: Exception, worker_id: int) -> None:
        self.type: Any = type(error)
        self.message = (
            f"Caught {self.type.__name__} in DataLoader worker process {worker_id}.\n"
            f"Original {''.join(traceback.format_exception(error))}"
        )
        try:
            pickle.dumps(self.type)
        except Exception:  # a class local to a function: the parent could not find it
            self.type = RuntimeError

    def error(self) -> Exception:
        """An exception of the same type with the worker's traceback as its message, or a RuntimeError if
        that type cannot be made from a message alone."""
        message = _Verbatim(self.message) if issubclass(self.type, KeyError) else self.message
        try:
            by_name = getattr(self.type, "message", None)  # such types often take it by keyword only
            return self.type(message=message) if by_name else self.type(message)
        except Exception:
            return RuntimeError(self.message)


class _Verbatim(str):
    """A str that prints as it is inside a KeyError, which shows the repr of its argument."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def work(
    make_fetch: Callable[[], Fetch],
    info: WorkerInfo,
    init_fn: Callable[[int], None] | None,
    tasks: Connection,
    replies: Connection,
    files: list[MemoryFile],
) -> None:
    """The body of a worker process: one reply per Task, in their order, until a None or the pipe's end."""
    global _worker_info
    _worker_info = info
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler of the program's is not for its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _seed(info)
    worker = _Worker(make_fetch, info, init_fn)
    files_in_turn = itertools.cycle(files or [None])
    waiting: deque[Any] = deque()
    while True:
        while not waiting or tasks.poll():  # look at all that was sent: after a None the rest is void
            try:
                waiting.append(tasks.recv())
            except (EOFError, OSError):
                return
            if waiting[-1] is None:
                return
        task = waiting.popleft()
        if isinstance(task, Restart):
            worker.restart()
            continue
        try:
            _send(replies, next(files_in_turn), worker.reply_to(task.index), info.id)
        except OSError:
            return  # nobody reads any more


class _Worker:
    """The fetching side of a worker: it has a reply to every index."""

    def __init__(
        self, make_fetch: Callable[[], Fetch], info: WorkerInfo, init_fn: Callable[[int], None] | None
    ) -> None:
        self.make_fetch = make_fetch
        self.id = info.id
        self.streams = isinstance(info.dataset, IterableDataset)
        try:
            if init_fn is not None:
                init_fn(info.id)
        except Exception as error:
            failure = Failure(error, info.id)
            self.make_fetch = lambda: lambda index: failure
        self.restart()

    def restart(self) -> None:
        """Begin an epoch: an IterableDataset is iterated anew."""
        self.ended = False
        try:
            self.fetch = self.make_fetch()
        except Exception as error:
            failure = Failure(error, self.id)
            self.fetch = lambda index: failure

    def reply_to(self, index: Any) -> Any:
        """The batch for `index`, a Failure, or Exhausted."""
        if self.ended:
            return Exhausted()
        try:
            reply = self.fetch(index)
        except Exception as error:
            if self.streams and isinstance(error, StopIteration):
                reply = Exhausted()
            else:
                return Failure(error, self.id)
        # A stream that could not even start ends after it has said so once.
        self.ended = self.streams and isinstance(reply, Failure | Exhausted)
        return reply


def _send(replies: Connection, file: MemoryFile | None, reply: Any, worker_id: int) -> None:
    try:
        send(replies, file, reply)
    except OSError:
        raise
    except Exception as error:  # a batch that cannot be pickled; nothing of it was sent
        send(replies, file, Failure(error, worker_id))


def _seed(info: WorkerInfo) -> None:
    """Python's generator and minitorch's get the worker's seed; NumPy's gets four words made from it."""
    # A fork copies the lock of NumPy's generator as it is just then: held, maybe, by a thread that the copy lacks.
    np.random.set_bit_generator(np.random.MT19937(0))  # type: ignore[attr-defined]  # NumPy's stubs lack it
    random.seed(info.seed)
    default_generator.manual_seed(info.seed)
    base = info.seed - info.id
    words = np.random.SeedSequence([info.id, base & 0xFFFFFFFF, base >> 32, 0]).generate_state(4)
    np.random.seed(words)


def _end_with_parent() -> None:
    """End this process once its parent is gone, whatever the main thread is doing: a parent that was killed
    cannot tell its workers. Checked twice: by the pipe that `parent.join` waits for, at once, and by the
    parent's id, every second, since processes forked later keep that pipe open."""
    parent, parent_id = parent_process(), os.getppid()
    while parent is not None and parent.is_alive() and os.getppid() == parent_id:
        parent.join(1)
    os._exit(1)
