"""Fair timing on a noisy machine: the contenders take turns, and the median of many rounds counts."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Step = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds per call: the median over the rounds, and how far the middle half of the rounds spreads."""

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, relative to the median."""
        return (self.high - self.low) / 2 / self.median


def calls_per_round(step: Step, seconds: float) -> int:
    """How often to call `step` so that a round takes about that long."""
    step()
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            step()
        took = time.perf_counter() - start
        if took > seconds / 4:
            return max(1, round(calls * seconds / took))
        calls *= 4


def interleaved(contenders: dict[str, Step], rounds: int, seconds: float) -> dict[str, Timing]:
    """Time every contender `rounds` times, `seconds` each, in turns, with the collector off within a round."""
    calls = {name: calls_per_round(step, seconds) for name, step in contenders.items()}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, step in contenders.items():
            gc.collect()
            gc.disable()
            start = time.perf_counter()
            for _ in range(calls[name]):
                step()
            samples[name].append((time.perf_counter() - start) / calls[name])
            gc.enable()
    return {name: _summary(values) for name, values in samples.items()}


def _summary(values: list[float]) -> Timing:
    low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return Timing(median, low, high)
