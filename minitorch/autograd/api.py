"""`backward` and `grad`: what the user asks, checked, handed to the engine."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from minitorch.autograd import engine, tape
from minitorch.autograd.mode import set_grad_enabled
from minitorch.autograd.tape import wrap
from minitorch.device import Array, device_of, xp

TensorOrTensors: TypeAlias = Any  # a Tensor, or a sequence of Tensors
Gradients: TypeAlias = Any  # a Tensor, a sequence of Tensors and None, or None


def backward(
    tensors: TensorOrTensors,
    grad_tensors: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Gradients = None,
    inputs: TensorOrTensors | None = None,
) -> None:
    """Add the gradients of `tensors` into the `.grad` of the leaves, or of `inputs` if given.

    grad_tensors: the gradient of each tensor, in its shape; None for a tensor of one element means 1.
    retain_graph: keep what the graph saved, for another pass; by default as `create_graph`.
    create_graph: record the pass, for higher derivatives. The leaf and its `.grad` then refer to each other:
        set `.grad` to None when done, or use `grad`.
    """
    if grad_variables is not None:
        message = "`grad_variables` is deprecated. Use `grad_tensors` instead."
        warnings.warn(message, FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    targets = None
    if inputs is not None:
        targets = list({id(t): t for t in _as_list(_values(inputs))}.values())  # named twice, added once
        if not targets:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        _check_inputs(targets, "can't retain_grad on Tensor that has requires_grad=False")
    roots = _roots(tensors, grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if targets is None:
        engine.run(roots, retain_graph=retain, create_graph=create_graph, inputs=None)
        return
    for t in targets:
        t.retain_grad()  # its hook adds into the `.grad` of what is not a leaf
    found = engine.run(roots, retain_graph=retain, create_graph=create_graph, inputs=targets)
    with set_grad_enabled(create_graph):
        for t, g in zip(targets, found, strict=True):
            if g is not None and t._node is None:
                engine.add_to_grad(t, g, False, create_graph)


def grad(
    outputs: TensorOrTensors,
    inputs: TensorOrTensors,
    grad_outputs: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradient of the sum of `outputs` (each times its `grad_outputs`) with respect to each of `inputs`.

    A tuple as long as `inputs`; for a dict of inputs, a dict with its keys. No `.grad` is touched.

    allow_unused: None, instead of an error, for inputs that the outputs do not depend on.
    materialize_grads: zeros for those. `only_inputs` is deprecated and has no effect, as in PyTorch.
    """
    if is_grads_batched:
        raise NotImplementedError(
            "grad(): is_grads_batched=True is not implemented; call grad() for each gradient in turn, with "
            "retain_graph=True"
        )
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
            "gradient for other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    targets = _as_list(_values(inputs))
    if not targets:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    _check_inputs(targets, "One of the differentiated Tensors does not require grad")
    roots = _roots(outputs, grad_outputs, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    found = engine.run(roots, retain_graph=retain, create_graph=create_graph, inputs=targets)
    result = []
    for i, (t, g) in enumerate(zip(targets, found, strict=True)):
        if g is None and materialize_grads:
            g = xp(t._data).zeros_like(t._data)
        elif g is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                "allow_unused=True if this is the desired behavior."
            )
        result.append(g if g is None or isinstance(g, tape.Tensor) else wrap(_as_array(g)))
    return dict(zip(inputs, result, strict=True)) if isinstance(inputs, Mapping) else tuple(result)


def _roots(outputs: Any, gradients: Any, create_graph: bool) -> list[tuple[Any, Any]]:
    """(output, its gradient), checked; the gradient is an array, or a Tensor if the pass is recorded."""
    if gradients is None and isinstance(outputs, tape.Tensor) and outputs._data.size == 1 and outputs._requires_grad:
        data = outputs._data  # loss.backward(), nearly always
        if not create_graph and not data.ndim and isinstance(data, np.ndarray):
            return [(outputs, data.dtype.type(1))]  # as NumPy's own results of 0 dimensions, and quicker
        one = xp(data).ones(data.shape, data.dtype)
        return [(outputs, wrap(one) if create_graph else one)]
    tensors = _as_list(outputs)
    for t in tensors:
        if not isinstance(t, tape.Tensor):
            raise AssertionError(f"Expected output to be a torch.Tensor, not {t.__class__.__name__}")
    given = [None] * len(tensors) if gradients is None else _as_list(gradients)
    if len(given) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(given)} gradients")
    roots = []
    for i, (t, g) in enumerate(zip(tensors, given, strict=True)):
        if g is None:
            if t.requires_grad and t._data.size != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            g = wrap(xp(t._data).ones_like(t._data))
        elif not isinstance(g, tape.Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {g.__class__.__name__}")
        elif g._data.shape != t._data.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] has a shape "
                f"of {t.shape}."
            )
        elif device_of(g._data) != device_of(t._data):
            here, there = device_of(g._data), device_of(t._data)
            raise RuntimeError(f"grad_output[{i}] is on {here} and output[{i}] on {there}: use .to('{there}')")
        roots.append((t, g if create_graph else g._data))
    for i, t in enumerate(tensors):
        if not t.requires_grad:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
    return roots


def _check_inputs(inputs: Sequence[Any], not_required: str) -> None:
    for t in inputs:
        if not isinstance(t, tape.Tensor):
            kind = t.__class__.__name__
            raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {kind}")
    if not all(t.requires_grad for t in inputs):
        raise RuntimeError(not_required)


def _as_list(x: Any) -> list[Any]:
    return [x] if isinstance(x, tape.Tensor) else list(x)


def _values(inputs: Any) -> Iterable[Any]:
    return inputs.values() if isinstance(inputs, Mapping) else inputs


def _as_array(g: Any) -> Array:
    return np.asarray(g) if isinstance(g, np.generic) else g  # NumPy turns 0-d results into scalars
