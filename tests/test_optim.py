"""Optimizers: the numbers. Every algorithm beside PyTorch's, over many steps, with every option."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minitorch as mt
from minitorch.nn import Parameter
from minitorch.optim import flat, segment

SHAPES = [(5, 3), (7,), (), (1, 4), (0, 2), (33, 17)]

OPTIONS = {
    "SGD": [
        {},
        {"lr": 0.1, "weight_decay": 0.1},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1, "maximize": True},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True},
    ],
    "Adam": [
        {},
        {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.01, "betas": (0.3, 0.9), "eps": 1e-3},
        {"betas": (0.0, 0.0)},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "AdamW": [{}, {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1, "maximize": True}, {"weight_decay": 0}],
    "RMSprop": [
        {},
        {"centered": True},
        {"momentum": 0.9},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1, "maximize": True, "eps": 1e-2},
        {"centered": True, "alpha": 0.4, "eps": 1e-2},
    ],
    "Adagrad": [
        {},
        {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.1, "maximize": True},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1, "maximize": True}],
    "Adamax": [{}, {"betas": (0.4, 0.9), "weight_decay": 0.1, "maximize": True}],
    "RAdam": [
        {},
        {"betas": (0.8, 0.5)},
        {"betas": (0.8, 0.97), "weight_decay": 0.1, "maximize": True},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "NAdam": [
        {},
        {"weight_decay": 0.1, "maximize": True},
        {"decoupled_weight_decay": True, "weight_decay": 0.1, "momentum_decay": 0.1},
    ],
    "ASGD": [{}, {"t0": 10, "lambd": 0.1, "alpha": 0.5, "weight_decay": 0.1, "maximize": True}],
}
CASES = [(name, options) for name, rows in OPTIONS.items() for options in rows]


def case_name(value):
    return value if isinstance(value, str) else ",".join(f"{k}={v}" for k, v in value.items()) or "defaults"


class Twins:
    """The same parameters and the same optimizer, in both libraries."""

    def __init__(self, name, options, dtype=np.float32, shapes=SHAPES, seed=0):
        self.rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.values = values = [self.draw(shape) for shape in shapes]
        self.mine = [Parameter(mt.from_numpy(v.copy())) for v in values]
        self.theirs = [torch.nn.Parameter(torch.from_numpy(v.copy())) for v in values]
        self.a = getattr(mt.optim, name)(self.mine, **options)
        self.b = getattr(torch.optim, name)(self.theirs, foreach=False, **options)

    def draw(self, shape):
        return np.asarray(self.rng.standard_normal(shape)).astype(self.dtype)

    def step(self, skipped=()):
        """One step with fresh gradients; those of the parameters in `skipped` are None."""
        for i, (p, q) in enumerate(zip(self.mine, self.theirs, strict=True)):
            g = self.draw(tuple(p.shape))
            p.grad = None if i in skipped else mt.from_numpy(g)
            q.grad = None if i in skipped else torch.from_numpy(g.copy())
        self.a.step()
        self.b.step()

    def check(self, units=4):
        """Parameters and state agree within a few units in the last place of the largest value, at the start or now."""
        for p, q, start in zip(self.mine, self.theirs, self.values, strict=True):
            close(p.detach().numpy(), q.detach().numpy(), units, np.abs(start).max(initial=0))
            mine, theirs = self.a.state.get(p, {}), self.b.state.get(q, {})
            assert list(mine) == list(theirs)
            for key, value in theirs.items():
                close(mine[key].numpy(), value.numpy(), 4 * units)


def close(mine, theirs, units, least=0.0):
    assert mine.dtype == theirs.dtype
    assert mine.shape == theirs.shape
    scale = max(np.abs(theirs).max(initial=0), least)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=units * np.finfo(theirs.dtype).eps * scale)


def units_for(name, options):
    # A small eps under a variance that cancels, summed up by the momentum, magnifies the last bits.
    return 40 if name == "RMSprop" and ("momentum" in options or "centered" in options) else 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "options"), CASES, ids=case_name)
def test_fifty_steps(name, options, dtype):
    twins = Twins(name, options, dtype)
    for _ in range(50):
        twins.step()
    twins.check(units_for(name, options))


@pytest.mark.parametrize(("name", "options"), CASES, ids=case_name)
def test_gradients_come_and_go_and_lr_changes(name, options):
    twins = Twins(name, options, np.float64)
    for i in range(24):
        if i == 12:
            for optimizer in (twins.a, twins.b):
                optimizer.param_groups[0]["lr"] *= 0.3
        twins.step(skipped=twins.rng.choice(6, i % 4, replace=False))
    twins.check(units_for(name, options))


@pytest.mark.parametrize(("name", "options"), CASES, ids=case_name)
def test_large_parameters_are_updated_in_slices(name, options, monkeypatch):
    for module in flat, segment:
        monkeypatch.setattr(module, "CPU_SLICE", 64)
    twins = Twins(name, options, np.float64, shapes=[(3, 43), (64,), (40,), (30,), (16, 4), (33,), (2, 2)])
    for _ in range(6):
        twins.step()
    twins.check(units_for(name, options))


@pytest.mark.parametrize("name", OPTIONS)
def test_memory_that_is_not_contiguous(name, monkeypatch):
    """Transposed parameters, small (gathered) and large (alone), with gradients of another layout."""
    for module in flat, segment:
        monkeypatch.setattr(module, "CPU_SLICE", 64)
    rng = np.random.default_rng(0)
    values = [rng.standard_normal((9, 11)).T, rng.standard_normal((4, 3)).T, rng.standard_normal(12)[::2]]
    mine = [mt.from_numpy(v.copy(order="K")) for v in values]
    bases = [mt.from_numpy(np.zeros((9, 11))), mt.from_numpy(np.zeros((4, 3))), mt.from_numpy(np.zeros(12))]
    mine = [bases[0].t(), bases[1].t(), bases[2][::2]]
    for p, v in zip(mine, values, strict=True):
        p.copy_(mt.from_numpy(np.ascontiguousarray(v)))
    mine = [p.detach().requires_grad_() for p in mine]
    assert not any(p.is_contiguous() for p in mine)
    theirs = [torch.tensor(v.copy(), requires_grad=True) for v in values]
    a = getattr(mt.optim, name)(mine, lr=0.1)
    b = getattr(torch.optim, name)(theirs, lr=0.1, foreach=False)
    for _ in range(4):
        for p, q in zip(mine, theirs, strict=True):
            g = rng.standard_normal(q.shape)
            p.grad = mt.from_numpy(np.asfortranarray(g))
            q.grad = torch.from_numpy(g)
        a.step()
        b.step()
    for p, q in zip(mine, theirs, strict=True):
        close(p.detach().numpy(), q.detach().numpy(), 4)
    close(bases[0].numpy(), theirs[0].detach().numpy().T, 4)  # written into the memory it shares


def number(low, high):
    return st.floats(low, high, allow_nan=False)


BETAS = st.tuples(number(0, 0.99), number(0, 0.999))
COMMON = {"lr": number(0, 0.5), "weight_decay": number(0, 0.5), "maximize": st.booleans()}
EPS = number(1e-8, 1e-2)
DRAWN = {
    "SGD": {"momentum": number(0, 0.99), "dampening": number(0, 1)},
    "Adam": {"betas": BETAS, "eps": EPS, "amsgrad": st.booleans(), "decoupled_weight_decay": st.booleans()},
    "AdamW": {"betas": BETAS, "eps": EPS, "amsgrad": st.booleans()},
    "RMSprop": {
        "alpha": number(0.1, 0.99),
        "eps": number(1e-3, 1e-1),
        "momentum": number(0, 0.9),
        "centered": st.booleans(),
    },
    "Adagrad": {"lr_decay": number(0, 1), "initial_accumulator_value": number(0, 1), "eps": EPS},
    "Adadelta": {"rho": number(0, 1), "eps": EPS},
    "Adamax": {"betas": BETAS, "eps": EPS},
    "RAdam": {"betas": BETAS, "eps": EPS, "decoupled_weight_decay": st.booleans()},
    "NAdam": {
        "betas": BETAS,
        "eps": EPS,
        "momentum_decay": number(0, 1),
        "decoupled_weight_decay": st.booleans(),
    },
    "ASGD": {"lambd": number(0, 0.5), "alpha": number(0, 1), "t0": number(0, 8)},
}


@pytest.mark.parametrize("name", DRAWN)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_options(name, data):
    options = data.draw(st.fixed_dictionaries({}, optional=COMMON | DRAWN[name]))
    if name == "SGD" and options.get("momentum") and data.draw(st.booleans()):
        options |= {"nesterov": True, "dampening": 0}
    twins = Twins(name, options, np.float64, shapes=[(3, 2), (4,), ()], seed=data.draw(st.integers(0, 99)))
    for _ in range(6):
        twins.step()
    twins.check(400)


EXACT = """
import sys
import numpy as np, torch
import minitorch as mt
from minitorch.nn import Parameter
from minitorch.optim import flat, segment

class Arrays:  # NumPy with the square root that PyTorch takes (it is not correctly rounded everywhere)
    def __getattr__(self, name): return getattr(np, name)
    def sqrt(self, x, out):
        out[...] = torch.from_numpy(x.copy()).sqrt().numpy()
        return out

arrays = Arrays()
for name in "adam", "rmsprop", "adagrad", "adadelta", "radam", "nadam":
    sys.modules[f"minitorch.optim.{name}"].xp = lambda x: arrays

for name, options in CASES:
    rng = np.random.default_rng(0)
    for dtype in np.float32, np.float64:
        values = [np.asarray(rng.standard_normal(s)).astype(dtype) for s in [(5, 3), (7,), (), (20, 30)]]
        mine = [Parameter(mt.from_numpy(v.copy())) for v in values]
        theirs = [torch.nn.Parameter(torch.from_numpy(v)) for v in values]
        a = getattr(mt.optim, name)(mine, **options)
        b = getattr(torch.optim, name)(theirs, foreach=False, **options)
        for _ in range(50):
            for p, q in zip(mine, theirs):
                g = np.asarray(rng.standard_normal(q.shape)).astype(dtype)
                p.grad, q.grad = mt.from_numpy(g), torch.from_numpy(g)
            a.step()
            b.step()
        for p, q in zip(mine, theirs):
            if not np.array_equal(p.detach().numpy(), q.detach().numpy()):
                print(name, options, dtype.__name__, "differs")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks PyTorch for its kernels without fused multiply-add")
def test_bitwise_where_pytorch_does_not_fuse():
    """The order of operations is PyTorch's: without fused multiply-add not one bit differs in 50 steps."""
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("PyTorch has no unfused kernels for this processor")
    script = f"CASES = {CASES!r}\n" + textwrap.dedent(EXACT)
    import os

    env = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    result = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("hint", [{"foreach": True}, {"foreach": False}, {"fused": True}, {"fused": False}])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_hints_change_no_number(name, hint):
    results = []
    for options in {}, hint:
        p = Parameter(mt.tensor([1.0, -2.0, 3.0]))
        optimizer = getattr(mt.optim, name)([p], **options)
        for _ in range(3):
            p.grad = mt.tensor([0.1, 0.2, -0.3])
            optimizer.step()
        results.append(p.tolist())
    assert results[0] == results[1]


def test_lr_and_betas_as_tensors():
    for name in OPTIONS:
        p, q = Parameter(mt.tensor([1.0, 2.0])), torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        mine, theirs = mt.tensor(0.1), torch.tensor(0.1)
        options = {"betas": (mt.tensor(0.9), mt.tensor(0.99))} if name.startswith("AdamW") else {}
        a = getattr(mt.optim, name)([p], lr=mine, **options)
        options = {"betas": (torch.tensor(0.9), torch.tensor(0.99))} if name.startswith("AdamW") else {}
        b = getattr(torch.optim, name)([q], lr=theirs, foreach=False, **options)
        for _ in range(5):
            p.grad, q.grad = mt.tensor([0.5, -0.3]), torch.tensor([0.5, -0.3])
            a.step()
            b.step()
            mine.mul_(0.5)  # changed in place, as a scheduler does
            theirs.mul_(0.5)
        close(p.detach().numpy(), q.detach().numpy(), 4)


def test_numpy_numbers_as_options_do_not_widen():
    p = Parameter(mt.tensor([1.0, 2.0]))
    p.grad = mt.tensor([1.0, 1.0])
    optimizer = mt.optim.Adam([p], lr=np.float64(0.1), eps=np.float64(1e-8), betas=(np.float64(0.9), np.float64(0.9)))
    optimizer.step()
    q = Parameter(mt.tensor([1.0, 2.0]))
    q.grad = mt.tensor([1.0, 1.0])
    mt.optim.Adam([q], lr=0.1, betas=(0.9, 0.9)).step()
    assert p.tolist() == q.tolist()
    assert p.dtype is mt.float32


def test_mixed_dtypes_in_one_group():
    p = [Parameter(mt.tensor([1.0, 2.0], dtype=d)) for d in (mt.float32, mt.float64, mt.float16)]
    q = [torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=d)) for d in (torch.float32, torch.float64, torch.float16)]
    a, b = mt.optim.Adam(p, lr=0.1), torch.optim.Adam(q, lr=0.1, foreach=False)
    for _ in range(5):
        for x, y in zip(p, q, strict=True):
            x.grad, y.grad = mt.tensor([0.5, -1.5], dtype=x.dtype), torch.tensor([0.5, -1.5], dtype=y.dtype)
        a.step()
        b.step()
    for x, y in zip(p, q, strict=True):
        close(x.detach().numpy(), y.detach().numpy(), 4)
        assert a.state[x]["exp_avg"].dtype is x.dtype
        assert a.state[x]["step"].dtype is mt.float32


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate parameters")
@pytest.mark.parametrize("name", OPTIONS)
def test_a_parameter_listed_twice_steps_twice(name):
    p, q = Parameter(mt.tensor([1.0, 2.0])), torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    a = getattr(mt.optim, name)([p, p], lr=0.1)
    b = getattr(torch.optim, name)([q, q], lr=0.1, foreach=False)
    for _ in range(3):
        p.grad, q.grad = mt.tensor([0.5, -0.3]), torch.tensor([0.5, -0.3])
        a.step()
        b.step()
    close(p.detach().numpy(), q.detach().numpy(), 4)
    for key, value in b.state[q].items():
        close(a.state[p][key].numpy(), value.numpy(), 16)


def test_a_parameter_listed_twice_starts_its_momentum_twice():
    p, q = Parameter(mt.tensor([1.0])), torch.nn.Parameter(torch.tensor([1.0]))
    options = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    with pytest.warns(UserWarning, match="duplicate parameters"):
        a, b = mt.optim.SGD([p, p], **options), torch.optim.SGD([q, q], foreach=False, **options)
    for _ in range(3):
        p.grad, q.grad = mt.ones(1), torch.ones(1)
        a.step()
        b.step()
    close(p.detach().numpy(), q.detach().numpy(), 4)


def test_parameters_that_share_memory():
    base, other = mt.zeros(6), torch.zeros(6)
    mine = [base[:4].detach().requires_grad_(), base[2:].detach().requires_grad_()]
    theirs = [other[:4].detach().requires_grad_(), other[2:].detach().requires_grad_()]
    a, b = mt.optim.SGD(mine, lr=1.0, momentum=0.5), torch.optim.SGD(theirs, lr=1.0, momentum=0.5)
    for _ in range(2):
        for p, q in zip(mine, theirs, strict=True):
            p.grad, q.grad = mt.ones(4), torch.ones(4)
        a.step()
        b.step()
    assert base.tolist() == other.tolist()


def test_training_a_network():
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    mine = mt.nn.Sequential(mt.nn.Linear(3, 8), mt.nn.Tanh(), mt.nn.Linear(8, 1))
    mine.load_state_dict({k: mt.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((16, 3)).astype(np.float32)
    losses = []
    for lib, model in ((mt, mine), (torch, theirs)):
        optimizer = lib.optim.Adam(model.parameters(), lr=0.01)
        inputs = lib.from_numpy(x)
        losses.append([])
        for _ in range(30):
            optimizer.zero_grad()
            loss = ((model(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert losses[0][-1] < 0.5 * losses[0][0]
