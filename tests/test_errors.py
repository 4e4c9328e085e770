"""Bad input: PyTorch's error type, and a message that names the cure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

import minitorch


def twice(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    y.backward()


def changed(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    h = x * 2
    y = (h * h).sum()
    h.add_(1)
    y.backward()


def train(t: Any, output: Any, target: Any, loss: str) -> Any:
    return getattr(t.nn, loss)()(output(t), target(t))


Program = Callable[[Any], Any]
# name: (program, what the message of minitorch must say)
BAD: dict[str, tuple[Program, str]] = {
    "shapes of add": (lambda t: t.ones(3) + t.ones(4), r"size of tensor a \(3\).*tensor b \(4\).*\[3\] and \[4\]"),
    "shapes of matmul": (lambda t: t.ones(2, 3) @ t.ones(2, 3), r"2x3 and 2x3"),
    "features of Linear": (lambda t: t.nn.Linear(10, 2)(t.ones(4, 9)), r"4x9 and 10x2.*in_features, 10"),
    "dtypes of matmul": (lambda t: t.ones(2, 2) @ t.ones(2, 2).double(), r"same dtype.*float != double.*\.to\("),
    "dtype of Linear": (lambda t: t.nn.Linear(2, 2)(t.ones(1, 2, dtype=t.int64)), r"dtype"),
    "view": (lambda t: t.ones(2, 3).t().view(-1), r"reshape"),
    "reshape": (lambda t: t.ones(6).reshape(4, 2), r"\[4, 2\].*6"),
    "cat": (lambda t: t.cat([t.ones(2, 3), t.ones(3, 2)]), r"Expected size 3 but got size 2"),
    "stack": (lambda t: t.stack([t.ones(2), t.ones(3)]), r"equal size.*\[2\].*\[3\]"),
    "dim": (lambda t: t.ones(2, 3).sum(2), r"range of \[-2, 1\], but got 2"),
    "index": (lambda t: t.ones(3)[3], r"index 3 is out of bounds for dimension 0 with size 3"),
    "index list": (lambda t: t.ones(3)[[0, 5]], r"index 5 is out of bounds"),
    "negative step": (lambda t: t.ones(3)[::-1], r"flip"),
    "no tensor": (lambda t: t.exp(2.0), r"exp\(\): argument 'input'.*must be Tensor, not float"),
    "text": (lambda t: t.tensor("text"), r"str"),
    "ragged": (lambda t: t.tensor([[1], [1, 2]]), r"length 1 at dim 1 \(got 2\)"),
    "item": (lambda t: t.ones(3).item(), r"3 elements"),
    "truth": (lambda t: bool(t.ones(3)), r"ambiguous"),
    "numpy of tracked": (lambda t: t.ones(1, requires_grad=True).numpy(), r"detach\(\)"),
    "backward of no scalar": (lambda t: t.ones(2, requires_grad=True).mul(2).backward(), r"scalar"),
    "backward without graph": (lambda t: t.ones(1).backward(), r"does not require grad"),
    "backward twice": (twice, r"retain_graph=True"),
    "needed value changed": (changed, r"clone\(\)"),
    "leaf changed": (lambda t: t.ones(1, requires_grad=True).add_(1), r"no_grad|leaf"),
    "integer requires grad": (lambda t: t.ones(2, dtype=t.int64).requires_grad_(), r"float"),
    "in place widens": (lambda t: t.ones(2, dtype=t.int64).add_(1.5), r"Float can't be cast.*Long"),
    "in place grows": (lambda t: t.ones(3).add_(t.ones(2, 3)), r"\[3\].*\[2, 3\]"),
    "integer division by zero": (lambda t: t.tensor([1]) // 0, r"Zero"),
    "bool minus": (lambda t: t.tensor([True]) - t.tensor([True]), r"bool"),
    "label too large": (
        lambda t: train(t, lambda t: t.zeros(2, 3), lambda t: t.tensor([0, 3]), "CrossEntropyLoss"),
        r"Target 3 is out of bounds",
    ),
    "label negative": (
        lambda t: train(t, lambda t: t.zeros(2, 3), lambda t: t.tensor([0, -1]), "CrossEntropyLoss"),
        r"Target -1 is out of bounds",
    ),
    "floating labels": (
        lambda t: train(t, lambda t: t.zeros(2, 3), lambda t: t.tensor([0.0, 1.0]), "CrossEntropyLoss"),
        r"Long|long",
    ),
    "target size": (
        lambda t: train(t, lambda t: t.zeros(4, 1), lambda t: t.zeros(4), "BCEWithLogitsLoss"),
        r"\[4\].*must be the same as.*\[4, 1\]",
    ),
    "probability above 1": (lambda t: train(t, lambda t: t.tensor([1.5]), lambda t: t.ones(1), "BCELoss"), r"between 0 and 1|\[0, 1\]"),
    "probability NaN": (lambda t: train(t, lambda t: t.tensor([math.nan]), lambda t: t.ones(1), "BCELoss"), r"between 0 and 1|\[0, 1\]"),
    "loader over nothing": (lambda t: t.utils.data.DataLoader([], shuffle=True), r"num_samples.*0"),
    "batch of 0": (lambda t: t.utils.data.DataLoader([1, 2], batch_size=0), r"batch_size.*0"),
    "sampler and shuffle": (lambda t: t.utils.data.DataLoader([1], sampler=[0], shuffle=True), r"sampler.*shuffle"),
    "split": (lambda t: t.utils.data.random_split([1, 2, 3], [1, 1]), r"[Ss]um"),
    "optimizer without parameters": (lambda t: t.optim.SGD([], lr=0.1), r"empty parameter list"),
    "learning rate": (lambda t: t.optim.Adam([t.ones(1, requires_grad=True)], lr=-1), r"-1"),
    "optimizer of no leaf": (lambda t: t.optim.SGD([t.ones(1, requires_grad=True) * 2], lr=0.1), r"leaf"),
    "unknown device": (lambda t: t.ones(1).to("gpu"), r"gpu"),
    "missing weights": (lambda t: t.nn.Linear(1, 1).load_state_dict({}), r'Missing key.*"weight", "bias"'),
    "weights of another size": (
        lambda t: t.nn.Linear(1, 1).load_state_dict({"weight": t.ones(2, 2), "bias": t.ones(1)}), r"size mismatch.*\[2, 2\]",
    ),
    "misspelt attribute": (lambda t: t.nn.Linear(1, 1).weights, r"weight"),
    "module before init": (lambda t: type("M", (t.nn.Module,), {"__init__": lambda s: setattr(s, "a", t.nn.Linear(1, 1))})(), r"__init__"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    program, says = BAD[name]
    with pytest.raises(Exception) as theirs:  # noqa: PT011  (whatever PyTorch raises is the standard)
        program(torch)
    with pytest.raises(theirs.type) as mine:
        program(minitorch)
    assert mine.type is theirs.type
    assert re.search(says, str(mine.value), re.DOTALL), f"{mine.value!s} (PyTorch: {theirs.value!s})"


def test_nan_targets_give_nan_and_no_error() -> None:
    for t in (minitorch, torch):
        x = t.zeros(2, requires_grad=True)
        loss = t.nn.BCEWithLogitsLoss()(x, t.tensor([math.nan, 1.0]))
        loss.backward()
        assert math.isnan(loss.item())
        assert [math.isnan(g) for g in x.grad.tolist()] == [True, False]


def test_iterating_over_an_empty_loader_gives_nothing() -> None:
    for t in (minitorch, torch):
        assert list(t.utils.data.DataLoader([])) == []
