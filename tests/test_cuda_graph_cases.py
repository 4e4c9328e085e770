"""Every case of the parity table as a CUDA graph: captured with some inputs, replayed with others, beside eager runs.

What cannot be captured must be refused, and for a reason: the host would wait, or its memory be copied.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from strict_cupy.sync import HostSync, forbid_sync

import minitorch as torch
from parity.case import Case
from parity.cases import TABLE
from parity.evaluate import flatten

COPIED = {"x[list]", "x[True]", "x[list] = y", "new_*", "hooks"}  # make tensors of lists, or a module on the CPU
REFUSED = "capturable is False", "made anew by every replay", "setting the state of the random numbers"
SAID = "when stream is capturing", "the current stream is capturing", "capturable is False"  # by us, CuPy, optimizers
TOLERANCE = {"float64": 1e-8, "float32": 1e-4, "float16": 1e-2}
CASES = [c for c in TABLE if c.build is None]


def inputs(c: Case, seed: int) -> list[Any]:
    found = []
    for a in c.inputs(dtype_of(c), seed):
        floating = a.dtype.kind == "f"
        t = torch.from_numpy(a.astype(dtype_of(c) or a.dtype) if floating else a.copy()).to("cuda")
        found.append(t.requires_grad_() if floating and c.order else t)
    return found


def dtype_of(c: Case) -> str:
    return c.dtypes[0] if c.dtypes else "float32"


def computed(c: Case, tensors: list[Any]) -> list[Any]:
    """The values and the gradients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [x for _, x in flatten(c.function(torch, *tensors), "") if isinstance(x, torch.Tensor)]
        outs, sources = ([x for x in xs if x.requires_grad] for xs in (found, tensors))
        if c.order and outs and sources:
            ones = [torch.ones_like(x) for x in outs]
            found += [g for g in torch.autograd.grad(outs, sources, ones, allow_unused=True) if g is not None]
    return [x for x in found if x.is_cuda]


@pytest.mark.parametrize("c", CASES, ids=lambda c: f"{c.family}: {c.name}")
def test_case(c: Case, cuda: str) -> None:
    try:
        torch.manual_seed(0)
        computed(c, inputs(c, 1))
        torch.manual_seed(0)
        wanted = computed(c, inputs(c, 1))
    except Exception:
        pytest.skip("raises without a graph too")
    tensors, others = inputs(c, 0), inputs(c, 1)
    assert [x.shape for x in tensors] == [x.shape for x in others]
    g = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(g):
            found = computed(c, tensors)
    except (RuntimeError, NotImplementedError) as error:
        if cuda == "double":
            check_reason(c, error)
        assert any(words in str(error) for words in SAID), error
        return
    for x, y in zip(tensors, others, strict=True):
        x.data.copy_(y.data)
    torch.manual_seed(0)
    g.replay()
    for x, y in zip(found, wanted, strict=True):
        a, b = x.detach().cpu().numpy(), y.detach().cpu().numpy()
        tolerance = TOLERANCE.get(b.dtype.name, 0)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def check_reason(c: Case, error: Exception) -> None:
    if any(words in str(error) for words in REFUSED) or c.name in COPIED:
        return
    tensors = inputs(c, 1)
    with pytest.raises(HostSync), forbid_sync():
        computed(c, tensors)
