"""Sequential, ModuleList, ModuleDict, ParameterList and ParameterDict: every method, against PyTorch."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import pytest
from nn_helpers import check_same

import minitorch


def three(t: Any) -> Any:
    return t.nn.ReLU(), t.nn.Tanh(), t.nn.ReLU()


READS = [
    "m[0]", "m[-1]", "m[5]", "m[-4]", "m[0:2]", "m[::2]", "m[1:1]", "m['a']", "m[1.5]", "m[True]", "len(m)", "list(m)",
    "m.append(S())", "m.append(3)", "m.extend([S(), R()])", "m.extend(nn.ModuleList([S()]))",
    "m.extend(nn.Sequential(S()))",
    "m.extend(3)", "m.extend([3])", "m.pop(0)", "m.pop(-1)", "m.pop(9)", "m.pop()", "m + nn.ModuleList([S()])",
    "m + nn.Sequential(S())", "m + [S()]", "m + 3", "m * 2", "2 * m", "m * 0", "m * -1", "m * 1.5", "m == m",
    "R() in m",
    "m[0] in m", "bool(m)", "m.foo", "list(reversed(m))", "m.insert(1, S())", "m.insert(0, S())", "m.clear()",
    "getattr(m, '0')", "m.state_dict()",
]  # fmt: skip
SEQUENTIAL_READS = ["m.insert(-1, S())", "m.insert(9, S())", "m.insert(-9, S())", "m.insert(0, 3)", "m(ones)"]
WRITES = [
    "m[0] = S()", "m[-1] = S()", "m[7] = S()", "m[0] = 3", "m['a'] = S()", "del m[0]", "del m[-1]", "del m[0:2]",
    "del m[9]", "del m['a']", "m += nn.ModuleList([S()])", "m += nn.Sequential(S())", "m += [S()]", "m += 3", "m *= 2",
    "m *= 0", "m *= 1.5", "m[0:1] = S()", "m.x = S()",
]  # fmt: skip


def names(t: Any) -> dict[str, Any]:
    return {"nn": t.nn, "R": t.nn.ReLU, "T": t.nn.Tanh, "S": t.nn.Sigmoid, "ones": t.ones(1), "t": t,
            "OrderedDict": OrderedDict}  # fmt: skip


def run(t: Any, module: Any, code: str) -> Any:
    """What an expression or statement about `m` gives, and what `m` has become."""
    scope = {**names(t), "m": module}
    if "=" in code.replace("==", "").split("(")[0] or code.startswith("del ") or "] = " in code:
        exec(code, scope)
        result = scope["m"] is module
    else:
        result = eval(code, scope)
    return result, repr(scope["m"]), list(scope["m"]._modules)


def wording(code: str) -> str:
    """Of `pop()` Python itself says which argument is missing, and of which class."""
    return "type" if code == "m.pop()" else "start"


@pytest.mark.parametrize("code", [*READS, *SEQUENTIAL_READS, *WRITES])
def test_sequential(code: str) -> None:
    check_same(lambda t: run(t, t.nn.Sequential(*three(t)), code), wording(code))


@pytest.mark.parametrize("code", [*READS, *WRITES])
def test_module_list(code: str) -> None:
    if code == "m.x = S()":
        return  # PyTorch then shows a module under a number that is not its name
    check_same(lambda t: run(t, t.nn.ModuleList(three(t)), code), wording(code))


SEQUENTIALS = {
    "ordered": "nn.Sequential(OrderedDict(a=R(), b=T()))",
    "ordered item": "nn.Sequential(OrderedDict(a=R(), b=T()))[1]",
    "ordered slice": "nn.Sequential(OrderedDict(a=R(), b=T()))[:1]",
    "ordered append": "nn.Sequential(OrderedDict(a=R(), b=T())).append(S())",
    "ordered sum": "nn.Sequential(OrderedDict(a=R(), b=T())) + nn.Sequential(S())",
    "ordered product": "nn.Sequential(OrderedDict(a=R(), b=T())) * 2",
    "dict": "nn.Sequential({'a': R()})",
    "list": "nn.Sequential([R(), T()])",
    "None": "nn.Sequential(None)",
    "None called": "nn.Sequential(None)(3)",
    "int": "nn.Sequential(3)",
    "empty": "nn.Sequential()(3)",
    "list of int": "nn.ModuleList(3)",
    "list of module": "nn.ModuleList(R())",
    "list of None": "nn.ModuleList([None])",
    "list of generator": "nn.ModuleList(x for x in [R()])",
    "list of dict": "nn.ModuleList({'a': R()})",
    "called list": "nn.ModuleList([R()])(1)",
    "repr of runs": "repr(nn.ModuleList([R(), R(), T(), nn.Sequential(R(), T()), nn.Sequential(R(), T())]))",
    "empty list": "repr(nn.ModuleList())",
    "nested runs": "repr(nn.Sequential(nn.ModuleList([nn.Sequential(R()) for _ in range(3)])))",
}


@pytest.mark.parametrize("name", SEQUENTIALS)
def test_making_sequences(name: str) -> None:
    check_same(lambda t: eval(SEQUENTIALS[name], names(t)))


def test_a_subclass_slices_to_itself() -> None:
    def case(t: Any) -> Any:
        class Sub(t.nn.Sequential):
            pass

        made = Sub(*three(t))
        return repr(made[:1]), repr(made + made), repr(made * 2)

    check_same(case)


def test_a_product_repeats_the_modules_themselves() -> None:
    net = minitorch.nn.Sequential(minitorch.nn.Linear(1, 1)) * 2
    assert net[0] is net[1]
    assert len(list(net.parameters())) == 2


def test_module_list_inserts_before_negative_positions_and_refuses_others() -> None:
    """PyTorch's own insert leaves a hole in the numbering here, or fails over a missing key."""
    modules = minitorch.nn.ModuleList(three(minitorch))
    modules.insert(-1, minitorch.nn.Sigmoid())
    assert [type(m).__name__ for m in modules] == ["ReLU", "Tanh", "Sigmoid", "ReLU"]
    assert list(modules._modules) == ["0", "1", "2", "3"]
    with pytest.raises(IndexError):
        modules.insert(9, minitorch.nn.Sigmoid())


DICTS = [
    "m['a']", "m['z']", "m[0]", "len(m)", "list(m)", "'a' in m", "'z' in m", "list(m.keys())", "list(m.items())",
    "list(m.values())", "m.pop('a')", "m.pop('z')", "m.pop('z', None)", "m.clear()", "m.update({'c': S()})",
    "m.update([('c', S()), ('a', S())])", "m.update([('c', S(), 1)])", "m.update([3])", "m.update([['c', S()]])",
    "m.update({'a': 3})", "m.update(3)", "m.update({3: S()})", "m.update(nn.ModuleDict({'q': S()}))",
    "m.update(OrderedDict(z=S(), b=S()))", "m.update({'z': S(), 'c': S()})", "m.get('a')", "m(1)", "m.a",
    "m.update(c=S())", "m.update('ab')", "m.state_dict()", "m['c'] = S()", "m['a'] = S()", "m['a'] = 3", "m[3] = S()",
    "m['keys'] = S()", "m['x.y'] = S()", "m[''] = S()", "del m['a']", "del m['z']", "m['a'] = None",
    "m['training'] = S()",
]  # fmt: skip


@pytest.mark.parametrize("code", DICTS)
def test_module_dict(code: str) -> None:
    check_same(lambda t: run(t, t.nn.ModuleDict({"a": t.nn.ReLU(), "b": t.nn.Tanh()}), code))


PARAMETER_LISTS = [
    "m[0]", "m[-1]", "m[2]", "m[9]", "m[-9]", "m[0:2]", "m['a']", "m['0']", "len(m)", "list(m)", "m.append(P())",
    "m.append(t.ones(1))", "m.append('x')", "m.extend([P()])", "m.extend(3)", "m.extend(P())",
    "m.extend(nn.ParameterList([P()]))", "m.extend('ab')", "m + [P()]", "m(1)", "m.insert(0, P())", "m.pop()",
    "m.state_dict()", "[n for n, _ in m.named_parameters()]", "m.keys()", "m[0] = P()", "m[0] = t.zeros(2)", "m[0] = 3",
    "m[3] = P()", "m[3] = t.ones(1)", "m[9] = P()", "m += [P()]", "m += 3", "m['a'] = P()", "m[-1] = P()", "repr(m)",
    "nn.ParameterList(3)", "nn.ParameterList(x for x in [P()])", "nn.ParameterList([None])",
    "nn.ParameterList(t.ones(2))",
    "repr(nn.ParameterList([nn.Linear(1, 1)]))", "nn.ParameterList(m)", "nn.ParameterList()",
]  # fmt: skip


def run_parameters(t: Any, module: Any, code: str) -> Any:
    scope = {**names(t), "m": module, "P": lambda: t.nn.Parameter(t.full((2,), 5.0))}
    if "] = " in code or "+= " in code or "|= " in code or code.startswith(("del ", "m.q")):
        exec(code, scope)
        result = scope["m"] is module
    else:
        result = eval(code, scope)
    return result, repr(scope["m"]), list(scope["m"]._parameters)


@pytest.mark.parametrize("code", PARAMETER_LISTS)
def test_parameter_list(code: str) -> None:
    def case(t: Any) -> Any:
        values = [t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.zeros(2, 3)), t.ones(1), 7]
        return run_parameters(t, t.nn.ParameterList(values), code)

    check_same(case)


def test_parameter_list_of_ints_is_refused() -> None:
    check_same(lambda t: t.nn.ParameterList([t.ones(2, dtype=t.int64)]))


PARAMETER_DICTS = [
    "m['a']", "m['b']", "m['c']", "m['z']", "m[0]", "m.a", "len(m)", "list(m)", "'a' in m", "list(m.keys())",
    "list(m.items())", "list(m.values())", "m.pop('a')", "m.pop('c')", "m.pop('z')", "m.pop('z', 1)", "m.popitem()",
    "m.get('a')", "m.get('z')", "m.get('z', 4)", "m.setdefault('a')", "m.setdefault('z')", "m.setdefault('z', P())",
    "m.clear()", "m.copy()", "m.fromkeys(['x', 'y'])", "m.fromkeys(['x'], t.ones(1))",
    "m | nn.ParameterDict({'z': P()})",
    "m | {'z': P()}", "{'z': P()} | m", "m.update({'z': P()})", "m.update([('z', P())])", "m.update([3])",
    "m.update(3)",
    "m.update([('a',)])", "m.update(nn.ParameterDict({'a': P()}))", "list(reversed(m))", "m(1)", "m.state_dict()",
    "[n for n, _ in m.named_parameters()]", "m.update(z=P())", "m['z'] = P()", "m['a'] = t.zeros(2)", "m['a'] = 3",
    "m['keys'] = P()", "m['x.y'] = P()", "m[''] = P()", "del m['a']", "del m['c']", "del m['z']", "m['a'] = None",
    "m |= {'z': P()}", "m |= nn.ParameterDict({'z': P()})", "m.q = P()", "m.q = t.ones(1)", "nn.ParameterDict(3)",
    "nn.ParameterDict([('a', P())])", "list(nn.ParameterDict({'z': P(), 'a': P()}))",
    "list(nn.ParameterDict(OrderedDict(z=P(), a=P())))", "nn.ParameterDict({'pop': P()})", "nn.ParameterDict()",
]  # fmt: skip


@pytest.mark.parametrize("code", PARAMETER_DICTS)
def test_parameter_dict(code: str) -> None:
    def case(t: Any) -> Any:
        module = t.nn.ParameterDict({"a": t.nn.Parameter(t.ones(2)), "b": t.ones(1), "c": 7})
        return run_parameters(t, module, code)

    check_same(case, "type" if code == "m[0]" else "start")


def test_containers_copy_and_convert() -> None:
    def case(t: Any) -> Any:
        net = t.nn.Module()
        net.layers = t.nn.ModuleList([t.nn.Linear(2, 2) for _ in range(2)])
        net.heads = t.nn.ModuleDict({"x": t.nn.Linear(2, 1)})
        net.scales = t.nn.ParameterList([t.ones(2)])
        net.shifts = t.nn.ParameterDict({"y": t.ones(2)})
        twin = copy.deepcopy(net).double()
        return repr(twin), [(k, str(v.dtype), tuple(v.shape)) for k, v in twin.state_dict().items()]

    check_same(case)
