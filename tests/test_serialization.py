"""torch.save and torch.load against PyTorch's own, in both directions."""

from __future__ import annotations

import io
import os
import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ptfile import SMALL, in_torch, loaded, saved

import minitorch
from minitorch import dtypes
from minitorch.autograd.tape import wrap
from minitorch.device import device
from minitorch.nn.parameter import Buffer, Parameter
from minitorch.serialization import load, save
from minitorch.size import Size
from minitorch.tensor import Tensor

DTYPES = [t.name for t in dtypes.ALL]


def same(ours: Any, theirs: Any) -> None:
    """Equal in every way a file can keep."""
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert repr(ours.dtype) == repr(theirs.dtype)
    assert ours.requires_grad == theirs.requires_grad
    assert ours.is_leaf
    np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
    if ours.numel() > 1:
        assert ours.stride() == theirs.stride()


# --- tensors, in both directions


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0, 3)])
def test_every_dtype(name: str, shape: tuple[int, ...]) -> None:
    values = np.arange(int(np.prod(shape))).reshape(shape).astype(getattr(dtypes, name).numpy)
    ours = wrap(values)
    theirs = torch.zeros(shape, dtype=getattr(torch, name))
    theirs.copy_(torch.from_numpy(np.array(values)))
    same(ours, in_torch(saved(ours)))
    same(loaded(saved(theirs, torch.save)), theirs)
    same(loaded(saved(ours)), theirs)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda x: x.T,
    "offset": lambda x: x[1:],
    "column": lambda x: x[:, 1],
    "steps": lambda x: x[::2, 1:3],
    "element": lambda x: x[2, 1],
    "none of it": lambda x: x[3:3],
    "one row": lambda x: x[2:3],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_keep_strides_offset_and_the_whole_storage(name: str) -> None:
    base = np.arange(20, dtype=np.float32).reshape(4, 5)
    view = VIEWS[name](base)
    ours = wrap(np.asarray(view) if view.ndim else base[2:3, 1].reshape(()))
    theirs = VIEWS[name](torch.from_numpy(base.copy()))
    got = in_torch(saved(ours))
    same(ours, got)
    assert got.untyped_storage().nbytes() == theirs.untyped_storage().nbytes() == base.nbytes
    if got.numel():
        assert got.storage_offset() == theirs.storage_offset()
    same(loaded(saved(theirs, torch.save)), theirs)


def test_expanded_tensors_stay_small() -> None:
    theirs = torch.ones(1).expand(10**6)
    ours = loaded(saved(theirs, torch.save))
    assert ours._data.strides == (0,)
    assert len(saved(ours)) < 2000
    assert in_torch(saved(ours)).stride() == (0,)
    assert in_torch(saved(wrap(np.broadcast_to(np.float32([1, 2]), (3, 2))))).stride() == (0, 1)


def test_a_permuted_result_keeps_its_strides() -> None:
    x = np.zeros((2, 3, 4)).transpose(1, 0, 2) + 1  # NumPy's result is dense, but neither in C nor in Fortran order
    assert in_torch(saved(wrap(x))).stride() == tuple(s // 8 for s in x.strides)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(4)[::-1],
        np.asarray(memoryview(np.arange(8))[::2]),
        np.array([(1, 2.0)] * 3, dtype=[("i", "i4"), ("f", "f8")])["f"],
        np.lib.stride_tricks.as_strided(np.arange(9), (4, 3), (16, 8)),
        np.frombuffer(bytes(16), np.int32),
    ],
)
def test_arrays_that_torch_cannot_view_are_copied(array: np.ndarray) -> None:
    np.testing.assert_array_equal(in_torch(saved(wrap(array))).numpy(), array)
    np.testing.assert_array_equal(loaded(saved(wrap(array))).numpy(), array)


def test_shared_memory_is_saved_once_and_stays_shared() -> None:
    base = np.arange(1000, dtype=np.float64)
    data = saved([wrap(base), wrap(base[10:20]), wrap(base.reshape(10, 100).T), wrap(base.copy())])
    assert len(data) < 2 * base.nbytes + 3000
    for whole, part, matrix, copy in (
        loaded(data),
        in_torch(data),
        loaded(saved(in_torch(data), torch.save)),
    ):
        whole[10] = -1
        assert part[0] == -1
        assert matrix[10, 0] == -1
        assert copy[10] == 10


def test_one_object_twice_is_one_object() -> None:
    x = wrap(np.ones(2))
    a, b = loaded(saved([x, x]))
    assert a is b
    a, b = in_torch(saved([x, x]))
    assert a is b


def test_one_memory_with_two_types_is_refused_as_in_torch() -> None:
    for module, by, x in ((wrap, save, np.ones(2)), (torch.from_numpy, torch.save, np.ones(2))):
        pair = [module(x), module(x.view(np.int64))]
        with pytest.raises(RuntimeError, match="that view the same data as different types"):
            saved(pair, by)


def test_empty_tensors_are_never_mistaken_for_each_other() -> None:
    empties = [wrap(np.empty(0, t.numpy)) for t in dtypes.ALL]
    assert [repr(t.dtype) for t in in_torch(saved(empties))] == [repr(t) for t in dtypes.ALL]


def test_loaded_tensors_are_writable_and_alive_without_the_file(tmp_path: Path) -> None:
    save(wrap(np.ones(3)), tmp_path / "x.pt")
    x = load(tmp_path / "x.pt")
    (tmp_path / "x.pt").write_bytes(b"")
    x += 1
    assert x.tolist() == [2, 2, 2]


def test_requires_grad_and_parameters() -> None:
    x, p, q = (
        wrap(np.ones(2)).requires_grad_(),
        Parameter(wrap(np.ones(2))),
        Parameter(wrap(np.ones(2)), False),
    )
    for result in (loaded(saved([x, x * 2, p, q])), in_torch(saved([x, x * 2, p, q]))):
        assert [t.requires_grad for t in result] == [True, True, True, False]
        assert all(t.is_leaf for t in result)
    assert [type(t) for t in in_torch(saved([x, p]))] == [torch.Tensor, torch.nn.Parameter]
    theirs = [torch.ones(2), torch.nn.Parameter(torch.ones(2)), torch.ones(2, requires_grad=True) * 3]
    ours = loaded(saved(theirs, torch.save))
    assert [type(t) for t in ours] == [Tensor, Parameter, Tensor]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    (ours[1] * 3).sum().backward()
    assert ours[1].grad.tolist() == [3, 3]


def test_attributes_and_buffers() -> None:
    x, p = wrap(np.ones(2)), Parameter(wrap(np.ones(2)))
    x.note, p.note = "a", [1]
    things = [x, p, Buffer(wrap(np.ones(2)), persistent=False)]
    for result in (
        loaded(saved(things)),
        in_torch(saved(things)),
        loaded(saved(in_torch(saved(things)), torch.save)),
    ):
        assert (result[0].note, result[1].note) == ("a", [1])
        assert vars(result[2]) == {"persistent": False, "_is_buffer": True}
    assert isinstance(loaded(saved(things))[2], Buffer)
    assert isinstance(in_torch(saved(things))[2], torch.nn.Buffer)


# --- what people save


def test_torch_checkpoints_go_both_ways() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    adam = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    adam.step()
    plan = torch.optim.lr_scheduler.MultiStepLR(adam, [1, 2])
    checkpoint = {
        "model": model.state_dict(),
        "optim": adam.state_dict(),
        "plan": plan.state_dict(),
        "epoch": 3,
    }
    ours = loaded(saved(checkpoint, torch.save))
    assert type(ours["model"]) is OrderedDict
    assert ours["model"]._metadata == model.state_dict()._metadata
    assert ours["plan"] == checkpoint["plan"]
    assert ours["optim"]["param_groups"] == checkpoint["optim"]["param_groups"]
    for name, value in checkpoint["model"].items():
        same(ours["model"][name], value)
    back = in_torch(saved(ours))
    model.load_state_dict(back["model"])
    adam.load_state_dict(back["optim"])
    for number, state in checkpoint["optim"]["state"].items():
        for name, value in state.items():
            assert torch.equal(back["optim"]["state"][number][name], value)


def test_training_goes_on_in_the_other_library() -> None:
    def start(lib: Any) -> tuple[Any, Any]:
        model = lib.nn.Linear(3, 2)
        return model, lib.optim.Adam(model.parameters(), lr=0.1)

    def train(lib: Any, model: Any, optimizer: Any) -> Any:
        for _ in range(3):
            optimizer.zero_grad()
            model(lib.ones(4, 3)).sum().backward()
            optimizer.step()
        return {"model": model.state_dict(), "optimizer": optimizer.state_dict()}

    def resume(model: Any, optimizer: Any, state: Any) -> None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])

    ours, theirs = start(minitorch), start(torch)
    resume(*theirs, in_torch(saved(train(minitorch, *ours))))
    train(minitorch, *ours)
    state = train(torch, *theirs)
    np.testing.assert_allclose(ours[0].weight.detach().numpy(), theirs[0].weight.detach().numpy(), rtol=1e-6)
    other = start(minitorch)
    resume(*other, loaded(saved(state, torch.save)))
    train(minitorch, *other)
    train(torch, *theirs)
    np.testing.assert_allclose(other[0].weight.detach().numpy(), theirs[0].weight.detach().numpy(), rtol=1e-6)


keys = st.one_of(st.integers(), st.text(), st.booleans(), st.tuples(st.integers(), st.text()), st.binary())
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**2038), 2**2038),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.binary(),
    st.binary().map(bytearray),
    st.sets(keys),
    st.lists(st.integers(0, 9)).map(Counter),
)
nested = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(keys, inner),
        st.dictionaries(keys, inner).map(OrderedDict),
    ),
    max_leaves=12,
)


def typed(value: Any) -> Any:
    """`value` in a form that tells 1 from True, nan from nothing and 0.0 from -0.0."""
    kind = type(value)
    if isinstance(value, dict):
        items = [(typed(k), typed(v)) for k, v in value.items()]
        return kind, items
    if kind in (list, tuple):
        return kind, [typed(v) for v in value]
    return (kind, sorted(map(repr, value))) if kind is set else (kind, repr(value))


@given(nested)
@settings(max_examples=150, deadline=None)
def test_plain_values(value: Any) -> None:
    data = saved(value)
    assert typed(loaded(data)) == typed(in_torch(data)) == typed(value)
    assert typed(loaded(saved(value, torch.save))) == typed(value)


def test_objects_of_torch() -> None:
    ours = [Size((1, 2)), Size(()), dtypes.float32, dtypes.bool, device("cpu"), device("cuda:1"), Tensor]
    theirs = [torch.Size([1, 2]), torch.Size([]), torch.float32, torch.bool, torch.device("cpu")]
    theirs += [torch.device("cuda:1"), torch.Tensor]
    assert loaded(saved(theirs, torch.save)) == ours
    assert in_torch(saved(ours[:-1])) == theirs[:-1]
    assert [type(x) for x in loaded(saved(ours[:-1]))] == [type(x) for x in ours[:-1]]


def test_shared_and_circular_containers() -> None:
    inner: list[Any] = [1]
    ring: dict[str, Any] = {"a": inner, "b": inner}
    ring["self"] = ring
    for result in (loaded(saved(ring)), in_torch(saved(ring)), loaded(saved(ring, torch.save))):
        assert result["self"] is result
        assert result["a"] is result["b"]
    inside: tuple[Any, ...] = ([],)
    inside[0].append(inside)
    for result in (loaded(saved(inside)), loaded(saved(inside, torch.save))):
        assert result[0][0] is result


class Plain:
    def state_dict(self) -> dict[str, int]:
        return {}


class Reducing:
    def __reduce__(self) -> Any:
        raise KeyError("never asked")


@pytest.mark.parametrize(
    ("obj", "cure"),
    [
        (Plain(), "state_dict"),
        (Reducing(), "test_serialization.Reducing"),
        (Plain, "builtins.type"),
        (len, "builtin_function_or_method"),
        (np.float64(1), r"\.item\(\)"),
        (np.ones(2), "from_numpy"),
        (frozenset([1]), "builtins.frozenset"),
        (defaultdict(list), "collections.defaultdict"),
        (range(3), "builtins.range"),
        (2**5000, "builtins.int"),
    ],
)
def test_what_cannot_be_loaded_is_not_saved(obj: Any, cure: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    save(1, path)
    with pytest.raises(NotImplementedError, match=cure):
        save({"weights": wrap(np.ones(2)), "other": [obj]}, path)
    assert load(path) == 1
    assert os.listdir(tmp_path) == ["x.pt"]
    buffer = io.BytesIO()
    with pytest.raises(NotImplementedError):
        save([obj], buffer)
    assert buffer.getvalue() == b""


def test_too_deep_to_save_raises_as_in_torch() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for by in (save, torch.save):
        with pytest.raises(RecursionError):
            saved(deep, by)


def test_arguments_of_save() -> None:
    for options in (
        {"pickle_module": torch},
        {"pickle_protocol": 4},
        {"_use_new_zipfile_serialization": False},
    ):
        with pytest.raises(NotImplementedError, match=next(iter(options))):
            save(1, io.BytesIO(), **options)
    for bad in (3, None, b"path"):
        for by in (save, torch.save):
            with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like"):
                by(1, bad)
    with pytest.raises(TypeError):
        save(1, io.StringIO())


def test_arguments_of_load() -> None:
    assert loaded(SMALL, weights_only=False)["b"] == [1, "x"]
    assert loaded(SMALL, pickle_module=pickle, encoding="latin1", mmap=False)["b"] == [1, "x"]
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        loaded(SMALL, pickle_module=pickle, weights_only=True)
    with pytest.raises(NotImplementedError, match="pickle_module"):
        loaded(SMALL, pickle_module=torch)
    with pytest.raises(NotImplementedError, match="mmap"):
        loaded(SMALL, mmap=True)
    with pytest.raises(TypeError, match="'colour'"):
        loaded(SMALL, colour=1)
    for bad in (3, None, b"x"):
        with pytest.raises(AttributeError, match=r"has no attribute 'seek'.*only torch.load from a"):
            load(bad)
    with pytest.raises(TypeError, match="binary"):
        load(io.StringIO("abc"))
