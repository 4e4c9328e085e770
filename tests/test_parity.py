"""Parity must be able to fail: planted faults turn it red, each judge alone and the command as a whole."""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import minitorch
from minitorch.ops import activation
from parity import __main__ as command
from parity import coverage, drawn, suite
from parity.case import Case, case, given, lambda_of, real
from parity.cases import TABLE
from parity.equivalent import EQUIVALENT, matcher
from parity.evaluate import Array, Outcome, evaluate
from parity.judge import FACTOR, FEW, Truth, unit, worst_error
from parity.mutants import all_mutants
from parity.programs import Program, Record, problems, run
from parity.reproduce import script
from parity.results import CLOSE, DIFFERS, EXACT, KNOWN, PINNED, REFUSED, WORSE
from parity.source import forms, text_of
from parity.theirs import Theirs
from parity.training import judge_program, judge_records

# --- one case


def judged(function: Any, *draws: Any, dtype: str = "float32", **options: Any) -> dict[str, str]:
    """{quantity: verdict} of a function that may tell the libraries apart."""
    c = case("planted", function, *draws, **options)
    return {r.quantity: r.verdict for r in suite.judge_case(c, [dtype])}


def off(t: Any, x: Any, factor: float) -> Any:
    """`x`, in minitorch times `factor`."""
    return x * factor if t is minitorch else x * 1


def test_equal_results_are_exact() -> None:
    verdicts = judged(lambda t, x: t.relu(x), real(3, 4))
    assert set(verdicts.values()) == {EXACT}
    assert {"value", "gradient of x", "gradient of x, create_graph", "second gradient of x"} >= set(verdicts)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_few_ulp_are_close_and_many_are_not(dtype: str) -> None:
    eps = float(np.finfo(dtype).eps)
    few, many = (judged(lambda t, x, n=n: off(t, x, 1 + n * eps), real(3, 4), dtype=dtype) for n in (2, 20))
    assert few["value"] == CLOSE
    assert many["value"] == WORSE


@pytest.mark.parametrize(
    ("fault", "quantity"),
    [
        (lambda t, x: x.double() if t is minitorch else x, "value"),
        (lambda t, x: x[None] if t is minitorch else x, "value"),
        (lambda t, x: x.detach() if t is minitorch else x * 1, "value"),
        (lambda t, x: x.t().contiguous().t() if t is minitorch else x * 1, "value"),
        (lambda t, x: x / 0 if t is minitorch else x / 1, "value"),
        (lambda t, x: (x > 0) if t is minitorch else (x > 1), "value"),
        (lambda t, x: x.shape if t is minitorch else x.shape[:1], "value"),
        (lambda t, x: [x] if t is minitorch else (x,), "value"),
        (lambda t, x: x.sum().item() + (t is minitorch), "value"),
        (lambda t, x: [x][t is minitorch], "error"),
        (lambda t, x: [1][5] if t is minitorch else {}["a"], "error"),
    ],
)
def test_differences_in_kind(fault: Any, quantity: str) -> None:
    assert judged(fault, real(3, 4), order=1)[quantity] == DIFFERS


def test_wrong_gradients_behind_right_values() -> None:
    wrong = judged(lambda t, x: x * 1 + off(t, x, 0.5) - off(t, x, 0.5).detach() - x.detach() * 0, real(3, 4))
    assert wrong["value"] in (EXACT, CLOSE)
    assert wrong["gradient of x"] == WORSE
    second = judged(lambda t, x: x**2 / 2 if t is torch else x * x.detach() - x.detach() ** 2 / 2, real(3, 4))
    assert second["gradient of x"] in (EXACT, CLOSE)
    assert second["second gradient of x"] != EXACT


def test_exact_cases_are_judged_to_the_bit() -> None:
    assert (
        judged(lambda t: t.ones(3) * (1 + 1e-7 * (t is minitorch)), dtypes=(), dtype="", exact=True)["value"] == DIFFERS
    )


def test_cancellation_is_not_held_against_anyone() -> None:
    """The ulp of a - b is that of a: both libraries may round a and b."""
    near = given([1.0, 2.0, 3.0]), given([1.0000001, 2.0000002, 3.0000002])
    truth = Theirs(case("difference", lambda t, x, y: x - y, *near), "float32", 0).truth("value")
    ulps = unit(truth, np.float32) / np.spacing(np.array([1, 2, 3], np.float32))
    assert ((ulps >= 0.5) & (ulps <= 2)).all()
    assert (np.abs(truth.values) < 1e-6).all()


def test_jumps_do_not_widen_the_ulp() -> None:
    truth = Theirs(case("floor", lambda t, x: t.floor(x), given([1.0, 2.0, 3.0])), "float32", 0).truth("value")
    assert (unit(truth, np.float32) == np.spacing(np.array([1, 2, 3], np.float32))).all()


def test_infinities_and_nans_must_be_where_pytorch_has_them() -> None:
    truth = Truth(np.array([1.0, np.inf, np.nan]), np.zeros(3), "float64")
    theirs = np.array([1.0, np.inf, np.nan], np.float32)
    assert worst_error(theirs, truth, theirs) == 0
    for i in range(3):
        x = theirs.copy()
        x[i] = -np.inf
        assert worst_error(x, truth, theirs) == np.inf


def test_float64_is_measured_by_mpmath() -> None:
    """PyTorch's trigamma is good to 5e-10 only: minitorch, closer to the truth, is not blamed."""
    found = {r.quantity: r for r in suite.judge_case(next(c for c in TABLE if c.name == "digamma"), ["float64"])}
    gradient = found["gradient of x"]
    assert gradient.truth == "mpmath"
    assert gradient.mine_ulp < 100 < 1e5 < gradient.theirs_ulp  # type: ignore[operator]


def test_refused_and_known() -> None:
    def refuses(t: Any, x: Any) -> Any:
        if t is minitorch:
            raise NotImplementedError("f(): no such option")
        return x

    assert judged(refuses, real(3))["error"] == REFUSED
    assert judged(lambda t, x: off(t, x, 2), real(3), known="twice as large")["value"] == KNOWN


def test_the_same_error_is_agreement() -> None:
    assert judged(lambda t, x: x @ x, real(3, 4))["error"] == EXACT


# --- planted in minitorch


@pytest.fixture
def wrong_relu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivative that is 1% too large."""
    op = activation.relu.op
    wrong: list[Any] = [lambda g, out: g * 1.01 * (out != 0)]
    monkeypatch.setattr(op, "rules", tuple(wrong))
    monkeypatch.setattr(op, "named", [["out"]])
    monkeypatch.setattr(op, "plans", {})


@pytest.mark.usefixtures("wrong_relu")
def test_a_wrong_rule_turns_cases_and_drawn_cases_red() -> None:
    relu = next(c for c in TABLE if c.name == "relu")
    assert not all(r.good for r in suite.judge_case(relu, ["float32"]))
    found, failures = drawn.run_property("activation", 200, 0)
    assert not found.good
    assert "relu" in failures[0].script


def test_drawn_cases_shrink_to_a_short_script(monkeypatch: pytest.MonkeyPatch) -> None:
    real_reshape = minitorch.Tensor.view
    monkeypatch.setattr(minitorch.Tensor, "view", lambda x, *shape: real_reshape(x, *shape) + 1)
    _, failures = drawn.run_property("shape", 300, 0)
    lines = failures[0].script.splitlines()
    assert len(lines) <= 14
    assert any("view" in line for line in lines)
    assert run_script(failures[0].script) != ""


def run_script(text: str) -> str:
    """What a script prints."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "script", "exec"), {})
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("add alpha", "value"), ("softmax 0", "second gradient of x"), ("x[mask] = y", "gradient of y"), ("view write", "value"),
        ("Linear", "train: gradient of weight"), ("Dropout", "eval: value"), ("SGD momentum", "value['w']"), ("Function", "value"),
        ("StepLR", "value"), ("sum of many", "value"), ("kaiming", "value"), ("exp (in place)", "value"), ("corners/log", "value"),
    ],
)  # fmt: skip
def test_scripts_run_and_print_both_results(name: str, quantity: str) -> None:
    c = next(c for c in suite.all_cases() if name in (c.name, f"{c.family}/{c.name}") or name in c.name)
    printed = run_script(script(c, c.dtypes[0] if c.dtypes else "", quantity))
    assert "torch" in printed
    assert "minitorch" in printed


def test_every_case_has_a_text() -> None:
    for c in suite.all_cases():
        assert text_of(c.function)
    methods = {"add", "add_"}
    texts = [text_of(c.function) for c in forms(next(c for c in TABLE if c.name == "add alpha"), methods)]
    assert texts == [
        "lambda t, x, y: t.add(x, y, alpha=3)", "lambda t, x, y: x.add(y, alpha=3)", "lambda t, x, y: x.clone().add_(y, alpha=3)",
    ]  # fmt: skip


def test_names_of_cases_are_unique() -> None:
    names = [f"{c.family}/{c.name}" for c in suite.all_cases()]
    assert len(names) == len(set(names))


# --- coverage


def test_what_a_case_calls_is_recorded() -> None:
    called = coverage.called_by(case("", lambda_of("lambda t, x: t.nn.functional.relu(x.add(1)) + t.ones(3)"), real(3)))
    assert called == {"nn.functional.relu", "Tensor.add", "Tensor.__add__", "ones"}
    linear = coverage.called_by(
        Case("", lambda t, module, x: module(x), (real(2, 3),), build=lambda t: t.nn.Linear(3, 1))
    )
    assert linear == {"nn.Linear"}  # what Linear calls does not count


def test_recording_leaves_no_trace() -> None:
    before = {name: dict(vars(coverage._at(minitorch, name))) for name in coverage.CLASSES}
    coverage.called_by(TABLE[0])
    assert before == {name: dict(vars(coverage._at(minitorch, name))) for name in coverage.CLASSES}


def test_a_name_without_a_case_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minitorch, "brand_new", lambda x: x, raising=False)
    monkeypatch.setattr(minitorch.nn, "__all__", [*minitorch.nn.__all__, "Newest"])
    monkeypatch.setattr(minitorch.nn, "Newest", type("Newest", (), {}), raising=False)
    missing = coverage.judged({"add"}).missing
    assert {"brand_new", "nn.Newest", "sub", "Tensor.add"} <= set(missing)
    assert "add" not in missing


def test_every_public_name_is_called_by_a_case() -> None:
    assert coverage.coverage(suite.all_cases()).missing == []


# --- training programs


@pytest.fixture(scope="module")
def program() -> Program:
    return Program(problems()[0], "Adam", 32, "float32", 2)


def test_the_lectures_program_agrees(program: Program) -> None:
    result = judge_program(program, minitorch)
    assert result.good, result.deviations
    assert [d.verdict for d in result.deviations][:2] == [EXACT, EXACT]
    assert len(result.mine_losses) == program.steps
    assert all(d.limit < 100 for d in result.deviations if d.limit is not None)  # epsilons, not thousands of them


def test_reordered_runs_are_the_same_mathematics(program: Program) -> None:
    double = replace(program, dtype="float64")
    plain, reordered = run(torch, double), run(torch, double, reordered=1)
    for quantity in ("gradients", "final"):
        for name, a in getattr(plain, quantity).items():
            np.testing.assert_allclose(getattr(reordered, quantity)[name], a, rtol=1e-8, atol=1e-12)
    assert not np.array_equal(reordered.final["layer1.weight"], plain.final["layer1.weight"])


QUANTITIES = ["initial", "batches", "forward", "gradients", "losses", "final"]


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("fault", ["nan", "shape", "dtype", "value", "name"])
def test_a_planted_difference_is_found(quantity: str, fault: str) -> None:
    make = lambda: Record(**{q: {"x": np.ones((2, 3), np.float32)} for q in QUANTITIES})
    mine, theirs = make(), make()
    arrays = getattr(mine, quantity)
    if fault == "nan":
        arrays["x"][0, 0] = np.nan
    elif fault == "shape":
        arrays["x"] = arrays["x"].T
    elif fault == "dtype":
        arrays["x"] = arrays["x"].astype(np.float64)
    elif fault == "value":
        arrays["x"][1, 2] += 1e-4
    else:
        arrays["y"] = arrays.pop("x")
    found = judge_records(mine, theirs, theirs, [theirs], "float32")
    assert [d.quantity for d in found if not d.good] == [quantity]


def test_pytorchs_own_distance_is_the_measure() -> None:
    make = lambda off: Record(**{q: {"x": np.full(4, 1 + off)} for q in QUANTITIES})
    truth, other = make(0.0), make(1e-10)
    for off, good in ((1e-10 * FACTOR * 0.99, True), (1e-10 * FACTOR * 1.01 + FEW * 1e-15, False)):
        mine = replace(make(off), initial=truth.initial, batches=truth.batches)
        assert all(d.good for d in judge_records(mine, truth, truth, [other], "float64")) == good


# --- the command


def ran(*argv: str) -> int:
    return command.main([*argv, "--jobs", "1"])


def test_exit_code_0_and_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.json"
    assert ran("--only", "linear/", "--quick", "--json", str(file)) == 0
    assert "They agree" in capsys.readouterr().out
    results = json.loads(file.read_text())
    assert results["good"] is True
    assert results["versions"]["torch"] == torch.__version__
    row = results["cases"][0]
    assert set(row) >= {"family", "name", "dtype", "quantity", "mine_ulp", "theirs_ulp", "verdict", "seconds"}


@pytest.mark.usefixtures("wrong_relu")
def test_exit_code_1_and_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--only", "relu of torch", "--quick") == 1
    out = capsys.readouterr().out
    assert "They disagree" in out
    assert "import minitorch" in out
    assert "t.relu(x)" in out


def test_exit_code_1_for_a_missing_case(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(suite, "pieces", lambda settings: [])
    assert ran() == 1
    assert "Public names without a case" in capsys.readouterr().out


def test_exit_code_2_for_nothing_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--only", "no such thing") == 2
    assert "no such thing" in capsys.readouterr().out


def test_exit_code_2_without_pytorch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert ran("--only", "nothing") == 2
    assert "sklearn" in capsys.readouterr().out


@pytest.mark.skipif(minitorch.cuda.is_available(), reason="there is a GPU")
def test_exit_code_2_without_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--device", "cuda") == 2
    assert "no GPU" in capsys.readouterr().out


@pytest.mark.usefixtures("cuda")
def test_on_a_gpu_questions_about_the_cpu_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.json"
    assert ran("--device", "cuda", "--only", "tensor/", "--json", str(file)) == 0
    assert "Left out, as PyTorch's tensors are not on a GPU: 1\n  tensor/facts of the CPU" in capsys.readouterr().out
    results = json.loads(file.read_text())
    assert results["left_out"] == ["tensor/facts of the CPU"]
    assert {r["name"] for r in results["cases"]} == {
        c.name for c in suite.matching("tensor/", suite.all_cases()) if not c.cpu
    }
    assert ran("--device", "cuda", "--only", "facts of the CPU") == 2


@pytest.mark.usefixtures("cuda")
def test_on_a_gpu_integers_are_divided_by_zero() -> None:
    found, failures = drawn.run_property("in place", 400, 0, "cuda")
    assert found.good, failures
    assert found.known


def test_another_release_of_pytorch_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    assert f"torch=={PINNED}" in project["project"]["optional-dependencies"]["parity"]
    warning = f"The reference is PyTorch 2.11.0, not {PINNED}"
    for version, told in (f"{PINNED}+cpu", False), ("2.11.0", True):
        monkeypatch.setattr(suite, "versions", lambda version=version: {"torch": version})
        assert ran("--only", "tensor/copies", "--quick") == 0
        assert (warning in capsys.readouterr().out) == told


def test_pieces_in_processes_give_what_one_process_gives() -> None:
    one, two = (suite.run(only="in place/copy_", workers=n, examples=0) for n in (1, 2))
    strip = lambda results: [replace(r, seconds=0.0) for r in results.cases]
    assert strip(one) == strip(two)
    assert len(one.cases) > 0


def test_outcomes_are_plain() -> None:
    outcome = evaluate(case("", lambda t, x: {"a": x, "b": (x.shape, t.float32)}, real(2)), minitorch, "float32")
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.quantities["value['a']"], Array)
    assert outcome.quantities["value['b'][1]"] == "torch.float32"


def test_every_explanation_is_of_a_fault_that_is_planted() -> None:
    faults = [str(mutant) for mutant in all_mutants()]
    assert [p for p in EQUIVALENT if not any(matcher(p).fullmatch(text) for text in faults)] == []
    assert matcher("f | * | x['a'] is *").fullmatch("f | line 3 | x['a'] is 1")
    assert not matcher("f | * | x is *").fullmatch("f | line 3 | y is 1")
