"""Module: the same program must do the same under minitorch and under PyTorch, down to the words of errors."""

from __future__ import annotations

import copy
import pickle
import re
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import LIBS, check_same, outcome, text

import minitorch


def linear(lib: Any) -> Any:
    """A Linear(2, 3) whose numbers do not depend on the random stream."""
    layer = lib.nn.Linear(2, 3)
    with lib.no_grad():
        layer.weight.copy_(lib.arange(6.0).reshape(3, 2) / 4)
        layer.bias.copy_(lib.arange(3.0))
    return layer


def network(lib: Any) -> Any:
    net = lib.nn.Sequential(linear(lib), lib.nn.ReLU(), lib.nn.Linear(3, 1))
    with lib.no_grad():
        net[2].weight.fill_(0.5)
        net[2].bias.fill_(1.0)
    return net


def uninitialised(lib: Any) -> Any:
    class Uninitialised(lib.nn.Module):
        def __init__(self) -> None:
            pass

    return Uninitialised()


def with_everything(lib: Any) -> Any:
    class Everything(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = lib.nn.Parameter(lib.ones(()))
            self.register_buffer("b", lib.zeros(3))
            self.register_buffer("hidden", lib.zeros(3), persistent=False)
            self.register_buffer("count", lib.tensor(0))
            self.register_buffer("no_buffer", None)
            self.register_parameter("no_param", None)
            self.child = linear(lib)
            self.nothing = lib.nn.ReLU()
            self.nothing = None

    return Everything()


def tied(lib: Any) -> Any:
    class Tied(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = linear(lib)
            self.b = self.a
            self.w = self.a.weight

    return Tied()


def after(module: Any, **attributes: Any) -> Any:
    """The registries of `module` once the attributes are assigned."""
    for name, value in attributes.items():
        setattr(module, name, value)
    return [
        dict(module._parameters),
        dict(module._buffers),
        dict(module._modules),
        set(module._non_persistent_buffers_set),
    ]


def bare(lib: Any) -> Any:
    return lib.nn.Module()


def has_param(lib: Any) -> Any:
    module = lib.nn.Module()
    module.a = lib.nn.Parameter(lib.ones(1))
    return module


def has_buffer(lib: Any) -> Any:
    module = lib.nn.Module()
    module.register_buffer("a", lib.ones(1), persistent=False)
    return module


def has_module(lib: Any) -> Any:
    module = lib.nn.Module()
    module.a = lib.nn.ReLU()
    return module


ATTRIBUTES = {
    "parameter before init": lambda t: setattr(uninitialised(t), "w", t.nn.Parameter(t.ones(2))),
    "module before init": lambda t: setattr(uninitialised(t), "w", t.nn.ReLU()),
    "buffer before init": lambda t: setattr(uninitialised(t), "w", t.nn.Buffer(t.ones(2))),
    "tensor before init": lambda t: setattr(uninitialised(t), "w", t.ones(2)),
    "register_buffer before init": lambda t: uninitialised(t).register_buffer("b", t.ones(2)),
    "register_parameter before init": lambda t: uninitialised(t).register_parameter("b", t.nn.Parameter()),
    "parameters before init": lambda t: list(uninitialised(t).parameters()),
    "attribute before init": lambda t: uninitialised(t).w,
    "arguments of init": lambda t: t.nn.Module(1),
    "keywords of init": lambda t: t.nn.Module(a=1),
    "no forward": lambda t: t.nn.Module()(1),
    "tensor as parameter": lambda t: after(has_param(t), a=t.ones(2)),
    "int as parameter": lambda t: after(has_param(t), a=3),
    "None as parameter": lambda t: after(has_param(t), a=None),
    "module over parameter": lambda t: after(has_param(t), a=t.nn.ReLU()),
    "buffer over parameter": lambda t: after(has_param(t), a=t.nn.Buffer(t.ones(1))),
    "int over module": lambda t: after(has_module(t), a=3),
    "None over module": lambda t: after(has_module(t), a=None),
    "parameter over module": lambda t: after(has_module(t), a=t.nn.Parameter(t.ones(1))),
    "buffer over module": lambda t: after(has_module(t), a=t.nn.Buffer(t.ones(1))),
    "int over buffer": lambda t: after(has_buffer(t), a=3),
    "None over buffer": lambda t: after(has_buffer(t), a=None),
    "tensor over buffer": lambda t: after(has_buffer(t), a=t.zeros(2)),
    "parameter over buffer": lambda t: after(has_buffer(t), a=t.nn.Parameter(t.zeros(2))),
    "module over buffer": lambda t: after(has_buffer(t), a=t.nn.ReLU()),
    "Buffer over buffer": lambda t: after(has_buffer(t), a=t.nn.Buffer(t.zeros(2))),
    "Buffer": lambda t: after(bare(t), a=t.nn.Buffer(t.ones(2))),
    "passing Buffer": lambda t: after(bare(t), a=t.nn.Buffer(t.ones(2), persistent=False)),
    "parameter over plain": lambda t: after(bare(t), a=3) and after(bare(t), a=t.nn.Parameter(t.ones(1))),
    "buffer name type": lambda t: bare(t).register_buffer(3, t.ones(1)),
    "buffer name dot": lambda t: bare(t).register_buffer("a.b", t.ones(1)),
    "buffer name empty": lambda t: bare(t).register_buffer("", t.ones(1)),
    "buffer name taken": lambda t: bare(t).register_buffer("forward", t.ones(1)),
    "buffer not a tensor": lambda t: bare(t).register_buffer("x", 3),
    "buffer a parameter": lambda t: bare(t).register_buffer("x", t.nn.Parameter(t.ones(1))),
    "buffer twice": lambda t: has_buffer(t).register_buffer("a", t.zeros(1)),
    "parameter name type": lambda t: bare(t).register_parameter(3, t.nn.Parameter()),
    "parameter name dot": lambda t: bare(t).register_parameter("a.b", t.nn.Parameter()),
    "parameter name empty": lambda t: bare(t).register_parameter("", t.nn.Parameter()),
    "parameter name taken": lambda t: bare(t).register_parameter("training", t.nn.Parameter()),
    "parameter a tensor": lambda t: bare(t).register_parameter("x", t.ones(1)),
    "parameter an int": lambda t: bare(t).register_parameter("x", 3),
    "parameter over a buffer": lambda t: has_buffer(t).register_parameter("a", t.nn.Parameter()),
    "module name type": lambda t: bare(t).add_module(3, t.nn.ReLU()),
    "module name dot": lambda t: bare(t).add_module("a.b", t.nn.ReLU()),
    "module name empty": lambda t: bare(t).add_module("", t.nn.ReLU()),
    "module name taken": lambda t: bare(t).add_module("forward", t.nn.ReLU()),
    "module an int": lambda t: bare(t).add_module("x", 3),
    "module a class": lambda t: bare(t).add_module("x", t.nn.Linear),
    "module None": lambda t: after(bare(t), **{}) if bare(t).register_module("x", None) is None else 0,
    "unknown attribute": lambda t: linear(t).weihgts,
    "delete unknown": lambda t: delattr(linear(t), "nothing_alike"),
    "deleted": lambda t: (lambda m: (delattr(m, "bias"), list(m._parameters), m.bias))(linear(t)),
    "delete buffer": lambda t: (lambda m: (delattr(m, "a"), m._non_persistent_buffers_set))(has_buffer(t)),
    "delete module": lambda t: (lambda m: (delattr(m, "a"), list(m._modules)))(has_module(t)),
    "get_parameter": lambda t: network(t).get_parameter("0.weight"),
    "get_parameter missing": lambda t: network(t).get_parameter("0.foo"),
    "get_parameter no module": lambda t: network(t).get_parameter("7.foo"),
    "get_parameter other": lambda t: network(t).get_parameter("0.in_features"),
    "get_parameter below": lambda t: network(t).get_parameter("0.weight.x"),
    "get_buffer": lambda t: with_everything(t).get_buffer("b"),
    "get_buffer other": lambda t: network(t).get_buffer("0.weight"),
    "get_buffer missing": lambda t: network(t).get_buffer("0.foo"),
    "get_submodule": lambda t: [network(t).get_submodule(""), network(t).get_submodule("0")],
    "get_submodule other": lambda t: network(t).get_submodule("0.weight"),
    "get_submodule missing": lambda t: network(t).get_submodule("9"),
    "train with int": lambda t: linear(t).train(1),
    "modes": lambda t: [m.training for m in [*network(t).eval().modules(), *network(t).train().modules()]],
    "extra state": lambda t: [t.nn.Module().extra_repr()],
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes(name: str) -> None:
    check_same(ATTRIBUTES[name])


def test_typo_is_answered_with_the_near_name() -> None:
    layer = minitorch.nn.Linear(2, 3)
    with pytest.raises(AttributeError, match=r"^'Linear' object has no attribute 'weights'; did you mean 'weight'\?$"):
        _ = layer.weights
    with pytest.raises(AttributeError, match=r"did you mean 'parameters'\?$"):
        layer.parametres()
    with pytest.raises(AttributeError, match=r"^'Linear' object has no attribute 'xyzzy'$"):
        _ = layer.xyzzy


def test_calling_before_init_says_so() -> None:
    with pytest.raises(AttributeError):
        uninitialised(minitorch)(1)


def test_dir_lists_what_is_registered_but_no_numbers() -> None:
    names = dir(with_everything(minitorch))
    assert {"w", "b", "child", "training", "forward"} <= set(names)
    assert names == sorted(names)
    assert "0" not in dir(network(minitorch))


SUBMODULES = {
    "replace": ("0.1", {}),
    "new": ("0.7", {}),
    "new strict": ("0.7", {"strict": True}),
    "empty": ("", {}),
    "top": ("1", {}),
    "parameter": ("1.weight", {}),
    "below a parameter": ("1.weight.x", {}),
    "nowhere": ("4.x", {}),
}


@pytest.mark.parametrize("name", SUBMODULES)
def test_set_submodule(name: str) -> None:
    target, options = SUBMODULES[name]

    def case(t: Any) -> Any:
        net = t.nn.Sequential(t.nn.Sequential(linear(t), t.nn.ReLU()), linear(t))
        net.set_submodule(target, t.nn.Tanh(), **options)
        return net

    check_same(case)


def test_set_submodule_wants_a_module() -> None:
    check_same(lambda t: network(t).set_submodule("0", 3))


WALKS = {
    "parameters": lambda t: list(tied(t).parameters()),
    "names": lambda t: [n for n, _ in tied(t).named_parameters()],
    "all names": lambda t: [n for n, _ in tied(t).named_parameters(remove_duplicate=False)],
    "own names": lambda t: [n for n, _ in tied(t).named_parameters("p", False)],
    "prefixed": lambda t: [n for n, _ in tied(t).named_parameters("p")],
    "modules": lambda t: [n for n, _ in tied(t).named_modules()],
    "all modules": lambda t: [n for n, _ in tied(t).named_modules(remove_duplicate=False)],
    "prefixed modules": lambda t: [n for n, _ in tied(t).named_modules(prefix="q")],
    "children": lambda t: [n for n, _ in tied(t).named_children()],
    "counts": lambda t: [len(list(tied(t).children())), len(list(tied(t).modules()))],
    "buffers": lambda t: list(with_everything(t).named_buffers()),
    "own buffers": lambda t: list(with_everything(t).buffers(recurse=False)),
    "none": lambda t: [n for n, _ in with_everything(t).named_modules()],
    "apply": lambda t: (lambda seen: (network(t).apply(lambda m: seen.append(repr(m))), seen))([]),
    "requires_grad_": lambda t: [p.requires_grad for p in network(t).requires_grad_(False).parameters()],
}


@pytest.mark.parametrize("name", WALKS)
def test_walking(name: str) -> None:
    check_same(WALKS[name])


def test_walks_are_generators() -> None:
    net = network(minitorch)
    for walk in (net.parameters(), net.named_parameters(), net.buffers(), net.modules(), net.children()):
        assert iter(walk) is walk


def test_module_is_hashable_and_kept_in_order() -> None:
    net = minitorch.nn.Module()
    for i in range(20):
        setattr(net, f"p{i}", minitorch.nn.Parameter(minitorch.ones(1)))
    assert [n for n, _ in net.named_parameters()] == [f"p{i}" for i in range(20)]
    assert len({net, net}) == 1


# --- gradients


def test_zero_grad() -> None:
    def case(t: Any, **options: Any) -> Any:
        net = network(t)
        net(t.ones(1, 2)).sum().backward()
        grad = net[0].weight.grad
        net.zero_grad(**options)
        return [p.grad for p in net.parameters()], grad

    check_same(case)
    check_same(lambda t: case(t, set_to_none=False))


def test_zero_grad_detaches_a_recorded_gradient() -> None:
    def case(t: Any) -> Any:
        net = network(t)
        (net(t.ones(1, 2)) ** 2).sum().backward(create_graph=True)
        had = net[0].weight.grad.grad_fn is not None
        net.zero_grad(set_to_none=False)
        return had, net[0].weight.grad

    # Both libraries warn of the cycle that create_graph makes, or neither does.
    mine, theirs = outcome(case, minitorch), outcome(case, torch)
    assert mine[:2] == theirs[:2]


# --- dtype and device

CONVERSIONS = {
    "double": lambda t: with_everything(t).double(),
    "half": lambda t: with_everything(t).half(),
    "float": lambda t: with_everything(t).double().float(),
    "type": lambda t: linear(t).type(t.float64),
    "type name": lambda t: linear(t).type("torch.DoubleTensor"),
    "to dtype": lambda t: with_everything(t).to(t.float64),
    "to device": lambda t: with_everything(t).to("cpu"),
    "to device object": lambda t: with_everything(t).to(t.device("cpu")),
    "to device and dtype": lambda t: with_everything(t).to("cpu", t.float64),
    "to keywords": lambda t: with_everything(t).to(device="cpu", dtype=t.float16, non_blocking=True),
    "to tensor": lambda t: with_everything(t).to(t.ones(1, dtype=t.float64)),
    "to nothing": lambda t: with_everything(t).to(),
    "cpu": lambda t: with_everything(t).cpu(),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions(name: str) -> None:
    def case(t: Any) -> Any:
        module = CONVERSIONS[name](t)
        return [*module.state_dict().items(), list(module.buffers())]

    check_same(case)


BAD_CONVERSIONS = {
    "to int": (lambda t: linear(t).to(t.int32), "start"),
    "to unknown": (lambda t: linear(t).to(foo=3), "type"),
    "to copy": (lambda t: linear(t).to("cpu", copy=True), "start"),
    "type int": (lambda t: linear(t).type(t.int64), "start"),
    "no such device": (lambda t: linear(t).to("nowhere"), "type"),
}


@pytest.mark.parametrize("name", BAD_CONVERSIONS)
def test_bad_conversions(name: str) -> None:
    check_same(*BAD_CONVERSIONS[name])


def test_conversion_keeps_the_parameter_and_converts_its_gradient() -> None:
    def case(t: Any) -> Any:
        layer = linear(t)
        layer(t.ones(1, 2)).sum().backward()
        weight, bias = layer.weight, layer.bias
        layer.double()
        return layer.weight is weight, layer.bias is bias, weight, weight.grad, weight.is_leaf

    check_same(case)


@pytest.mark.parametrize("method", ["share_memory", "compile", "bfloat16"])
def test_what_is_not_offered_says_so(method: str) -> None:
    with pytest.raises(NotImplementedError, match=method):
        getattr(linear(minitorch), method)()


def test_memory_format_is_not_ignored() -> None:
    with pytest.raises(NotImplementedError, match="memory_format"):
        linear(minitorch).to(memory_format="channels_last")


# --- repr


def strange(lib: Any, lines: str, child: bool) -> Any:
    class Strange(lib.nn.Module):
        def extra_repr(self) -> str:
            return lines

    module = Strange()
    if child:
        module.inner = network(lib)
        module.nothing = lib.nn.ReLU()
        module.nothing = None
    return module


@pytest.mark.parametrize("lines", ["", "one, two=3", "one\ntwo"])
@pytest.mark.parametrize("child", [False, True])
def test_repr(lines: str, child: bool) -> None:
    check_same(lambda t: repr(strange(t, lines, child)))


# --- copies


def test_deepcopy_keeps_sharing_and_drops_gradients() -> None:
    def case(t: Any) -> Any:
        module = tied(t)
        module.a.weight.grad = t.ones(3, 2)
        twin = copy.deepcopy(module)
        with t.no_grad():
            module.w.zero_()
        return twin.a is twin.b, twin.w is twin.a.weight, twin.w, twin.w.grad, twin.state_dict()

    check_same(case)


def test_pickle() -> None:
    net = network(minitorch)
    net[0].weight.requires_grad_(False)
    twin = pickle.loads(pickle.dumps(net.eval()))
    assert repr(twin) == repr(net)
    assert not twin.training
    assert [p.requires_grad for p in twin.parameters()] == [False, True, True, True]
    x = minitorch.ones(4, 2)
    assert twin(x).tolist() == net(x).tolist()


# --- Parameter and Buffer

PARAMETERS = {
    "plain": lambda t: t.nn.Parameter(t.ones(2)),
    "repr": lambda t: repr(t.nn.Parameter(t.ones(2, 2))),
    "str": lambda t: str(t.nn.Parameter(t.ones(2), requires_grad=False)),
    "empty": lambda t: t.nn.Parameter(),
    "of ints": lambda t: t.nn.Parameter(t.ones(2, dtype=t.int64)),
    "of ints without gradient": lambda t: t.nn.Parameter(t.ones(2, dtype=t.int64), requires_grad=False),
    "of a result": lambda t: t.nn.Parameter(t.ones(2, requires_grad=True) * 2),
    "is a leaf": lambda t: t.nn.Parameter(t.ones(2, requires_grad=True) * 2).is_leaf,
    "data": lambda t: t.nn.Parameter(t.ones(2)).data,
    "detached": lambda t: t.nn.Parameter(t.ones(2)).detach(),
    "sum": lambda t: (t.nn.Parameter(t.ones(2)) + 1).requires_grad,
    "class": lambda t: isinstance(t.nn.Parameter(t.ones(2)), t.Tensor),
    "not a parameter": lambda t: isinstance(t.ones(2), t.nn.Parameter),
    "requires_grad_": lambda t: t.nn.Parameter(t.ones(2)).requires_grad_(False),
    "deepcopy": lambda t: copy.deepcopy(t.nn.Parameter(t.ones(2))),
    "pickle": lambda t: pickle.loads(pickle.dumps(t.nn.Parameter(t.ones(2)))),
    "buffer": lambda t: t.nn.Buffer(t.ones(2)),
    "buffer class": lambda t: [
        isinstance(t.nn.Buffer(t.ones(2)), t.nn.Buffer),
        isinstance(t.ones(2), t.nn.Buffer),
        type(t.nn.Buffer(t.ones(2))) is t.Tensor,
        t.nn.Buffer(t.ones(2), persistent=False).persistent,
    ],
    "buffer empty": lambda t: t.nn.Buffer(),
    "buffer that needs a gradient": lambda t: t.nn.Buffer(t.ones(2, requires_grad=True)),
    "buffer copied": lambda t: isinstance(copy.deepcopy(t.nn.Buffer(t.ones(2))), t.nn.Buffer),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter(name: str) -> None:
    check_same(PARAMETERS[name])


@pytest.mark.parametrize("data", [3, [1.0], np.ones(2)], ids=["int", "list", "array"])
def test_parameter_of_no_tensor(data: Any) -> None:
    check_same(lambda t: t.nn.Parameter(data), wording="type")


def test_parameter_shares_memory_and_version() -> None:
    def case(t: Any) -> Any:
        values = t.ones(2)
        p = t.nn.Parameter(values)
        before = p._version
        values.add_(1)
        return p, p._version - before

    check_same(case)


# --- state


def edited(t: Any, edit: Any, make: Any = network, **options: Any) -> Any:
    state = make(t).state_dict()
    edit(t, state)
    return make(t).load_state_dict(state, **options)


class _Extra:
    """Not a Module itself: made into one for either library."""

    @staticmethod
    def of(t: Any) -> Any:
        class Extra(t.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.setting = 1
                self.child = linear(t)

            def get_extra_state(self) -> Any:
                return {"setting": self.setting}

            def set_extra_state(self, state: Any) -> None:
                self.setting = state["setting"]

        return Extra()


STATES = {
    "keys": lambda t: list(with_everything(t).state_dict()),
    "values": lambda t: network(t).state_dict(),
    "metadata": lambda t: network(t).state_dict()._metadata,
    "keep_vars": lambda t: network(t).state_dict(keep_vars=True),
    "prefix": lambda t: list(network(t).state_dict(prefix="x.")),
    "positional": lambda t: list(network(t).state_dict(OrderedDict(), "x.", True)),
    "destination": lambda t: (lambda d: (network(t).state_dict(destination=d) is d, list(d)))({"a": 1}),
    "tied": lambda t: list(tied(t).state_dict()),
    "fits": lambda t: edited(t, lambda t, s: None),
    "missing": lambda t: edited(t, lambda t, s: s.pop("0.weight")),
    "two missing": lambda t: edited(t, lambda t, s: (s.pop("0.weight"), s.pop("2.bias"))),
    "unexpected": lambda t: edited(t, lambda t, s: s.update(foo=t.ones(1))),
    "unexpected below": lambda t: edited(t, lambda t, s: s.update({"0.x": t.ones(1), "2.weight.y": t.ones(1)})),
    "both": lambda t: edited(t, lambda t, s: (s.pop("0.weight"), s.update(foo=t.ones(1)))),
    "both, not strict": lambda t: edited(
        t, lambda t, s: (s.pop("0.weight"), s.update(foo=t.ones(1))), strict=False
    ),
    "shapes": lambda t: edited(
        t, lambda t, s: s.update({"0.weight": t.ones(3, 3), "0.bias": t.tensor(1.0)}), strict=False
    ),
    "all faults": lambda t: edited(
        t, lambda t, s: (s.update({"0.weight": t.ones(3, 3), "z": t.ones(1)}), s.pop("2.bias"))
    ),
    "no tensor": lambda t: edited(t, lambda t, s: s.update({"0.weight": [1, 2]})),
    "numpy": lambda t: edited(t, lambda t, s: s.update({"0.weight": np.ones((3, 2))})),
    "no dict": lambda t: network(t).load_state_dict([1]),
    "plain dict": lambda t: network(t).load_state_dict(dict(network(t).state_dict())),
    "old scalar": lambda t: edited(t, lambda t, s: s.update(w=t.full((1,), 5.0)), with_everything),
    "hidden buffer": lambda t: edited(t, lambda t, s: s.update(hidden=t.ones(3)), with_everything),
    "None buffer": lambda t: edited(t, lambda t, s: s.update(no_buffer=t.ones(3)), with_everything),
    "None parameter": lambda t: edited(t, lambda t, s: s.update(no_param=t.ones(3)), with_everything),
    "other dtype": lambda t: edited(t, lambda t, s: s.update(w=t.ones((), dtype=t.float64)), with_everything),
    "assign ints": lambda t: edited(t, lambda t, s: s.update(w=t.tensor(1)), with_everything, assign=True),
    "assign other shape": lambda t: edited(t, lambda t, s: s.update(w=t.ones(3)), with_everything, assign=True),
    "extra": lambda t: list(_Extra.of(t).state_dict()),
    "extra missing": lambda t: edited(t, lambda t, s: s.pop("_extra_state"), _Extra.of),
    "extra unexpected": lambda t: linear(t).load_state_dict(_Extra.of(t).state_dict()),
}


@pytest.mark.parametrize("name", STATES)
def test_state(name: str) -> None:
    check_same(STATES[name], wording="type" if name == "assign ints" else "start")


def test_error_text_of_loading_is_pytorchs_exactly() -> None:
    for name in ("all faults", "both", "no tensor"):
        mine, theirs = outcome(STATES[name], minitorch), outcome(STATES[name], torch)
        assert mine[1] == theirs[1]


def test_state_shares_memory_and_loading_copies() -> None:
    def case(t: Any) -> Any:
        a, b = network(t), network(t)
        state = a.state_dict()
        with t.no_grad():
            a[0].weight.fill_(7.0)
        weight, version = b[0].weight, b[0].weight._version
        keys = b.load_state_dict(state)
        with t.no_grad():
            a[0].weight.fill_(8.0)
        return b[0].weight is weight, weight, weight._version - version, str(keys), keys.missing_keys

    check_same(case)


def test_assign() -> None:
    def case(t: Any) -> Any:
        module = with_everything(t)
        module.child.weight.requires_grad_(False)
        old = module.w, module.b
        state = module.state_dict()
        state["w"] = t.full((), 3.0, dtype=t.float64)
        state["b"] = t.full((3,), 4.0, dtype=t.float64)
        state["child.weight"] = t.nn.Parameter(t.ones(3, 2))
        keys = module.load_state_dict(state, assign=True)
        same = module.w is old[0], module.b is state["b"], module.child.weight is state["child.weight"]
        return str(keys), same, module.w, module.b, module.child.weight

    check_same(case)


def test_extra_state_round_trip() -> None:
    def case(t: Any) -> Any:
        a, b = _Extra.of(t), _Extra.of(t)
        a.setting = 5
        b.load_state_dict(a.state_dict())
        return b.setting

    check_same(case)


def test_extra_state_must_come_in_pairs() -> None:
    def case(t: Any) -> Any:
        class Half(t.nn.Module):
            def get_extra_state(self) -> int:
                return 1

        return Half().load_state_dict(Half().state_dict())

    check_same(case)
    check_same(lambda t: linear(t).get_extra_state(), wording="type")
    check_same(lambda t: linear(t).set_extra_state(1), wording="type")


def test_version_is_saved_and_given_back() -> None:
    def case(t: Any) -> Any:
        seen = []

        class Versioned(t.nn.Module):
            _version = 7

            def _load_from_state_dict(self, state: Any, prefix: Any, metadata: Any, *rest: Any) -> None:
                seen.append((prefix, metadata))
                super()._load_from_state_dict(state, prefix, metadata, *rest)

        net = t.nn.Sequential(Versioned())
        net.load_state_dict(net.state_dict())
        return seen

    check_same(case)


STATE_HOOKS = {
    "pre": lambda t, m, log: m.register_state_dict_pre_hook(lambda mod, prefix, keep: log.append((prefix, keep))),
    "post": lambda t, m, log: m[0].register_state_dict_post_hook(
        lambda mod, state, prefix, meta: log.append((prefix, list(state), meta))
    ),
    "post returns": lambda t, m, log: m.register_state_dict_post_hook(lambda *a: 3),
    "old post replaces": lambda t, m, log: m._register_state_dict_hook(lambda *a: {"a": t.ones(1)}),
    "load pre": lambda t, m, log: m.register_load_state_dict_pre_hook(
        lambda *a: log.append([type(x).__name__ for x in a])
    ),
    "old load pre": lambda t, m, log: m[0]._register_load_state_dict_pre_hook(
        lambda *a: log.append([type(x).__name__ for x in a])
    ),
    "load post": lambda t, m, log: m.register_load_state_dict_post_hook(
        lambda mod, keys: log.append((type(mod).__name__, str(keys)))
    ),
    "load post returns": lambda t, m, log: m.register_load_state_dict_post_hook(lambda mod, keys: 3),
    "removed": lambda t, m, log: m.register_state_dict_pre_hook(lambda *a: log.append(1)).remove(),
}


@pytest.mark.parametrize("name", STATE_HOOKS)
def test_state_hooks(name: str) -> None:
    def case(t: Any) -> Any:
        module, log = network(t), []
        STATE_HOOKS[name](t, module, log)
        return [list(module.state_dict()), str(module.load_state_dict(network(t).state_dict())), log]

    check_same(case)


def test_a_load_hook_may_rename_keys_and_forgive_missing_ones() -> None:
    def rename(state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "kernel")

    def case(t: Any) -> Any:
        module = network(t)
        module[0]._register_load_state_dict_pre_hook(rename)
        module.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
        state = network(t).state_dict()
        state["0.kernel"] = state.pop("0.weight") * 3
        del state["2.bias"]
        keys = module.load_state_dict(state, strict=False)
        return module[0].weight, keys.missing_keys

    check_same(case)


# --- hooks around forward and backward


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


def test_module_needs_no_collector() -> None:
    import gc
    import weakref

    gc.collect()
    gc.disable()
    try:
        net = network(minitorch)
        ref = weakref.ref(net[0].weight)
        net(minitorch.ones(1, 2)).sum().backward()
        del net
        assert ref() is None
    finally:
        gc.enable()


def test_error_texts_speak_of_torch() -> None:
    """`text` must not hide a difference: our own messages name torch's classes, as PyTorch's do."""
    kind, message, _ = outcome(ATTRIBUTES["tensor as parameter"], minitorch)
    assert kind == "TypeError"
    assert re.match(r"cannot assign 'torch.FloatTensor' as parameter 'a'", message)
    assert text("minitorch.nn.modules") == "torch.nn.modules"
