"""Writes that autograd sees: the program, in both libraries, gives one outcome, or is refused by both."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from autograd_helpers import leaf, same, same_error

import minitorch
from minitorch.autograd.tape import Node, View

# Each runs with `w`, a (3, 3) leaf, `b = w * 2` and `v`, a leaf of 3; afterwards the gradients of (everything)**2 agree,
# and so do the values and the versions.
PROGRAMS = """
y = b[0]; y.mul_(v)
b[0] = b[1]; b[:] = b[0]
b.copy_(b); b.add_(b)
b[:0].add_(b[0])
b[b > 2] = b[0, 0]
b.index_fill_(0, T.tensor([0]), b[1, 1])
b[0] = b[1]; b[None] = b[2]
b.fill_(b[0, 0]); b.masked_fill_(b > 1, b[0, 0])
b[1:] = b[:-1].clone()
y = b[0]; b.mul_(v)
y = b.t(); y[0] = v
y = b[1:]; z = y[0]; z.sin_(); y.exp_()
y = b.view(-1); y[::2] = 0.; z = b[0]
y = b.diagonal(); y.fill_(v[0])
y = b.diagonal(); y.add_(v)
y = b.expand(3, 3); y.mul_(2)
y = b[None].squeeze(0).unsqueeze(1); y.neg_()
y = b.tensor_split(2)[1]; y.mul_(3.)
y = b.transpose(0, 1).flatten()[:2]; b.add_(1)
y = b[...]; b[1:] = v; b.lerp_(y, 0.3)
y = b[0]; b.mul_(2); b[1] = y
b[b > 4] = 0.5; b[[0, 0]] *= 2
b[:] = v; b[...] = w
b.index_add_(0, T.tensor([0, 0]), w[:2])
b.index_copy_(1, T.tensor([2]), w[:, :1])
b.index_fill_(1, T.tensor([0]), v[0])
b.scatter_(0, T.zeros(1, 3, dtype=T.long), w[:1])
b.scatter_add_(0, T.zeros(1, 3, dtype=T.long), w[:1])
b.index_put_((T.tensor([0, 0]),), v[1], accumulate=True)
b.masked_fill_(b > 3, v[2])
y = b[0, 0]; y.index_fill_(0, T.tensor([0]), 7.)
y = b[0, 0]; y.scatter_(0, T.tensor(0), 7.)
y = T.cat([b, b]); b.fill_(1.)
y = b.detach(); y.zero_()
y = b.data; y.zero_()
with T.no_grad(): b[0].mul_(2)
with T.no_grad(): y = w.clone()[0]; y.add_(1)
y = T.ones(3).double(); z = y[1:]; y.mul_(v)
y = T.ones(3).double(); z = y[1:]; z.mul_(v[1:])
y = b[0]; y.retain_grad(); b.mul_(2)
y = b[:2]; y.retain_grad(); y.mul_(2)
b.retain_grad(); b.mul_(2); b[0] = 1.
y = b.swapaxes(0, 1)[0, 0]; z = y.transpose(0, -1); z.mul_(3.)
""".strip().splitlines()


@pytest.mark.parametrize("text", PROGRAMS)
def test_program(text: str) -> None:
    def program(t: Any) -> Any:
        w, v = leaf(t, 3, 3), leaf(t, 3, start=0.2)
        names = {"T": t, "w": w, "v": v, "b": w * 2}
        exec(text, names)
        made = [names[name] for name in "byz" if name in names]
        total = sum((x * x).sum() for x in made)
        first = t.autograd.grad(total, [w, v], create_graph=True, allow_unused=True)
        second = t.autograd.grad(
            sum((g * g).sum() for g in first if g is not None), w, allow_unused=True, retain_graph=True
        )
        retained = [x.retains_grad for x in made]
        total.backward()
        return (
            made,
            first,
            second,
            retained,
            [x.grad for x, keeps in zip(made, retained, strict=True) if keeps],
            [(x._version, x.requires_grad, x.is_leaf) for x in made],
        )

    same(program)


REFUSED = """
b[1:] = b[:-1]
b.copy_(b[0])
b[0:1].copy_(b[0])
b[None] = b.t()
b[[1, 0, 2]] = b
b.index_put_((T.tensor([0]),), b[1])
b.index_add_(0, T.tensor([0, 1, 2]), b)
b.index_copy_(0, T.tensor([2, 1, 0]), b)
b.scatter_(0, T.zeros(1, 3, dtype=T.long), b)
b.view(1, 3, 3).add_(b)
c = T.zeros(2, 2, 2) * b.sum(); c.add_(c.permute(1, 0, 2))
b[1:].add_(b[:-1])
b.sub_(b[0])
b.mul_(b[0, 0])
b.add_(b.t())
b.copy_(b.t())
b.lerp_(b[0], 0.5)
b.clamp_(min=b[0])
b.eq_(b[0])
w.add_(1)
w[0] = 1.
w[0].add_(1)
w.diagonal().zero_()
b.unbind()[0].add_(1)
b.split(2)[0].zero_()
b.chunk(2)[0][0] = 1.
y = b.unbind()[0]; b.mul_(2); y + 1
y = b.split(2)[0]; b[0] = 1.; y.grad_fn
with T.no_grad(): y = b[0]
y.mul_(2)
with T.no_grad(): y = b[0]
b.mul_(2); y + 1
with T.no_grad(): y = w[0]; w.add_(1)
y + 1
b.expand(2, 3, 3).add_(1)
b.unfold(0, 2, 1)[:, :, :].expand(2, 2, 3, 2).mul_(2)
b.add_(T.ones(2, 3, 3))
b.add_(T.ones(4))
b[0] = T.ones(2)
b[0] = T.ones(2, 3)
b[[0, 1]] = T.ones(4, dtype=T.float64)
b.copy_(T.ones(2))
b.copy_([1.])
b.fill_(T.ones(2))
T.ones(3, dtype=T.long).add_(1.5)
T.ones(3, dtype=T.bool).add_(1)
with T.inference_mode(): y = T.ones(3)
y.add_(1)
with T.inference_mode(): y = T.ones(3)
y * v
b.exp_(); b.add_(1); b.sum().backward()
y = b * b; b[0] = 1.; y.sum().backward()
y = b.exp(); y[0].zero_(); y.sum().backward()
b.index_add_(0, T.tensor([0]), w[:2])
b.index_add_(0, T.tensor([3]), w[:1])
b.index_copy_(0, T.tensor([0]), v)
b.index_copy_(0, [0], w[:1])
b.index_fill_(0, T.tensor([[0]]), 1.)
b.scatter_(0, T.tensor([[3]]), 1.)
b.scatter_add_(0, T.tensor([[0]]), 1.)
b.index_put_((None, T.tensor([0])), v[0])
b.index_put_((T.tensor([0]),), 1.)
b.masked_fill_(T.ones(3, 3), 1.)
b.masked_fill_(T.ones(3, 3).bool(), T.ones(2))
b.masked_fill_(T.ones(3, 3).bool(), None)
b.requires_grad_(False)
b[0].detach_()
""".strip()


def _cases(text: str) -> Iterator[str]:
    """One a line; a line that opens a block goes on in the next."""
    lines = iter(text.splitlines())
    for line in lines:
        yield line if not line.startswith("with") else f"{line}\n{next(lines)}"


CASES = list(_cases(REFUSED))


@pytest.mark.parametrize("text", CASES)
def test_refused_by_both(text: str) -> None:
    def program(t: Any) -> None:
        w = leaf(t, 3, 3)
        exec(text, {"T": t, "w": w, "v": leaf(t, 3), "b": w * 2})

    same_error(program)


@pytest.mark.parametrize(
    "text", [case for case in CASES if case.startswith(("w", "b")) and ";" not in case and "\n" not in case]
)
def test_a_refused_write_changes_nothing(text: str) -> None:
    w = leaf(minitorch, 3, 3)
    b = w * 2
    before = w.tolist(), b.tolist(), w._version, b._version, b.grad_fn
    with pytest.raises((RuntimeError, IndexError, TypeError)):
        exec(text, {"T": minitorch, "w": w, "v": leaf(minitorch, 3), "b": b})
    assert (w.tolist(), b.tolist(), w._version, b._version, b.grad_fn) == before


def test_a_leaf_that_needs_its_gradient_no_more_gets_none() -> None:
    def program(t: Any) -> Any:
        w, v = leaf(t, 3), leaf(t, 3)
        y = (w * v).sum()
        w.requires_grad_(False)
        y.backward()
        return w.grad, v.grad

    same(program)


def _alive() -> int:
    return sum(type(x) in (minitorch.Tensor, Node, View) for x in gc.get_objects())


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("text", PROGRAMS)
def test_writes_leave_no_cycles(text: str) -> None:
    """With the collector off, nothing of a program is alive after it."""

    def run() -> None:
        w = leaf(minitorch, 3, 3)
        names = {"T": minitorch, "w": w, "v": leaf(minitorch, 3), "b": w * 2}
        exec(text, names)
        (names["b"] * names["b"]).sum().backward()

    before = _alive()
    run()
    assert _alive() == before


def test_threads_write_apart() -> None:
    wrong: list[Any] = []

    def work(k: float) -> None:
        for _ in range(30):
            w = leaf(minitorch, 4)
            b = w * 2
            b[:2].mul_(k)
            b[3] = 0.0
            b.sum().backward()
            if w.grad.tolist() != [2 * k, 2 * k, 2, 0]:
                wrong.append((k, w.grad))

    threads = [threading.Thread(target=work, args=(k,)) for k in (1.0, 2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
