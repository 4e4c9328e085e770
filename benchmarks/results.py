"""What a run found out, as data and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.timing import Timing

NOT_MEASURED = "not measured"


@dataclass
class Row:
    """A workload's times by backend; where there is none, `missing` says why."""

    family: str
    line: str
    name: str
    size: int
    flops: float
    bytes: float
    times: dict[str, Timing] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name among all rows, and what --only looks into."""
        return f"{self.family}: {self.name}"

    def median(self, backend: str) -> float | None:
        """Seconds, if it was measured."""
        return self.times[backend].median if backend in self.times else None


@dataclass
class Split:
    """A training step in its parts: backend -> part -> time."""

    name: str
    times: dict[str, dict[str, Timing]] = field(default_factory=dict)


@dataclass
class Peak:
    """The memory a workload takes beyond what the libraries take by themselves: backend -> bytes."""

    name: str
    bytes: dict[str, int] = field(default_factory=dict)


@dataclass
class Roof:
    """What a device can do at most: floating-point operations and bytes moved per second, as measured."""

    device: str
    flops: float
    bandwidth: float


@dataclass
class Results:
    """One run of `python -m benchmarks`."""

    machine: Machine
    options: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    peaks: list[Peak] = field(default_factory=list)
    roofs: list[Roof] = field(default_factory=list)

    def family(self, name: str) -> list[Row]:
        """The rows of one table."""
        return [row for row in self.rows if row.family == name]

    def write(self, path: Path) -> None:
        """As JSON, times in seconds."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        """From a file that `write` wrote."""
        plain = json.loads(path.read_text())
        return cls(
            Machine(**plain["machine"]),
            plain["options"],
            [Row(**{**row, "times": _timings(row["times"])}) for row in plain["rows"]],
            [Split(s["name"], {b: _timings(parts) for b, parts in s["times"].items()}) for s in plain["splits"]],
            [Peak(**peak) for peak in plain["peaks"]],
            [Roof(**roof) for roof in plain["roofs"]],
        )


def _timings(plain: dict[str, Any]) -> dict[str, Timing]:
    return {name: Timing(**timing) for name, timing in plain.items()}
