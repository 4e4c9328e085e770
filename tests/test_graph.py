"""Hooks in a backward pass, Variable, and the graph as data."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from autograd_helpers import leaf, same, same_error

import minitorch

# --- hooks


def test_a_leafs_hook_sees_the_whole_gradient_once():
    def program(T: Any) -> Any:
        x, seen = leaf(T, 2), []
        x.register_hook(lambda g: seen.append(g.clone()))
        x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
        ((x * 2).sum() + (x * 3).sum()).backward()
        return seen

    same(program)


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_hook_replaces_the_gradient_for_grad_too(wanted: int):
    def program(T: Any) -> Any:
        x = leaf(T, 2)
        y = x * x
        y.register_hook(lambda g: g * 10)
        x.register_hook(lambda g: g + 1)
        z = (y * y).sum()
        return T.autograd.grad(z, (x, y)[wanted], retain_graph=True), z.backward(), x.grad

    same(program)


@pytest.mark.parametrize("retain_first", [False, True])
def test_a_retained_gradient_is_what_the_hooks_made_of_it(retain_first: bool):
    def program(T: Any) -> Any:
        x = leaf(T, 2)
        y = x * x
        if retain_first:
            y.retain_grad()
        y.register_hook(lambda g: g * 10)
        y.retain_grad()
        (y * y).sum().backward()
        return y.grad, x.grad

    same(program)


def test_calling_grad_inside_a_hook():
    def program(T: Any) -> Any:
        x, y = leaf(T, 2), leaf(T, 2)
        inner = (y * y).sum()
        z = x * 3
        z.register_hook(lambda g: T.autograd.grad(inner, y)[0] * g)
        z.sum().backward()
        return x.grad

    same(program)


# --- Variable, anomaly detection


@pytest.mark.parametrize("library", [minitorch, torch])
def test_variable(library: Any):
    data = library.ones(2)
    x = library.autograd.Variable(data, requires_grad=True)
    assert type(x) is library.Tensor
    assert x.requires_grad
    assert x.is_leaf
    assert x is not data
    assert x.data_ptr() == data.data_ptr()
    assert isinstance(data, library.autograd.Variable)
    assert not isinstance(3, library.autograd.Variable)
    assert not library.autograd.Variable(x * 2).requires_grad
    with pytest.warns(UserWarning, match="volatile was removed"):
        library.autograd.Variable(data, volatile=True)


def test_variable_errors():
    same_error(lambda T: T.autograd.Variable([1.0]), "Variable data has to be a tensor, but got list")
    same_error(lambda T: T.autograd.Variable(T.tensor([1]), requires_grad=True), "Only Tensors of floating point")


def test_anomaly_detection_is_not_done():
    with pytest.raises(NotImplementedError, match="detect_anomaly"):
        minitorch.autograd.detect_anomaly()
    with pytest.raises(NotImplementedError, match="mode=True"):
        minitorch.autograd.set_detect_anomaly(True)
    with minitorch.autograd.set_detect_anomaly(False):
        pass


# --- the graph as data


def test_describe():
    w, b = leaf(minitorch, 3), leaf(minitorch, 1)
    loss = (minitorch.ones(3, dtype=minitorch.float64) * w + b).sum()
    assert minitorch.autograd.graph.describe(loss, {"w": w}).splitlines() == [
        "3 SumBackward0 () <- 2",
        "2 AddBackward0 (3,) <- 1, leaf 1",
        "1 MulBackward0 (3,) <- w",
        "leaf 1 (1,)",
        "w (3,)",
    ]
    assert minitorch.autograd.graph.describe(w, {"w": w}) == "w (3,)"
    assert minitorch.autograd.graph.describe(minitorch.ones(3)) == ""


def test_to_dot_has_a_line_per_node_and_per_edge():
    x = leaf(minitorch, 2)
    text = minitorch.autograd.graph.to_dot((x * x).sum(), {'layer."0"': x})
    assert text.startswith("digraph {")
    assert text.endswith("}\n")
    assert r'[shape=box, label="layer.\"0\"\n(2,)"]' in text
    labels = re.findall(r'(\w+) \[.*label="(\w+)', text)
    assert labels == [("t1", "layer"), ("n1", "MulBackward0"), ("n2", "SumBackward0")]
    assert re.findall(r"(\w+) -> (\w+)", text) == [("t1", "n1"), ("t1", "n1"), ("n1", "n2")]


def test_the_graph_of_several_and_of_deep_tensors():
    x = leaf(minitorch, 2)
    y = x
    for _ in range(20_000):
        y = y + 1.0
    assert len(minitorch.autograd.graph.describe((y, x * 2)).splitlines()) == 20_002
    with pytest.raises(TypeError, match="not of int"):
        minitorch.autograd.graph.to_dot([3])


@pytest.mark.parametrize("library", [minitorch, torch])
def test_node_is_public(library: Any):
    assert isinstance((leaf(library, 2) * 2).grad_fn, library.autograd.graph.Node)
