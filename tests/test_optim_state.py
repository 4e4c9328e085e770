"""Optimizers: their state, saved, loaded, copied and edited, beside PyTorch's."""

import copy
import io
import pickle
from collections import defaultdict

import numpy as np
import pytest
import torch
from optim_helpers import FULL, NAMES, assert_same, converted, make, outcome, parameters, train, values

import minitorch as mt
from minitorch.nn import Parameter

# --- saving and loading


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_is_pytorchs(name):
    (a, p), (b, q) = make(mt, name), make(torch, name, foreach=False)
    a.param_groups[0]["foreach"] = False
    assert_same(a.state_dict(), b.state_dict())
    train(mt, a, p, 3)
    train(torch, b, q, 3)
    assert_same(a.state_dict(), b.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_resuming_equals_continuing(name):
    a, p = make(mt, name)
    train(mt, a, p, 4)
    saved, where = copy.deepcopy(a.state_dict()), values(p)
    train(mt, a, p, 4, seed=2)
    b, q = make(mt, name, lr=0.5)
    for x, v in zip(q, where, strict=True):
        x.data.copy_(mt.from_numpy(v))
    b.load_state_dict(saved)
    train(mt, b, q, 4, seed=2)
    for x, y in zip(values(p), values(q), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("source", "target"), [(mt, torch), (torch, mt)], ids=["to_pytorch", "from_pytorch"])
def test_state_crosses_between_libraries(name, source, target):
    a, p = make(source, name)
    train(source, a, p, 4)
    b, q = make(target, name, lr=0.5)
    for x, v in zip(q, values(p), strict=True):
        x.data.copy_(target.from_numpy(v))
    b.load_state_dict(converted(a.state_dict(), target))
    train(source, a, p, 4, seed=2)
    train(target, b, q, 4, seed=2)
    for x, y in zip(values(p), values(q), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_a_file_saved_here_loads_in_pytorch():
    a, p = make(mt, "Adam")
    train(mt, a, p, 3)
    file = io.BytesIO()
    mt.save(a.state_dict(), file)
    file.seek(0)
    b, q = make(torch, "Adam")
    b.load_state_dict(torch.load(file))
    train(torch, b, q, 1)
    assert b.state[q[0]]["step"].item() == 4


def test_loading_casts_and_copies():
    a, p = make(mt, "Adam")
    train(mt, a, p, 2)
    saved = a.state_dict()
    q = [Parameter(x.detach().double()) for x in p]
    b = mt.optim.Adam(q, amsgrad=True)
    b.load_state_dict(saved)
    assert b.state[q[0]]["exp_avg"].dtype is mt.float64
    assert b.state[q[0]]["step"].dtype is mt.float32
    before = saved["state"][0]["exp_avg"].clone()
    for x in q:
        x.grad = mt.ones_like(x)
    b.step()
    assert saved["state"][0]["exp_avg"].equal(before)
    assert b.state[q[0]]["step"].item() == 3
    assert a.state[p[0]]["step"].item() == 2


def test_saved_dict_follows_the_optimizer():
    a, p = make(mt, "Adam")
    train(mt, a, p, 1)
    saved = a.state_dict()
    train(mt, a, p, 1)
    assert saved["state"][0]["step"].item() == 2
    assert saved["state"][0] is a.state[p[0]]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["param_groups"].append(d["param_groups"][0]),
        lambda d: d["param_groups"][0]["params"].append(3),
        lambda d: d.pop("param_groups"),
    ],
)
def test_loading_what_does_not_fit(change):
    results = []
    for lib in mt, torch:
        a, p = make(lib, "Adam")
        train(lib, a, p, 1)
        saved = copy.deepcopy(a.state_dict())
        change(saved)
        results.append(outcome(lambda a=a, saved=saved: a.load_state_dict(saved)))
    assert results[0] == results[1]
    assert issubclass(results[0][0], Exception)


@pytest.mark.parametrize("name", NAMES)
def test_loading_files_older_than_some_options(name):
    groups = []
    for lib in mt, torch:
        a, _ = make(lib, name)
        a.load_state_dict(
            {
                "state": {0: dict.fromkeys(("step", "mu_product", "eta", "mu"), 0.5)},
                "param_groups": [{"lr": 0.25, "params": [0, 1, 2]}],
            }
        )
        group = {k: v for k, v in a.param_groups[0].items() if k not in ("params", "fused")}
        groups.append(group)
    assert groups[0] == groups[1]


def test_steps_saved_as_numbers():
    a, p = make(mt, "Adam")
    train(mt, a, p, 3)
    saved = copy.deepcopy(a.state_dict())
    for state in saved["state"].values():
        state["step"] = int(state["step"].item())
    b, q = make(mt, "Adam")
    b.load_state_dict(saved)
    train(mt, b, q, 1)
    assert b.state[q[0]]["step"].item() == 4
    assert b.state[q[0]]["step"].dtype is mt.float32


def test_other_things_in_the_state_are_kept():
    a, p = make(mt, "Adam")
    train(mt, a, p, 1)
    saved = a.state_dict()
    saved["state"][0]["note"] = {"x": [mt.ones(2, dtype=mt.float64), "text", (1, 2)]}
    saved["state"]["all"] = 7
    b, q = make(mt, "Adam")
    b.load_state_dict(saved)
    train(mt, b, q, 1)
    kept = b.state[q[0]]["note"]["x"]
    assert kept[0].dtype is mt.float32
    assert kept[1:] == ["text", (1, 2)]
    assert b.state_dict()["state"]["all"] == 7


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("copier", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
def test_copies_step_on_their_own(name, copier):
    a, p = make(mt, name)
    train(mt, a, p, 2)
    a.register_step_pre_hook(lambda *args: None)
    b = copier(a)
    q = b.param_groups[0]["params"]
    before = values(p)
    train(mt, b, q, 2, seed=5)
    for x, y in zip(values(p), before, strict=True):
        np.testing.assert_array_equal(x, y)
    train(mt, a, p, 2, seed=5)
    for x, y in zip(values(p), values(q), strict=True):
        np.testing.assert_array_equal(x, y)
    assert repr(a) == repr(b)


# --- the state that users see


def test_plain_sgd_has_no_state():
    a, p = mt.optim.SGD(parameters(mt)), None
    p = a.param_groups[0]["params"]
    train(mt, a, p, 2)
    assert len(a.state) == 0
    assert type(a.state) is defaultdict


def test_state_tensors_are_live():
    """Writing to a tensor of state, or putting another in its place, counts for the next step."""
    edits = {
        "in place": lambda s, lib: s["exp_avg"].fill_(2.0),
        "replaced": lambda s, lib: s.update(exp_avg=lib.full((3, 2), 2.0)),
        "data": lambda s, lib: setattr(s["exp_avg"], "data", lib.full((3, 2), 2.0)),
        "step": lambda s, lib: s["step"].fill_(40.0),
        "step replaced": lambda s, lib: s.update(step=lib.tensor(40.0)),
        "cleared": lambda s, lib: s.clear(),
    }
    for edit in edits.values():
        results = []
        for lib in mt, torch:
            a, p = make(lib, "Adam")
            train(lib, a, p, 2)
            edit(a.state[p[0]], lib)
            train(lib, a, p, 2)
            results.append(values(p))
            assert {s["step"].item() for s in a.state.values()} <= {2.0, 4.0, 42.0}
        for x, y in zip(*results, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_state_thrown_away():
    results = []
    for lib in mt, torch:
        a, p = make(lib, "SGD")
        train(lib, a, p, 2)
        a.state = defaultdict(dict)
        train(lib, a, p, 2)
        results.append(values(p))
    for x, y in zip(*results, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_tensors_of_state_stay_the_same_objects():
    a, p = make(mt, "Adam")
    train(mt, a, p, 1)
    average = a.state[p[0]]["exp_avg"]
    p[1].grad = None
    a.step()  # other participants: the flat arrays are made anew
    train(mt, a, p, 1)
    assert a.state[p[0]]["exp_avg"] is average
    before = average.clone()
    train(mt, a, p, 1)
    assert not average.equal(before)


def test_options_switched_on_midway():
    for name, change in (
        ("Adam", {"amsgrad": True}),
        ("RMSprop", {"momentum": 0.9}),
        ("SGD", {"momentum": 0.9}),
    ):
        results = []
        for lib in mt, torch:
            p = parameters(lib)
            a = getattr(lib.optim, name)(p)
            train(lib, a, p, 2)
            a.param_groups[0].update(change)
            results.append(outcome(lambda lib=lib, a=a, p=p: train(lib, a, p, 2)))
            results.append([list(s) for s in a.state.values()])
        assert results[:2] == results[2:]


def test_state_that_does_not_fit_raises():
    a, p = make(mt, "Adam")
    train(mt, a, p, 1)
    a.state[p[0]]["exp_avg"] = mt.zeros(7)
    with pytest.raises(RuntimeError, match="exp_avg has shape \\[7\\]"):
        a.step()


# --- parameters


def test_memory_of_a_parameter_is_kept():
    p = Parameter(mt.ones(2, 3))
    view, memory = p.detach()[0], p.numpy(force=True)
    a = mt.optim.SGD([p, Parameter(mt.ones(2))], lr=1.0)
    p.grad = mt.ones(2, 3)
    a.step()
    assert view.tolist() == [0, 0, 0]
    assert memory.sum() == 0


def test_data_replaced_between_steps():
    a, p = make(mt, "Adam")
    train(mt, a, p, 1)
    p[0].data = mt.full((3, 2), 10.0)
    train(mt, a, p, 1)
    assert (p[0] > 9).all()
    assert not (p[0] == 10).any()


def test_a_step_between_forward_and_backward_is_noticed():
    for numel in 3, 100_000:  # gathered, and changed where it lies
        p = Parameter(mt.ones(numel))
        a = mt.optim.SGD([p], lr=0.1)
        loss = (p * p).sum()
        p.grad = mt.ones(numel)
        a.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_gradients_are_only_read():
    for name in NAMES:
        for numel in 3, 100_000:
            p, q = Parameter(mt.ones(numel)), Parameter(mt.ones(2))
            a = getattr(mt.optim, name)([p, q], weight_decay=0.1, maximize=True, **FULL.get(name, {}))
            p.grad, q.grad = mt.full((numel,), 0.5), mt.full((2,), 0.5)
            for _ in range(2):
                a.step()
            assert (p.grad == 0.5).all()
            assert (q.grad == 0.5).all()


def test_frozen_and_unfrozen():
    a, p = make(mt, "Adam")
    p[0].requires_grad_(False)
    before = values(p)
    p[1].grad = mt.ones(4)
    a.step()
    assert np.array_equal(values(p)[0], before[0])
    assert list(a.state) == [p[1]] or p[0] not in a.state
    p[0].requires_grad_(True)
    train(mt, a, p, 1)
    assert a.state[p[0]]["step"].item() == 1
    assert a.state[p[1]]["step"].item() == 2


def test_step_count_follows_the_default_dtype():
    mt.set_default_dtype(mt.float64)
    try:
        a, p = make(mt, "Adam")
        train(mt, a, p, 1)
        assert a.state[p[0]]["step"].dtype is mt.float64
    finally:
        mt.set_default_dtype(mt.float32)


@pytest.mark.parametrize("name", ["NAdam", "ASGD"])
def test_loaded_numbers_have_the_dtype_of_their_parameter(name: str) -> None:
    """All but the step, as in PyTorch."""
    results = []
    for t in mt, torch:
        p = t.nn.Parameter(t.ones(3, dtype=t.float64))
        p.grad = t.ones(3, dtype=t.float64)
        optimizer = getattr(t.optim, name)([p])
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        optimizer.step()
        results.append({k: str(v.dtype).split(".")[-1] for k, v in optimizer.state[p].items()})
    assert results[0] == results[1]
