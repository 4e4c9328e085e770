"""x[...] in every form, read and written: each line of a table is run by both libraries."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from autograd_helpers import leaf, outcome, plain, same, same_error
from hypothesis import given
from hypothesis import strategies as st

import minitorch

T = minitorch


def at(form: str, library: Any) -> Any:
    """The index written in `form`."""
    return eval(f"_[{form}]", {"_": Catch(), "T": library, "np": np})


class Catch:
    def __getitem__(self, index: Any) -> Any:
        return index


# --- reading: the value, the gradient, and where the result lies in memory

FORMS = """
0 | -1 | 1: | ::2 | -2: | 3:1 | ... | None | () | True | False | ...,0 | :,1 | 0,1 | None,0,None | 0,... | 1:,:2 | ...,None
[0] | [0,0,1] | [-1] | [] | [True,False] | (0,1) | range(2) | [1.7,0] | [0,True] | :,[2,0] | [0,1],[1,0] | [[0],[1]],[0,1]
0,[0,1] | [0,1],0 | [0],:,0 | 0,:,[0,1] | :,0,[0,1] | None,[0,1] | [0,1],None | [0,1],None,[1,0] | True,[0] | 0,[] | ...,[0,1]
T.tensor(1) | T.tensor([0,1]) | T.tensor([[0,1],[1,0]]) | T.tensor([0,1],dtype=T.int32) | T.tensor(1,dtype=T.int8) | T.tensor(True)
T.tensor([True,False]) | T.ones(2,3,dtype=T.bool) | :,T.tensor([True,False,True]) | T.tensor([0,1]),T.tensor([True,True,False])
T.zeros(0,dtype=T.long) | np.array([0,1]) | np.array([True,False]) | np.array(1) | np.array([0.7]) | np.array([0,1],dtype=np.int16)
np.int64(1) | T.tensor(0):T.tensor(1) | ...,... | 0,...,0,... | [0,1],:,[0,1] | [[0,1],[1,1]],: | [T.tensor(1),0],
""".replace("\n", " | ").split(" | ")


@pytest.mark.parametrize("form", [form.strip() for form in FORMS if form.strip()])
def test_read(form: str) -> None:
    def program(t: Any) -> Any:
        x = leaf(t, 2, 3, 2)
        y = x[at(form, t)]
        (y * y).sum().backward()
        return y, x.grad, y.is_contiguous(), y._is_view() and y._base is x

    same(program)


NOT_TUPLES = (
    "[[0,1],[1,0]] | [[0,1]] | [T.tensor(0),1] | [slice(0,1),0] | [None,0] | [...,0] | [[0],1] | [(0,1),(1,1)]".split(
        " | "
    )
)


@pytest.mark.parametrize("form", NOT_TUPLES)
def test_a_list_of_more_than_numbers_is_a_tuple(form: str) -> None:
    def program(t: Any) -> Any:
        with pytest.warns(UserWarning, match="non-tuple sequence"):
            return leaf(t, 2, 3, 2)[at(form, t)]

    same(program)


@pytest.mark.parametrize(
    "form", ["T.tensor([0,1],dtype=T.uint8)", "T.tensor(1,dtype=T.uint8)", "np.array([0,1],dtype=np.uint8)"]
)
def test_uint8_is_a_mask(form: str) -> None:
    def program(t: Any) -> Any:
        with warnings.catch_warnings():  # PyTorch warns once per process
            warnings.simplefilter("ignore")
            return leaf(t, 2, 3)[at(form, t)]

    same(program)


WRONG = """
2 | -3 | 0,3 | 0,0,0 | [2] | [-3] | [0,1],[0,1,2] | T.tensor([True]) | T.ones(2,2,dtype=T.bool) | 1.5 | 0,1.5 | {1} | np.bool_(True)
T.tensor(1.) | T.tensor([1.]) | T.tensor([0],dtype=T.int16) | ::-1 | ::0 | 0:1.5 | T.tensor(0.5): | 'a' | np.float64(1) | ...,...,0
[0],[0],[0] | 0,[[0,1],[1]] | [1j] | T.ones(2,3,dtype=T.bool),0
""".replace("\n", " | ").split(" | ")


@pytest.mark.parametrize("form", [form.strip() for form in WRONG if form.strip()])
@pytest.mark.filterwarnings("ignore:Using a non-tuple")
def test_wrong_index(form: str) -> None:
    same_error(lambda t: t.ones(2, 3)[at(form, t)])

    def write(t: Any) -> None:
        x = t.ones(2, 3)
        x[at(form, t)] = 5

    same_error(write)


@pytest.mark.parametrize("form", ["0", ":", "[0]", "T.tensor(0)", "0,0", "[]"])
def test_wrong_index_of_a_number(form: str) -> None:
    same_error(lambda t: t.tensor(3.0)[at(form, t)])


# --- writing

VALUES = """
7 | 2.5 | True | np.float64(2) | np.int64(3) | T.tensor(3.,dtype=T.float64) | T.tensor([9.],dtype=T.float64) | T.ones(1,1,1,1,dtype=T.float64)
T.tensor([1.,2.],dtype=T.float64) | T.ones(3,dtype=T.float64) | T.tensor([[1.],[2.]],dtype=T.float64) | T.ones(2) | T.tensor([5])
""".replace("\n", " | ").split(" | ")
TARGETS = "0 | 1: | ...,0 | 0,1 | None | ... | : | [0] | :,[2,0] | [0,1],[1,0] | 0,[0,1] | T.tensor([True,False]) | T.eye(2,3).bool() | []"


@pytest.mark.parametrize("value", [value.strip() for value in VALUES if value.strip()])
@pytest.mark.parametrize("form", TARGETS.split(" | "))
def test_write(form: str, value: str) -> None:
    """The values and gradients agree, or both refuse and leave the tensor as it was."""

    def program(t: Any) -> Any:
        w = leaf(t, 2, 3)
        x, v = w * 2, eval(value, {"T": t, "np": np})
        before = plain(x)
        if isinstance(v, t.Tensor) and v.is_floating_point():
            v.requires_grad_()
        try:
            x[at(form, t)] = v
        except (RuntimeError, IndexError) as error:
            return type(error).__name__, x._version, bool((before == plain(x)).all())
        (x * x).sum().backward()
        return x, w.grad, x._version, getattr(v, "grad", None)

    same(program)


BAD_VALUES = [
    "None",
    "'a'",
    "[1]",
    "(1,)",
    "np.ones(2)",
    "np.array(1.)",
    "np.float32(1)",
    "np.bool_(True)",
    "10**30",
    "1j",
    "1e300",
]


@pytest.mark.parametrize("value", BAD_VALUES)
@pytest.mark.parametrize("form", ["0", "[0]", "9"])
def test_wrong_value(form: str, value: str) -> None:
    def program(t: Any) -> None:
        x = t.ones(2, 3)
        x[at(form, t)] = eval(value, {"np": np})

    if (form, value) != ("9", "1e300"):  # two errors at once: PyTorch names the index first
        same_error(program)


@pytest.mark.parametrize("kind", ["int64", "int32", "int8", "uint8", "bool", "float32"])
@pytest.mark.parametrize("value", [2.7, -2.7, 300, -1, 2**31, float("nan"), float("inf"), True])
@pytest.mark.parametrize("how", ["x[0] = v", "x[[0]] = v", "x.fill_(v)", "x[x == 0] = v", "x.masked_fill_(x == 0, v)"])
def test_a_number_is_converted_or_does_not_fit(how: str, value: float, kind: str) -> None:
    def program(t: Any) -> Any:
        x = t.zeros(2, 2, dtype=getattr(t, kind))
        exec(how, {"x": x, "v": value})
        return x

    mine, theirs = outcome(minitorch, program), outcome(torch, program)
    if isinstance(theirs, Exception):
        same_error(program)
    else:
        np.testing.assert_array_equal(mine, theirs)


def test_write_through_a_view_of_a_number() -> None:
    def program(t: Any) -> Any:
        w = leaf(t)
        x = w * 2
        x[None] = 7.0
        y = w * 3
        y[...] = w
        (x + y).backward()
        return w.grad

    same(program)


@given(data=st.data())
def test_drawn_indices(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    parts = []
    vectors = data.draw(st.integers(1, 2))
    for n in shape[: data.draw(st.integers(1, len(shape)))]:
        number = st.integers(-n, n - 1)
        piece = st.builds(slice, st.none() | number, st.none() | number, st.none() | st.integers(1, 3))
        parts.append(data.draw(number | piece | st.lists(number, min_size=vectors, max_size=vectors)))
        if data.draw(st.integers(0, 5)) == 0:
            parts.append(None)
    index = tuple(parts)

    def program(t: Any) -> Any:
        x = leaf(t, *shape)
        y = x[index]
        z = x * 1
        z[index] = y * 0 + 4
        return y, t.autograd.grad((y**2).sum() + (z**2).sum(), x)

    same(program)
