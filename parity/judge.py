"""When does minitorch compute what PyTorch computes? Measured against the truth, never by a tolerance chosen to fit.

**The truth.** Of a float32 or float16 case: the same inputs, computed by PyTorch in float64. Of a float64 case: mpmath,
where the function has a formula there; else PyTorch itself.

**The unit.** One ulp of the dtype under test, at the truth's value or at the value's *sensitivity*, whichever is larger.
The sensitivity of an element is by how much the truth moves when every input moves by its own size: the truth is
computed again with each input moved by a random +-2^-30 of itself, four times; the largest movement, times 2^30. So
the ulp of `a - b` with a close to b is that of a, as it must be: no algorithm can do better than round its
inputs. An exact input such as that of exp(x) is charged with |x exp(x)|. Where the truth jumps (floor at an integer), a
movement says nothing, and the ulp is that of the value alone.

**The verdict.** `exact`: equal to PyTorch's result, to the bit. `close`: minitorch's worst error over the array is at
most FACTOR times PyTorch's worst error plus FEW ulp. `worse`: it is more. `differs`: another shape, dtype, memory
layout, requires_grad, infinity or NaN in another place, another integer, another error. Integers, booleans, random
streams, learning rates: `exact` or `differs`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from parity.case import Case
from parity.evaluate import Array, Outcome
from parity.results import CLOSE, DIFFERS, EXACT, KNOWN, REFUSED, WORSE, Result

FACTOR, FEW = 2.0, 4.0


@dataclass
class Truth:
    """What a quantity should be, element by element, and how sensitive that is."""

    values: np.ndarray
    sensitivity: np.ndarray
    source: str


class Side(Protocol):
    """PyTorch's side of a case: see theirs.py."""

    outcome: Outcome

    def truth(self, quantity: str) -> Truth: ...
    def error(self, quantity: str, nearby: bool = False) -> float: ...


def judge(case: Case, dtype: str, mine: Outcome, side: Side) -> list[Result]:
    """A Result for each quantity."""
    results = list(_judged(case, dtype, mine, side))
    if case.known:
        results = [r if r.good else replace(r, verdict=KNOWN, detail=f"{case.known}: {r.detail}") for r in results]
    return results


def _judged(case: Case, dtype: str, mine: Outcome, side: Side) -> Iterator[Result]:
    theirs = side.outcome
    make = lambda quantity, verdict, **more: Result(case.family, case.name, dtype, quantity, verdict, **more)
    names = dict.fromkeys([*theirs.quantities, *mine.quantities])
    if theirs.error is not None or mine.error is not None:
        same = type(mine.error).__name__ == type(theirs.error).__name__
        if isinstance(mine.error, NotImplementedError) and not same:
            yield make("error", REFUSED, detail=str(mine.error)[:200])
            return
        if mine.error is not None or "not implemented" not in str(theirs.error):
            detail = "" if same else f"minitorch: {_told(mine.error)}; PyTorch: {_told(theirs.error)}"
            yield make("error", EXACT if same else DIFFERS, detail=detail)
            return
        names = dict.fromkeys(theirs.quantities)  # PyTorch lacks a derivative: what there is, is compared
    for name in names:
        absent = "absent" if "gradient" not in name else None
        a, b = mine.quantities.get(name, absent), theirs.quantities.get(name, absent)
        detail = difference_in_kind(case, name, a, b)
        if detail:
            yield make(name, DIFFERS, detail=detail)
        elif not isinstance(b, Array) or not isinstance(a, Array) or b.values.dtype.kind != "f":
            yield make(name, EXACT)
        else:
            yield make(name, **verdict(case, a.values, b.values, name, side))


def verdict(case: Case, a: np.ndarray, b: np.ndarray, name: str, side: Side) -> dict[str, Any]:
    """Of two floating arrays alike in kind."""
    exact = np.array_equal(_bits(a), _bits(b))
    if case.exact:
        return {"verdict": EXACT if exact else DIFFERS, "detail": "" if exact else first_difference(a, b)}
    if exact and not case.measured:
        return {"verdict": EXACT}
    truth = side.truth(name)
    mine, theirs = worst_error(a, truth, b, case.size, case.coarsest), side.error(name)
    limit = FACTOR * theirs + FEW
    if not exact and limit < mine < math.inf:
        limit = FACTOR * side.error(name, nearby=True) + FEW
    fine = exact or mine <= limit
    detail = "" if fine else f"{mine:.3g} ulp, PyTorch {theirs:.3g}, allowed {limit:.3g}: {first_difference(a, b)}"
    if not math.isfinite(mine):
        return {"verdict": EXACT if exact else DIFFERS, "detail": detail}
    numbers = {"mine_ulp": mine, "theirs_ulp": theirs, "limit_ulp": limit, "truth": truth.source}
    return {"verdict": EXACT if exact else CLOSE if fine else WORSE, "detail": detail, **numbers}


def worst_error(
    x: np.ndarray, truth: Truth, theirs: np.ndarray, size: float = 0.0, coarsest: Any = np.float64
) -> float:
    """The largest error of `x`, in ulp of its dtype or of the `coarsest` on the way to it; where PyTorch or the truth is not finite, `x` must be what PyTorch has."""
    judged = np.isfinite(theirs) & np.isfinite(truth.values)
    rest = ~judged
    if not np.array_equal(x[rest], theirs[rest], equal_nan=True) or not np.isfinite(x[judged]).all():
        return math.inf
    if not judged.any():
        return 0.0
    error = np.abs(x[judged].astype(np.float64) - truth.values[judged])
    dtype = min(x.dtype, np.dtype(coarsest), key=lambda d: d.itemsize)
    with np.errstate(over="ignore"):  # infinitely many
        return float((error / unit(truth, dtype, size)[judged]).max())


def unit(truth: Truth, dtype: Any, size: float = 0.0) -> np.ndarray:
    """One ulp of `dtype` at the truth, at its sensitivity, or at `size`."""
    with np.errstate(all="ignore"):
        scale = np.fmax(np.fmax(np.abs(truth.values), truth.sensitivity), size)
        scale = np.minimum(np.where(np.isfinite(scale), scale, 0), float(np.finfo(dtype).max))
        return np.spacing(np.maximum(scale, float(np.finfo(dtype).tiny)).astype(dtype)).astype(np.float64)


def difference_in_kind(case: Case, name: str, a: Any, b: Any) -> str:
    """What no rounding can explain; '' if there is nothing."""
    if isinstance(a, Array) and isinstance(b, Array):
        for fact in ("dtype", "shape", "requires_grad", "strides"):
            if fact in ("requires_grad", "strides") and "gradient" in name:
                continue
            if fact == "strides" and not case.strides:
                continue
            x, y = (getattr(z, fact) if fact != "shape" else z.values.shape for z in (a, b))
            if x != y:
                return f"{fact} {x}, PyTorch {y}"
        if b.values.dtype.kind != "f" and not np.array_equal(a.values, b.values):
            return first_difference(a.values, b.values)
        return ""
    if "gradient" in name and (
        a is None or b is None
    ):  # no gradient at all, or zeros: libraries differ in whom they ask
        known = b if a is None else a
        return "" if known is None or not known.values.any() else f"{_kind(a)}, PyTorch {_kind(b)}"
    return "" if equal(a, b) else f"{_kind(a)}, PyTorch {_kind(b)}"


def equal(a: Any, b: Any) -> bool:
    """Of what is no tensor: the same type and value, nan included."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return type(a) is type(b) and bool(a == b or (a != a and b != b))


def _kind(x: Any) -> str:
    return "a tensor" if isinstance(x, Array) else repr(x)[:200]


def _told(error: Exception | None) -> str:
    return "a result" if error is None else f"{type(error).__name__}: {str(error)[:120]}"


def first_difference(a: np.ndarray, b: np.ndarray) -> str:
    """'[1, 2]: 0.5, PyTorch 0.25'."""
    where = np.argwhere(~((a == b) | ((a != a) & (b != b))))
    if not len(where):
        return "zeros of another sign"
    i = tuple(int(n) for n in where[0])
    return f"{list(i)}: {a[i]!r}, PyTorch {b[i]!r}" + (f" and {len(where) - 1} more" if len(where) > 1 else "")


def _bits(a: np.ndarray) -> np.ndarray:
    """The array's bits, with one NaN for all."""
    a = np.ascontiguousarray(np.where(np.isnan(a), np.array(np.nan, a.dtype), a))
    return a.view(f"u{a.itemsize}")
