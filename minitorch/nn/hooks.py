"""Hooks of modules: callables that run around forward and backward.

`Module.__call__` looks at one flag, `_hooked`; a module that never had a hook pays nothing else.
Hooks live in ordered dicts from handle id to callable, under PyTorch's attribute names, so that
`module._forward_hooks.clear()` works as people expect.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minitorch.autograd.function import Function
from minitorch.autograd.hooks import RemovableHandle, add_hook
from minitorch.autograd.mode import is_grad_enabled
from minitorch.creation import zeros
from minitorch.tensor import Tensor

if TYPE_CHECKING:
    from minitorch.nn.module import Module

HOOK_TABLES = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
)


class HookMixin:
    """The registering half of Module's hooks."""

    _hooked: bool
    _forward_pre_hooks: OrderedDict[int, Callable]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks: OrderedDict[int, Callable]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _backward_pre_hooks: OrderedDict[int, Callable]
    _backward_hooks: OrderedDict[int, Callable]

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before every forward; what it returns (if not None) replaces args.

        With `with_kwargs` it is `hook(module, args, kwargs)` and may return `(args, kwargs)`.
        """
        self._hooked = True
        flags = (self._forward_pre_hooks_with_kwargs,) if with_kwargs else ()
        return add_hook(self._forward_pre_hooks, hook, prepend=prepend, flags=flags)

    def register_forward_hook(
        self,
        hook: Callable,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after every forward; a result that is not None replaces output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`. With `always_call` the hook runs
        even when forward raised (then output is None).
        """
        self._hooked = True
        flags: tuple[OrderedDict[int, bool], ...] = ()
        if with_kwargs:
            flags += (self._forward_hooks_with_kwargs,)
        if always_call:
            flags += (self._forward_hooks_always_called,)
        return add_hook(self._forward_hooks, hook, prepend=prepend, flags=flags)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` once the gradients of the inputs are known.

        Both are tuples, one entry per positional input and per output (None where there is none).
        A tuple returned by the hook replaces grad_input.
        """
        self._hooked = True
        return add_hook(self._backward_hooks, hook, prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the module's backward; a returned tuple replaces it."""
        self._hooked = True
        return add_hook(self._backward_pre_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Not offered: what PyTorch passes to these hooks depends on its internal graph nodes."""
        raise NotImplementedError(
            "register_backward_hook: use register_full_backward_hook, whose arguments are well defined"
        )


def call_with_hooks(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with every hook of the module around it."""
    called: set[int] = set()
    try:
        return _call(module, args, kwargs, called)
    except Exception:
        for key in module._forward_hooks_always_called:
            if key in called or key not in module._forward_hooks:
                continue
            try:
                _run_forward_hook(module, key, args, kwargs, None)
            except Exception as error:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception "
                    f"that was silenced as another error was raised in forward: {error!s}",
                    stacklevel=2,
                )
        raise


def _call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], called: set[int]) -> Any:
    for key, hook in list(module._forward_pre_hooks.items()):
        if key in module._forward_pre_hooks_with_kwargs:
            result = hook(module, args, kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}."
                )
            args, kwargs = result
        else:
            result = hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)

    gate = None
    if module._backward_hooks or module._backward_pre_hooks:
        gate = BackwardGate(module)
        args = gate.enter(args)

    output = module.forward(*args, **kwargs)

    for key in list(module._forward_hooks):
        called.add(key)
        result = _run_forward_hook(module, key, args, kwargs, output)
        if result is not None:
            output = result

    return output if gate is None else gate.leave(output)


def _run_forward_hook(module: Module, key: int, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    hook = module._forward_hooks[key]
    if key in module._forward_hooks_with_kwargs:
        return hook(module, args, kwargs, output)
    return hook(module, args, output)


class _OutputGate(Function):
    """The identity on some tensors; in the backward pass their gradients go through a callable."""

    @staticmethod
    def forward(ctx: Any, on_gradients: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> Any:
        ctx.set_materialize_grads(False)  # hooks are shown None for an output that was not used ...
        ctx.on_gradients = on_gradients
        ctx.outputs = [(t.shape, t.dtype, t.device) for t in tensors]
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        found = zip(ctx.on_gradients(grads), ctx.outputs, strict=True)
        # ... and the module sees zeros.
        return None, *(zeros(s, dtype=t, device=d) if g is None else g for g, (s, t, d) in found)


class _InputGate(Function):
    """The same, where an input that was not used gets zeros at once."""

    @staticmethod
    def forward(ctx: Any, on_gradients: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> Any:
        ctx.on_gradients = on_gradients
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return None, *ctx.on_gradients(grads)


class BackwardGate:
    """One call of a module with backward hooks: gates on the inputs and on the outputs, through which the
    gradients pass, first at the outputs, then at the inputs."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.inputs = 0
        self.input_places: list[int] = []
        self.outputs = 0
        self.output_places: list[int] = []
        self.grad_outputs: tuple[Any, ...] | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of forward, those that need a gradient behind the gate."""
        self.inputs = len(args)
        self.input_places = _tracked(args)
        return _through(_InputGate, self.at_inputs, args, self.input_places)

    def leave(self, output: Any) -> Any:
        """The output of forward behind the gate."""
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                f"but received {type(output)}",
                stacklevel=4,
            )
            return output
        values = output if isinstance(output, tuple) else (output,)
        self.outputs = len(values)
        self.output_places = _tracked(values)
        values = _through(_OutputGate, self.at_outputs, values, self.output_places)
        return values if isinstance(output, tuple) else values[0]

    def at_outputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the outputs are known: pre-hooks; without an input gate also the hooks."""
        grad_outputs = _spread(grads, self.output_places, self.outputs)
        for hook in list(self.module._backward_pre_hooks.values()):
            result = hook(self.module, grad_outputs)
            if result is not None:
                if len(result) != self.outputs:
                    raise RuntimeError(
                        f"Backward pre hook returned an invalid number of grad_output, got {len(result)}, "
                        f"but expected {self.outputs}"
                    )
                grad_outputs = tuple(result)
        self.grad_outputs = grad_outputs
        if not self.input_places:
            self.without_inputs(grad_outputs)
        return tuple(grad_outputs[i] for i in self.output_places)

    def without_inputs(self, grad_outputs: tuple[Any, ...]) -> None:
        """No input needs a gradient, so the hooks run as soon as the outputs have theirs."""
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs "
            "since no inputs require gradients.",
            stacklevel=2,
        )
        grad_inputs = (None,) * self.inputs
        for hook in list(self.module._backward_hooks.values()):
            result = hook(self.module, grad_inputs, grad_outputs)
            if result is not None and not (isinstance(result, tuple) and all(g is None for g in result)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None "
                    "or None for all gradients."
                )
        self.grad_outputs = None

    def at_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the inputs are known: hooks."""
        if self.grad_outputs is None:
            return grads
        grad_inputs = _spread(grads, self.input_places, self.inputs)
        for hook in list(self.module._backward_hooks.values()):
            result = hook(self.module, grad_inputs, self.grad_outputs)
            if result is not None:
                if len(result) != self.inputs:
                    raise RuntimeError(
                        f"Backward hook returned an invalid number of grad_input, got {len(result)}, "
                        f"but expected {self.inputs}"
                    )
                grad_inputs = tuple(result)
        self.grad_outputs = None
        return tuple(grad_inputs[i] for i in self.input_places)


def _tracked(values: tuple[Any, ...]) -> list[int]:
    """Where in `values` the tensors are that gradients will come back for."""
    if not is_grad_enabled():
        return []
    return [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]


def _through(gate: type[Function], on_gradients: Any, values: tuple[Any, ...], places: list[int]) -> tuple[Any, ...]:
    """`values` with those at `places` behind the gate."""
    if not places:
        return values
    gated = gate.apply(on_gradients, *(values[i] for i in places))
    return _spread(gated, places, len(values), otherwise=values)


def _spread(
    some: tuple[Any, ...], places: list[int], count: int, otherwise: tuple[Any, ...] | None = None
) -> tuple[Any, ...]:
    """A tuple of `count` with `some` at `places`, and None or the values of `otherwise` elsewhere."""
    result = list(otherwise) if otherwise is not None else [None] * count
    for i, x in zip(places, some, strict=True):
        result[i] = x
    return tuple(result)
