"""python -m parity: does minitorch compute what PyTorch computes?

Every public function in every form and dtype, with its gradients; modules, losses, optimizers, schedulers; random streams;
drawn cases; whole training programs. How it is judged: parity/judge.py. Exit code 0 if all agree, 1 with a script for each
disagreement if not, 2 if PyTorch, scikit-learn or the GPU asked for is missing.

python -m parity run SCRIPT.py: the same for your own script.   python -m parity mutants: does the suite notice faults?
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["run"]:
        from parity.script import main as run_script

        return run_script(argv[1:])
    if argv[:1] == ["mutants"]:
        from parity.mutants import main as run_mutants

        return int(run_mutants(argv[1:]))
    return compare(argv)


def compare(argv: list[str]) -> int:
    """The suite."""
    parser = argparse.ArgumentParser(
        prog="python -m parity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="what has this in 'family/name'")
    parser.add_argument("--quick", action="store_true", help="float32, fewer drawn cases, shorter training")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the inputs and of the drawn cases")
    parser.add_argument("--examples", type=int, metavar="N", help="drawn cases per family; 0: none")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where minitorch's tensors are")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N", help="processes")
    parser.add_argument("--json", metavar="FILE", help="write all results")
    parser.add_argument("--report", metavar="DIR", type=_directory, help="write them as an HTML page, with the JSON")
    options = parser.parse_args(argv)

    console = Console(width=None if sys.stdout.isatty() else 150)
    missing = _missing(options.device, options.report is not None)
    if missing:
        console.print(missing, markup=False, soft_wrap=True)
        return 2
    from parity import show, suite

    settings = suite.Settings(options.only, options.quick, options.seed, options.examples, options.device, options.jobs)
    with show.progress_bar(console) as tell:
        results = suite.run(settings, tell)
    if not (results.cases or results.properties or results.programs or results.coverage):
        nothing = f"--only {options.only}: nothing to compare has this in its 'family/name'"
        console.print(nothing, markup=False, soft_wrap=True)
        return 2
    show.show(results, console)
    if options.json:
        results.save(options.json)
    if options.report:
        from parity import report

        console.print(f"Report: {report.write(results, options.report)}", highlight=False, soft_wrap=True)
    return 0 if results.good else 1


def _directory(text: str) -> Path:
    """Made at once: better to fail before the run than after it."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error.strerror}") from None
    return path


def _missing(device: str, report: bool = False) -> str:
    """What cannot be done without; '' if all is there."""
    try:
        import hypothesis  # noqa: F401
        import mpmath  # noqa: F401
        import sklearn  # noqa: F401
        import torch  # noqa: F401

        if report:
            import jinja2  # noqa: F401
            import matplotlib  # noqa: F401
    except ImportError as error:
        return f'{error.name} is missing: `pip install "minitorch[parity]"` brings all that parity needs'
    import minitorch

    if device != "cpu" and not minitorch.cuda.is_available():
        return f"--device {device}: minitorch sees no GPU; it needs CuPy (`pip install minitorch[cuda12]`) and a driver"
    return ""


if __name__ == "__main__":
    sys.exit(main())
