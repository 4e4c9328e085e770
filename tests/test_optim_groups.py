"""Optimizers: parameter groups, arguments and their errors, repr, closures and hooks, beside PyTorch's."""

import numpy as np
import pytest
import torch
from optim_helpers import NAMES, outcome, parameters, train, values

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


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_offered_says_so(name):
    key = "differentiable"
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


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("SGD", "Adagrad")])
def test_capturable_is_for_the_gpu(name):
    found = []
    for lib in (mt, torch):
        params = parameters(lib)
        optimizer = getattr(lib.optim, name)(params, capturable=True)
        params[0].grad = lib.ones_like(params[0])
        found.append(outcome(optimizer.step))
        assert params[0].tolist() == parameters(lib)[0].tolist()
    assert found[0][0] is found[1][0] is AssertionError
    assert found[0][1].startswith("If capturable=True, params and state_steps must be on supported devices: ['cuda'")


@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
def test_two_have_no_capturable(name):
    for lib in (mt, torch):
        with pytest.raises(TypeError, match="capturable"):
            getattr(lib.optim, name)(parameters(lib), capturable=True)
