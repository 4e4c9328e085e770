"""Module: the same program must do the same under minitorch and under PyTorch, down to the words of errors."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import check_same, linear, network, outcome, text, tied, uninitialised, with_everything

import minitorch


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


@pytest.mark.usefixtures("no_collector")
def test_module_needs_no_collector() -> None:
    import weakref

    net = network(minitorch)
    ref = weakref.ref(net[0].weight)
    net(minitorch.ones(1, 2)).sum().backward()
    del net
    assert ref() is None


def test_error_texts_speak_of_torch() -> None:
    """`text` must not hide a difference: our own messages name torch's classes, as PyTorch's do."""
    kind, message, _ = outcome(ATTRIBUTES["tensor as parameter"], minitorch)
    assert kind == "TypeError"
    assert re.match(r"cannot assign 'torch.FloatTensor' as parameter 'a'", message)
    assert text("minitorch.nn.modules") == "torch.nn.modules"
