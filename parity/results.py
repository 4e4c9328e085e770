"""What a run of the suite found, as plain data: shown by `show.py`, written by `--json`."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXACT = "exact"  # equal to PyTorch's, to the bit
CLOSE = "close"  # within the limit
REFUSED = "refused"  # minitorch raises NotImplementedError where PyTorch gives a result
KNOWN = "known"  # another result than PyTorch's, for the reason that the case states
WORSE = "worse"  # an error beyond the limit
DIFFERS = "differs"  # another kind of result
GOOD = (EXACT, CLOSE, REFUSED, KNOWN)
PINNED = "2.13.0"  # the PyTorch that pyproject.toml asks for: parity means parity with this release


@dataclass
class Result:
    """One quantity of one case, judged. Errors are in units in the last place against the truth; None: nothing to measure."""

    family: str
    name: str
    dtype: str
    quantity: str
    verdict: str
    mine_ulp: float | None = None
    theirs_ulp: float | None = None
    limit_ulp: float | None = None
    truth: str = ""  # "float64", "mpmath", or "PyTorch"
    detail: str = ""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return self.verdict in GOOD


@dataclass
class Deviation:
    """How far one quantity of a training program is from the truth, in units of the dtype's epsilon."""

    quantity: str
    verdict: str
    mine: float | None
    theirs: float | None
    limit: float | None
    where: str = ""

    @property
    def good(self) -> bool:
        return self.verdict in GOOD


@dataclass
class ProgramResult:
    """A whole training run in both libraries, from `manual_seed` alone."""

    name: str
    data: str
    optimizer: str
    batch_size: int | None
    dtype: str
    steps: int
    deviations: list[Deviation]
    mine_losses: list[float]
    theirs_losses: list[float]
    truth_losses: list[float]
    mine_accuracy: float
    theirs_accuracy: float
    mine_seconds: float
    theirs_seconds: float

    @property
    def good(self) -> bool:
        return all(d.good for d in self.deviations)


@dataclass
class Property:
    """What Hypothesis drew for one family: how many cases, and how bad the worst was."""

    name: str
    examples: int
    quantities: int
    exact: int
    known: int
    mine_ulp: float | None
    theirs_ulp: float | None
    verdict: str
    seconds: float
    detail: str = ""

    @property
    def good(self) -> bool:
        return self.verdict in GOOD


@dataclass
class Failure:
    """A disagreement, and a script of a few lines that shows it."""

    where: str
    detail: str
    script: str


@dataclass
class Coverage:
    """Which public names of minitorch a case called; which have none, and need none and why."""

    covered: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    exempt: dict[str, str] = field(default_factory=dict)


@dataclass
class Results:
    """Everything one run found."""

    versions: dict[str, str]
    machine: dict[str, Any]
    settings: dict[str, Any]  # seed, examples, quick, only, device
    cases: list[Result] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    programs: list[ProgramResult] = field(default_factory=list)
    coverage: Coverage | None = None
    failures: list[Failure] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # known differences that are no more
    left_out: list[str] = field(default_factory=list)  # on a GPU: the cases that ask what is so on the CPU alone
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        parts = (self.cases, self.properties, self.programs)
        return all(r.good for part in parts for r in part) and not (self.coverage and self.coverage.missing)

    @property
    def other_release(self) -> str:
        """A warning, unless the reference is the release that minitorch is compared with; '' if it is."""
        torch = self.versions.get("torch", PINNED)
        told = f"The reference is PyTorch {torch}, not {PINNED}: differences may be those between the two releases."
        return "" if torch.partition("+")[0] == PINNED else told

    def save(self, path: Path | str) -> None:
        """As JSON."""
        Path(path).write_text(json.dumps(strict(dataclasses.asdict(self) | {"good": self.good}), indent=1))


def strict(value: Any) -> Any:
    """JSON knows no nan and inf: they become text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: strict(v) for key, v in value.items()}
    return [strict(v) for v in value] if isinstance(value, list | tuple) else value
