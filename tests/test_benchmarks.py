"""The benchmarks: every row computes the same in all its columns; what is timed, kept, drawn and compared. No times."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import minitorch
from benchmarks import __main__ as command
from benchmarks import compare, plots, run, tables, timing
from benchmarks.backends import COMPILED, FUSED, HAND, MINITORCH, MINITORCH_CUDA, MINITORCH_GRAPH, TORCH
from benchmarks.machine import describe
from benchmarks.results import NOT_MEASURED, Results, Roof, Row
from benchmarks.timing import Contender, Effort, Timing, WallClock, measure
from benchmarks.workload import Workload
from benchmarks.workloads import FAMILIES, all_workloads

WORKLOADS = [w for w in all_workloads() if w.quick and max(w.size * 4, w.flops / 100, w.bytes) < 5e6]


def arrays(result: Any) -> list[np.ndarray]:
    """What a step returned, in any library."""
    if isinstance(result, list | tuple):
        return [a for part in result for a in arrays(part)]
    if isinstance(result, minitorch.Tensor | torch.Tensor):
        return [result.detach().numpy()]
    return [np.asarray(result)]


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.key)
def test_all_columns_compute_the_same(workload: Workload) -> None:
    """Two steps each: the second shows what the first left behind. What one library lacks, its cell says."""
    columns = [b for b in workload.backends() if b.device == "cpu" and b != COMPILED]
    found = {}
    for backend in columns:
        try:
            step = workload.step(backend)
            step()
        except AttributeError as error:
            assert backend == MINITORCH and run.is_missing(error), error
            continue
        found[backend.name] = [np.array(a) for a in arrays(step())]
    for name, values in found.items():
        for a, b in zip(values, found[TORCH.name], strict=True):
            a, b = (a.ravel(), b.ravel()) if name == HAND.name else (a, b)
            scale = max(0.05, float(np.abs(b).max(initial=0)))
            np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=3e-3 if "gelu" in workload.key else 2e-5)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.key)
@pytest.mark.filterwarnings("ignore:This instance was constructed with capturable=True")
def test_a_graph_computes_the_same(workload: Workload, cuda: str) -> None:
    """As many steps by replays as without a graph: its making took three."""
    if MINITORCH_GRAPH not in workload.backends() or "x[index]" in workload.key:
        pytest.skip("has no graph")
    try:
        eager = workload.step(MINITORCH_CUDA)
        found, wanted = workload.step(MINITORCH_GRAPH)(), [eager() for _ in range(4)][-1]
    except (NotImplementedError, AttributeError) as error:
        assert run.is_missing(error), error
        pytest.skip(str(error))
    for x, y in zip(tensors(found), tensors(wanted), strict=True):
        np.testing.assert_allclose(x.detach().cpu(), y.detach().cpu(), rtol=2e-3, atol=2e-5)


def tensors(result: Any) -> list[Any]:
    return [x for part in result for x in tensors(part)] if isinstance(result, list | tuple) else [result]


def test_names_are_unique_and_have_a_family() -> None:
    keys = [w.key for w in all_workloads()]
    assert len(keys) == len(set(keys))
    assert {w.family for w in all_workloads()} == set(FAMILIES)


# --- timing


class Clock(WallClock):
    """Counts the seconds that the steps say they take."""

    now = 0.0

    def mark(self) -> float:
        return Clock.now


def takes(seconds: float) -> Any:
    def step() -> None:
        Clock.now += seconds

    return step


def test_parts_are_timed_apart_and_in_turns() -> None:
    contenders = {
        "one": Contender((takes(0.001),), Clock()),
        "four": Contender((takes(0.002), takes(0.003)), Clock()),
    }
    found = measure(contenders, Effort(rounds=7, turn=0.01, budget=10))
    assert [round(t.median, 9) for t in found["one"] + found["four"]] == [0.001, 0.002, 0.003]
    assert {t.rounds for times in found.values() for t in times} == {7}


def test_long_steps_get_three_turns_of_one_call() -> None:
    calls = []
    step = takes(5.0)
    (times,) = measure({"long": Contender((lambda: (calls.append(1), step()),), Clock())}, timing.QUICK).values()
    assert times[0].rounds == 3
    assert len(calls) == 4  # one to find out how long it takes


def test_spread_is_half_the_distance_of_the_quartiles() -> None:
    assert timing.summary((1.0, 2.0, 3.0, 4.0, 5.0)) == Timing(3.0, 2.0, 4.0, 5)
    assert Timing(2.0, 1.0, 2.0, 5).spread == 0.25


def test_gpu_work_is_timed_by_events() -> None:
    """On the CPU's clock a GPU's step would seem to take as long as asking for it."""
    assert isinstance(MINITORCH.clock(), WallClock)
    assert isinstance(MINITORCH_CUDA.clock(), timing.EventClock)


# --- a run


FEW = [w for w in WORKLOADS if w.key.startswith(("overhead: x[index]", "elementwise: relu"))]


@pytest.fixture(scope="module")
def results() -> Results:
    few = Effort(rounds=3, turn=0.0005, budget=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "QUICK", few)
        patch.setattr(run, "set_threads", lambda n: None)
        patch.setattr(run.memory, "peaks", lambda *a: [])
        patch.setattr(run, "all_workloads", lambda: FEW)
        patch.setattr(run.roofline, "roofs", lambda *a: [Roof("cpu", 1e11, 2e10)])
        patch.setattr(run, "SPLITS", {k: v for k, v in run.SPLITS.items() if v.batch == 32})
        return run.run(run.Options(quick=True), Console(quiet=True))


def test_every_cell_has_a_time_or_a_reason(results: Results) -> None:
    by_key = {w.key: w for w in WORKLOADS}
    for row in results.rows:
        assert {b.name for b in by_key[row.key].backends()} == set(row.times) | set(row.missing)
        assert all(t.median > 0 for t in row.times.values())
    if not minitorch.cuda.is_available():
        assert "no CUDA GPU" in results.rows[0].missing[MINITORCH_CUDA.name]
    (split,) = results.splits
    assert list(split.times[MINITORCH.name]) == ["forward", "loss", "backward", "optimizer"]
    assert FUSED.name not in split.times


def test_what_cannot_be_measured_is_said_not_raised() -> None:
    def absent(backend: Any) -> Any:
        raise NotImplementedError("no such op") if backend == MINITORCH else RuntimeError("out of memory")

    row = run._row(Workload("overhead", "nothing", 1, absent, compiled=False), run.Options(device="cpu"))
    assert row.times == {}
    assert row.missing[MINITORCH.name] == "not offered: no such op"
    assert row.missing[TORCH.name] == "failed: RuntimeError: out of memory"
    lines = tables.absences([row])
    assert f"{MINITORCH.name}: {NOT_MEASURED}, not offered: no such op" in lines


def test_json_comes_back_as_it_was(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.write(file)
    assert Results.read(file) == results
    assert json.loads(file.read_text())["machine"]["torch"] == torch.__version__


def test_tables_name_every_row(results: Results) -> None:
    console = Console(width=200, record=True, file=StringIO())
    tables.show(results, console)
    text = console.export_text()
    assert all(row.name in text for row in results.rows)
    assert "x[index], forward" in text  # not taken for markup


def test_plots_are_drawn_of_what_there_is(results: Results, tmp_path: Path) -> None:
    files = plots.draw(results, tmp_path)
    assert {f.name for f in files} >= {
        "overhead.png",
        "overhead.svg",
        "elementwise.png",
        "step.svg",
        "roofline_cpu.png",
    }
    assert all(f.stat().st_size > 1000 for f in files)


# --- what is concluded


def timed(us: float, spread: float = 0.0) -> Timing:
    return Timing(us * 1e-6, us * (1 - spread) * 1e-6, us * (1 + spread) * 1e-6, 5)


def row(size: int, **times: float) -> Row:
    return Row("overhead", "line", str(size), size, 0, 0, {k.replace("_", " "): timed(t) for k, t in times.items()})


def test_where_the_gpu_overtakes() -> None:
    line = [row(10, cpu=1, gpu=10), row(100, cpu=10, gpu=10), row(1000, cpu=100, gpu=10)]
    assert plots.overtaken_at(line, "cpu", "gpu") == pytest.approx(100)
    assert plots.overtaken_at(line[:1], "cpu", "gpu") is None
    halfway = [row(10, cpu=1, gpu=10), row(1000, cpu=100, gpu=10)]
    assert plots.overtaken_at(halfway, "cpu", "gpu") == pytest.approx(100)


def test_changes_are_told_from_noise() -> None:
    assert compare.change(timed(10, 0.1), timed(10.5, 0.1)) == (pytest.approx(1.05), "")
    assert compare.change(timed(10, 0.1), timed(15, 0.1))[1] == "slower"
    assert compare.change(timed(10, 0.1), timed(5, 0.1))[1] == "faster"


def test_comparison_shows_what_did_not_change(results: Results) -> None:
    new = replace(results, machine=replace(results.machine, numpy="0.1"))
    console = Console(width=200, record=True, file=StringIO())
    compare.show(results, new, console)
    text = console.export_text()
    assert "1.00" in text
    assert f"Not the same numpy: {results.machine.numpy} -> 0.1" in text


def test_the_machine_is_described() -> None:
    machine = describe(2)
    assert machine.threads == 2
    assert machine.numpy == np.__version__
    assert machine.gpu == "none" or minitorch.cuda.is_available() or torch.cuda.is_available()


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run, "QUICK", Effort(rounds=3, turn=0.0005, budget=0.01))
    monkeypatch.setattr(run, "set_threads", lambda n: None)
    file = tmp_path / "new.json"
    options = ["--quick", "--only", "overhead: x + y", "--device", "cpu"]
    command.main([*options, "--json", str(file), "--plots", str(tmp_path / "plots")])
    assert "x + y, forward and backward" in capsys.readouterr().out
    assert (tmp_path / "plots" / "overhead.svg").exists()
    command.main(["compare", str(file), str(file)])
    assert "overhead: x + y, forward" in capsys.readouterr().out
    command.main(["compare", str(file)])  # measures anew, with the options of the old run
    assert "overhead: x + y, forward" in capsys.readouterr().out
