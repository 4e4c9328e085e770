"""Compare what two runs printed: line by line, number by number.

Text must be equal. Numbers, as printed, may differ by

    relative * the larger of the two + absolute           (see tolerance.py)
    + one unit of the last digit printed                  if there are at least three significant digits

since two nearby values round to digits that lie at most one unit further apart than they do. With one or two digits, no
unit is granted: a learning rate of 0.1 is not one of 0.2, and nearby values hardly ever fall on two sides of so coarse a
step. Numbers without digits after the point ("17", "3.") count things: they must be equal. nan agrees with nan, inf with
inf, -0.0 with 0.0. Digits within names and versions (fc1, float32, 2.13.0) are text, a percent sign too. Addresses in
memory (0x7f...) agree with each other. How many spaces stand before a number is free: another digit or sign moves a
column.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from parity.tolerance import Tolerance

NUMBER = re.compile(
    r"""
    (?<![\w.])                                     # not within a name or a version
    (?: 0x[0-9a-fA-F]{5,}\b                        # an address
      | [-+]? (?: (?:nan|inf)\b
                | (?: \d{1,3}(?:,\d{3})+(?![\d,])  # 1,234,567
                    | \d+ )
                  (?:\.\d*)? (?:[eE][-+]?\d+)?
                | \.\d+ (?:[eE][-+]?\d+)? )
              (?! \d | \.\d ))                       # nor is 2.13 of 2.13.0
    """,
    re.VERBOSE,
)
_TIMES = re.compile(r"\b(time|took|elapsed|seconds?|secs?|minutes?|ms|it/s)\b|\d ?m?s\b|\d:\d\d", re.IGNORECASE)
MIN_UNITS = 100  # three significant digits


@dataclass(frozen=True)
class Line:
    """A line of the output: its text, which one it is (from 1), and from where the script printed it."""

    text: str
    number: int
    place: str = "the script"  # "train.py:42", where it is known


@dataclass(frozen=True)
class Parting:
    """The first two lines that differ (None: that run had printed its last), and in what."""

    theirs: Line | None
    mine: Line | None
    reason: str

    @property
    def number(self) -> int:
        return min(line.number for line in (self.theirs, self.mine) if line is not None)

    @property
    def over(self) -> bool:
        return self.theirs is None or self.mine is None

    @property
    def tells_time(self) -> bool:
        return any(line is not None and bool(_TIMES.search(line.text)) for line in (self.theirs, self.mine))


@dataclass
class Printed:
    """What came out of the comparison. Once text differs, lines further down are other lines: nothing is compared."""

    lines: tuple[int, int] = (0, 0)
    numbers: int = 0
    worst: float = 0.0  # the largest relative difference among numbers that agree or not
    worst_line: Line | None = None
    first: Parting | None = None
    differing: int = 0  # lines with numbers that do not agree


def compare_printed(theirs: list[Line], mine: list[Line], tolerance: Tolerance) -> Printed:
    """Compare all lines; PyTorch's are `theirs`."""
    result = Printed((len(theirs), len(mine)))
    for a, b in itertools.zip_longest(theirs, mine):
        if a is None or b is None:
            missing = "minitorch" if b is None else "PyTorch"
            result.first = result.first or Parting(a, b, f"{missing} printed no more lines")
            break
        text_differs = _text_differs(a.text, b.text)
        if text_differs:
            result.first = result.first or Parting(a, b, text_differs)
            break
        reason = ""
        for x, y in _pairs(a.text, b.text):
            result.numbers += 1
            relative = relative_difference(value(x), value(y))
            if relative > result.worst:
                result.worst, result.worst_line = relative, a
            if not reason and not numbers_agree(x, y, tolerance):
                reason = f"{x} in PyTorch, {y} in minitorch"
                reason += f", a relative difference of {relative:.1e}" if 0 < relative < math.inf else ""
        if reason:
            result.differing += 1
            result.first = result.first or Parting(a, b, reason)
    return result


def _pairs(a: str, b: str) -> Iterator[tuple[str, str]]:
    return ((x, y) for x, y in zip(NUMBER.findall(a), NUMBER.findall(b), strict=True) if not x.startswith("0x"))


def _text_differs(a: str, b: str) -> str:
    """In what the lines differ besides numbers, or ""."""
    pieces_a, pieces_b = NUMBER.split(a), NUMBER.split(b)
    if len(pieces_a) != len(pieces_b):
        counts = f"{len(pieces_a) - 1} numbers in PyTorch, {len(pieces_b) - 1} in minitorch"
        return "the text differs" if a == "" or b == "" else f"the text differs: {counts}"
    before = lambda pieces: [piece.rstrip(" ") for piece in pieces[:-1]]
    if before(pieces_a) != before(pieces_b) or pieces_a[-1] != pieces_b[-1]:
        return "the text differs"
    if any(x.startswith("0x") != y.startswith("0x") for x, y in zip(NUMBER.findall(a), NUMBER.findall(b))):
        return "the text differs: an address and a number"
    return ""


def value(number: str) -> float:
    return float(number.replace(",", ""))


def unit(number: str) -> float:
    """One of the last digit printed: 0.01 for "2.50", 1e-7 for "1.23e-05"."""
    mantissa, _, exponent = number.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def relative_difference(a: float, b: float) -> float:
    """|a - b| relative to the larger; infinite if one alone is nan or infinite."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    return abs(a - b) / max(abs(a), abs(b))


def numbers_agree(x: str, y: str, tolerance: Tolerance) -> bool:
    """The rule above, for two numbers as they were printed."""
    a, b = value(x), value(y)
    if a == b or (math.isnan(a) and math.isnan(b)):
        return _is_count(x) == _is_count(y)  # 1 is not 1.0
    if not (math.isfinite(a) and math.isfinite(b)):
        return False
    decimals = [number.lower().partition("e")[0].partition(".")[2] for number in (x, y)]
    if not any(decimals) or _is_count(x) != _is_count(y):
        return False
    # The finer unit: "0.5" beside "0.50000012" is a value that happens to be short.
    finest = min(unit(x), unit(y))
    largest = max(abs(a), abs(b))
    rounding = finest if largest >= MIN_UNITS * finest else 0.0
    # A little more than asked: the decimals themselves are not exact in binary.
    return abs(a - b) <= rounding * (1 + 1e-9) + tolerance.allowed(a, b) + 1e-15 * largest


def _is_count(number: str) -> bool:
    return not any(mark in number.lower() for mark in ".en")  # n: of nan and inf
