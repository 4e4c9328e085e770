"""What goes wrong in workers: exceptions, death, time-outs, interrupts; and that no process stays behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from data_helpers import Function, alive, alone, gone, pids_of, seeded

import minitorch
import minitorch.utils.data
from minitorch.utils.data import DataLoader, Dataset, IterableDataset

# On a machine with one or two processors both libraries warn of as many workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


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
