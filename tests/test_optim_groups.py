"""Optimizers: parameter groups, arguments and their errors, repr, closures and hooks, beside PyTorch's."""

import warnings

import numpy as np
import pytest
import torch
from optim_helpers import NAMES, make, outcome, parameters, train, values

import minitorch as mt
from minitorch.nn import Parameter

# --- groups


def test_groups_with_their_own_options():
    results = []
    for lib in mt, torch:
        p = parameters(lib)
        a = lib.optim.Adam(
            [{"params": p[:1], "lr": 0.1, "amsgrad": True}, {"params": iter(p[1:2]), "betas": (0.5, 0.9)}],
            lr=0.01,
        )
        train(lib, a, p[:2], 3)
        a.add_param_group({"params": p[2], "weight_decay": 0.1})
        train(lib, a, p, 3)
        results.append((values(p), repr(a), a.state_dict()["param_groups"]))
    for x, y in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)
    assert results[0][1:] == results[1][1:]


def test_the_given_dict_is_the_group():
    group = {"params": parameters(mt)}
    a = mt.optim.SGD([group], lr=0.5)
    assert a.param_groups[0] is group
    assert group["lr"] == 0.5


WRONG_PARAMS = [
    lambda lib, p, o: o([]),
    lambda lib, p, o: o(p),
    lambda lib, p, o: o(3),
    lambda lib, p, o: o([1]),
    lambda lib, p, o: o([[p]]),
    lambda lib, p, o: o([p * 2]),
    lambda lib, p, o: o({"params": p}),
    lambda lib, p, o: o([{"params": {p}}]),
    lambda lib, p, o: o([{"lr": 1.0}]),
    lambda lib, p, o: o([{"params": [p]}, {"params": [p]}]),
    lambda lib, p, o: o([("a", p), lib.nn.Parameter(lib.ones(1))]),
    lambda lib, p, o: o([lib.nn.Parameter(lib.ones(1)), ("a", p)]),
    lambda lib, p, o: o([("a", None)]),
    lambda lib, p, o: o([{"params": ("a", p)}]),
    lambda lib, p, o: o([{"params": [("a", p)]}, {"params": [lib.nn.Parameter(lib.ones(1))]}]),
    lambda lib, p, o: o([{"params": [p]}, {"params": [("a", lib.nn.Parameter(lib.ones(1)))]}]),
    lambda lib, p, o: o([p]).add_param_group([lib.nn.Parameter(lib.ones(1))]),
    lambda lib, p, o: o([p]).add_param_group({"params": [lib.nn.Parameter(lib.ones(1)), p]}),
    lambda lib, p, o: o([("a", p)]).add_param_group({"params": lib.nn.Parameter(lib.ones(1))}),
    lambda lib, p, o: lib.optim.Optimizer([p]),
]


@pytest.mark.parametrize("make_wrong", WRONG_PARAMS)
def test_wrong_parameters(make_wrong):
    results = [
        outcome(lambda lib=lib: make_wrong(lib, lib.nn.Parameter(lib.ones(2)), lib.optim.SGD)) for lib in (mt, torch)
    ]
    assert results[0] == results[1]
    assert issubclass(results[0][0], Exception)


RIGHT_PARAMS = [
    lambda lib, p: [("a", p), ("b", lib.nn.Parameter(lib.ones(1)))],
    lambda lib, p: [{"params": [("a", p)]}, {"params": [("b", lib.nn.Parameter(lib.ones(1)))], "lr": 2}],
    lambda lib, p: [("a", p, "more")],
    lambda lib, p: {p},
    lambda lib, p: (x for x in [p]),
    lambda lib, p: [{"params": []}],
    lambda lib, p: [lib.ones(2)],
    lambda lib, p: [{"params": p, "zeta": 3, "alpha": 1}],
    lambda lib, p: [{"params": p, "lr": -3}],
]


@pytest.mark.parametrize("params", RIGHT_PARAMS)
def test_accepted_parameters(params):
    results = []
    for lib in mt, torch:
        a = lib.optim.SGD(params(lib, lib.nn.Parameter(lib.ones(2))))
        results.append((repr(a), a.state_dict()))
    assert results[0] == results[1]


def test_duplicates_warn():
    for lib in mt, torch:
        p = lib.nn.Parameter(lib.ones(2))
        with pytest.warns(UserWarning, match="duplicate parameters; in future, this will cause an error"):
            a = lib.optim.SGD([p, p])
        assert a.state_dict()["param_groups"][0]["params"] == [1, 1]


# --- arguments

WRONG = [
    ("SGD", [{"lr": -1}, {"momentum": -1}, {"weight_decay": -1}, {"nesterov": True}]),
    ("SGD", [{"nesterov": True, "momentum": 0.9, "dampening": 0.1}, {"foreach": True, "fused": True}]),
    ("Adam", [{"lr": -1}, {"eps": -1}, {"betas": (1.0, 0.9)}, {"betas": (0.9, 1)}, {"betas": (-0.5, 0.9)}]),
    ("Adam", [{"weight_decay": -1}, {"betas": (0.9,)}, {"betas": 0.9}, {"lr": float("nan")}]),
    ("Adam", [{"foreach": True, "fused": True}, {"fused": True, "differentiable": True}, {"momentum": 1}]),
    ("AdamW", [{"weight_decay": -1}, {"lr": -1e-3}, {"decoupled_weight_decay": True}]),
    ("RMSprop", [{"lr": -1}, {"eps": -1}, {"momentum": -1}, {"weight_decay": -1}, {"alpha": -1}]),
    (
        "Adagrad",
        [{"lr": -1}, {"lr_decay": -1}, {"weight_decay": -1}, {"initial_accumulator_value": -1}, {"eps": -1}],
    ),
    ("Adagrad", [{"foreach": True, "fused": True}]),
    ("Adadelta", [{"lr": -1}, {"rho": -0.1}, {"rho": 1.1}, {"eps": -1}, {"weight_decay": -1}]),
    ("Adamax", [{"lr": -1}, {"eps": -1}, {"betas": (1.0, 0.9)}, {"weight_decay": -1}]),
    ("RAdam", [{"lr": -1}, {"eps": -1}, {"betas": (0.9, 1.0)}, {"weight_decay": -1}]),
    ("NAdam", [{"lr": -1}, {"eps": -1}, {"betas": (1.0, 0.9)}, {"weight_decay": -1}, {"momentum_decay": -1}]),
    ("ASGD", [{"lr": -1}, {"weight_decay": -1}]),
]


@pytest.mark.parametrize(("name", "options"), [(name, o) for name, rows in WRONG for o in rows])
def test_wrong_arguments(name, options):
    results = [
        outcome(lambda lib=lib: getattr(lib.optim, name)([lib.nn.Parameter(lib.ones(2))], **options))
        for lib in (mt, torch)
    ]
    assert results[0] == results[1]
    assert issubclass(results[0][0], Exception)


@pytest.mark.parametrize(
    "options",
    [
        lambda lib: {"lr": lib.tensor([0.1, 0.2])},
        lambda lib: {"lr": lib.tensor(-0.1)},
        lambda lib: {"lr": lib.tensor(0.1), "foreach": True},
        lambda lib: {"betas": (lib.tensor(0.9), 0.99)},
        lambda lib: {"betas": (lib.tensor(0.9), lib.tensor(0.99)), "foreach": True},
    ],
)
def test_wrong_tensor_arguments(options):
    results = [
        outcome(lambda lib=lib: lib.optim.Adam([lib.nn.Parameter(lib.ones(2))], **options(lib))) for lib in (mt, torch)
    ]
    assert results[0] == results[1]
    assert results[0][0] is ValueError


@pytest.mark.parametrize("key", ["capturable", "differentiable"])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_offered_says_so(name, key):
    if (name, key) in {("SGD", "capturable"), ("Adagrad", "capturable")}:
        pytest.skip("PyTorch has no such argument")
    optimizer = getattr(mt.optim, name)
    with pytest.raises(NotImplementedError, match=key):
        optimizer(parameters(mt), **{key: True})
    with pytest.raises(NotImplementedError, match=key):
        optimizer([{"params": parameters(mt), key: True}])
    a = optimizer(parameters(mt))
    saved = a.state_dict()
    saved["param_groups"][0][key] = True
    with pytest.raises(NotImplementedError, match=key):
        a.load_state_dict(saved)
    with pytest.raises(NotImplementedError, match=key):
        a.add_param_group({"params": [Parameter(mt.ones(1))], key: True})
    assert len(a.param_groups) == 1
    assert a.param_groups[0][key] is False


@pytest.mark.parametrize("name", NAMES)
def test_repr_and_defaults(name):
    (a, _), (b, _) = make(mt, name), make(torch, name)
    assert repr(a) == repr(b)
    assert a.defaults == b.defaults
    a.add_param_group({"params": [Parameter(mt.ones(1))], "lr": 0.125})
    b.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.125})
    assert repr(a) == repr(b)


@pytest.mark.parametrize("name", NAMES)
def test_lr_that_is_no_number(name):
    for lib in mt, torch:
        with pytest.raises(TypeError, match="not supported between instances of"):
            getattr(lib.optim, name)([lib.nn.Parameter(lib.ones(2))], lr="x")


def test_repr_with_a_tensor_as_lr():
    for lr in lambda lib: lib.tensor(0.1), lambda lib: lib.tensor([0.1]):
        a, b = (lib.optim.SGD([lib.nn.Parameter(lib.ones(1))], lr=lr(lib)) for lib in (mt, torch))
        assert repr(a) == repr(b)


# --- steps, hooks


def test_closure():
    p = Parameter(mt.tensor([2.0]))
    a = mt.optim.SGD([p], lr=0.1)

    def closure():
        a.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mt.no_grad():
        assert a.step(closure).item() == 4
        assert not mt.is_grad_enabled()
    assert p.item() == pytest.approx(1.6)
    assert a.step(closure=lambda: 3) == 3
    assert a.step() is None


def test_zero_grad():
    p, q = Parameter(mt.ones(2)), Parameter(mt.ones(2))
    a = mt.optim.SGD([p, q])
    (p * 3).sum().backward()
    grad = p.grad
    a.zero_grad(set_to_none=False)
    assert p.grad is grad
    assert grad.tolist() == [0, 0]
    assert q.grad is None
    a.zero_grad()
    assert p.grad is None


def test_zero_grad_of_a_gradient_with_a_graph():
    p = Parameter(mt.ones(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (p**3).sum().backward(create_graph=True)
    mt.optim.SGD([p]).zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    assert not p.grad.requires_grad


def test_step_hooks():
    logs = []
    for lib in mt, torch:
        a, _ = make(lib, "SGD")
        log = []
        before = a.register_step_pre_hook(
            lambda o, args, kwargs, log=log, a=a: log.append(("pre", o is a, len(args), list(kwargs)))
        )
        a.register_step_post_hook(lambda o, args, kwargs, log=log: log.append(("post", len(args), list(kwargs))))
        a.step()
        a.step(lambda: 1)
        a.step(closure=lambda: 1)
        before.remove()
        a.step()
        replace = a.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 77), {}))
        log.append(a.step())
        replace.remove()
        a.register_step_pre_hook(lambda o, args, kwargs: 3)
        log.append(outcome(a.step)[0])
        logs.append(log)
    assert logs[0] == logs[1]


def test_state_dict_hooks():
    logs = []
    for lib in mt, torch:
        a, _ = make(lib, "SGD")
        log = []
        a.register_state_dict_pre_hook(lambda o, log=log: log.append("save"))
        a.register_state_dict_pre_hook(lambda o, log=log: log.append("save first"), prepend=True)
        a.register_state_dict_post_hook(lambda o, d: {**d, "more": 1})
        a.register_load_state_dict_pre_hook(lambda o, d, log=log: log.append(sorted(d)))
        a.register_load_state_dict_pre_hook(lambda o, d: {**d, "early": 1}, prepend=True)
        a.register_load_state_dict_post_hook(lambda o, log=log: log.append("loaded"))
        a.register_load_state_dict_post_hook(lambda o, log=log: log.append("loaded first"), prepend=True)
        a.load_state_dict(a.state_dict())
        logs.append(log)
    assert logs[0] == logs[1]


def test_an_optimizer_of_ones_own():
    """A subclass with its own step and state, as tutorials write them, runs in both libraries."""
    results = []
    for lib in mt, torch:

        class Signed(lib.optim.Optimizer):
            def __init__(self, params, lr=0.1):
                super().__init__(params, {"lr": lr})

            def step(self, closure=None):
                for group in self.param_groups:
                    for p in group["params"]:
                        state = self.state[p]
                        state["step"] = state.get("step", 0) + 1
                        p.data.add_(p.grad.sign(), alpha=-group["lr"])

        params = parameters(lib)
        a = Signed(params)
        calls = []
        a.register_step_post_hook(lambda *args, calls=calls: calls.append(1))
        train(lib, a, params, 3)
        results.append((repr(a), a.state_dict(), calls, [v.tolist() for v in values(params)]))
    assert results[0] == results[1]


def test_hooks_run_once_around_an_inherited_step():
    class Logged(mt.optim.Adam):
        def step(self, closure=None):
            return super().step(closure)

    a = Logged(parameters(mt))
    calls = []
    a.register_step_pre_hook(lambda *args: calls.append("pre"))
    a.register_step_post_hook(lambda *args: calls.append("post"))
    a.step()
    assert calls == ["pre", "post"]


def test_the_base_class():
    a = mt.optim.Optimizer(parameters(mt), {"lr": 1})
    assert repr(a) == "Optimizer (\nParameter Group 0\n    lr: 1\n)"
    with pytest.raises(NotImplementedError):
        a.step()
