"""Every case of the parity table on "cuda": values, dtypes, gradients and gradients of gradients as on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minitorch
from parity.case import Case
from parity.cases import TABLE
from parity.evaluate import Array, evaluate

TOLERANCE = {"float64": 1e-10, "float32": 2e-4, "float16": 2e-2}
# Cases that are about the device themselves, by family and name.
OTHERWISE = {
    ("tensor", "facts"): "is_cuda, device and the like are asked",
    ("tensor", "facts by function"): "as facts",
    ("tensor", "conversions"): "type() is asked",
    ("tensor", "to"): "goes to the CPU",
    ("tensor", "lists and arrays"): "asks for numpy()",
    ("tensor", "numpy of ufuncs"): "asks for numpy()",
    ("module structure", "hooks"): "makes its module on the CPU",
}


@pytest.mark.parametrize("c", TABLE, ids=lambda c: f"{c.family}: {c.name}")
def test_case(c: Case, cuda: str) -> None:
    if (c.family, c.name) in OTHERWISE:
        pytest.skip(OTHERWISE[c.family, c.name])
    for dtype in c.dtypes or ("float32",):
        host, device = (evaluate(c, minitorch, dtype, device=place) for place in ("cpu", "cuda"))
        if host.error is not None:
            assert type(device.error) is type(host.error), f"{dtype}: {device.error!r} for {host.error!r}"
            continue
        if device.error is not None:
            raise AssertionError(f"{dtype}") from device.error
        assert device.quantities.keys() == host.quantities.keys()
        for name, wanted in host.quantities.items():
            check(device.quantities[name], wanted, f"{dtype}, {name}")


def check(found: Any, wanted: Any, what: str) -> None:
    if not isinstance(wanted, Array):
        text = str(found).replace("device='cuda:0', ", "").replace(", device='cuda:0'", "")
        assert text.split() == str(wanted).split(), what
        return
    assert (found.dtype, found.requires_grad) == (wanted.dtype, wanted.requires_grad), what
    assert found.values.shape == wanted.values.shape, what
    tolerance = TOLERANCE.get(wanted.values.dtype.name, 0)
    np.testing.assert_allclose(found.values, wanted.values, rtol=tolerance, atol=tolerance, err_msg=what)
