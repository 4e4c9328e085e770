"""Compare what two runs computed on the way and left behind: losses, optimizer steps, parameters, random state.

A run is read back from the files that `child.py` wrote.
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.printed import Line, relative_difference
from parity.tolerance import Tolerance

SHOWN = {"torch": "PyTorch", "minitorch": "minitorch", "nudged": "PyTorch, nudged"}
SETTINGS = Tolerance(1e-6, 0.0)  # learning rates and the like are computed by the script, not by kernels


@dataclass
class Run:
    """One run of the script, as it was recorded."""

    library: str
    status: int
    seconds: float
    lines: list[Line]
    stderr: str
    record: dict[str, Any] | None  # None: the process ended without a chance to write it
    arrays: dict[str, np.ndarray]

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.record["events"] if self.record else []

    @property
    def crash(self) -> dict[str, Any] | None:
        """The exception or exit status that ended the script early: type, message, place."""
        if self.record is not None:
            return self.record["crash"]
        cause = f"killed by signal {-self.status}" if self.status < 0 else f"exit status {self.status}"
        return {"type": "os._exit" if self.status >= 0 else "signal", "message": cause, "place": None}

    @property
    def dtypes(self) -> set[str]:
        """Of the losses and of all arrays left behind; else the default."""
        found = {dtype for e in self.events if e["kind"] == "backward" for dtype, _ in e["losses"]}
        for owner in self.record["owners"] if self.record else []:
            if owner["kind"] != "optimizer":  # whose numbers are float64 here
                found |= {self.arrays[key].dtype.name for key in owner["arrays"].values()}
        return found or {(self.record or {}).get("default_dtype", "float32")}


def place_text(place: Any) -> str:
    return f"{place[0]}:{place[1]}" if place else "the script"


def read_run(library: str, folder: Path, status: int, seconds: float) -> Run:
    """What the child left in its folder."""
    record, arrays = None, {}
    if (folder / "record.json").exists():
        record = json.loads((folder / "record.json").read_text("utf-8"))
        with np.load(folder / "arrays.npz") as file:
            arrays = dict(file)
    lines = _lines((folder / "stdout").read_bytes(), record["printed"] if record else [])
    return Run(library, status, seconds, lines, (folder / "stderr").read_text("utf-8", "replace"), record, arrays)


def _lines(output: bytes, printed: list[Any]) -> list[Line]:
    ends = [match.end() for match in re.finditer(b"\n", output)]
    places: dict[int, str] = {}
    for offset, count, place in printed:
        last = bisect.bisect_left(ends, offset)
        for i in range(last - count + 1, last + 1):
            places[i] = place_text(place)
    texts = output.decode("utf-8", "replace").split("\n")
    if not texts[-1]:
        texts.pop()
    return [Line(text, i + 1, places.get(i, "the script")) for i, text in enumerate(texts)]


# --- on the way


@dataclass(frozen=True)
class EventParting:
    """The first backward pass or optimizer step that differs, in words, and how many lines were printed before it."""

    message: str
    places: tuple[str, str]
    lines: int
    over: bool = False  # one run has no further event


@dataclass
class Events:
    """What came out of the comparison of backward passes and optimizer steps."""

    backwards: tuple[int, int] = (0, 0)
    steps: tuple[int, int] = (0, 0)
    differences: list[float] = field(default_factory=list)  # of the loss at each backward pass, relative
    first: EventParting | None = None
    differing: set[str] = field(default_factory=set)  # "backward", "step"

    @property
    def worst(self) -> float:
        return max(self.differences, default=0.0)


def compare_events(theirs: Run, mine: Run, tolerance: Tolerance) -> Events:
    """Compare event by event, in the order in which they happened."""
    count = lambda run, kind: sum(e["kind"] == kind for e in run.events)
    counts = {kind: (count(theirs, kind), count(mine, kind)) for kind in ("backward", "step")}
    result = Events(counts["backward"], counts["step"], differing={kind for kind, (x, y) in counts.items() if x != y})
    number = {"backward": 0, "step": 0}
    for a, b in itertools.zip_longest(theirs.events, mine.events):
        if a is None or b is None or (a["kind"], a["name"]) != (b["kind"], b["name"]):
            message = f"{_next(a)} in PyTorch, {_next(b)} in minitorch"
        else:
            number[a["kind"]] += 1
            which = ordinal(number[a["kind"]])
            if a["kind"] == "backward":
                message = _losses_differ(a, b, tolerance, result)
                message = message and f"the loss of the {which} {a['name']} is {message}"
            else:
                message = _parameters_differ(a, b, tolerance.times(10))
                message = message and f"after the {which} step of the optimizers ({a['name']}), {message}"
            if message:
                result.differing.add(a["kind"])
        if message and result.first is None:
            places = place_text((a or b)["place"]), place_text((b or a)["place"])
            result.first = EventParting(message, places, min(e["lines"] for e in (a, b) if e), not (a and b))
        if a is None or b is None or a["kind"] != b["kind"]:
            break
    return result


def _next(event: dict[str, Any] | None) -> str:
    if event is None:
        return "no further backward pass or optimizer step"
    return f"{event['name']}{'' if event['kind'] == 'backward' else '.step()'} at {place_text(event['place'])}"


def _losses_differ(a: dict[str, Any], b: dict[str, Any], tolerance: Tolerance, result: Events) -> str:
    if len(a["losses"]) != len(b["losses"]):
        return f"{len(a['losses'])} tensors in PyTorch, {len(b['losses'])} in minitorch"
    for (dtype, x), (other, y) in zip(a["losses"], b["losses"]):
        result.differences.append(relative_difference(x, y))
        if dtype != other:
            return f"of dtype {dtype} in PyTorch, {other} in minitorch"
        if not _agree(x, y, tolerance):
            return _two(x, y)
    return ""


def _parameters_differ(a: dict[str, Any], b: dict[str, Any], tolerance: Tolerance) -> str:
    before, after = a["parameters"] or [], b["parameters"] or []
    if len(before) != len(after):
        return f"there are {len(before)} parameters in PyTorch, {len(after)} in minitorch"
    for i, (x, y) in enumerate(zip(before, after)):
        if not _agree(x, y, tolerance):
            return f"the root mean square of parameter {i} is {_two(x, y)}"
    return ""


def _two(x: float, y: float) -> str:
    return f"{x:.9g} in PyTorch, {y:.9g} in minitorch, a relative difference of {relative_difference(x, y):.1e}"


def _agree(x: float, y: float, tolerance: Tolerance) -> bool:
    return relative_difference(x, y) == 0 or abs(x - y) <= tolerance.allowed(x, y)  # inf - inf is nan: not <=


def ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"


# --- at the end


@dataclass(frozen=True)
class StateRow:
    """The comparison of one module, optimizer or tensor that both runs left behind."""

    name: str
    kind: str  # its class
    arrays: int
    values: int
    worst: float  # relative to the largest value of the array
    where: str
    agrees: bool
    reason: str = ""


def compare_state(theirs: Run, mine: Run, tolerance: Tolerance) -> list[StateRow]:
    """One row for each thing left at module level in either run."""
    a = {owner["name"]: owner for owner in (theirs.record or {}).get("owners", [])}
    b = {owner["name"]: owner for owner in (mine.record or {}).get("owners", [])}
    rows = []
    for name in [*a, *(n for n in b if n not in a)]:
        if name not in a or name not in b:
            left = "PyTorch" if name in a else "minitorch"
            kind = (a.get(name) or b[name])["class"]
            rows.append(StateRow(name, kind, 0, 0, math.inf, "", False, f"only {left} leaves it"))
        else:
            rows.append(_owner_row(a[name], b[name], theirs.arrays, mine.arrays, tolerance.times(10)))
    return rows


def _owner_row(
    a: dict[str, Any], b: dict[str, Any], theirs: dict[str, np.ndarray], mine: dict[str, np.ndarray], allowed: Tolerance
) -> StateRow:
    name, kind = a["name"], a["class"]
    if kind != b["class"]:
        return StateRow(name, kind, 0, 0, math.inf, "", False, f"a {kind} in PyTorch, a {b['class']} in minitorch")
    lone = sorted(a["arrays"].keys() ^ b["arrays"].keys())
    if lone:
        left = "PyTorch" if lone[0] in a["arrays"] else "minitorch"
        return StateRow(name, kind, 0, 0, math.inf, lone[0], False, f"only {left} has {lone[0]!r}")
    worst, where, reason, values = 0.0, "", "", 0
    for key in a["arrays"]:
        x, y = theirs[a["arrays"][key]], mine[b["arrays"][key]]
        values += x.size
        limit = SETTINGS if a["kind"] == "optimizer" and "parameter" not in key and "state" not in key else allowed
        difference, agrees = array_difference(x, y, limit)
        if difference > worst:
            worst, where = difference, key
            if agrees and difference > limit.relative:  # rounding alone is left of it
                where = f"{key} (largest value {np.abs(x).max():.0e})".strip()
        if not agrees and not reason:
            named = f"{name}.{key}" if key else name
            size = f"{difference:.1e} of its largest value, where {limit.relative:.1e} is allowed"
            reason = f"{named}: {_shapes(x, y) or size}"
    return StateRow(name, kind, len(a["arrays"]), values, worst, where, not reason, reason)


def _shapes(x: np.ndarray, y: np.ndarray) -> str:
    if x.shape == y.shape and x.dtype == y.dtype:
        return ""
    return f"{x.dtype} {x.shape} in PyTorch, {y.dtype} {y.shape} in minitorch"


def array_difference(x: np.ndarray, y: np.ndarray, tolerance: Tolerance) -> tuple[float, bool]:
    """The largest |x - y| relative to the largest |x|, and whether it is allowed; nan and inf must stand alike."""
    if x.shape != y.shape or x.dtype != y.dtype:
        return math.inf, False
    if x.dtype.kind != "f":
        return (0.0, True) if np.array_equal(x, y) else (math.inf, False)
    x, y = x.astype(np.float64), y.astype(np.float64)
    finite = np.isfinite(x)
    if not np.array_equal(x[~finite], y[~finite], equal_nan=True) or not np.isfinite(y[finite]).all():
        return math.inf, False
    x, y = x[finite], y[finite]
    if np.array_equal(x, y):
        return 0.0, True
    largest, difference = float(np.abs(x).max()), float(np.abs(x - y).max())
    return difference / (largest or 1.0), difference <= tolerance.allowed(largest, 0.0)
