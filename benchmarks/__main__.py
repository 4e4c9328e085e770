"""python -m benchmarks: training steps and per-op overhead, side by side."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.timing import Timing, interleaved


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few short rounds: a rough look in half a minute")
    parser.add_argument("--threads", type=int, default=1, help="threads for the numerical kernels (default 1)")
    parser.add_argument("--only", default="", help="only rows whose name contains this")
    parser.add_argument("--json", type=Path, help="also write all timings there")
    options = parser.parse_args()

    import torch
    from threadpoolctl import threadpool_limits

    import minitorch
    from benchmarks import workloads

    torch.set_num_threads(options.threads)
    threadpool_limits(options.threads)
    rounds, seconds = (7, 0.02) if options.quick else (25, 0.05)
    console = Console(width=130)
    console.print(_machine(torch, options.threads))
    results: dict[str, dict[str, Any]] = {}

    table = _table("training step, us", "NumPy by hand", "minitorch", "PyTorch", "PyTorch fused")
    for name, spec in track(workloads.TRAINING.items(), "training steps", console=console, transient=True):
        if options.only not in name:
            continue
        steps = {
            "hand": workloads.hand_step(*spec),
            "minitorch": workloads.training_step(minitorch, *spec),
            "torch": workloads.training_step(torch, *spec),
            "torch fused": workloads.training_step(torch, *spec, fused=True),
        }
        times = interleaved(steps, rounds, seconds)
        table.add_row(name, *[_us(t) for t in times.values()], *_ratios(times))
        results[name] = _plain(times)
    if table.row_count:
        console.print(table)

    for title, pick in (("forward, us", 0), ("forward and backward, us", 1)):
        table = _table(f"one op on 32 values: {title}", "minitorch", "PyTorch")
        for name in track(workloads.OPS, title, console=console, transient=True):
            if options.only not in name:
                continue
            times = interleaved(
                {
                    "minitorch": workloads.op_steps(minitorch, name)[pick],
                    "torch": workloads.op_steps(torch, name)[pick],
                },
                rounds,
                seconds / 4,
            )
            ratio = times["minitorch"].median / times["torch"].median
            table.add_row(name, *[_us(t) for t in times.values()], f"{ratio:.2f}")
            results[f"{name}, {title}"] = _plain(times)
        if table.row_count:
            console.print(table)
    if options.json:
        options.json.write_text(json.dumps({"machine": _machine(torch, options.threads), "rows": results}, indent=1))


def _machine(torch: Any, threads: int) -> str:
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "unknown CPU")
    return (
        f"{model}, {threads} thread(s), Python {platform.python_version()}, NumPy {np.__version__}, "
        f"PyTorch {torch.__version__}"
    )


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    if len(columns) == 4:
        table.add_column("minitorch / hand", justify="right")
        table.add_column("minitorch / PyTorch", justify="right")
        table.add_column("/ fused", justify="right")
    else:
        table.add_column("minitorch / PyTorch", justify="right")
    return table


def _us(t: Timing) -> str:
    return f"{t.median * 1e6:,.2f} ±{t.spread:.0%}" if t.median < 1e-5 else f"{t.median * 1e6:,.0f} ±{t.spread:.0%}"


def _ratios(times: dict[str, Timing]) -> list[str]:
    mine = times["minitorch"].median
    return [f"{mine / times[name].median:.2f}" for name in ("hand", "torch", "torch fused")]


def _plain(times: dict[str, Timing]) -> dict[str, list[float]]:
    return {name: [t.median, t.low, t.high] for name, t in times.items()}


if __name__ == "__main__":
    main()
