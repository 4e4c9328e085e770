"""Fair timing on a noisy machine: the contenders take turns, and the median of many rounds counts."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Step = Callable[[], Any]


@dataclass(frozen=True)
class Timing:
    """Seconds per call: the median over the rounds, and between which two values their middle half lies."""

    median: float
    low: float
    high: float
    rounds: int

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, relative to the median."""
        return (self.high - self.low) / 2 / self.median


@dataclass(frozen=True)
class Effort:
    """How long to measure: at most `rounds` turns per contender, about `turn` seconds each, `budget` seconds in all.

    A contender gets three turns of one call at least, however long these take.
    """

    rounds: int
    turn: float
    budget: float


FULL = Effort(rounds=25, turn=0.04, budget=1.0)
QUICK = Effort(rounds=5, turn=0.006, budget=0.05)


class WallClock:
    """Seconds on the CPU's clock. `wait` is called before each look at it: nothing to wait for, on the CPU."""

    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self.wait = wait

    def mark(self) -> Any:
        """This moment."""
        self.wait()
        return time.perf_counter()

    def seconds(self, start: Any, end: Any) -> float:
        """From one mark to another, after `wait`."""
        return end - start


class EventClock:
    """Seconds on the GPU's clock.

    A kernel runs after the call that asks for it has returned, so the CPU's clock would see only the asking. An event
    is a mark in the stream of kernels itself, stamped when the GPU gets there. A turn starts with an idle GPU: where
    asking takes longer than computing, the time is that of asking, as in a training loop.
    """

    def __init__(self, cuda: Any) -> None:
        self.wait = cuda.synchronize
        self._event = cuda.Event

    def mark(self) -> Any:
        event = self._event(enable_timing=True)
        event.record()
        return event

    def seconds(self, start: Any, end: Any) -> float:
        return start.elapsed_time(end) / 1000  # milliseconds


Clock = WallClock | EventClock


@dataclass(frozen=True)
class Contender:
    """What takes turns with others: the parts of a step, called one after the other, and the clock they run by."""

    parts: tuple[Step, ...]
    clock: Clock


def measure(contenders: Mapping[str, Contender], effort: Effort) -> dict[str, list[Timing]]:
    """Time each part of each contender, in turns. Each should have been called once before: that may compile.

    A turn of short calls begins with one that does not count: it brings the contender's code and data back into the
    caches, and gives the threads of the one before time to go to sleep. The collector is off within a turn.
    """
    gc.collect()
    gc.freeze()  # all there is by now: the collections between turns then take no time
    gc.disable()
    try:
        return _measure(contenders, effort)
    finally:
        gc.enable()
        gc.unfreeze()


def _measure(contenders: Mapping[str, Contender], effort: Effort) -> dict[str, list[Timing]]:
    calls, cost = {}, 0.0
    for name, contender in contenders.items():
        calls[name], each = calls_per_turn(contender, effort.turn)
        cost += each * calls[name]
    rounds = min(effort.rounds, max(3, int(effort.budget * len(contenders) / cost)))
    samples: dict[str, list[list[float]]] = {name: [] for name in contenders}
    order = list(contenders)
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            if calls[name] > 1:
                timed(contenders[name], 1)
            gc.collect()
            samples[name].append(timed(contenders[name], calls[name]))
    return {name: [summary(part) for part in zip(*turns, strict=True)] for name, turns in samples.items()}


def calls_per_turn(contender: Contender, seconds: float) -> tuple[int, float]:
    """(how many calls take about that long, seconds per call). A long step is called once to find out, no more."""
    calls = 1
    while True:
        took = sum(timed(contender, calls)) * calls
        if took > seconds / 4:
            return max(1, round(calls * seconds / took)), took / calls
        calls *= 4


def timed(contender: Contender, calls: int) -> list[float]:
    """Seconds per call of each part."""
    clock, parts = contender.clock, contender.parts
    clock.wait()
    if len(parts) == 1:
        (step,) = parts
        start = clock.mark()
        for _ in range(calls):
            step()
        end = clock.mark()
        clock.wait()
        return [clock.seconds(start, end) / calls]
    marks = []
    for _ in range(calls):
        marks.append(clock.mark())
        for part in parts:
            part()
            marks.append(clock.mark())
    clock.wait()
    stride = len(parts) + 1
    return [
        sum(clock.seconds(marks[k], marks[k + 1]) for k in range(i, len(marks), stride)) / calls
        for i in range(len(parts))
    ]


def summary(values: tuple[float, ...]) -> Timing:
    """Median and quartiles."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Timing(median, low, high, len(values))
