"""`python -m parity run SCRIPT`: tutorial scripts agree, planted differences are named, and every failure has its exit code.

What starts PyTorch costs seconds: scripts that need no tensors tell the libraries apart without importing torch.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from parity import script
from parity.comparison import compare_runs, first_parting, rounding_text
from parity.printed import Line, compare_printed, numbers_agree
from parity.recorded import Run, array_difference, ordinal
from parity.tolerance import Tolerance

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "scripts"
FLOAT32 = Tolerance.of(["float32"])
OURS = "import sys; ours = 'minitorch' in sys.modules\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs the command on a script, given as a file or as code; returns the exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(code: str | Path, *arguments: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        if isinstance(code, str):
            Path("script.py").write_text(code)
            code = Path("script.py")
        status = script.main([*options, str(code), *arguments])
        out, err = capfd.readouterr()
        return status, out + err

    return run


# --- scripts as people write them


@pytest.mark.parametrize(
    ("name", "arguments", "options", "said"),
    [
        ("linear_regression", (), (), ["numbers in them", "model (Linear)", "200th backward"]),
        ("logistic_regression", ("--epochs", "20", "--lr=0.2"), (), ["model (LogisticRegression)", "20th backward"]),
        ("mlp_digits", (), (), ["model (MLP)", "optimizer (Adam)", "8,970"]),
        ("dataloader_dropout", ("--epochs", "2"), ("--ignore", "took"), ["(optimizer of the last step) (Adam)"]),
        ("autograd_only", (), (), ["w1 (Tensor)", "b2 (Tensor)", "500th backward"]),
    ],
)
def test_a_tutorial_script_agrees(
    run: Any, name: str, arguments: tuple[str, ...], options: tuple[str, ...], said: list[str]
) -> None:
    status, text = run(SCRIPTS / f"{name}.py", *arguments, options=options)
    assert status == 0, text
    for words in (*said, "random state", "They agree."):
        assert words in text
    assert "differ" not in text.replace("difference", "")


def test_a_planted_difference_is_named(run: Any) -> None:
    status, text = run(SCRIPTS / "differs.py", options=("--json", "report.json"))
    assert status == 1
    # The eighth step is the first with another learning rate; the loss shows it in the next line.
    assert "They first part at differs.py:19: after the 8th step of the optimizers (SGD), the root mean square" in text
    assert "PyTorch  : epoch  8 loss 0.497146     [line 9, differs.py:20]" in text
    assert "minitorch: epoch  8 loss 0.628519     [line 9, differs.py:20]" in text
    assert "This is more than rounding." in text
    assert "its losses stay within 0.0e+00" not in text  # PyTorch's own run was nudged
    assert "They differ." in text
    report = json.loads(Path("report.json").read_text())
    assert (report["verdict"], report["exit_code"]) == ("differ", 1)
    assert report["printed"]["first_difference"]["torch"]["printed_by"] == "differs.py:20"
    assert report["backward"]["passes"] == [12, 12]
    assert [row["agrees"] for row in report["state"]] == [False, False]
    assert report["random_state_equal"]


def recorded(library: str, *losses: float) -> Run:
    """A run that made a step after each of the losses."""
    events = [
        {"kind": kind, "place": ["x.py", 5], "lines": 0, "name": kind, **what}
        for loss in losses
        for kind, what in (("backward", {"losses": [["float32", loss]]}), ("step", {"parameters": [1.0]}))
    ]
    return Run(library, 0, 1.0, [], "", {"events": events, "crash": None, "owners": []}, {})


def test_what_may_be_rounding_is_told_from_what_is_not() -> None:
    theirs = recorded("torch", 0.5, 0.4, 0.3)
    unlike = compare_runs(theirs, recorded("minitorch", 0.6, 0.4, 0.3), None, [])
    fewer = compare_runs(theirs, recorded("minitorch", 0.5, 0.4), None, [])
    later = compare_runs(theirs, recorded("minitorch", 0.5, 0.4, 0.31), None, [])
    assert [c.agrees for c in (unlike, fewer, later)] == [False] * 3
    assert [c.may_be_rounding for c in (unlike, fewer, later)] == [False, False, True]
    assert "x.py:5: the loss of the 3rd backward is 0.3 in PyTorch, 0.31 in minitorch" in first_parting(later)
    assert "no further backward pass or optimizer step in minitorch" in first_parting(fewer)
    assert "This may be rounding alone." in rounding_text(later, recorded("nudged", 0.5, 0.4, 0.301))
    assert "This is more than rounding." in rounding_text(later, recorded("nudged", 0.5, 0.4, 0.30001))


SEVERAL = """
import importlib.util
assert importlib.util.find_spec("torch").name in ("torch", "minitorch")
import torch, helper
from torch import nn
same = torch.__name__ == "torch"
helper.say(1.5)
model, other = nn.Linear(2, 2), [nn.Linear(2, 1)]  # not seeded
w = torch.ones(2, requires_grad=True)
scale = torch.ones(2, dtype=torch.float32 if same else torch.float64)
torch.autograd.grad((w * scale).sum(), w)
torch.autograd.backward(w.sum())
with torch.no_grad():
    other[0].weight[0, 1] += 0 if same else 0.1
    w.add_(0 if same else 1)
if not same:
    torch.rand(1)
"""


def test_each_kind_of_state_is_compared(run: Any) -> None:
    Path("helper.py").write_text("def say(x):\n    print('helped', x)\n")
    status, text = run(SEVERAL, options=("--json", "report.json"))
    report = json.loads(Path("report.json").read_text())
    assert status == 1
    assert {row["name"]: row["agrees"] for row in report["state"]} == {"model": True, "other[0]": False, "w": False}
    assert "other[0].weight: " in report["state"][1]["reason"]
    assert report["backward"]["passes"] == [2, 2]
    assert not report["random_state_equal"]
    assert "script.py:11: the loss of the 1st autograd.grad() is of dtype float32 in PyTorch, float64" in text


@pytest.mark.parametrize(
    ("key", "change", "agrees"),
    [
        ("state 0, momentum_buffer", 1 + 1e-3, True),
        ("state 0, momentum_buffer", 1.01, False),
        ("group 0, parameter 0", 1 + 1e-3, True),
        ("group 0, lr", 1 + 1e-5, False),  # no kernel rounds a learning rate
        ("group 0, lr", 1.0, True),
    ],
)
def test_an_optimizers_settings_must_be_equal(key: str, change: float, agrees: bool) -> None:
    theirs, mine = recorded("torch", 1.0), recorded("minitorch", 1.0)
    for run, value in ((theirs, 0.5), (mine, 0.5 * change)):
        assert run.record is not None
        run.record["owners"] = [{"name": "o", "class": "SGD", "kind": "optimizer", "arrays": {key: "a0"}}]
        run.arrays["a0"] = np.array([value])
    comparison = compare_runs(theirs, mine, None, [])
    assert comparison.agrees == agrees
    assert agrees or f"o.{key}: " in first_parting(comparison)


# --- what a script sees


def test_a_script_runs_as_under_python(run: Any, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    code = """
import os, sys, helper
print(sys.argv, __name__, __file__, sys.path[0], os.getcwd(), __package__, __spec__, sys.stdin.read())
print(sorted(globals()), sys.modules["__main__"].helper is helper, 1.5)
print("one\\ntwo", end=" ")
print("after")
os.system("echo from a shell")
sys.stdout.write("without a line's end")
"""
    path = tmp_path / "folder" / "script.py"
    path.write_text(code)
    (tmp_path / "folder" / "helper.py").write_text("print('helped')\n")
    arguments = ["folder/script.py", "--timeout", "3", "--", "-x", "a b"]
    plain = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True, cwd=tmp_path
    )
    for library in ("torch", "minitorch"):
        seen = script.run_script(library, arguments, tmp_path / library, 60)
        # Sorted: the shell's line comes first in Python's output, which is buffered.
        assert sorted(line.text for line in seen.lines) == sorted(plain.stdout.split("\n"))
        assert [(line.text[:6], line.place) for line in seen.lines[:2]] == [
            ("helped", "helper.py:1"),
            ("['fold", "script.py:3"),
        ]
        assert (seen.status, seen.stderr) == (0, "")
    assert run(Path("folder/script.py"), *arguments[1:])[0] == 0


# --- failures, each with its exit code


def test_an_error_in_one_library_alone_differs(run: Any) -> None:
    status, text = run(f"{OURS}print(1.5)\ndef f():\n    if ours:\n        {{}}['key']\nf()\nprint(2.5)")
    assert status == 1
    assert "Under minitorch the script ends with KeyError at script.py:5: 'key'" in text
    assert "    KeyError: 'key'\n" in text
    assert "child.py" not in text
    assert "They first part at script.py:5, where minitorch ends with KeyError and PyTorch goes on." in text


def test_two_kinds_of_errors_differ(run: Any) -> None:
    status, text = run(f"{OURS}print(1)\nif ours:\n    exit(3)\nraise KeyError(1)")
    assert status == 1
    assert (
        "script.py:5, where PyTorch ends with KeyError, and script.py:4, where minitorch ends with SystemExit" in text
    )


def test_a_process_killed_in_one_library_differs(run: Any) -> None:
    status, text = run(f"{OURS}import os\nprint(1.5, flush=True)\nos.kill(os.getpid(), 9) if ours else 0")
    assert status == 1
    assert "minitorch ends with signal" in text
    assert "killed by signal 9" in text


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print(1)\n1 / 0", "ZeroDivisionError at script.py:2: division by zero"),
        ("import argparse\nargparse.ArgumentParser().parse_args(['--x'])", "unrecognized arguments: --x"),
        ("x = (1,", "SyntaxError at script.py:1"),
        ("import nowhere9", "No module named 'nowhere9'"),
    ],
)
def test_the_same_error_in_both_is_no_comparison(run: Any, code: str, message: str) -> None:
    status, text = run(code)
    assert status == 2
    assert "Cannot compare: the script fails in both libraries." in text
    assert message in text


def test_nothing_to_compare(run: Any) -> None:
    status, text = run("print('no number')", options=("--json", "report.json"))
    assert status == 2
    assert "nothing to compare: the script prints no number, trains nothing and leaves no module" in text
    assert json.loads(Path("report.json").read_text())["verdict"] == "cannot compare"
    assert run(f"{OURS}print('ours' if ours else 'theirs')")[0] == 1


def test_what_a_script_started_ends_with_its_time(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("started 1")
open("new", "w").write(str(child.pid))
os.rename("new", "pid")
time.sleep(60)
"""
    # The clock stands still until the script has come to its sleep.
    clock = SimpleNamespace(perf_counter=lambda: 0.0 if not Path("pid").exists() else 7.0, sleep=time.sleep)
    monkeypatch.setattr(script, "time", clock)
    status, text = run(code, options=("--timeout", "6.5"))
    assert status == 2
    assert "PyTorch was still running the script after 6.5 s (lines printed: " in text
    assert _gone(int(Path("pid").read_text()))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_takes_the_children_along(tmp_path: Path, sent: int) -> None:
    (tmp_path / "script.py").write_text("import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)")
    command = [sys.executable, "-m", "parity", "run", "script.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    pid = tmp_path / "pid"
    while process.poll() is None and not (pid.exists() and pid.read_text()):
        time.sleep(0.02)
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Interrupted; the script's processes were ended." in err
    assert _gone(int(pid.read_text()))


def _gone(pid: int) -> bool:
    """Whether a process has ended; an orphan is reaped by others, a moment later."""
    status = Path(f"/proc/{pid}/status")
    for _ in range(100):
        try:
            if "State:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "Cannot compare: there is no script 'nowhere.py'"),
        ([], "the following arguments are required: SCRIPT.py"),
        (["--ignore", "(", "x.py"], "'(' is no regular expression: missing )"),
        (["--timeout", "soon", "x.py"], "'soon' is no number from 0 on"),
        (["--tolerance", "-1", "x.py"], "'-1' is no number from 0 on"),
        (["--json", "no/where.json", "x.py"], "'no/where.json' is no file in a folder that exists"),
    ],
)
def test_a_wrong_command_line(capfd: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert script.main(arguments) == 2
    assert message in capfd.readouterr().err


def test_pytorch_missing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.importlib.util, "find_spec", lambda name: None)
    status, text = run("print(1)")
    assert status == 2
    assert 'PyTorch is missing: `pip install "minitorch[parity]"` brings it' in text


# --- how printed lines are compared


def compare(theirs: str, mine: str, tolerance: Tolerance = FLOAT32) -> Any:
    a, b = ([Line(text, i + 1) for i, text in enumerate(s.split("\n"))] for s in (theirs, mine))
    return compare_printed(a, b, tolerance)


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ("loss 0.693147182464599", "loss 0.693147241592407"),
        ("loss: 0.6931", "loss: 0.6932"),
        ("accuracy 97.2%", "accuracy 97.3%"),
        ("1.2346e-03 x", "1.2347e-03 x"),
        ("0.5", "0.50000012"),
        ("0.0000", "-0.0000"),
        ("tensor([ 1.0000, -0.0000])", "tensor([1.0000, 0.0000])"),
        ("nan inf -inf", "nan inf -inf"),
        ("2.98e-08", "0.0"),
        ("<Net at 0x7f12ab340>", "<Net at 0x7f99ab340>"),
        ("12,345.678", "12,345.679"),
        ("1E-3", "1E-3"),
        ("", ""),
    ],
)
def test_lines_that_agree(theirs: str, mine: str) -> None:
    assert compare(theirs, mine).first is None
    assert compare(mine, theirs).first is None


@pytest.mark.parametrize(
    ("theirs", "mine", "reason"),
    [
        ("loss 0.6931", "loss 0.6934", "0.6931 in PyTorch, 0.6934 in minitorch, a relative difference of 4.3e-04"),
        ("loss 0.693147182464599", "loss 0.693547182464599", "a relative difference of 5.8e-04"),
        ("lr 0.1", "lr 0.2", "0.1 in PyTorch"),
        ("lr 1e-03", "lr 2e-03", "1e-03 in PyTorch"),
        ("epoch 17", "epoch 18", "17 in PyTorch"),
        ("[3., 4.]", "[3., 5.]", "4. in PyTorch"),
        ("3", "3.0", "3 in PyTorch, 3.0 in minitorch"),
        ("1.5", "nan", "1.5 in PyTorch, nan"),
        ("inf", "-inf", "inf in PyTorch, -inf"),
        ("2.5", "-2.5", "2.5 in PyTorch"),
        ("fc1 1.0", "fc2 1.0", "the text differs"),
        ("torch.float32 1", "torch.float64 1", "the text differs"),
        ("97.2%", "97.2", "the text differs"),
        ("torch 2.13.0", "torch 2.14.0", "the text differs"),
        ("a  b 1", "a b 1", "the text differs"),
        ("1 2", "1 2 3", "the text differs: 2 numbers in PyTorch, 3 in minitorch"),
        ("1\n2", "1", "minitorch printed no more lines"),
        ("1", "1\n2", "PyTorch printed no more lines"),
        ("0x7f12ab340", "17", "an address and a number"),
    ],
)
def test_lines_that_differ(theirs: str, mine: str, reason: str) -> None:
    first = compare(theirs, mine).first
    assert first is not None
    assert reason in first.reason


def test_the_first_of_several_differences_and_the_worst() -> None:
    result = compare("a 1.0\nb 2.00\nc 3.00\nd", "a 1.0\nb 2.50\nc 6.00\nd")
    assert result.first.theirs.number == 2
    assert (result.numbers, result.differing, result.worst, result.worst_line.number) == (3, 2, 0.5, 3)
    # What stands below another text is another line.
    assert compare("x\n1.0", "y\n2.0").numbers == 0


def test_lines_that_tell_the_time_get_a_hint(run: Any) -> None:
    assert compare("took 1.25s", "took 3.50s").first.tells_time
    assert compare("elapsed: 12.5", "elapsed: 13.5").first.tells_time
    assert not compare("loss 1.25", "loss 3.50").first.tells_time
    code = f"{OURS}print('a 1.0')\nprint('took', 1.5 + ours, 's')\nprint('b 1.0')"
    assert "leave them out: --ignore REGEX" in run(code)[1]
    assert run(code, options=("--ignore", "^never$", "--ignore", "took"))[0] == 0


def test_a_tolerance_of_ones_own(run: Any) -> None:
    assert run(f"{OURS}print('a', 1.5 + ours)", options=("--tolerance", "0.7"))[0] == 0


def test_float64_is_held_to_more() -> None:
    assert numbers_agree("1.00000000000001", "1.00000000000002", Tolerance.of(["float64"]))
    assert numbers_agree("1.000000200000", "1.000000300000", FLOAT32)
    assert not numbers_agree("1.000000200000", "1.000000300000", Tolerance.of(["float64", "int64"]))
    assert numbers_agree("1.000000200000", "1.000000300000", Tolerance.of(["float64", "float32"]))


@pytest.mark.parametrize(
    ("theirs", "mine", "agrees"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0001, 2.0], True),
        ([1.0, 2.0], [1.001, 2.0], False),
        ([1e-9, 2e-9], [-1e-9, 0.0], True),
        ([np.nan, np.inf], [np.nan, np.inf], True),
        ([np.nan, 1.0], [1.0, np.nan], False),
        ([1.0, 2.0], [[1.0, 2.0]], False),
        ([], [], True),
    ],
)
def test_arrays(theirs: list[float], mine: list[float], agrees: bool) -> None:
    a, b = np.array(theirs, np.float32), np.array(mine, np.float32)
    assert array_difference(a, b, FLOAT32)[1] == agrees
    assert not array_difference(a, b.astype(np.float64), FLOAT32)[1]


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112, 1003)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th", "1,003rd")
    ]
