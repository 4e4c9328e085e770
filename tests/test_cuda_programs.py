"""Whole programs on "cuda": the parity programs and the lecture's script train there as they do on the CPU."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from importlib import import_module
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import minitorch
from parity.programs import Program, programs, run

SCRIPTS = Path(__file__).parent / "scripts"
NAMES = "nn nn.functional nn.init optim optim.lr_scheduler utils utils.data autograd cuda random".split()


SHORT = [p for p in programs(quick=True) if p.dtype == "float32" and (p.batch_size or p.problem.outputs == 1)]


@pytest.mark.parametrize("program", SHORT, ids=lambda p: p.name)
def test_program(program: Program, cuda: str) -> None:
    found, wanted = (run(minitorch, program, device=place) for place in ("cuda", "cpu"))
    for part in ("initial", "batches"):
        for name, values in getattr(wanted, part).items():
            np.testing.assert_array_equal(getattr(found, part)[name], values, err_msg=name)
    for part in ("forward", "gradients", "losses", "final"):
        for name, values in getattr(wanted, part).items():
            largest = float(np.abs(values).max())
            np.testing.assert_allclose(getattr(found, part)[name], values, rtol=1e-3, atol=1e-3 * largest, err_msg=name)
    assert found.accuracy == pytest.approx(wanted.accuracy, abs=0.02)


def printed(script: str) -> str:
    """What a PyTorch script prints with minitorch as its torch."""
    modules = {"torch": minitorch} | {f"torch.{name}": import_module(f"minitorch.{name}") for name in NAMES}
    out = io.StringIO()
    with mock.patch.dict(sys.modules, modules), contextlib.redirect_stdout(out):
        exec(compile((SCRIPTS / script).read_text(), script, "exec"), {"__name__": "__main__"})
    return out.getvalue()


def test_script(cuda: str) -> None:
    """Unmodified, it finds the GPU by `torch.cuda.is_available()`."""
    found = printed("mlp_digits.py")
    with mock.patch.object(minitorch.cuda, "is_available", return_value=False):
        wanted = printed("mlp_digits.py")
    assert "Using cuda device" in found and "Using cpu device" in wanted
    numbers = [[float(n) for n in re.findall(r"-?\d+\.\d+", text)] for text in (found, wanted)]
    np.testing.assert_allclose(numbers[0], numbers[1], rtol=2e-3, atol=2e-3)
