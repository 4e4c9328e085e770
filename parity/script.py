"""Run a PyTorch script under PyTorch and under minitorch and compare what it prints, computes and leaves behind.

    python -m parity run [options] SCRIPT.py [ARGS ...]

The script runs unchanged, first under PyTorch, then under minitorch, each in a process of its own, in this folder and on
the CPU. The second run finds the files that the first has written. Compared are:

* the lines printed, number by number (printed.py tells how);
* the loss at every backward pass, and the parameters at every optimizer step;
* the parameters and optimizers the script leaves in global variables, and the state of torch's random generator.

All random generators start from seed 0, for scripts that do not seed them.

Which differences are allowed, tolerance.py tells; what is said about them, comparison.py.

exit code 0  they agree
          1  they differ; also if the script ends with an error in one library alone, or with two kinds of errors
          2  nothing can be said: no such script, PyTorch missing, the same kind of error in both libraries,
             --timeout passed, or the script prints no number, trains nothing and leaves no module

Where the losses start alike and part later, PyTorch runs once more with its parameters moved by one rounding: if it parts
from itself by more than is allowed, the difference may be rounding alone, and that is said.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from parity.comparison import Comparison, as_json, compare_runs, crash_text, rounding_text, say, show
from parity.recorded import SHOWN, Run, read_run
from parity.results import strict

CHILD = Path(__file__).with_name("child.py")


class CannotCompare(Exception):
    """Why nothing can be said: exit code 2."""


# --- running


def run_script(
    library: str, command: list[str], folder: Path, timeout: float, show: Callable[[int, str], None] = lambda n, s: None
) -> Run:
    """One run of the script, until it ends; `show` hears how many lines it has printed, and the last.

    The child leads a process group, so that whatever it started ends with it.
    """
    environment = {"PYTHONHASHSEED": "0"} | os.environ | {"PYTHONIOENCODING": "utf-8", "CUDA_VISIBLE_DEVICES": ""}
    folder.mkdir()
    start = time.perf_counter()
    lines, last = 0, b""
    with (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
        process = subprocess.Popen(
            [sys.executable, str(CHILD), library, str(folder), *command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            with (folder / "stdout").open("rb") as output:
                while (status := process.poll()) is None:
                    if time.perf_counter() - start > timeout:
                        raise CannotCompare(
                            f"{SHOWN[library]} was still running the script after {timeout:g} s (lines printed: "
                            f"{lines:,}); give it more with --timeout, or the script less to do"
                        )
                    new = output.read()
                    lines += new.count(b"\n")
                    last = (last.rpartition(b"\n")[2] + new) if new else last
                    show(lines, last.strip().rpartition(b"\n")[2].decode("utf-8", "replace"))
                    time.sleep(0.03)
        finally:
            _kill(process)
    return read_run(library, folder, status, time.perf_counter() - start)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started and left running."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):  # nothing is left of it
        pass
    process.wait()


@contextmanager
def _ended_like_by_ctrl_c() -> Iterator[None]:
    """SIGTERM too takes the children along."""

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    try:
        old = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: no signals come here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def run_all(libraries: Iterable[str], command: list[str], timeout: float, console: Console) -> list[Run]:
    """One run per library, one after the other, with their progress."""
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
        TextColumn("{task.fields[lines]:,} lines"), TextColumn("{task.fields[last]}", style="dim", markup=False),
    )  # fmt: skip
    runs = []
    with (
        tempfile.TemporaryDirectory(prefix="parity") as folder,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        tasks = [progress.add_task(SHOWN[library], start=False, lines=0, last="") for library in libraries]
        for library, task in zip(libraries, tasks):
            progress.start_task(task)
            show = lambda n, last, task=task: progress.update(task, lines=n, last=last[:80])
            runs.append(run_script(library, command, Path(folder) / library, timeout, show))
            progress.stop_task(task)
    return runs


# --- the command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m parity run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tolerance", type=_not_negative, metavar="T", help="relative difference allowed")
    parser.add_argument(
        "--ignore", type=_regex, metavar="REGEX", action="append", default=[], help="leave out lines it is found in"
    )
    parser.add_argument("--timeout", type=_not_negative, default=600.0, metavar="SECONDS", help="of each run (600)")
    parser.add_argument("--json", type=_writable, metavar="FILE", help="write the comparison there too")
    parser.add_argument("script", metavar="SCRIPT.py")
    arguments = parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="handed to the script unchanged"
    )
    arguments.required = False
    return parser


def _not_negative(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return number


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


def _writable(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no file in a folder that exists")
    return path


def main(argv: list[str]) -> int:
    """`python -m parity run ARGV`; returns the exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as stop:  # of argparse, which has said why
        return int(stop.code or 0)
    console = Console(width=None if sys.stdout.isatty() else 130)
    report: dict[str, Any] = {"script": options.script, "arguments": options.arguments}
    try:
        _check_before(options.script)
        run = lambda *libraries: run_all(libraries, [options.script, *options.arguments], options.timeout, console)
        with _ended_like_by_ctrl_c():
            theirs, mine = run("torch", "minitorch")
            comparison = compare_runs(theirs, mine, options.tolerance, options.ignore)
            report |= as_json(comparison)
            _check_after(comparison)
            nudged = None
            if comparison.may_be_rounding:
                with suppress(CannotCompare):  # it may take too long; the difference stands
                    (nudged,) = run("nudged")
        show(comparison, console, nudged)
        report["rounding"] = nudged and rounding_text(comparison, nudged)
        code, report["verdict"] = (0, "agree") if comparison.agrees else (1, "differ")
    except CannotCompare as error:
        say(Console(stderr=True), f"Cannot compare: {error}")
        code, report["verdict"], report["message"] = 2, "cannot compare", str(error)
    except KeyboardInterrupt:
        say(Console(stderr=True), "Interrupted; the script's processes were ended.")
        return 130
    if options.json is not None:
        options.json.write_text(json.dumps(strict(report | {"exit_code": code}), indent=2) + "\n", "utf-8")
    return code


def _check_before(script: str) -> None:
    if not Path(script).is_file():
        raise CannotCompare(f"there is no script {script!r} in {Path.cwd()}")
    if importlib.util.find_spec("torch") is None:
        raise CannotCompare('PyTorch is missing: `pip install "minitorch[parity]"` brings it')


def _check_after(c: Comparison) -> None:
    if c.both_crashed:
        raise CannotCompare(f"the script fails in both libraries.\n{crash_text(c.theirs)}\n{crash_text(c.mine)}")
    if c.agrees and c.empty:
        raise CannotCompare(
            "there is nothing to compare: the script prints no number, trains nothing and leaves no module"
        )
