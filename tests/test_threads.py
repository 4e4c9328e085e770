"""Large work by several threads: the numbers are those of one."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from optim_helpers import FULL, NAMES

import minitorch as torch
from minitorch import threads
from minitorch.optim import flat, segment


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three threads, for anything."""
    monkeypatch.setattr(threads, "_number", 3)
    monkeypatch.setattr(threads, "_WORTH_IT", 0)


@pytest.mark.parametrize("name", NAMES)
def test_optimizers_give_the_same_bits(name: str, three: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in flat, segment:
        monkeypatch.setattr(module, "CPU_SLICE", 64)
    used: set[int] = set()
    found = []
    for count in (3, 1):
        threads.set_num_threads(count)
        rng = np.random.default_rng(0)
        p = torch.nn.Parameter(torch.from_numpy(rng.normal(size=1000)))
        optimizer = getattr(torch.optim, name)([p], lr=0.1, **FULL.get(name, {}))
        formula = optimizer._formula
        if count == 3:
            noted = lambda *args, f=formula, **options: (used.add(threading.get_ident()), f(*args, **options))[1]
            optimizer._formula = noted
        for _ in range(4):
            p.grad = torch.from_numpy(rng.normal(size=1000))
            optimizer.step()
        found.append([p.detach().numpy(), *[v.numpy() for v in optimizer.state[p].values()]])
    assert len(used) > 1
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_infinities_are_as_silent_as_in_one_thread(three: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in flat, segment:
        monkeypatch.setattr(module, "CPU_SLICE", 8)
    p = torch.nn.Parameter(torch.full((100,), 3e38))
    p.grad = torch.full((100,), -3e38)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        torch.optim.SGD([p], lr=1.0).step()
    assert bool(p.isinf().all())


def test_errors_come_out_and_all_have_ended(three: None) -> None:
    done = []

    def work(thread: int, part: int) -> None:
        if part in (1, 4):
            raise ValueError(f"part {part}")
        done.append(part)

    with pytest.raises(ValueError, match="part 1"):
        threads.share(work, range(6), 3)
    assert sorted(done) == [0, 2, 3, 5]
    threads.share(lambda thread, part: done.append(thread), range(2), 2)
    assert sorted(done[4:]) == [0, 1]


def _in_a_child(answers: Any) -> None:
    found: list[int] = []
    threads.share(lambda thread, part: found.append(part), range(4), 2)
    answers.put(sorted(found))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(three: None) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("needs fork")
    threads.share(lambda thread, part: None, range(4), 2)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_child, args=(answers,))
    child.start()
    assert answers.get(timeout=60) == [0, 1, 2, 3]
    child.join()


def test_small_work_stays_in_one() -> None:
    assert threads.useful(1 << 20) == 1 and threads.useful(1 << 30) == threads.get_num_threads()


def test_a_share_of_a_share_stays_where_it_is(three: None) -> None:
    """Its threads might all be waiting for it."""
    seen = []

    def work(thread: int, part: int) -> None:
        seen.append(threads.useful(1 << 30))
        threads.share(lambda thread, part: None, range(4), threads.useful(1 << 30))

    threads.share(work, range(6), 3)
    assert seen == [1] * 6 and threads.useful(1 << 30) == 3


LATE = """
import sys, threading
import minitorch as torch
torch.set_num_threads(2)
p = torch.nn.Parameter(torch.ones(3_000_000))
p.grad = torch.ones(3_000_000)
optimizer = torch.optim.SGD([p], lr=1.0)
for _ in range(int(sys.argv[1])):
    optimizer.step()
def late():
    threading.main_thread().join()
    optimizer.step()
    print(p[0].item())
threading.Thread(target=late).start()
"""


@pytest.mark.parametrize("before", [0, 1])
def test_a_thread_may_outlive_the_main_one(before: int) -> None:
    """There are no new threads then: it goes on alone."""
    done = subprocess.run([sys.executable, "-c", LATE, str(before)], text=True, capture_output=True)
    assert done.stdout.split() == [str(0.0 - before)], done.stderr


def test_threads_are_not_left_behind(three: None) -> None:
    for count in (2, 3, 2, 3):
        threads.share(lambda thread, part: None, range(4), count)
    assert sum(t.name.startswith("minitorch") for t in threading.enumerate()) <= 2
