"""Embedding against PyTorch: values, two derivatives, rows scaled in place; on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from cuda_helpers import unwaited
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_helpers import LIBS, check_same

import minitorch
from minitorch.autograd import gradcheck, gradgradcheck

ROWS, WIDTH = 5, 3
TOLERANCE = {np.float16: 2e-3, np.float32: 3e-6, np.float64: 1e-12}
INDICES: dict[str, Any] = {
    "vector": np.array([0, 3, 4]), "repeats": np.array([1, 1, 4, 1]), "matrix": np.array([[0, 2], [2, 2]]),
    "cube": np.arange(24).reshape(2, 3, 4) % 5, "number": np.array(3), "nothing": np.zeros(0, int), "one": np.array([[2]]),
    "a dimension of 0": np.zeros((2, 0, 3), int), "transposed": np.array([[0, 1], [2, 1], [4, 4]]).T,
    "steps": np.arange(8)[::2] % 5, "int32": np.array([[4, 0], [4, 1]], np.int32), "many": np.arange(3000) ** 2 % 5,
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "plain": {}, "padding": {"padding_idx": 1}, "last": {"padding_idx": -1}, "first": {"padding_idx": 0},
    "frequency": {"scale_grad_by_freq": True}, "both": {"padding_idx": 2, "scale_grad_by_freq": True},
}  # fmt: skip


def table(dtype: Any = np.float64, rows: int = ROWS, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, width)).astype(dtype)


def derivatives(t: Any, weight: np.ndarray, index: np.ndarray, options: Any, place: str = "cpu") -> list[Any]:
    """The value, the gradient, and the gradient of that: for the gradient it was made of, and for the table."""
    w = t.from_numpy(weight.copy()).to(place).requires_grad_()
    y = t.nn.functional.embedding(t.from_numpy(index).to(place), w, **options)
    assert y.grad_fn.name() == "EmbeddingBackward0"
    seed = t.arange(float(y.numel()), dtype=y.dtype, device=place).reshape(y.shape).cos().requires_grad_()
    (grad,) = t.autograd.grad(y, w, seed * y, create_graph=True)
    results = [y, grad]
    if index.size and not options.get("scale_grad_by_freq"):  # PyTorch: an error; the division forgotten
        results += t.autograd.grad((grad * grad).sum(), [seed, w])
    return [(r.dtype, r.stride(), r.detach().cpu().numpy()) for r in results]


def same(mine: list[Any], theirs: list[Any], tolerance: float) -> None:
    assert len(mine) == len(theirs)
    for (dtype, stride, a), (kind, steps, b) in zip(mine, theirs, strict=True):
        assert str(dtype).split(".")[-1] == str(kind).split(".")[-1]
        assert stride == steps
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_derivatives(name: str, options: str, dtype: Any) -> None:
    few = INDICES[name].size < 100 or dtype is not np.float16  # sums of many halves differ by their order
    arrays = table(dtype), INDICES[name] if few else INDICES[name][:50], OPTIONS[options]
    same(derivatives(minitorch, *arrays), derivatives(torch, *arrays), TOLERANCE[dtype])


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("options", OPTIONS)
def test_on_a_gpu(name: str, options: str, cuda: str) -> None:
    for dtype in np.float32, np.float64:
        arrays = table(dtype), INDICES[name], OPTIONS[options]
        same(derivatives(minitorch, *arrays, "cuda"), derivatives(torch, *arrays), 10 * TOLERANCE[dtype])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_drawn(data: st.DataObject) -> None:
    rows, width = data.draw(st.integers(1, 6)), data.draw(st.integers(0, 4))
    shape = data.draw(st.lists(st.integers(0, 4), max_size=3))
    n = int(np.prod(shape))
    values = data.draw(st.lists(st.integers(0, rows - 1), min_size=n, max_size=n))
    index = np.array(values, data.draw(st.sampled_from([np.int32, np.int64]))).reshape(shape)
    options = {"padding_idx": data.draw(st.none() | st.integers(-rows, rows - 1))}
    if not width:
        index = index.reshape(-1)  # PyTorch has no gradient of the gradient of others
    arrays = table(np.float64, rows, width), index, options
    same(derivatives(minitorch, *arrays), derivatives(torch, *arrays), 1e-12)


def test_tables_in_other_orders_of_memory() -> None:
    def case(t: Any) -> Any:
        f, x = t.nn.functional.embedding, t.arange(24.0).reshape(4, 6)
        tables = x.t(), x[:, ::2], x[::2], x[:, :1].expand(4, 3), x[0].expand(4, 6)
        found = [f(t.tensor(i), w) for w in tables for i in (1, [0, 1], [[1], [0]])]
        return [(y, y.stride(), y.is_contiguous()) for y in found]

    check_same(case)


def test_tables_of_other_dtypes() -> None:
    def case(t: Any) -> Any:
        x = t.arange(12).reshape(4, 3)
        return [t.embedding(x.to(k), t.tensor([3, 0])) for k in (t.int64, t.int32, t.uint8, t.bool, t.float16)]

    check_same(case)


def test_numerically() -> None:
    """PyTorch is not the only judge: where rows are divided by their number it forgets that in the second derivative."""
    index = minitorch.tensor([[0, 3], [3, 1]])
    w, g = [minitorch.tensor(table()[:n], requires_grad=True) for n in (5, 4)]
    look_up = lambda w: minitorch.nn.functional.embedding(index, w)
    assert gradcheck(look_up, (w,)) and gradgradcheck(look_up, (w,))
    for options in OPTIONS.values():

        def gradient(g: Any, options: Any = options) -> Any:
            y = minitorch.nn.functional.embedding(index, w, **options)
            return minitorch.autograd.grad(y, w, g.reshape(2, 2, 3), create_graph=True)[0]

        assert gradcheck(gradient, (g,)) and gradgradcheck(gradient, (g,))


def test_the_divided_gradient_of_the_gradient() -> None:
    w, g = minitorch.zeros(3, 1, requires_grad=True), minitorch.ones(4, 1, requires_grad=True)
    y = minitorch.embedding(w, minitorch.tensor([0, 1, 1, 1]), -1, True)
    (grad,) = minitorch.autograd.grad(y, w, g, create_graph=True)
    (again,) = minitorch.autograd.grad((grad * minitorch.tensor([[1.0], [6.0], [9.0]])).sum(), g)
    assert (grad.flatten().tolist(), again.flatten().tolist()) == ([1, 1, 0], [1, 2, 2, 2])


@pytest.mark.parametrize("n", [100, 70_000])
def test_many_halves_are_divided_before_they_are_added(n: int) -> None:
    """Their sum would overflow; and the largest half is 65,504."""
    w = minitorch.zeros(2, 1, dtype=minitorch.float16, requires_grad=True)
    y = minitorch.embedding(w, minitorch.zeros(n, dtype=minitorch.int64), -1, True)
    y.backward(minitorch.full((n, 1), 1000.0 if n == 100 else 20_000.0, dtype=minitorch.float16))
    assert np.isfinite(w.grad.numpy()).all()
    assert w.grad[0].item() == pytest.approx(1000, rel=0.02) if n == 100 else w.grad[0] > 0


def test_what_padding_leaves_out_may_be_nan() -> None:
    w = minitorch.zeros(3, 1, requires_grad=True)
    y = minitorch.embedding(w, minitorch.tensor([0, 1, 2, 1]), 1)
    y.backward(minitorch.tensor([[1.0], [np.nan], [2.0], [np.inf]]))
    assert w.grad.flatten().tolist() == [1, 0, 2]


@pytest.mark.parametrize("padding", [-1, -3, 0, 2, 4, 7, 2**40])
def test_padding_of_the_function_below(padding: int) -> None:
    """Below 0 it is none there, and it may lie behind the table."""

    def case(t: Any) -> Any:
        w = t.ones(5, 2, requires_grad=True)
        t.embedding(w, t.tensor([0, 2, 4]), padding).sum().backward()
        return w.grad

    check_same(case)


# --- rows scaled down in place

NORMS = [(1.0, 2.0), (2, 1), (1.0, np.inf), (1.0, 0), (0.5, -1.0), (2.0, 0.5), (1.5, 3.0), (1.2, -np.inf)]
NORMS += [(0.0, 2.0), (-1.0, 2.0), (np.nan, 2.0), (100.0, 2.0), (np.inf, 2.0)]


@pytest.mark.parametrize(("max_norm", "norm_type"), NORMS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_max_norm(max_norm: float, norm_type: float, dtype: Any) -> None:
    """Rows that are named, and only those."""
    for index in (INDICES[name] for name in ("repeats", "matrix", "number", "nothing", "int32")):
        results = []
        for t in LIBS:
            weight = table(dtype)
            weight[2] = 0
            y = t.nn.functional.embedding(t.from_numpy(index), t.from_numpy(weight), None, max_norm, norm_type)
            results.append((y.numpy(), weight))
        for a, b in zip(*results, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
            assert (np.signbit(a) == np.signbit(b)).all()


def test_max_norm_of_numbers_beyond_all_bounds() -> None:
    x = [[np.inf, 1], [np.nan, 1], [-np.inf, np.inf], [1e30, 1e30], [1e-30, 0]]
    found = [t.nn.functional.embedding(t.arange(5), t.tensor(x), max_norm=2).numpy() for t in LIBS]
    np.testing.assert_allclose(*found)


def test_a_row_at_the_limit_stays() -> None:
    def case(t: Any) -> Any:
        f, x, i = t.nn.functional.embedding, t.tensor([[3.0, 4.0], [6.0, 8.0], [0.1, 0.0]]), t.tensor([0, 2])
        return [f(i, w, max_norm=m).clone() for w in (x, x.double()) for m in (5.0, 0.1, 0.1)]

    check_same(case)


def test_what_autograd_thinks_of_it() -> None:
    def case(t: Any) -> Any:
        w, index = t.nn.Parameter(t.arange(12.0).reshape(4, 3)), t.tensor([1, 3])
        x = w * 2
        f = t.nn.functional.embedding
        y = f(index, w, None, 1.0)
        y.sum().backward()
        found = [w._version, w.is_leaf, w.requires_grad, w.grad.clone()]
        f(index, x, None, 1.0).sum().backward()  # of the numbers before: it is not recorded
        found += [x._version, x.grad_fn is not None, w.grad.clone()]
        f(index, w.detach(), None, 1.0)
        f(index[:0], w, max_norm=100.0)
        return found, w._version

    check_same(case)


@pytest.mark.parametrize("max_norm", [1.0, 1000.0])
def test_a_weight_that_was_saved_is_found_changed(max_norm: float) -> None:
    def case(t: Any) -> Any:
        w = t.arange(12.0).reshape(4, 3).requires_grad_()
        before = (w * w).sum()
        t.nn.functional.embedding(t.tensor([1]), w, max_norm=max_norm)
        before.backward()

    check_same(case, wording="type")
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        case(minitorch)


def test_indices_that_were_changed_are_found() -> None:
    def case(t: Any) -> Any:
        index = t.tensor([1, 2])
        y = t.nn.functional.embedding(index, t.ones(3, 2, requires_grad=True))
        index += 0
        y.sum().backward()

    check_same(case, wording="type")
    with pytest.raises(RuntimeError, match="EmbeddingBackward0 needs, is at version 1"):
        case(minitorch)


def test_a_weight_that_changed_is_none_that_was_saved() -> None:
    def case(t: Any) -> Any:
        w = t.ones(3, 2, requires_grad=True)
        y = t.nn.functional.embedding(t.tensor([1, 2]), w)
        with t.no_grad():
            w.zero_()
        y.sum().backward()
        return y, w.grad

    check_same(case)


def test_into_a_view() -> None:
    def case(t: Any) -> Any:
        x = t.arange(12.0).reshape(3, 4)
        t.nn.functional.embedding(t.tensor([0, 2]), x.t()[1:], max_norm=1.0)
        return (x * 1e4).round(), x._version

    check_same(case)


VIEWS = {
    "part": lambda t, p: p[1:],
    "one of several": lambda t, p: p.chunk(2)[1],
    "detached": lambda t, p: p.detach()[1:],
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("mode", ["no_grad", "enable_grad"])
def test_into_a_view_of_a_parameter(view: str, mode: str) -> None:
    """Some are written to, since it is not recorded, and can then not be read."""

    def case(t: Any) -> Any:
        p = t.nn.Parameter(t.arange(12.0).reshape(4, 3))
        with getattr(t, mode)():
            weight = VIEWS[view](t, p)
        try:
            y = t.nn.functional.embedding(t.tensor([1]), weight, max_norm=0.5)
        except RuntimeError:
            y = None
        return y, p, p._version

    check_same(case)


def test_nothing_is_scaled_where_an_index_is_wrong() -> None:
    for index in [0, 4], [0, -1]:
        w = minitorch.ones(4, 3)
        with pytest.raises(IndexError, match="index out of range in self"):
            minitorch.nn.functional.embedding(minitorch.tensor(index), w, max_norm=1.0)
        assert (w == 1).all() and w._version == 0


def test_max_norm_on_a_gpu(cuda: str) -> None:
    for max_norm, norm_type in NORMS:
        w = minitorch.from_numpy(table(np.float32)).cuda().requires_grad_()
        index = minitorch.from_numpy(INDICES["repeats"]).cuda()
        with unwaited(cuda):
            y = minitorch.nn.functional.embedding(index, w, 1, max_norm, norm_type, True)
            y.backward(y.detach())
        expected = torch.from_numpy(table(np.float32)).requires_grad_()
        theirs = torch.nn.functional.embedding(
            torch.from_numpy(INDICES["repeats"]), expected, 1, max_norm, norm_type, True
        )
        theirs.backward(theirs.detach())
        for a, b in (y, theirs), (w, expected), (w.grad, expected.grad):
            np.testing.assert_allclose(a.detach().cpu().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)
        assert w._version == 1


# --- on a GPU


@pytest.mark.parametrize("index", [4, -1])
@pytest.mark.parametrize("options", [{}, {"max_norm": 1.0}])
def test_an_index_out_of_range_on_a_gpu(index: int, options: Any, cuda: str) -> None:
    """It never wraps around unseen: PyTorch too says so when it is next waited for."""
    w = minitorch.ones(4, 3, device="cuda")
    y = minitorch.nn.functional.embedding(minitorch.tensor([0, index], device="cuda"), w, **options)
    with pytest.raises(
        minitorch.AcceleratorError, match=f"index out of range in self.* got the index {index} .* 4 rows"
    ):
        y.cpu()
    assert minitorch.nn.functional.embedding(minitorch.tensor([3], device="cuda"), w).shape == (1, 3)


@pytest.mark.parametrize("max_norm", [None, 1.0])
def test_index_and_table_on_one_device(max_norm: Any, cuda: str) -> None:
    for place, other in ("cuda", "cpu"), ("cpu", "cuda"):
        for shape in (), (2,):
            index, w = minitorch.zeros(shape, dtype=minitorch.int64, device=place), minitorch.ones(4, 3, device=other)
            with pytest.raises(RuntimeError, match=r"'weight' on .* and 'indices' on"):
                minitorch.nn.functional.embedding(index, w, max_norm=max_norm)
            assert w._version == 0
