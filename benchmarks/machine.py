"""What was measured on: times mean nothing without it."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """The hardware, the versions, the date, and how busy the machine was with other things."""

    date: str
    cpu: str
    cores: int
    threads: int
    load: float  # the average number of processes that wanted to run in the minute before
    system: str
    python: str
    numpy: str
    blas: str
    torch: str
    gpu: str

    def __str__(self) -> str:
        facts = asdict(self)
        facts["load"] = f"{self.load:.2f} before the run"
        return "\n".join(f"{name:8} {value}" for name, value in facts.items())


def describe(threads: int) -> Machine:
    """This machine, with the libraries limited to that many threads."""
    import numpy
    import torch
    from threadpoolctl import threadpool_info

    import minitorch

    blas = [
        f"{info['internal_api']} {info['version']} ({info['num_threads']} threads, {info.get('architecture', '')})"
        for info in threadpool_info()
        if info["user_api"] == "blas" and "numpy" in info["filepath"]
    ]
    gpu = next((lib.cuda.get_device_name() for lib in (torch, minitorch) if lib.cuda.is_available()), "none")
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=threads,
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan"),
        system=platform.platform(terse=True),
        python=platform.python_version(),
        numpy=numpy.__version__,
        blas=", ".join(blas) or "unknown",
        torch=torch.__version__,
        gpu=gpu,
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
