"""Every op against PyTorch, from the table of `parity`: values, gradients, gradients of gradients; layouts, empty tensors.

`python -m parity` runs the table in every dtype and form; here it is float32, and what only tests ask.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import minitorch
from parity.case import Case
from parity.cases import TABLE
from parity.evaluate import flatten
from parity.suite import judge_case

# Whose functions take tensors and give tensors, and nothing else happens.
OPS = """arithmetic operators elementwise reduce extremes linear shape index activation loss""".split() + [
    "join and split",
    "in place",
]
LARGEST = 100  # elements of an input that is differentiated numerically


def named(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("c", cases, ids=lambda c: f"{c.family}: {c.name}")


def leaves(library: Any, arrays: list[np.ndarray], grad: bool = True) -> list[Any]:
    """Tensors of a library, requiring grad where they can."""
    tensors = [library.from_numpy(a.copy()) for a in arrays]
    return [t.requires_grad_() if grad and a.dtype.kind == "f" else t for t, a in zip(tensors, arrays)]


def tensors_of(result: Any) -> list[Any]:
    """The tensors in a result that can be differentiated."""
    found = [leaf for _, leaf in flatten(result, "")]
    return [t for t in found if isinstance(t, minitorch.Tensor | torch.Tensor) and t.is_floating_point()]


@named(TABLE)
def test_as_pytorch(c: Case) -> None:
    dtypes = None if c.family == "dtypes" else ("", "float32") if "float32" in c.dtypes or not c.dtypes else c.dtypes
    wrong = [f"{r.dtype} {r.quantity}: {r.verdict}, {r.detail}" for r in judge_case(c, dtypes) if not r.good]
    assert not wrong, "\n".join(wrong)


SMOOTH = [c for c in TABLE if c.family in OPS and c.numeric and c.order and not c.known and "detach" not in c.name]


@named([c for c in SMOOTH if all(a.size <= LARGEST for a in c.inputs("float64"))])
def test_numerically(c: Case) -> None:
    """PyTorch is not the only judge: the derivatives against finite differences, to second order."""
    xs = leaves(minitorch, c.inputs("float64", seed=3))
    found = outcome(minitorch, c, xs)
    sources = [x for x in xs if x.requires_grad]
    for x, g in zip(sources, found[1]):
        x.requires_grad_(g is not None)  # a case may detach what it is given

    def function(*xs: Any) -> Any:
        return tuple(t.double() for t in tensors_of(c.function(minitorch, *xs)) if t.requires_grad)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        if not function(*xs):
            return
        assert minitorch.autograd.gradcheck(function, tuple(xs))
        if c.order > 1:
            assert minitorch.autograd.gradgradcheck(function, tuple(xs), atol=1e-4)


def outcome(library: Any, c: Case, xs: list[Any]) -> Any:
    """The values and gradients of a case, or the type of its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = tensors_of(c.function(library, *xs))
        outs = [t for t in found if t.requires_grad]
        sources = [x for x in xs if x.requires_grad]
        grads = library.autograd.grad([t.sum() for t in outs], sources, allow_unused=True) if outs else []
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        refused = "not implemented" in str(error) or isinstance(error, NotImplementedError)
        return "no answer" if refused else type(error).__name__
    return found, grads


def same(c: Case, mine: Any, theirs: Any) -> None:
    """Equal errors, or equal dtypes, shapes and, to rounding, numbers."""
    if "no answer" in (mine, theirs):
        return
    if isinstance(theirs, str) or isinstance(mine, str):
        assert mine == theirs
        return
    for xs, ys in zip(mine, theirs, strict=True):
        for x, y in zip(xs, ys, strict=True):
            if x is None or y is None:
                assert all(t is None or not t.detach().numpy(force=True).any() for t in (x, y))
                continue
            assert (str(x.dtype), tuple(x.shape)) == (str(y.dtype), tuple(y.shape))
            tolerance = {torch.float64: 1e-11, torch.float32: 3e-5}.get(y.dtype, 2e-3)
            if c.reference is not None or c.calls in ("lgamma", "digamma"):
                tolerance = 1e-5  # PyTorch's own error
            a, b = (t.detach().numpy(force=True) for t in (x, y))
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# Of several equal elements, which is meant differs; all are equal in an expanded tensor.
CHOICES = {"extremes", "reduce", "activation"}


@pytest.mark.parametrize("layout", ["transposed", "strided", "expanded"])
@named([c for c in TABLE if c.family in OPS and not c.known])
def test_layouts(c: Case, layout: str) -> None:
    """The same values in memory laid out otherwise give the same results."""
    if (layout == "expanded" and c.family in CHOICES) or c.name == "take_along_dim flat":  # PyTorch refuses the latter
        return

    def laid_out(library: Any) -> list[Any]:
        found = []
        for t in leaves(library, c.inputs("float64"), grad=False):
            floating = t.is_floating_point()
            if layout == "transposed" and t.ndim >= 2:
                t = t.transpose(0, -1).contiguous().transpose(0, -1)
            elif layout == "strided" and t.ndim:
                t = library.stack([t, t], -1)[..., 0]
            elif layout == "expanded" and t.ndim:
                t = t[:1].expand(*t.shape)
            found.append(t.requires_grad_() if floating and c.order else t)
        return found

    same(c, *(outcome(library, c, laid_out(library)) for library in (minitorch, torch)))


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
@named(
    [
        c
        for c in TABLE
        if c.family in OPS
        and c.family not in ("index", "linear")
        and not c.known
        and not c.name.endswith("of one")
        and "resize" not in c.name
    ]
)
def test_empty(c: Case, shape: tuple[int, ...]) -> None:
    """Every floating input without elements."""
    made = lambda library: [
        library.zeros(shape, dtype=library.float64, requires_grad=c.order > 0)
        if a.dtype.kind == "f"
        else library.from_numpy(a)
        for a in c.inputs("float64")
    ]
    same(c, *(outcome(library, c, made(library)) for library in (minitorch, torch)))
