"""Every case of the parity table on "cuda": values, dtypes, gradients and gradients of gradients as on the CPU."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from cuda_helpers import unwaited
from strict_cupy.precision import widenings
from strict_cupy.sync import HostSync

import minitorch
from parity import evaluate as evaluation
from parity.case import Case
from parity.cases import TABLE
from parity.evaluate import Array, evaluate

TOLERANCE = {"float64": 1e-10, "float32": 2e-4, "float16": 2e-2}
# Cases whose forward or backward pass makes the host wait for the GPU, and why it must; by family, their names.
WAITS: dict[str, dict[str, set[str]]] = {
    "how much there is depends on the values": {
        "arithmetic": {"where indices"},
        "corners": {"nonzero"},
        "counting": {
            "nonzero", "nonzero as_tuple", "argwhere", "unique", "unique everything", "unique rows",
            "unique_consecutive", "unique_consecutive rows", "bincount", "bincount weights",
        },
        "shape": {"repeat_interleave counts", "repeat_interleave of counts"},
        "index": {
            "x[mask]", "x[row mask]", "x[mask, 1]", "x[x > 0]", "masked_select", "masked_select broadcast", "x[mask] = y",
        },
        "second order": {"x[mask] squared"},
        "dtypes": {"nonzero", "argwhere", "unique"},
    },
    "a number, a bool, text or a host array is asked for": {
        "operators": {"bool int float index", "index", "len, in, iteration", "number not in x"},
        "compare": {"allclose", "allclose method", "equal", "equal method", "is_nonzero"},
        "counting": {"histc range"},
        "autograd": {"gradcheck"},
        "dtypes": {"histc", "repr", "equal"},
        "tensor": {
            "facts of the CPU", "to", "lists and arrays", "numpy of ufuncs", "repr", "repr of a result", "copies",
        },
    },
    "drawn on the host, with parameters from the GPU": {
        "module": {"RReLU"},
        "dropout": {"rrelu", "rrelu_", "torch.rrelu", "torch.rrelu_"},
        "random": {
            "normal", "bernoulli", "poisson", "multinomial", "bernoulli_ tensor", "generator everywhere",
            "bernoulli_ float64",
        },
    },
    "the gradient of a product asks whether there is a zero": {
        "reduce": {
            "prod", "prod dim", "prod keepdim", "prod zero", "prod zeros", "prod dtype", "prod dtype dim", "cumprod",
            "cumprod zero",
        },
        "autograd": {"hessian", "vhp", "hvp"},
        "second order": {"cumprod squared"},
    },
}  # fmt: skip


@pytest.mark.parametrize("c", TABLE, ids=lambda c: f"{c.family}: {c.name}")
def test_case(c: Case, cuda: str) -> None:
    if c.cpu:
        pytest.skip("asks whether a tensor is on the CPU")
    for dtype in c.dtypes or ("float32",):
        host = evaluate(c, minitorch, dtype, device="cpu")
        with widenings() as widened:
            device = evaluate(c, minitorch, dtype, device="cuda")
        if host.error is not None:
            assert type(device.error) is type(host.error), f"{dtype}: {device.error!r} for {host.error!r}"
            continue
        if device.error is not None:
            raise AssertionError(f"{dtype}") from device.error
        assert device.quantities.keys() == host.quantities.keys()
        for name, wanted in host.quantities.items():
            check(device.quantities[name], wanted, f"{dtype}, {name}")
        assert dtype != "float32" or not widened  # the engine would make float32 of it again, and nobody would see it


@pytest.mark.parametrize("c", TABLE, ids=lambda c: f"{c.family}: {c.name}")
def test_who_waits(c: Case, cuda: str) -> None:
    """Forward, backward and backward again: the host waits in those cases that are listed, and in no other."""
    if cuda != "double":
        pytest.skip("on a GPU other things wait too, such as the first use of a library")
    with unwaited(cuda), mock.patch.object(evaluation, "_seen", return_value=None):
        found = evaluate(c, minitorch, (c.dtypes or ("float32",))[0], device="cuda")
    waited = isinstance(found.error, HostSync)
    if waited != any(c.name in cases.get(c.family, ()) for cases in WAITS.values()):
        raise AssertionError("waits" if waited else "does not wait any more") from found.error


def check(found: Any, wanted: Any, what: str) -> None:
    if not isinstance(wanted, Array):
        text = str(found).replace("device='cuda:0', ", "").replace(", device='cuda:0'", "")
        assert text.split() == str(wanted).split(), what
        return
    assert (found.dtype, found.requires_grad) == (wanted.dtype, wanted.requires_grad), what
    assert found.values.shape == wanted.values.shape, what
    tolerance = TOLERANCE.get(wanted.values.dtype.name, 0)
    np.testing.assert_allclose(found.values, wanted.values, rtol=tolerance, atol=tolerance, err_msg=what)
