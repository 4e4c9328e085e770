"""PyTorch's side of a case: what it gives, and the truth it is measured by. Kept: minitorch's side can be run again alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from parity import exact
from parity.case import Case
from parity.evaluate import STEP, Array, Outcome, evaluate
from parity.judge import Truth, worst_error

WIGGLES, NEIGHBOURS = 4, 16
JUMP = 2.0**20  # a condition number that float32 could not survive: the truth jumps there


class Theirs:
    """PyTorch's outcome of a case in one dtype; what it is measured by is computed when first asked for."""

    def __init__(self, case: Case, dtype: str, seed: int, nudge: int | None = None) -> None:
        import torch

        self.case, self.dtype, self.seed, self.nudge = case, dtype, seed, nudge
        self._evaluate = lambda **how: evaluate(case, torch, dtype, seed=seed, nudge=nudge, **how)
        self.outcome = self._evaluate()
        self._precise: Outcome | None = None
        self._moved: list[Outcome] = []
        self._exact: dict[str, Any] | None = None
        self._near: list[Theirs] = []

    def truth(self, quantity: str) -> Truth:
        """What a floating quantity should be."""
        base = self.case.base and theirs(self.case.base, self.dtype, self.seed, self.nudge)
        if base and quantity in base.outcome.quantities:
            return base.truth(quantity)
        if self._precise is None:
            self._precise = self._evaluate(precise=True)
            self._moved = [self._evaluate(precise=True, wiggle=i) for i in range(WIGGLES)]
            self._exact = self._by_mpmath()
        own, precise = self._values(self.outcome, quantity), self._values(self._precise, quantity)
        source = "PyTorch" if self._is_double(quantity) else "float64"
        if own is None:  # where minitorch has a gradient, of zeros
            own = np.zeros(1)
        if precise is None or self.case.size or precise.shape != own.shape:
            precise, source = own, "PyTorch"
        if source == "PyTorch" and self._exact is not None and quantity in self._exact:
            precise, source = self._exact[quantity], "mpmath"
        return Truth(precise, self._sensitivity(precise, quantity), source)

    def error(self, quantity: str, nearby: bool = False) -> float:
        """PyTorch's own worst error, in ulp. Its float64 is the truth: there, the error it has in float32.

        nearby: and on inputs an ulp away, since on given inputs rounding may be lucky.
        """
        if self.truth(quantity).source == "PyTorch":
            if self.dtype != "float64":
                return 0.0
            return theirs(self.case, "float32", self.seed).error(quantity, nearby)
        found = self.outcome.quantities.get(quantity)
        if not isinstance(found, Array) or self.outcome.error is not None:
            return 0.0
        worst = worst_error(found.values, self.truth(quantity), found.values, self.case.size, self.case.coarsest)
        if nearby:
            self._near = self._near or [theirs(self.case, self.dtype, self.seed, i) for i in range(NEIGHBOURS)]
            worst = max(worst, *[other.error(quantity) for other in self._near])
        return worst

    def _is_double(self, quantity: str) -> bool:
        found = self.outcome.quantities.get(quantity)
        return isinstance(found, Array) and found.dtype == "torch.float64"

    def _values(self, outcome: Outcome | None, quantity: str) -> np.ndarray | None:
        found = outcome and outcome.quantities.get(quantity)
        return found.values.astype(np.float64) if isinstance(found, Array) else None

    def _sensitivity(self, truth: np.ndarray, quantity: str) -> np.ndarray:
        """By how much each element moves, divided by how far the inputs moved."""
        still = self._values(self._precise, quantity)
        if still is None:
            return np.zeros(truth.shape)
        with np.errstate(all="ignore"):
            moved = [self._values(outcome, quantity) for outcome in self._moved]
            moves = [np.abs(v - still) for v in moved if v is not None and v.shape == still.shape]
            largest = np.maximum.reduce([np.zeros_like(still), *moves]) / STEP
            sizes = [np.abs(truth), *[np.abs(a) for a in self.case.inputs("float64", self.seed) if a.dtype.kind == "f"]]
            most = max(1.0, *[float(s[np.isfinite(s)].max(initial=0)) for s in sizes])
            return np.where(largest < JUMP * most, largest, 0.0)

    def _by_mpmath(self) -> dict[str, np.ndarray] | None:
        """The truth of a float64 case by its formula, under the names of its quantities."""
        case = self.case
        reference = case.reference or exact.function_named(case.calls)
        arrays = case.inputs(self.dtype, self.seed)
        if (
            reference is None
            or not any(map(self._is_double, self.outcome.quantities))
            or not all(np.isfinite(a).all() for a in arrays)
        ):
            return None
        gradients = [self.outcome.quantities.get(f"gradient of {n}") is not None for n in case.arguments]
        found = _exact_truth(
            reference, tuple((a.shape, a.dtype.str, a.tobytes()) for a in arrays), case.order, tuple(gradients)
        )
        named = {"value": found["value"][0]}
        for kind in ("gradient", "second gradient"):
            for n, g in zip(case.arguments, found.get(kind, [])):
                named[f"{kind} of {n}"] = g
                if kind == "gradient":
                    named[f"{kind} of {n}, create_graph"] = g
        return named


@cache
def _exact_truth(reference: Any, inputs: tuple[Any, ...], order: int, connected: tuple[bool, ...]) -> Any:
    """Once for all forms of a case."""
    arrays = [np.frombuffer(data, kind).reshape(shape) for shape, kind, data in inputs]
    return exact.truth(reference, arrays, order, list(connected))


@cache
def theirs(case: Case, dtype: str, seed: int = 0, nudge: int | None = None) -> Theirs:
    """PyTorch's side, computed once per process."""
    return Theirs(case, dtype, seed, nudge)
