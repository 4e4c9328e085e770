"""When do two runs agree? In each quantity, up to a stated multiple of the dtype's rounding error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parity.programs import Arrays, Record

# Largest difference allowed, relative to the largest value of the array, in units of the dtype's epsilon.
# Rounding differs per kernel (other order of sums), and training amplifies it from step to step: Adam divides each
# gradient by its own size, so that where the gradient is rounding noise, so is the direction of the step.
LIMITS = {"initial": 0.0, "batches": 0.0, "forward": 50.0, "gradients": 100.0, "losses": 2_000.0, "final": 20_000.0}
EPSILON = {"float32": float(np.finfo(np.float32).eps), "float64": float(np.finfo(np.float64).eps)}


@dataclass(frozen=True)
class Difference:
    """The worst difference in one quantity: where, how large, and whether it is allowed."""

    quantity: str
    where: str
    worst: float
    limit: float

    @property
    def agrees(self) -> bool:
        return self.worst <= self.limit  # a NaN does not agree

    def __str__(self) -> str:
        return f"{self.quantity}, {self.where}: {self.worst:.3g} where {self.limit:.3g} is allowed"


def compare(mine: Record, theirs: Record, dtype: str) -> list[Difference]:
    """One Difference per quantity, in the order in which the program makes them."""
    return [
        _worst(name, getattr(mine, name), getattr(theirs, name), LIMITS[name] * EPSILON[dtype])
        for name in ("initial", "batches", "forward", "gradients", "losses", "final")
    ]


def _worst(quantity: str, mine: Arrays, theirs: Arrays, limit: float) -> Difference:
    if mine.keys() != theirs.keys():
        return Difference(quantity, f"names {sorted(mine.keys() ^ theirs.keys())}", float("inf"), limit)
    worst, where = -1.0, "nothing"
    for name, theirs_array in theirs.items():
        difference = _difference(mine[name], theirs_array)
        if not difference <= worst:
            worst, where = difference, name
    return Difference(quantity, where, worst, limit)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """The largest |a - b|, relative to the largest |b|; infinite for another shape, dtype or a NaN."""
    if a.shape != b.shape or a.dtype != b.dtype or np.isnan(a).any() or np.isnan(b).any():
        return float("inf")
    if not a.size:
        return 0.0
    scale = float(np.abs(b).max()) or 1.0
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) / scale
