"""What the tests of random streams share: pairs of generators, and what it means to be equal."""

import numpy as np
import torch

from minitorch import random as R

DTYPES = {
    np.dtype(name): getattr(torch, name)
    for name in ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
}
FLOATS = [d for d in DTYPES if d.kind == "f"]
SIZES = (0, 1, 15, 16, 17, 31, 32, 33, 1000, 100003)
SEEDS = (0, 42, -1, 2**40 + 3)


def generators(seed):
    return R.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)


def state_bytes(generator):
    state = generator.get_state()
    return state.numpy().tobytes()


def assert_same(ours, theirs, g, h):
    """Equal in dtype, shape and bytes, and the generators are left in equal states."""
    theirs = theirs.numpy()
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    if ours.tobytes() != theirs.tobytes():
        bits = f"u{ours.itemsize}"
        where = np.argwhere(np.ascontiguousarray(ours).view(bits) != np.ascontiguousarray(theirs).view(bits))
        first = tuple(where[0])
        raise AssertionError(f"{len(where)} differ, first at {first}: {ours[first]} is not {theirs[first]}")
    assert state_bytes(g) == state_bytes(h)


def draw_pair(name, args, ours, theirs, g, h):
    result = getattr(R, name)(ours, *args, generator=g)
    getattr(theirs, name)(*args, generator=h)
    assert result is ours


def raised(call, *args):
    """The type of the error that the call raises, or what it gives."""
    try:
        return call(*args)
    except Exception as error:
        return type(error)
