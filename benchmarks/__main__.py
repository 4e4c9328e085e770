"""minitorch against NumPy by hand and PyTorch, all in turns in one run."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from benchmarks import compare, plots, tables
from benchmarks.results import Results
from benchmarks.run import DEVICES, Options, run

WIDTH = 170  # where the output is no terminal, which has one of its own


def parser() -> argparse.ArgumentParser:
    """The command line."""
    main = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    main.add_argument("--threads", type=int, default=1, metavar="N", help="for the numerical kernels (default 1)")
    main.add_argument("--device", choices=DEVICES, default="all", help="default: all that there are")
    main.add_argument("--only", default="", metavar="TEXT", help='rows whose "family: name" contains this')
    main.add_argument("--quick", action="store_true", help="fewer sizes, fewer and shorter rounds: two minutes")
    main.add_argument("--compiled", action="store_true", help="also torch.compile, which takes long to compile")
    main.add_argument("--json", type=Path, metavar="FILE", help="write all results there")
    main.add_argument("--plots", type=Path, metavar="DIR", help="draw pictures there, PNG and SVG")
    commands = main.add_subparsers(dest="command")
    comparing = commands.add_parser("compare", help="what changed between two runs", description=compare.__doc__)
    comparing.add_argument("old", type=Path, metavar="OLD.json")
    comparing.add_argument(
        "new", type=Path, nargs="?", metavar="NEW.json", help="without it, measure now, with the options of OLD"
    )
    return main


def main(arguments: list[str] | None = None) -> None:
    """Run, or compare."""
    options = parser().parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if options.command == "compare":
        old = Results.read(options.old)
        results = Results.read(options.new) if options.new else run(Options(**old.options), console)
        compare.show(old, results, console)
    else:
        results = run(Options(options.threads, options.device, options.only, options.quick, options.compiled), console)
        console.print(str(results.machine), highlight=False)
        tables.show(results, console)
    if options.json:
        results.write(options.json)
    if options.plots:
        plots.draw(results, options.plots)


if __name__ == "__main__":
    main()
