"""Running the drawn cases: Hypothesis looks for one that fails, and shrinks it."""

from __future__ import annotations

import re
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from parity import drawing
from parity.case import Case, compiled
from parity.case import given as always
from parity.cases.optimizers import trained
from parity.drawing import Drawn
from parity.reproduce import script
from parity.results import CLOSE, EXACT, REFUSED, Failure, Property, Result


def written(x: Any, write: Any, t: Any) -> Any:
    """A copy of `x`, written into."""
    out = x * 1
    write(out, t)
    return out


HELPERS = {"written": written, "trained": trained}


@dataclass(frozen=True)
class Kind:
    """A family of drawn cases: its strategy, up to which derivative, and whether to the bit."""

    strategy: Any
    order: int = 2
    exact: bool = False
    strides: bool = False
    slow: bool = False  # a quarter of the examples


PROPERTIES: dict[str, Kind] = {
    "unary": Kind(drawing.unary, order=1),
    "binary": Kind(drawing.binary, order=1),
    "ternary": Kind(drawing.ternary),
    "reduction": Kind(drawing.reduction, order=1),
    "along a dimension": Kind(drawing.along, order=1),
    "shape": Kind(drawing.reshaping, exact=True, strides=True),
    "join and split": Kind(drawing.joining, exact=True),
    "reading": Kind(drawing.reading, exact=True),
    "writing": Kind(drawing.writing),
    "gather and scatter": Kind(drawing.gathering),
    "product": Kind(drawing.product),
    "activation": Kind(drawing.activation, order=1),
    "loss": Kind(drawing.loss, order=1),
    "in place": Kind(drawing.in_place, order=1),
    "creation": Kind(drawing.creation, order=0),
    "random": Kind(drawing.random, order=0, exact=True),
    "optimizer": Kind(drawing.optimizer, order=0, slow=True),
}


def case_of(name: str, drawn: Drawn) -> Case:
    """A drawn expression as a case; its inputs have their dtypes."""
    kind = PROPERTIES[name]
    function = compiled(f"lambda {', '.join(['t', *drawn.inputs])}: {drawn.text}", dict(HELPERS))
    floats = {a.dtype.name for a in drawn.inputs.values() if a.dtype.kind == "f"}
    dtypes = (floats.pop(),) if len(floats) == 1 else ()
    draws = tuple(always(a) for a in drawn.inputs.values())
    return Case(
        drawn.text,
        function,
        draws,
        f"drawn {name}",
        dtypes,
        kind.order,
        exact=kind.exact,
        strides=kind.strides,
        measured=False,
    )


# Differences that are known: of which property; the expression and the dtypes of its inputs; what is said of it; and why.
KNOWN: list[tuple[str, str, str, str]] = [
    ("binary", r"atan2\(.* of x: uint8", r"gradient of y: ", "PyTorch negates x in uint8, where -3 is 253"),
    ("binary", r"atan2\(.* of x: bool", r"PyTorch: RuntimeError: Negation", "PyTorch's gradient negates a bool"),
    ("binary", r"logaddexp\(.*: bool", r"PyTorch: RuntimeError: Subtraction", "PyTorch's gradient subtracts a bool"),
    (
        "binary|in place",
        r"pow_?\(.* y: bool",
        r"PyTorch: RuntimeError: Subtraction",
        "PyTorch's gradient subtracts 1 from a bool",
    ),
    (
        "binary",
        r"True \*\* x",
        r"PyTorch: RuntimeError: false INTERNAL ASSERT",
        "PyTorch's gradient wants the logarithm of True",
    ),
    (
        "reduction",
        r"(std|var)\(.*dim=\(\)",
        r"gradient of x: .*PyTorch np.float\d\d\((-?inf|nan)",
        "PyTorch takes the value over all, and its gradient as if over one element",
    ),
]
# And with minitorch's tensors on a GPU.
KNOWN_ON_GPU = [
    (
        "binary|in place",
        r"(fmod|remainder|floor_divide)_?\(|//|%",
        r"error: minitorch: a result; PyTorch: RuntimeError: ZeroDivisionError",
        "to look for zeros would stall the GPU: PyTorch raises on the CPU only, too",
    ),
]


def known(name: str, case: Case, result: Result, device: str) -> str:
    """The reason for a known difference, or ''."""
    dtypes = [f"{n}: {a.dtype.name}" for n, a in zip(case.arguments, case.inputs(""))]
    expression = f"{case.name} of {', '.join(dtypes)}"
    for of, text, detail, reason in KNOWN if device == "cpu" else KNOWN + KNOWN_ON_GPU:
        if (
            re.fullmatch(of, name)
            and re.search(text, expression)
            and re.search(detail, f"{result.quantity}: {result.detail}")
        ):
            return reason
    return ""


class Disagreement(AssertionError):
    """A drawn case that is not as in PyTorch."""


@dataclass
class _Tally:
    examples: int = 0
    results: list[Result] = field(default_factory=list)
    last: tuple[Case, Result] | None = None


def run_property(name: str, examples: int, seed_: int, device: str = "cpu") -> tuple[Property, list[Failure]]:
    """So many cases of one family. The first that fails is shrunk."""
    from parity.suite import judge_case
    from parity.theirs import theirs

    tally, start = _Tally(), time.perf_counter()

    @seed(seed_)
    @settings(
        max_examples=max(1, examples // 4) if PROPERTIES[name].slow else examples, database=None, deadline=None, report_multiple_bugs=False, print_blob=False,
        phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(PROPERTIES[name].strategy())
    def property_(drawn: Drawn) -> None:
        case = case_of(name, drawn)
        results = judge_case(case, device=device)
        theirs.cache_clear()
        tally.examples += 1
        for result in results:
            if not result.good and not known(name, case, result, device):
                tally.last = case, result
                raise Disagreement(result.detail)
        tally.results += results

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            property_()
    except Disagreement:
        pass
    return _summary(name, tally, time.perf_counter() - start), _failures(name, tally)


def _summary(name: str, tally: _Tally, seconds: float) -> Property:
    errors = [r for r in tally.results if r.mine_ulp is not None and r.good]
    worst = lambda which: max((getattr(r, which) or 0.0 for r in errors), default=None)
    verdict, detail = CLOSE if errors else EXACT, ""
    if tally.last is not None:
        verdict, detail = tally.last[1].verdict, f"{tally.last[0].name}: {tally.last[1].detail}"
    count = lambda of: sum(r.verdict == of for r in tally.results)
    differing = sum(not r.good for r in tally.results)
    return Property(
        name, tally.examples, len(tally.results) - count(REFUSED), count(EXACT), differing,
        worst("mine_ulp"), worst("theirs_ulp"), verdict, seconds, detail,
    )  # fmt: skip


def _failures(name: str, tally: _Tally) -> list[Failure]:
    if tally.last is None:
        return []
    case, result = tally.last
    dtype = case.dtypes[0] if case.dtypes else ""
    return [Failure(f"drawn {name}: {result.quantity}", result.detail, script(case, dtype, result.quantity))]
