"""The backward pass: newest node first, gradients in flight in a dict, no recursion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.broadcast import clone, convert, sum_to
from minitorch.autograd.mode import grad_enabled
from minitorch.autograd.tape import Node, on_arrays, wrap
from minitorch.autograd.view import refresh

Edge = Any  # a Node, or a leaf Tensor


def run(
    roots: Sequence[tuple[Any, Any]],
    *,
    retain_graph: bool,
    create_graph: bool,
    inputs: Sequence[Any] | None,
) -> list[Any]:
    """Walk back from `roots`, pairs (tensor, gradient as an array or, under create_graph, a Tensor).

    inputs None: add into the `.grad` of every leaf reached. Else compute only what leads to these tensors and
    return their gradients (None where not reached).
    """
    edges: Sequence[Edge] = [edge_of(t) for t, _ in roots]
    gradients = [g for _, g in roots]
    targets: list[Edge] = []
    needed = None
    if inputs is not None:
        targets = [edge_of(t) for t in inputs]
        needed = _leading_to(targets, edges)
    found: dict[Edge, Any] = dict.fromkeys(targets)
    leaves: dict[Any, tuple[Any, bool]] = {}  # (gradient so far, whether nothing else holds that array)
    pending: dict[int, tuple[Node, Any]] = {}  # gradients in flight, by the number of the node they wait at
    heap: list[int] = []  # those numbers, negated: the first is the newest node

    rules_on_arrays = on_arrays.set(not create_graph)
    recording = grad_enabled.set(create_graph)
    try:
        g = None  # the gradient that `gradients` were computed from: what is `g` itself, or a view, others may hold
        while True:
            for edge, gi in zip(edges, gradients):
                if gi is None:
                    continue
                if isinstance(edge, Node):
                    if gi.shape != edge.shape or (gi._data if create_graph else gi).dtype is not edge.dtype:
                        gi = _fitted(gi, edge, create_graph)
                    number = edge.number
                    if number in pending:
                        gi = pending[number][1] + gi
                    else:
                        heappush(heap, -number)
                    pending[number] = (edge, gi)
                elif needed is None or edge in needed:
                    data, owned = edge._data, gi is not g and g is not None
                    if gi.shape != data.shape or (gi._data if create_graph else gi).dtype is not data.dtype:
                        gi, owned = _fitted(gi, data, create_graph), True
                    leaves[edge] = (leaves[edge][0] + gi, True) if edge in leaves else (gi, owned)
            if not heap:
                break
            node, g = pending.pop(-heappop(heap))
            if node.hooks:
                g = _run_hooks(node.hooks.values(), g, create_graph)
            wanted = None
            if needed is not None:
                if node in found:
                    found[node] = g
                wanted = [edge in needed for edge in node.edges]
                if not any(wanted):
                    edges = gradients = []
                    continue
            edges, gradients = node.edges, node.gradients(g, wanted, create_graph)
            if not retain_graph:
                node.release()
        for leaf, (g, owned) in leaves.items():
            if leaf._hooks is not None:
                g, owned = _run_hooks(leaf._hooks.on_gradient.values(), g, create_graph), False
            if needed is None:
                if leaf._requires_grad:  # it may have been switched off since
                    add_to_grad(leaf, g, owned, create_graph)
            else:
                found[leaf] = g
    finally:
        grad_enabled.reset(recording)
        on_arrays.reset(rules_on_arrays)
    return [found[edge] for edge in targets]


def _fitted(g: Any, place: Any, create_graph: bool) -> Any:
    """The gradient in the shape and dtype of the value it belongs to: broadcasting and promotion undone."""
    if g.shape != place.shape:
        g = sum_to(g, place.shape) if create_graph else sum_to.array(g, place.shape)
    return g if (g._data if create_graph else g).dtype is place.dtype else convert(g, place.dtype)


def edge_of(t: Any) -> Edge:
    """Where the gradient of tensor `t` goes: the node that made it, or the leaf itself."""
    refresh(t)
    return t if t._node is None else t._node


def _leading_to(targets: Sequence[Edge], roots: Sequence[Edge]) -> set[Edge]:
    """The targets, and the nodes between roots and them."""
    seen: set[Edge] = set()
    stack = list(roots)
    while stack:
        edge = stack.pop()
        if edge not in seen:
            seen.add(edge)
            if isinstance(edge, Node):
                stack.extend(edge.edges)
    needed = set(targets)
    for node in sorted((e for e in seen if isinstance(e, Node)), key=lambda n: n.number):
        if any(edge in needed for edge in node.edges):
            needed.add(node)
    return needed


def add_to_grad(leaf: Any, g: Any, owned: bool, create_graph: bool) -> None:
    """Add `g` into `leaf.grad`. A leaf owns its grad: the first one is copied if anything else may hold it."""
    grad = leaf._grad
    if create_graph:
        leaf._grad = grad + g if grad is not None else g if owned and g._view is None else clone(g)
    elif grad is None:
        if isinstance(g, np.generic):
            g = np.asarray(g)
        leaf._grad = wrap(g if owned and g.base is None else g.copy())
    elif grad._requires_grad:
        leaf._grad = wrap(grad._data + g)
    else:
        grad._data += g
        grad._bump()
    if leaf._hooks is not None:
        rules_on_arrays = on_arrays.set(False)
        try:
            for hook in list(leaf._hooks.after_accumulate.values()):
                hook(leaf)
        finally:
            on_arrays.reset(rules_on_arrays)


def _run_hooks(hooks: Iterable[Any], g: Any, create_graph: bool) -> Any:
    """Hooks see Tensors; what one returns replaces the gradient."""
    t = g if create_graph else wrap(np.asarray(g) if isinstance(g, np.generic) else g)
    allowed = on_arrays.set(False)
    try:
        for hook in sorted(hooks, key=lambda hook: hasattr(hook, "retains")):  # retain_grad sees what the others made
            replaced = hook(t)
            if replaced is not None:
                if not isinstance(replaced, tape.Tensor):
                    raise TypeError(f"hook must return None or a Tensor, not {replaced.__class__.__name__}")
                if replaced.shape != t.shape:
                    raise RuntimeError(f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value")
                t = replaced
    finally:
        on_arrays.reset(allowed)
    return t if create_graph else t._data
