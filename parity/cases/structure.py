"""Modules as trees: names, parameters, buffers, hooks, state; the containers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from parity.case import case, family, real

A = real(3, 4)


def network(t: Any) -> Any:
    net = t.nn.Sequential(OrderedDict(first=t.nn.Linear(4, 3), act=t.nn.Tanh(), last=t.nn.Linear(3, 2)))
    net.register_buffer("count", t.tensor(2))
    net.register_buffer("hidden", t.ones(1), persistent=False)
    return net


def trees(t: Any) -> Any:
    net = network(t)
    net.first.register_parameter("none", None)
    net.add_module("extra", t.nn.ReLU())
    net.register_module("more", t.nn.Identity())
    visited: list[str] = []
    net.apply(lambda m: visited.append(type(m).__name__))
    return [
        [name for name, _ in net.named_parameters()], [name for name, _ in net.named_buffers()],
        [name for name, _ in net.named_modules()], [name for name, _ in net.named_children()],
        len(list(net.parameters())), len(list(net.buffers())), len(list(net.modules())), len(list(net.children())),
        net.get_submodule("first"), net.get_parameter("first.weight").shape, net.get_buffer("count"), visited, repr(net),
        net.first.extra_repr(), net.state_dict(),
    ]  # fmt: skip


def conversions(t: Any) -> Any:
    net = network(t)
    kinds = lambda: [str(p.dtype) for p in net.parameters()] + [str(b.dtype) for b in net.buffers()]
    seen = []
    for convert in (net.double, net.half, net.float, net.cpu):
        convert()
        seen.append(kinds())
    net.to(t.float64)
    seen.append(kinds())
    net.type(t.float32)
    seen.append(kinds())
    net.to("cpu", t.float16)
    seen.append(kinds())
    flags = [net.training, net.eval().training, net.train().training, net.train(False).first.training]
    net.requires_grad_(False)
    return seen, flags, [p.requires_grad for p in net.parameters()], net.to_empty(device="cpu").first.weight.shape


def saved(t: Any) -> Any:
    """A state_dict into another network: strict, lenient, with missing and unexpected keys."""
    one = network(t)
    two = network(t)
    results = [two.load_state_dict(one.state_dict())]
    state = one.state_dict(prefix="net.")
    results.append(list(state))
    less = {k: v for k, v in one.state_dict().items() if "last" not in k} | {"other": t.ones(1)}
    results.append(two.load_state_dict(less, strict=False))
    try:
        two.load_state_dict(less)
    except RuntimeError as error:
        results.append(str(error).startswith("Error(s) in loading state_dict for Sequential"))
    two.set_submodule("act", t.nn.ReLU())
    return results, two.state_dict(), repr(two)


def hooked(t: Any, x: Any) -> Any:
    net = network(t).to(x)
    seen: list[Any] = []
    handles = [
        net.first.register_forward_pre_hook(lambda m, args: (args[0] * 2,)),
        net.first.register_forward_hook(lambda m, args, out: out + 1),
        net.act.register_full_backward_hook(lambda m, gin, gout: seen.append(("full", gin, gout))),
        net.last.register_full_backward_pre_hook(lambda m, gout: (gout[0] * 3,)),
        net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append("before state_dict")),
        net.register_state_dict_post_hook(lambda m, state, prefix, local: None),
        net.register_load_state_dict_pre_hook(lambda *args: seen.append("before load")),
        net.register_load_state_dict_post_hook(lambda m, keys: seen.append(keys)),
    ]
    out = net(x)
    out.sum().backward()
    grads = [p.grad for p in net.parameters()]
    net.load_state_dict(net.state_dict())
    for handle in handles:
        handle.remove()
    net.zero_grad(set_to_none=False)
    zeroed = net.first.weight.grad.clone()
    net.zero_grad()
    return out, grads, seen, zeroed, net.first.weight.grad, net(x)


def old_hook(t: Any, x: Any) -> Any:
    layer, seen = t.nn.Tanh(), []
    layer.register_backward_hook(lambda m, gin, gout: seen.append((gin, gout)))
    layer(x.requires_grad_()).sum().backward()
    return seen


def extra_state(t: Any) -> Any:
    class Counted(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = 1

        def get_extra_state(self) -> Any:
            return self.count

        def set_extra_state(self, state: Any) -> None:
            self.count = state

    one, two = Counted(), Counted()
    one.count = 5
    two.load_state_dict(one.state_dict())
    return one.state_dict(), two.count


def sequences(t: Any) -> Any:
    net = t.nn.Sequential(t.nn.Linear(4, 3))
    net.append(t.nn.ReLU()).extend([t.nn.Linear(3, 3), t.nn.Tanh()]).insert(1, t.nn.Identity())
    popped = net.pop(2)
    del net[1]
    net[0] = t.nn.Linear(4, 3, bias=False)
    more = net + t.nn.Sequential(t.nn.ReLU())
    more += t.nn.Sequential(t.nn.Tanh())
    twice = t.nn.Sequential(t.nn.ReLU())
    twice *= 2
    kinds = [type(m).__name__ for m in net]
    out = net.forward(t.ones(1, 4)).shape
    return [net, popped, len(net), net[-1], net[:2], kinds, more, twice, twice * 2, 2 * twice, out]


def lists(t: Any) -> Any:
    modules = t.nn.ModuleList([t.nn.Linear(2, 2), t.nn.ReLU()])
    modules.append(t.nn.Tanh()).extend([t.nn.Identity()]).insert(0, t.nn.Sigmoid())
    popped = modules.pop(1)
    modules += [t.nn.Flatten()]
    return [modules, popped, len(modules), modules[1:], t.nn.ReLU() in list(modules), modules + [t.nn.ReLU()]]


def dicts(t: Any) -> Any:
    modules = t.nn.ModuleDict({"a": t.nn.Linear(2, 2), "b": t.nn.ReLU()})
    modules.update({"c": t.nn.Tanh()})
    modules["d"] = t.nn.Identity()
    popped = modules.pop("b")
    seen = [
        list(modules.keys()),
        [repr(m) for m in modules.values()],
        [k for k, _ in modules.items()],
        "a" in modules,
        len(modules),
        modules,
        popped,
        modules["a"],
        list(iter(modules)),
    ]
    modules.clear()
    return [*seen, modules]


def parameter_lists(t: Any) -> Any:
    parameters = t.nn.ParameterList([t.nn.Parameter(t.ones(2)), t.zeros(1)])
    parameters.append(t.nn.Parameter(t.ones(1))).extend([t.full((2,), 2.0)])
    parameters += [t.ones(3)]
    parameters[0] = t.nn.Parameter(t.zeros(2))
    return [
        parameters.extra_repr(),
        list(parameters),
        len(parameters),
        parameters[1],
        repr(parameters),
        parameters.state_dict(),
        parameters[1:3],
    ]


def parameter_dicts(t: Any) -> Any:
    d = t.nn.ParameterDict({"a": t.nn.Parameter(t.ones(2))})
    d.update({"b": t.nn.Parameter(t.zeros(1))})
    d["c"] = t.nn.Parameter(t.full((1,), 3.0))
    d.setdefault("e", t.nn.Parameter(t.ones(1)))
    copied = d.copy()
    joined = d | t.nn.ParameterDict({"j": t.nn.Parameter(t.ones(1))})
    joined |= {"k": t.nn.Parameter(t.ones(1))}
    other = {"l": t.nn.Parameter(t.ones(1))} | d
    seen = [
        list(d.keys()),
        list(d.values()),
        [k for k, _ in d.items()],
        d.get("z", 5),
        d.get("a"),
        "a" in d,
        len(d),
        repr(d),
        d["a"],
        list(iter(d)),
        d.extra_repr(),
        list(joined.keys()),
        list(other.keys()),
    ]
    seen += [d.pop("b"), d.popitem()[0], list(d.fromkeys(["x"], 1.0).keys()), list(copied.keys()), d.state_dict()]
    d.clear()
    return [*seen, len(d)]


def parameters(t: Any) -> Any:
    p, frozen = t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.ones(2), requires_grad=False)
    buffer = t.nn.Buffer(t.zeros(2))
    return [p, frozen, repr(p), isinstance(p, t.Tensor), isinstance(p * 2, t.nn.Parameter), buffer, (p * 2).sum()]


CASES = family(
    "module structure",
    case("trees", trees),
    case("conversions", conversions),
    case("state_dict", saved),
    case("extra state", extra_state),
    case("Sequential", sequences),
    case("ModuleList", lists),
    case("ModuleDict", dicts),
    case("ParameterList", parameter_lists),
    case("ParameterDict", parameter_dicts),
    case("Parameter and Buffer", parameters),
    case("no extra state", lambda t: t.nn.Module().get_extra_state()),
    case("no place for extra state", lambda t: t.nn.Module().set_extra_state(1)),
    case("not implemented", lambda t: t.nn.Module().forward(1)),
    order=0, exact=True, dtypes=(),
) + family(
    "module structure",
    case("hooks", hooked, A),
    case("register_backward_hook", old_hook, A),
    order=0, dtypes=("float32", "float64"),
)  # fmt: skip
