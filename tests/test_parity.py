"""Parity must be able to fail: planted differences turn it red, with the first disagreement named."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch

import minitorch
from minitorch.ops import activation
from parity import __main__ as command
from parity.judge import compare
from parity.programs import Program, Record, problems, run


@pytest.fixture(scope="module")
def program() -> Program:
    return Program(problems()[0], "Adam", 32, "float32", 5)


def test_the_lectures_program_agrees(program: Program) -> None:
    mine, theirs = run(minitorch, program), run(torch, program)
    differences = compare(mine, theirs, program.dtype)
    assert [str(d) for d in differences if not d.agrees] == []
    assert [d.quantity for d in differences if d.worst == 0][:2] == ["initial", "batches"]
    assert mine.accuracy == theirs.accuracy > 0.9


@pytest.mark.parametrize("quantity", ["initial", "batches", "forward", "gradients", "losses", "final"])
@pytest.mark.parametrize("fault", ["nan", "shape", "dtype", "value", "name"])
def test_a_planted_difference_is_found(program: Program, quantity: str, fault: str) -> None:
    theirs = Record(
        **{
            q: {"x": np.ones((2, 3), np.float32)}
            for q in ("initial", "batches", "forward", "gradients", "losses", "final")
        }
    )
    mine = Record(
        **{
            q: {"x": np.ones((2, 3), np.float32)}
            for q in ("initial", "batches", "forward", "gradients", "losses", "final")
        }
    )
    arrays = getattr(mine, quantity)
    if fault == "nan":
        arrays["x"][0, 0] = np.nan
    elif fault == "shape":
        arrays["x"] = arrays["x"].T
    elif fault == "dtype":
        arrays["x"] = arrays["x"].astype(np.float64)
    elif fault == "value":
        arrays["x"][1, 2] += 0.01
    else:
        arrays["y"] = arrays.pop("x")
    wrong = [d for d in compare(mine, theirs, "float32") if not d.agrees]
    assert [d.quantity for d in wrong] == [quantity]


def run_command(monkeypatch: pytest.MonkeyPatch) -> int:
    few = [Program(problems()[0], "SGD", None, "float64", 3)]
    monkeypatch.setattr(command, "programs", lambda quick: few)
    monkeypatch.setattr(sys, "argv", ["parity"])
    return command.main()


def test_exit_code_0_where_they_agree(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(monkeypatch) == 0
    assert "They agree" in capsys.readouterr().out


def test_exit_code_1_and_the_first_disagreement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    op = activation.relu.op
    wrong: list[Any] = [lambda g, out: g * 1.01 * (out != 0)]
    monkeypatch.setattr(op, "rules", tuple(wrong))
    monkeypatch.setattr(op, "named", [["out"]])
    monkeypatch.setattr(op, "plans", {})
    assert run_command(monkeypatch) == 1
    out = capsys.readouterr().out
    assert "disagree" in out
    assert "gradients" in out
