"""Tensors print as PyTorch's do, character for character."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minitorch
from minitorch.printing import tensor_repr

LIBRARIES = (minitorch, torch)


@pytest.fixture(autouse=True)
def _default_options() -> Iterator[None]:
    yield
    for library in LIBRARIES:
        library.set_printoptions(profile="default")
        library.set_default_dtype(library.float32)


def both(make: Any) -> tuple[str, str]:
    """What `make(library)` prints as, here and in PyTorch."""
    mine, theirs = (repr(make(library)) for library in LIBRARIES)
    return mine, theirs


def same(array: np.ndarray) -> None:
    mine, theirs = both(lambda library: library.from_numpy(array))
    assert mine == theirs


SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6)
LONG_SHAPES = st.sampled_from(
    [(1000,), (1001,), (7, 143), (2, 501), (1001, 1), (6, 6, 28), (7, 7, 7, 3), (3, 500), (40, 1, 30)]
)
INTEGERS = st.sampled_from(["u1", "i1", "i2", "i4", "i8", "?"])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.sampled_from([0, 5, 100, 1e4, math.inf]),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.sampled_from([3, 20, 40, 79, 80, 81, 120]),
        "profile": st.sampled_from(["default", "short", "full"]),
        "sci_mode": st.sampled_from([True, False, None]),
    },
)


@st.composite
def floats(draw: Any) -> np.ndarray:
    """Arrays of numbers of one kind (whole, small, spread over many powers of ten, ...), with some nan, inf and 0."""
    shape = draw(SHAPES | LONG_SHAPES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind, power = draw(st.integers(0, 5)), draw(st.integers(-8, 9))
    a = rng.standard_normal(shape)
    if kind == 0:
        a = np.rint(a * 10.0 ** abs(power))
    elif kind == 1:
        a = a * 10.0**power
    elif kind == 2:
        a = a * 10.0 ** rng.integers(-4, 5, shape)
    elif kind == 3:
        a = rng.choice([1e-4, 1e8, 0.1, 1000.0, 9.99995, 99.9999, -0.0, 1.0, 0.5, 0.001], shape)
    elif kind == 4:
        few = st.lists(st.sampled_from([1e-4, 1e-3, 1.0, 1.5, 1e3, 1001.0, 1e8, 2e8]), min_size=2)
        a = rng.choice(draw(few), shape)
    for special in draw(st.lists(st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf]), max_size=2)):
        a = np.where(rng.random(shape) < draw(st.sampled_from([0.2, 1.0])), special, a)
    with np.errstate(over="ignore"):
        return np.array(a).astype(draw(st.sampled_from(["f2", "f4", "f8"])))


@settings(max_examples=400, deadline=None)
@given(floats())
def test_floats(array: np.ndarray) -> None:
    same(array)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_integers_and_bools(data: Any) -> None:
    same(data.draw(hnp.arrays(data.draw(INTEGERS), data.draw(SHAPES))))


@settings(max_examples=300, deadline=None)
@given(floats(), OPTIONS, st.sampled_from(["", "leaf", "made"]))
def test_options_and_notes(array: np.ndarray, options: dict[str, Any], tracked: str) -> None:
    texts = []
    for library in LIBRARIES:
        library.set_printoptions(profile="default")
        library.set_printoptions(**options)
        t = library.from_numpy(array)
        if tracked:
            t.requires_grad_()
        texts.append(repr(t * 1 if tracked == "made" else t))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("width", range(20, 61))
def test_notes_wrap_where_pytorch_wraps_them(width: int) -> None:
    def make(library: Any) -> Any:
        library.set_printoptions(linewidth=width)
        return library.ones(2, 2, dtype=library.float64, requires_grad=True) * 1.5

    mine, theirs = both(make)
    assert mine == theirs


@pytest.mark.parametrize(
    "text",
    [
        "torch.tensor([-0., 1.5])",
        "torch.tensor([1e-4])",
        "torch.tensor([1e-4], dtype=torch.float64)",
        "torch.tensor([1e8])",
        "torch.tensor([1e8 + 8])",
        "torch.tensor([5e-324], dtype=torch.float64)",
        "torch.tensor([2**63 - 1, -2**63])",
        "torch.tensor(float('nan'))",
        "torch.zeros(0)",
        "torch.zeros(0, dtype=torch.int64)",
        "torch.zeros(2, 0, 3, dtype=torch.bool)",
        "torch.zeros(2, 0, requires_grad=True)",
        "torch.zeros(2, 0, requires_grad=True) * 2",
        "torch.arange(1001)",
        "torch.ones(3, requires_grad=True).sum()",
        "torch.ones(3, requires_grad=True).detach()",
        "torch.ones(3, 2).t()",
        "torch.tensor([1., 2.]).expand(3, 2)",
        "torch.nn.Parameter(torch.ones(2))",
        "[torch.ones(1), {'a': torch.tensor(2)}]",
    ],
)
def test_by_example(text: str) -> None:
    mine, theirs = both(lambda library: eval(text, {"torch": library}))
    assert mine == theirs


@pytest.mark.parametrize("default", ["float16", "float64"])
def test_dtype_is_named_unless_it_is_the_default(default: str) -> None:
    def make(library: Any) -> Any:
        library.set_default_dtype(getattr(library, default))
        return [library.ones(1), library.ones(1).float(), library.zeros(0), library.zeros(0).long(), library.arange(2)]

    mine, theirs = both(make)
    assert mine == theirs


def test_str_is_repr() -> None:
    assert str(minitorch.ones(2)) == repr(minitorch.ones(2)) == tensor_repr(minitorch.ones(2))


# --- set_printoptions


def test_every_call_sets_sci_mode() -> None:
    def make(library: Any) -> list[Any]:
        library.set_printoptions(sci_mode=True)
        first = repr(library.ones(1) / 2)
        library.set_printoptions(precision=2)
        return [first, repr(library.ones(1) / 2)]

    mine, theirs = both(make)
    assert mine == theirs
    assert "e-01" in mine


def test_profile_then_what_is_given() -> None:
    def make(library: Any) -> Any:
        library.set_printoptions(precision=8, linewidth=200)
        library.set_printoptions(profile="short", threshold=5, precision=3)
        return library.arange(60.0) / 7

    mine, theirs = both(make)
    assert mine == theirs


def test_unknown_profile_changes_nothing() -> None:
    def make(library: Any) -> Any:
        library.set_printoptions(precision=2)
        library.set_printoptions(profile="tiny")
        return library.ones(2) / 3

    mine, theirs = both(make)
    assert mine == theirs == "tensor([0.33, 0.33])"


def test_unknown_option() -> None:
    for library in LIBRARIES:
        with pytest.raises(TypeError, match="unexpected keyword argument 'width'"):
            library.set_printoptions(width=3)


# --- format


@pytest.mark.parametrize("spec", ["", ".4f", ">12", "e", "08.3f", ","])
@pytest.mark.parametrize("value", [1.23456789, 12345.0, -0.0, math.inf, 12345, True])
def test_one_number_formats_as_a_number(value: Any, spec: str) -> None:
    mine, theirs = (format(library.tensor(value), spec) for library in LIBRARIES)
    assert mine == theirs


def test_a_tracked_number_formats_too() -> None:
    loss = minitorch.tensor([1.5, 2.0], requires_grad=True).sum()
    assert f"{loss:.2f}" == "3.50"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda m: (m.ones(2), ".2f"), TypeError, r"unsupported format string passed to Tensor\.__format__"),
        (lambda m: (m.nn.Parameter(m.tensor(1.5)), ".2f"), TypeError, r"passed to Parameter\.__format__"),
        (lambda m: (m.tensor(1.5), "d"), ValueError, "Unknown format code 'd' for object of type 'float'"),
    ],
)
def test_format_refuses_what_pytorch_refuses(make: Any, error: type[Exception], message: str) -> None:
    for library in LIBRARIES:
        t, spec = make(library)
        with pytest.raises(error, match=message):
            format(t, spec)


def test_format_without_spec_is_str() -> None:
    for make in (lambda m: m.ones(2), lambda m: m.nn.Parameter(m.tensor(1.5))):
        assert f"{make(minitorch)}" == f"{make(torch)}"
