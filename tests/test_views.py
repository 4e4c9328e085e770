"""Views, joins and splits: values, layout in memory, what shares memory with what, gradients and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from autograd_helpers import leaf, same, same_error
from hypothesis import given
from hypothesis import strategies as st

import minitorch

# x is (2, 3), z is (3,), s has no dimensions, e is (0, 3) and k (2, 3, 2); o is (0,), l holds integers, h is (2, 0, 3).
VIEWS = """
x.t() | x.T | x.mT | x.view(-1) | x.view(3, 2) | x.reshape(-1) | x.T.reshape(-1) | x.transpose(0, -1) | x.permute(1, 0) | k.permute(2, 0, 1)
k.movedim(0, -1) | k.movedim((0, 1), (2, 0)) | s.movedim(0, -1) | s.transpose(0, -1) | s.t() | x.unsqueeze(-1) | x[None].squeeze(0)
x[None].squeeze((0, 1)) | x.flatten() | k.flatten(1) | s.flatten() | x.unflatten(1, (3, -1)) | x.expand(2, 2, 3) | z.expand(2, -1)
s.expand(2, 2) | x.expand(2, 3) | x.diagonal() | x.diagonal(1) | x.diagonal(5) | k.diagonal(0, 0, 2) | k.diagonal(-1, 2, 1) | x.unfold(1, 2, 2)
s.unfold(0, 1, 1) | z.unfold(0, 0, 1) | x.narrow(1, 1, 2) | x.narrow(1, -1, 1) | x.select(1, -1) | x.unbind(1) | x.split(2, 1) | x.split([1, 2], -1)
x.split(T.tensor(1)) | x.chunk(2, 1) | z.chunk(2) | e.chunk(3) | x.tensor_split(2, 1) | z.tensor_split((1, 5, 2)) | z.tensor_split(T.tensor([1, 2]))
e.split(1) | list(x) | x.ravel() | x.T.ravel() | x.view_as(x) | x.expand_as(k[..., 0]) | T.broadcast_tensors(x, z) | T.meshgrid(z, z, indexing="xy")
x.swapaxes(0, 1) | x[...] | x[:, 1:] | h.transpose(0, 2) | h.reshape(3, -1, 7) | h.unbind(2)
""".replace("\n", " | ").split(" | ")
COPIES = """
T.cat([x, x]) | T.cat([x.T, x.T], 1) | T.cat([x, x[:1]]) | T.cat([o, x], 1) | T.cat([z, l]) | T.cat([o, l]) | T.cat([l, z.double()]) | T.cat((e, x))
T.cat([x], -1) | T.cat([z.expand(2, 3), x]) | T.cat([x, x], axis=1) | T.stack([x, x]) | T.stack([x, x * 2], 1) | T.stack([x.T, x.T], -1)
T.stack([s, s, s]) | T.stack([z, l]) | T.stack([z, z], axis=1) | T.stack(x.unbind()) | T.stack([h, h]) | T.hstack([z, z]) | T.vstack([z, x])
x.repeat(2, 1) | z.repeat((2, 1)) | z.repeat(2, 2, 2) | s.repeat(2) | x.repeat(0, 1) | x.tile(2) | x.tile((2, 1, 1)) | x.T.repeat(1, 2)
x.repeat_interleave(2) | x.repeat_interleave(2, 0) | x.repeat_interleave(T.tensor([1, 0, 2]), 1) | x.repeat_interleave(2, 0, output_size=4)
x.flip(0) | x.flip(0, -1) | x.T.flip(0) | s.flip(0) | x.fliplr() | x.roll(1) | x.roll((1, -2), (0, 1)) | x.roll(1, -1) | x.rot90() | x.rot90(-1)
x.diag() | z.diag(-1) | T.diag_embed(x) | T.diag_embed(x, 1, 0, 2) | T.diag_embed(x, -1, 1, 0) | x.tril(1) | k.triu(-1)
x.gather(1, T.tensor([[0, 0], [2, 1]])) | s.gather(0, T.tensor([0, 0])) | x.scatter(0, T.tensor([[0]]), 3.) | z.scatter(0, T.tensor(1), 3.)
s.scatter(0, T.tensor([0]), 3.) | z.scatter(0, T.tensor([2]), z[1:2]) | x.scatter_add(1, T.tensor([[0, 0, 2]]), x[:1]) | x.scatter(0, l[:0], 2.)
x.index_select(1, T.tensor([2, 2])) | s.index_select(0, T.tensor([0])) | x.index_add(0, T.tensor([1, 1]), x, alpha=2) | s.index_add(0, T.tensor(0), s)
x.index_copy(1, T.tensor([2]), x[:, :1]) | x.index_fill(1, T.tensor([-1]), 5) | z.index_fill(0, T.tensor(1), s) | s.index_fill(0, T.tensor([0]), 2.)
x.take(T.tensor([[0, -1]])) | T.take_along_dim(x, T.tensor([[1], [-1]]), 1) | T.take_along_dim(x, T.tensor([[0, 5]]), 1)
T.take_along_dim(x, T.tensor([0, 5])) | x.masked_fill(x > 1, s) | x.masked_fill(z > 1, 7) | x.masked_select(x > 1) | s.masked_select(s > 0)
l.masked_fill(l > 1, 2.5) | x.masked_select(z > 1) | T.where(x > 1, x, 0.)
""".replace("\n", " | ").split(" | ")


def tensors(t: Any) -> dict[str, Any]:
    return {
        "T": t, "x": leaf(t, 2, 3), "z": leaf(t, 3), "s": leaf(t), "k": leaf(t, 2, 3, 2), "e": t.zeros(0, 3, dtype=t.float64),
        "o": t.zeros(0), "l": t.arange(3), "h": t.zeros(2, 0, 3),
    }  # fmt: skip


def as_list(y: Any) -> list[Any]:
    return list(y) if isinstance(y, tuple | list) else [y]


@pytest.mark.parametrize("form", [form.strip() for form in VIEWS + COPIES if form.strip()])
def test_value_layout_gradient(form: str) -> None:
    def program(t: Any) -> Any:
        names = tensors(t)
        made = as_list(eval(form, names))
        tracked = [y for y in made if y.requires_grad]
        if tracked:
            sum((y * y).sum() for y in tracked).backward()
        grads = [names[name].grad for name in "xzsk"]
        return made, grads, [(y.is_contiguous(), y.is_leaf, y._version, y.requires_grad) for y in made]

    same(program)


@pytest.mark.parametrize("form", [form.strip() for form in VIEWS if form.strip()])
def test_a_view_is_the_same_memory(form: str) -> None:
    """Strides agree, and a write under no_grad is seen on the other side."""

    def program(t: Any) -> Any:
        names = tensors(t)
        with t.no_grad():
            made = as_list(eval(form, names))
            strides = [[step for step, n in zip(y.stride(), y.shape, strict=True) if n > 1] for y in made if y.numel()]
            for y in made:
                if y.numel():
                    y[(0,) * y.ndim] = 77.0
        return strides, [names[name].detach() for name in "xzsk"], [names[name]._version for name in "xzsk"]

    same(program)


WRONG = """
T.cat([]) | T.cat([s]) | T.cat([x, z]) | T.cat([x, k]) | T.cat([x, x.T]) | T.cat([x, 1]) | T.cat(x) | T.cat(None) | T.cat([x], 2) | T.stack([])
T.stack([x, z]) | T.stack([x, None]) | T.stack(1) | T.stack([z], 2) | T.hstack([]) | T.vstack([])
x.split(-1) | x.split(0) | x.split([1, 2]) | x.split(2.0) | x.split(T.tensor([1, 1])) | s.split(1) | x.split(1, 2) | x.split(None) | x.split([-1, 3])
x.chunk(0) | x.chunk(2.0) | s.chunk(1) | s.tensor_split(1) | x.tensor_split(0) | x.tensor_split(1.5) | s.unbind() | x.unbind(2)
x.view(4) | x.view(-1, -1) | x.T.view(-1) | x.reshape(-2, 3) | e.reshape(0, -1) | x.reshape() | x.reshape(2.0, 3) | x.expand(3) | x.expand(4, 3)
x.expand(-1, 2, 3) | x.expand() | x.permute(0) | x.permute(0, 0) | x.transpose(0, 2) | s.transpose(0, 1) | x.t().t()[None].t() | s.unflatten(0, (1,))
x.movedim((0, 1), (0,)) | x.movedim((0, 0), (0, 1)) | x.unflatten(0, (3, -1)) | x.unflatten(0, ()) | x.flatten(1, 0) | x.squeeze(2) | x.unsqueeze(4)
x.repeat(2) | x.repeat(-1, 1) | x.repeat() | x.tile() | x.repeat_interleave(-1) | x.repeat_interleave(1.5) | x.repeat_interleave(T.tensor([1, 2]))
x.repeat_interleave(T.tensor([1, -1]), 0) | x.repeat_interleave(2, 0, output_size=5) | x.repeat_interleave(2, 2) | x.flip(0, 0) | x.flip(2)
x.roll((1, 2), 0) | x.roll((), ()) | z.rot90() | x.rot90(1, (0,)) | x.rot90(1, (0, 0)) | z.diagonal() | x.diagonal(0, 1, 1) | k.diag()
T.diag_embed(x, 0, 0, 0) | x.unfold(0, 3, 1) | x.unfold(0, 1, 0) | x.narrow(0, 1, 2) | x.narrow(0, 3, 0) | s.narrow(0, 0, 1) | x.select(0, 2)
T.meshgrid() | T.meshgrid(x, z) | T.meshgrid(z, l) | T.meshgrid(z, indexing="ab") | T.broadcast_tensors(x, l[:2]) | z.tril()
x.gather(0, [0]) | x.gather(0, l) | x.gather(0, l[None].float()) | x.gather(0, l[None]) | x.gather(2, l[None]) | x.gather(0, T.tensor([[-1]]))
x.scatter(0, l[None] * 0, None) | x.scatter(0, l[None] * 0, l[None]) | x.scatter(0, l[None], 1.)
x.scatter(0, l[None] * 0, 1., reduce="mean") | x.scatter_add(0, l[None] * 0, 1.) | x.index_select(0, l[None]) | x.index_select(0, T.tensor([-1]))
x.index_select(0, 0) | x.index_add(0, l[:1], z) | x.index_add(0, l[:1], l[None]) | x.index_copy(0, l[:2], x[:1]) | x.index_copy(0, l[:1], l[None])
x.index_fill(0, l[None], 1) | x.index_fill(0, l[:1], z) | x.index_fill(0, l[:1], None) | x.take(z) | x.take(T.tensor([6]))
T.take_along_dim(x, l, 1) | T.take_along_dim(x, [0], 1) | x.masked_fill(l, 1) | x.masked_fill(x > 1, z) | x.masked_fill(x > 1, None)
x.masked_fill(x > 1, 1e400j) | x.masked_fill([True], 1) | x.masked_select(l) | x.masked_select(T.ones(2).bool()) | x.masked_select(True)
""".replace("\n", " | ").split(" | ")


@pytest.mark.parametrize("form", [form.strip() for form in WRONG if form.strip()])
def test_wrong_arguments(form: str) -> None:
    same_error(lambda t: eval(form, tensors(t)))


def test_joining_keeps_nothing_of_what_is_joined() -> None:
    def program(t: Any) -> Any:
        x = leaf(t, 2, 3)
        parts = [x * 1, x * 2]
        y = t.cat(parts).sum() + t.stack(parts).sum()
        for part in parts:
            part.zero_()
        y.backward()
        with t.inference_mode():
            constant = t.ones(2, 3, dtype=t.float64)
        t.cat([x, constant]).sum().backward()
        return x.grad

    same(program)


@given(data=st.data())
def test_drawn_chains_of_views(data: st.DataObject) -> None:
    """A write at the end of a chain of views arrives at its start, with its gradient, and the other views follow."""
    shape = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    steps = data.draw(
        st.lists(
            st.sampled_from(
                [".transpose(0, -1)", "[None]", "[..., :2]", "[-1]", ".unsqueeze(-1)", ".flatten()", ".diagonal(0, 0, -1)",
                 ".squeeze()", ".movedim(0, -1)", "[::2]", ".unfold(0, 1, 1)", ".expand(1, -1)", ".reshape(-1)"]
            ),
            max_size=4,
        )
    )  # fmt: skip
    write = data.draw(
        st.sampled_from(["y.mul_(3)", "y.zero_()", "y.sin_()", "b.add_(y.sum())", "b.mul_(2)", "y[...] = 2.0"])
    )

    def program(t: Any) -> Any:
        w = leaf(t, *shape)
        b = w * 2
        y, chain = b, []
        for step in steps:
            try:
                y = eval("y" + step, {"y": y})
            except (IndexError, RuntimeError):
                continue
            chain.append(y)
        exec(write, {"y": y, "b": b})
        total = sum(((i + 1) * v * v).sum() for i, v in enumerate([b, *chain]))
        return t.autograd.grad(total, w), [v.stride() for v in chain if 1 not in v.shape], b._version

    same(program)


@given(
    rows=st.integers(1, 40),
    shape=st.lists(st.integers(0, 3), max_size=3),
    kinds=st.lists(st.sampled_from(["float32", "float64", "int64", "bool"]), min_size=1, max_size=3),
    turned=st.booleans(),
)
def test_stack_is_numpys(rows: int, shape: list[int], kinds: list[str], turned: bool) -> None:
    arrays = [np.ones(shape, kinds[i % len(kinds)]) * (i % 2) for i in range(rows)]
    made = [minitorch.tensor(a).T if turned else minitorch.tensor(a) for a in arrays]
    for dim in range(-1, len(shape) + 1):
        got = minitorch.stack(made, dim)
        assert got.is_contiguous()
        np.testing.assert_array_equal(got.numpy(), np.stack([m.numpy() for m in made], dim))
