"""Hooks around forward and backward: when they run, what they see, and what they may change."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from nn_helpers import LIBS, check_same, linear, network

import minitorch


def doubling(t: Any) -> Any:
    class Doubling(t.nn.Module):
        def forward(self, x: Any, *rest: Any, scale: float = 1.0, fail: bool = False) -> Any:
            if fail:
                raise ValueError("boom")
            return x * 2 * scale

    return Doubling()


def run_with(t: Any, setup: Any, call: Any = None) -> Any:
    """The log of the hooks that `setup` registers, the output, and the input's gradient."""
    module, log = doubling(t), []
    setup(t, module, log)
    x = t.ones(2, requires_grad=True)
    output = module(x) if call is None else call(module, x)
    if isinstance(output, t.Tensor) and output.requires_grad:
        output.sum().backward()
    return log, output if not isinstance(output, t.Tensor) else output.detach(), x.grad


def logging(log: list, tag: str, result: Any = None) -> Any:
    def hook(*args: Any) -> Any:
        log.append((tag, [type(a).__name__ for a in args]))
        return result

    return hook


def failing(*args: Any) -> Any:
    raise KeyError("bad hook")


def failing_call(module: Any, x: Any) -> Any:
    try:
        return module(x, fail=True)
    except ValueError as error:
        return repr(error)


HOOKS = {
    "pre": lambda t, m, log: m.register_forward_pre_hook(logging(log, "a")),
    "pre replaces": lambda t, m, log: m.register_forward_pre_hook(lambda m, a: a[0] * 3),
    "pre replaces by a tuple": lambda t, m, log: m.register_forward_pre_hook(lambda m, a: (a[0] * 3,)),
    "pre with kwargs": lambda t, m, log: m.register_forward_pre_hook(
        lambda m, a, k: (a, {"scale": 10.0}), with_kwargs=True
    ),
    "pre with kwargs, None": lambda t, m, log: m.register_forward_pre_hook(lambda m, a, k: None, with_kwargs=True),
    "pre with kwargs, bad": lambda t, m, log: m.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True),
    "pre order": lambda t, m, log: (
        m.register_forward_pre_hook(logging(log, "a")),
        m.register_forward_pre_hook(logging(log, "b"), prepend=True),
    ),
    "forward": lambda t, m, log: m.register_forward_hook(logging(log, "a")),
    "forward replaces": lambda t, m, log: m.register_forward_hook(lambda m, a, out: out + 1),
    "forward with kwargs": lambda t, m, log: m.register_forward_hook(logging(log, "a"), with_kwargs=True),
    "forward order": lambda t, m, log: (
        m.register_forward_hook(logging(log, "a")),
        m.register_forward_hook(logging(log, "b"), prepend=True),
    ),
    "failing pre": lambda t, m, log: (
        m.register_forward_pre_hook(failing),
        m.register_forward_hook(logging(log, "a"), always_call=True),
    ),
    "failing forward hook": lambda t, m, log: (
        m.register_forward_hook(failing),
        m.register_forward_hook(logging(log, "a"), always_call=True),
        m.register_forward_hook(logging(log, "b")),
    ),
    "removed": lambda t, m, log: m.register_forward_hook(logging(log, "a")).remove(),
    "cleared": lambda t, m, log: (m.register_forward_hook(logging(log, "a")), m._forward_hooks.clear()),
    "backward": lambda t, m, log: m.register_full_backward_hook(lambda m, gi, go: log.append((gi, go))),
    "backward replaces": lambda t, m, log: m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 5,)),
    "backward bad": lambda t, m, log: m.register_full_backward_hook(lambda m, gi, go: (1, 2)),
    "backward order": lambda t, m, log: (
        m.register_full_backward_hook(logging(log, "a")),
        m.register_full_backward_hook(logging(log, "b"), prepend=True),
    ),
    "backward pre": lambda t, m, log: m.register_full_backward_pre_hook(lambda m, go: log.append(go)),
    "backward pre replaces": lambda t, m, log: m.register_full_backward_pre_hook(lambda m, go: (go[0] * 7,)),
    "backward pre bad": lambda t, m, log: m.register_full_backward_pre_hook(lambda m, go: (go[0], go[0])),
    "both": lambda t, m, log: (
        m.register_full_backward_pre_hook(lambda m, go: (go[0] * 7,)),
        m.register_full_backward_hook(lambda m, gi, go: log.append((gi, go))),
    ),
}


@pytest.mark.parametrize("name", HOOKS)
def test_hooks(name: str) -> None:
    check_same(lambda t: run_with(t, HOOKS[name]))


def test_always_called_hooks_run_after_an_error() -> None:
    def both(t: Any, m: Any, log: list) -> None:
        m.register_forward_hook(logging(log, "always"), always_call=True)
        m.register_forward_hook(logging(log, "otherwise"))

    def one_fails(t: Any, m: Any, log: list) -> None:
        m.register_forward_hook(failing, always_call=True)
        m.register_forward_hook(logging(log, "next"), always_call=True)

    check_same(lambda t: run_with(t, both, failing_call))
    check_same(lambda t: run_with(t, one_fails, failing_call))


def gate_case(make: Any, run: Any) -> Any:
    def case(t: Any) -> Any:
        log: list = []
        module = make(t)
        module.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
        result = run(t, module)
        return result, log

    return case


def of_forward(forward: Any) -> Any:
    def make(t: Any) -> Any:
        class Made(t.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.w = t.nn.Parameter(t.ones(2))

        Made.forward = forward
        return Made()

    return make


def ones(t: Any, requires_grad: bool = True) -> Any:
    return t.ones(2, requires_grad=requires_grad)


def two_outputs(t: Any, m: Any) -> Any:
    x = ones(t)
    out = m(x, 3)
    out[0].sum().backward()
    return type(out).__name__, x.grad


def unused_input(t: Any, m: Any) -> Any:
    x, z = ones(t), ones(t)
    m(x, z).sum().backward()
    return x.grad, z.grad


def no_tracked_input(t: Any, m: Any) -> Any:
    m(ones(t, False)).sum().backward()
    return m.w.grad


def twice(t: Any, m: Any) -> Any:
    x = ones(t)
    m(m(x)).sum().backward()
    return x.grad


def without_grad(t: Any, m: Any) -> Any:
    with t.no_grad():
        return m(ones(t))


def second_order(t: Any, m: Any) -> Any:
    x = ones(t)
    (g,) = t.autograd.grad((m(x) ** 2).sum(), x, create_graph=True)
    g.sum().backward()
    return x.grad


def returns_input(t: Any, m: Any) -> Any:
    x = ones(t)
    y = m(x)
    y.sum().backward()
    return y is x, x.grad


GATES = {
    "two outputs": (lambda self, x, n: (x * 2, x * 3, "a"), two_outputs),
    "unused input": (lambda self, x, z: self.w * x, unused_input),
    "no tracked input": (lambda self, x: self.w * x, no_tracked_input),
    "called twice": (lambda self, x: x * 2, twice),
    "no_grad": (lambda self, x: x * 2, without_grad),
    "second order": (lambda self, x: x * 2, second_order),
    "identity": (lambda self, x: x, returns_input),
    "list output": (lambda self, x: [x * 2], lambda t, m: len(m(ones(t)))),
    "keyword input": (lambda self, x: x * self.w, lambda t, m: m(x=ones(t)).sum().backward()),
}


@pytest.mark.parametrize("name", GATES)
def test_backward_hooks(name: str) -> None:
    forward, run = GATES[name]
    check_same(gate_case(of_forward(forward), run))


def test_backward_hook_without_inputs_may_not_return() -> None:
    def case(t: Any) -> Any:
        module = of_forward(lambda self, x: self.w * x)(t)
        module.register_full_backward_hook(lambda m, gi, go: (t.ones(2),))
        module(ones(t, False)).sum().backward()

    check_same(case)


def test_writing_into_a_gated_output_is_refused() -> None:
    check_same(gate_case(of_forward(lambda self, x: x * 2), lambda t, m: m(ones(t)).add_(1)), wording="type")


def test_handle() -> None:
    for t in LIBS:
        module = doubling(t)
        handle = module.register_forward_hook(lambda *a: None)
        assert len(module._forward_hooks) == 1
        handle.remove()
        handle.remove()
        assert len(module._forward_hooks) == 0
        with module.register_forward_hook(lambda *a: None):
            assert len(module._forward_hooks) == 1
        assert len(module._forward_hooks) == 0


def _count(module: Any, args: Any, output: Any) -> None:
    module.calls = getattr(module, "calls", 0) + 1


def test_hooks_are_copied_and_pickled_with_the_module() -> None:
    net = network(minitorch)
    net.register_forward_hook(_count)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        twin(minitorch.ones(1, 2))
        assert twin.calls == 1


def test_old_backward_hooks_are_not_offered() -> None:
    with pytest.raises(NotImplementedError, match="register_full_backward_hook"):
        linear(minitorch).register_backward_hook(print)
