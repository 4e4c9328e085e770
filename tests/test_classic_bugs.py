"""The bugs that small autograd libraries had, one test or more for each line of the list."""

from __future__ import annotations

import gc
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import minitorch

BINARY = ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "atan2", "hypot", "logaddexp", "fmod", "remainder"]


def both(function: Callable[..., Any], *arrays: np.ndarray) -> list[list[np.ndarray | None]]:
    """Gradients of `function(library, *tensors).sum()` in both libraries."""
    result = []
    for library in (minitorch, torch):
        xs = [library.from_numpy(a.copy()).requires_grad_() for a in arrays]
        function(library, *xs).sum().backward()
        result.append([None if x.grad is None else x.grad.numpy() for x in xs])
    return result


def agree(function: Callable[..., Any], *arrays: np.ndarray, rtol: float = 1e-6) -> None:
    for mine, theirs in zip(*both(function, *arrays), strict=True):
        assert mine is not None and theirs is not None
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=1e-6)


# --- one operand twice


@pytest.mark.parametrize("name", BINARY)
def test_one_operand_twice(name: str) -> None:
    agree(lambda t, x: getattr(t, name)(x, x), np.array([0.5, 1.5, 2.5], np.float32))


def test_matrix_times_itself() -> None:
    agree(lambda t, x: x @ x, np.arange(9, dtype=np.float32).reshape(3, 3))


def test_sum_used_with_its_operand() -> None:
    def function(t: Any, a: Any, b: Any) -> Any:
        s = a + b
        return s + a

    agree(function, np.ones(3, np.float32), np.ones(3, np.float32))


def test_forty_diamonds_take_linear_time() -> None:
    x = minitorch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(40):  # 2**40 paths
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad.item() == 1.0


# --- deep graphs


def test_chain_of_100_000_ops_goes_backward_and_is_freed() -> None:
    x = minitorch.ones(2, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_deep_graph_dropped_without_backward() -> None:
    x = minitorch.ones(2, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


# --- twice, accumulation


def test_second_backward_raises_and_retain_graph_allows_it() -> None:
    x = minitorch.tensor([2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8.0]
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_leaves_accumulate_intermediates_do_not() -> None:
    x = minitorch.tensor([3.0], requires_grad=True)
    h = x * 2
    h.retain_grad()
    y = h * h
    y.backward(retain_graph=True)
    assert h.grad.tolist() == [12.0]
    x.grad = h.grad = None
    y.backward()
    assert (x.grad.tolist(), h.grad.tolist()) == ([24.0], [12.0])


# --- broadcasting


@settings(max_examples=60, deadline=None)
@given(
    npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4),
    st.sampled_from(["add", "mul", "maximum"]),
)
def test_broadcasting_is_undone(shapes: Any, name: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (np.asarray(rng.standard_normal(s)) for s in shapes.input_shapes)
    agree(lambda t, x, y: getattr(t, name)(x, y), a, b)


@settings(max_examples=40, deadline=None)
@given(npst.array_shapes(min_dims=0, max_dims=3, min_side=0), st.integers(0, 3))
def test_leading_axes_are_summed(shape: tuple[int, ...], lead: int) -> None:
    rng = np.random.default_rng(0)
    big = np.asarray(rng.standard_normal((2,) * lead + shape))
    agree(lambda t, x, y: x * y, big, np.asarray(rng.standard_normal(shape)))


# --- aliasing


def test_gradients_do_not_share_memory() -> None:
    a, b = minitorch.ones(3, requires_grad=True), minitorch.ones(3, requires_grad=True)
    (a + b).sum().backward()
    a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradient_given_by_the_user_is_not_the_leafs(create_graph: bool) -> None:
    a = minitorch.ones(3, requires_grad=True)
    g = minitorch.ones(3)
    a.clone().backward(g, create_graph=create_graph)
    g.zero_()
    assert a.grad.tolist() == [1.0, 1.0, 1.0]
    a.grad = None


def test_gradient_is_no_view_of_another() -> None:
    a, b = minitorch.ones(2, 3, requires_grad=True), minitorch.ones(3, 2, requires_grad=True)
    (a + b.t()).sum().backward()
    a.grad.zero_()
    assert b.grad.sum().item() == 6


# --- dtype creep is checked for every op in test_ops.py, in float32 and float64, to second order


@pytest.mark.parametrize("dtype", [minitorch.float16, minitorch.float32, minitorch.float64])
def test_python_numbers_do_not_widen(dtype: Any) -> None:
    x = minitorch.ones(3, dtype=dtype, requires_grad=True)
    y = ((x * 2.5 + 1) / 3 - 0.5) ** 2
    assert y.dtype is dtype
    y.sum().backward()
    assert x.grad.dtype is dtype
    assert (2.0 / x).dtype is dtype
    assert (x.mean() * 1e-3).dtype is dtype


def test_zero_dim_tensors_are_weak() -> None:
    x, zero_dim = minitorch.ones(3), minitorch.tensor(2.0, dtype=minitorch.float64)
    assert (x * zero_dim).dtype is minitorch.float32
    assert (minitorch.ones(3, dtype=minitorch.int64) * zero_dim).dtype is minitorch.float64


# --- in place


@pytest.mark.parametrize(
    ("function", "raises"),
    [
        (lambda x, w: x * w, True),
        (lambda x, w: x + w, False),
        (lambda x, w: x - w, False),
        (lambda x, w: x / w, True),
        (lambda x, w: (x * 2.0) + w, False),
        (lambda x, w: w + x.sum(), False),
        (lambda x, w: x.exp() + w, False),
        (lambda x, w: x.log() + w, True),
    ],
)
def test_in_place_change_raises_exactly_where_the_value_is_needed(function: Any, raises: bool) -> None:
    outcomes = []
    for library in (minitorch, torch):
        w = library.ones(3, requires_grad=True)
        x = w * 2
        y = function(x, w)
        x.add_(1)
        try:
            y.sum().backward()
            outcomes.append(w.grad.tolist())
        except RuntimeError as error:
            assert "modified by an inplace operation" in str(error)
            outcomes.append("raised")
    if not raises:
        np.testing.assert_allclose(outcomes[0], outcomes[1], rtol=1e-6)
    assert (outcomes[0] == "raised") == (outcomes[1] == "raised")
    assert (outcomes[0] == "raised") == raises


def test_output_changed_after_exp_raises() -> None:
    x = minitorch.ones(3, requires_grad=True)
    y = x.exp()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()


def test_write_through_numpy_of_data_is_not_seen_but_detach_is() -> None:
    w = minitorch.ones(3, requires_grad=True)
    x = w * 1
    y = x * x
    x.detach().zero_()
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()


# --- leaks


@pytest.mark.usefixtures("no_collector")
def test_dropped_graphs_leave_no_object() -> None:
    model = minitorch.nn.Sequential(minitorch.nn.Linear(4, 8), minitorch.nn.ReLU(), minitorch.nn.Linear(8, 1))
    x = minitorch.ones(2, 4)

    def drop(count: int) -> None:
        for i in range(count):
            y = model(x)
            view = y[0]
            view.mul_(2.0)
            loss = (y.softmax(0) * y.sigmoid()).sum()
            if i % 2:
                loss.backward()
                model.zero_grad()

    drop(50)
    before = len(gc.get_objects())
    drop(10_000)
    assert len(gc.get_objects()) - before < 50


@pytest.mark.usefixtures("no_collector")
def test_saved_arrays_die_with_the_graph() -> None:
    x = minitorch.ones(1000, requires_grad=True)
    h = x * 2
    alive = weakref.ref(h._data)
    y = (h * h).sum()
    del h
    assert alive() is not None
    del y
    assert alive() is None


@pytest.mark.usefixtures("no_collector")
def test_saved_arrays_die_after_backward() -> None:
    x = minitorch.ones(1000, requires_grad=True)
    h = x * 2
    alive = weakref.ref(h._data)
    y = (h * h).sum()
    del h
    y.backward()
    assert alive() is None


# --- second order is checked for every op in test_ops.py; here, through a graph


def test_gradient_penalty() -> None:
    def function(t: Any, x: Any, w: Any) -> Any:
        y = (x @ w).tanh().sum()
        (g,) = t.autograd.grad(y, x, create_graph=True)
        return g.norm() * y

    rng = np.random.default_rng(0)
    agree(function, rng.standard_normal((3, 4)), rng.standard_normal((4, 2)))


# --- ties and kinks

KINKS = np.array([-1.0, 0.0, 0.0, 1.0, 1.0, 2.0, -0.0, np.inf, -np.inf], np.float64)


@pytest.mark.parametrize(
    "function",
    [
        lambda t, x: t.relu(x),
        lambda t, x: x.abs(),
        lambda t, x: x.clamp(0, 1),
        lambda t, x: x.clamp(min=0),
        lambda t, x: t.maximum(x, t.zeros_like(x)),
        lambda t, x: t.minimum(x, t.ones_like(x)),
        lambda t, x: x[:6].max(),
        lambda t, x: x[:6].max(0).values,
        lambda t, x: x[:6].amax(0),
        lambda t, x: x[:6].min(),
        lambda t, x: t.nn.functional.leaky_relu(x, 0.1),
        lambda t, x: t.sign(x) * x[:1],
        lambda t, x: t.where(x > 0, x, -x),
    ],
)
def test_ties_and_kinks(function: Any) -> None:
    agree(function, KINKS)


def test_infinite_gradient_stops_at_relu() -> None:
    for library in (minitorch, torch):
        x = library.tensor([-1.0, 2.0], requires_grad=True)
        library.relu(x).backward(library.tensor([float("inf"), 1.0]))
        assert x.grad.tolist() == [0.0, 1.0]


# --- needless work


def test_no_work_and_no_warning_for_what_needs_no_gradient() -> None:
    x = minitorch.tensor([-2.0, -3.0], requires_grad=True)
    exponent = minitorch.tensor([2.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (x**exponent).sum().backward()  # the exponent's gradient would take the log of -2
    assert x.grad.tolist() == [-4.0, 27.0]


def test_only_what_is_asked_for_is_computed() -> None:
    calls = []

    class Spy(minitorch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            calls.append(1)
            return g

    a, b = minitorch.ones(2, requires_grad=True), minitorch.ones(2, requires_grad=True)
    y = (Spy.apply(a) * b).sum()
    minitorch.autograd.grad(y, b)
    assert calls == []


# --- duplicates


def test_duplicate_indices_add_up() -> None:
    agree(lambda t, x: x[[0, 0, 1]] * t.tensor([[1.0], [2], [3]], dtype=x.dtype), np.ones((3, 2)))


# --- devices


def test_mixed_devices_name_op_argument_and_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    from minitorch.autograd import mismatch

    def places(x: Any) -> minitorch.device:
        return minitorch.device("cuda:0") if x.shape == (2,) else minitorch.device("cpu")

    monkeypatch.setattr(mismatch, "device_of", places)
    error = mismatch.explain("mul", ["input", "other"], [np.ones(2), np.ones(3)], TypeError("no"))
    assert isinstance(error, RuntimeError)
    for part in ("mul", "'input' on cuda:0", "'other' on cpu", ".to("):
        assert part in str(error)


def test_cuda_without_gpu_says_what_is_missing() -> None:
    if minitorch.cuda.is_available():
        pytest.skip("there is a GPU")
    where = minitorch.device("cuda" if minitorch.cuda.is_available() else "cpu")
    assert minitorch.ones(2).to(where).device == where
    with pytest.raises((AssertionError, RuntimeError), match=r"CuPy|NVIDIA"):
        minitorch.ones(2).to("cuda")
    with pytest.raises((AssertionError, RuntimeError), match=r"pip install|driver"):
        minitorch.zeros(2, device="cuda")


# --- threads


def test_grad_mode_belongs_to_its_thread() -> None:
    seen = []
    with minitorch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(minitorch.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not minitorch.is_grad_enabled()
    assert seen == [True]


def test_threads_build_and_walk_their_own_graphs() -> None:
    results: dict[int, float] = {}

    def work(i: int) -> None:
        x = minitorch.full((10,), float(i), requires_grad=True)
        for _ in range(50):
            x.grad = None
            (x * x).sum().backward()
        results[i] = x.grad.sum().item()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: 20.0 * i for i in range(4)}
