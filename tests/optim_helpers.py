"""What the tests of optimizers share: the same optimizer made and trained in either library."""

import numpy as np
import torch

NAMES = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "RAdam", "NAdam", "ASGD"]
# Options with which the state has every key.
FULL = {
    "SGD": {"momentum": 0.9},
    "Adam": {"amsgrad": True},
    "AdamW": {"amsgrad": True},
    "RMSprop": {"momentum": 0.9, "centered": True},
}


def parameters(lib, seed=0):
    rng = np.random.default_rng(seed)
    return [lib.nn.Parameter(lib.from_numpy(rng.standard_normal(s).astype(np.float32))) for s in [(3, 2), (4,), (1, 1)]]


def make(lib, name, **options):
    params = parameters(lib)
    return getattr(lib.optim, name)(params, **FULL.get(name, {}), **options), params


def train(lib, optimizer, params, steps, seed=1):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for p in params:
            p.grad = lib.from_numpy(rng.standard_normal(tuple(p.shape)).astype(np.float32))
        optimizer.step()


def values(params):
    return [p.detach().numpy().copy() for p in params]


def converted(tree, lib):
    """A state_dict with every tensor made one of `lib`."""
    if isinstance(tree, dict):
        return {k: converted(v, lib) for k, v in tree.items()}
    if isinstance(tree, list):
        return [converted(v, lib) for v in tree]
    return lib.from_numpy(np.array(tree.numpy())) if hasattr(tree, "numpy") else tree


def assert_same(mine, theirs):
    """Two state_dicts are equal in keys, order, types and, nearly, in values."""
    assert type(mine) is type(theirs) or hasattr(mine, "numpy")
    if isinstance(theirs, dict):
        assert list(mine) == list(theirs)
        for key in theirs:
            assert_same(mine[key], theirs[key])
    elif isinstance(theirs, list):
        assert len(mine) == len(theirs)
        for x, y in zip(mine, theirs, strict=True):
            assert_same(x, y)
    elif isinstance(theirs, torch.Tensor):
        assert str(mine.dtype) == str(theirs.dtype)
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)
    else:
        assert mine == theirs


def outcome(function):
    """What a call did: its error's type and words, or its result."""
    try:
        return function()
    except Exception as error:
        return type(error), str(error)
