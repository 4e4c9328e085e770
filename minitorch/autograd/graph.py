"""The recorded graph as data, to be looked at: a listing, or a drawing in Graphviz's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minitorch.autograd import tape
from minitorch.autograd.engine import edge_of
from minitorch.autograd.tape import Node

__all__ = ["Node", "describe", "to_dot"]


def describe(tensor: Any, params: Mapping[str, Any] | None = None) -> str:
    """A line per recorded call that `tensor` (or a tuple of tensors) came from, newest first, then the leaves.

        2 SumBackward0 () <- 1
        1 MulBackward0 (3,) <- w, leaf 1
        w (3,)
        leaf 1 (3,)

    The numbers count from the oldest call. params: names of leaves, such as `dict(model.named_parameters())`.
    """
    nodes, leaves = collect(tensor)
    names = _names(nodes, leaves, params)
    lines = []
    for node in reversed(nodes):
        sources = ", ".join(names[edge] for edge in node.edges)
        lines.append(" ".join(f"{names[node]} {node.name()} {_shape(node)} <- {sources}".split()))
    lines += [f"{names[leaf]} {_shape(leaf)}" for leaf in leaves]
    return "\n".join(lines)


def to_dot(tensor: Any, params: Mapping[str, Any] | None = None) -> str:
    """The graph that `tensor` (or a tuple of tensors) came from as DOT text, for the program `dot` of Graphviz.

    Arrows follow the data: from the leaves, drawn as boxes, through the recorded calls. params: names of leaves.
    """
    nodes, leaves = collect(tensor)
    names = _names(nodes, leaves, params)
    places = {edge: f"{kind}{i}" for kind, edges in (("n", nodes), ("t", leaves)) for i, edge in enumerate(edges, 1)}
    lines = ["digraph {", "  node [fontname=monospace]"]
    lines += [f"  {places[leaf]} [shape=box, label={_quoted(names[leaf], _shape(leaf))}]" for leaf in leaves]
    for node in nodes:
        lines.append(f"  {places[node]} [label={_quoted(node.name(), _shape(node))}]")
        lines += [f"  {places[edge]} -> {places[node]}" for edge in node.edges]
    return "\n".join([*lines, "}"]) + "\n"


def collect(tensor: Any) -> tuple[list[Node], list[Any]]:
    """(nodes, oldest first; leaf tensors that require grad, in the order they are met from the newest node on)."""
    tensors = [tensor] if isinstance(tensor, tape.Tensor) else list(tensor)
    for t in tensors:
        if not isinstance(t, tape.Tensor):
            raise TypeError(f"the graph of a Tensor, or of several, can be shown: not of {t.__class__.__name__}")
    seen: set[Any] = set()
    stack = [edge_of(t) for t in tensors if t.requires_grad]
    leaves = {edge: None for edge in stack if not isinstance(edge, Node)}
    while stack:
        edge = stack.pop()
        if isinstance(edge, Node) and edge not in seen:
            seen.add(edge)
            stack.extend(edge.edges)
    nodes = sorted(seen, key=lambda node: node.number)
    for node in reversed(nodes):
        leaves.update((edge, None) for edge in node.edges if not isinstance(edge, Node))
    return nodes, list(leaves)


def _names(nodes: list[Node], leaves: list[Any], params: Mapping[str, Any] | None) -> dict[Any, str]:
    given = {id(t): name for name, t in (params or {}).items()}
    names: dict[Any, str] = {node: str(i) for i, node in enumerate(nodes, 1)}
    for i, leaf in enumerate(leaves, 1):
        names[leaf] = given.get(id(leaf), f"leaf {i}")
    return names


def _shape(edge: Any) -> str:
    shape = edge.shape if isinstance(edge, Node) else edge._data.shape
    return "" if shape is None else str(tuple(shape))  # a Function's node for several outputs has none


def _quoted(*lines: str) -> str:
    """A DOT string."""
    text = [line.replace("\\", "\\\\").replace('"', '\\"') for line in lines if line]
    return '"' + "\\n".join(text) + '"'
