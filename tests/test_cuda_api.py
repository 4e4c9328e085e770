"""torch.cuda: devices, streams, events, memory; pinned memory."""

from __future__ import annotations

import importlib
import sys
import types
import weakref
from collections import namedtuple
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch as theirs
from cuda_helpers import unwaited
from strict_cupy import cuda as double

import minitorch as torch
from minitorch.utils.data import DataLoader, TensorDataset
from minitorch.utils.data.pin import pin_memory

Pair = namedtuple("Pair", "a b")


def test_names_are_pytorchs() -> None:
    for name in torch.cuda.__all__:
        assert hasattr(theirs.cuda, name), name
    for name in ("Event", "Stream"):
        own = {n for n in vars(getattr(torch.cuda, name)) if not n.startswith("_")}
        known = {*dir(getattr(theirs.cuda, name)), *dir(getattr(theirs, name))}  # whose base a CPU build lacks
        extra = own - known - {"device", "device_index", "cuda_stream", "priority"}
        assert not extra


WITHOUT_GPU: dict[str, Callable[[Any], Any]] = {
    "current_device": lambda t: t.cuda.current_device(),
    "synchronize": lambda t: t.cuda.synchronize(),
    "get_device_name": lambda t: t.cuda.get_device_name(),
    "get_device_properties": lambda t: t.cuda.get_device_properties(0),
    "get_device_capability": lambda t: t.cuda.get_device_capability(),
    "current_stream": lambda t: t.cuda.current_stream(),
    "default_stream": lambda t: t.cuda.default_stream(),
    "mem_get_info": lambda t: t.cuda.mem_get_info(),
    "get_rng_state": lambda t: t.cuda.get_rng_state(),
    "initial_seed": lambda t: t.cuda.initial_seed(),
    "init": lambda t: t.cuda.init(),
    "cuda": lambda t: t.ones(2).cuda(),
    "memory_allocated": lambda t: t.cuda.memory_allocated(),
    "max_memory_allocated": lambda t: t.cuda.max_memory_allocated(),
    "memory_reserved": lambda t: t.cuda.memory_reserved(),
    "max_memory_reserved": lambda t: t.cuda.max_memory_reserved(),
    "empty_cache": lambda t: t.cuda.empty_cache(),
    "manual_seed": lambda t: t.cuda.manual_seed(1),
    "manual_seed_all": lambda t: t.cuda.manual_seed_all(1),
    "seed": lambda t: t.cuda.seed(),
    "seed_all": lambda t: t.cuda.seed_all(),
    "device_count": lambda t: t.cuda.device_count(),
    "is_available": lambda t: t.cuda.is_available(),
    "is_initialized": lambda t: t.cuda.is_initialized(),
    "is_bf16_supported": lambda t: t.cuda.is_bf16_supported(),
    "get_rng_state_all": lambda t: t.cuda.get_rng_state_all(),
    "set_rng_state": lambda t: t.cuda.set_rng_state(t.zeros(16, dtype=t.uint8)),
    "device(-1)": lambda t: t.cuda.device(-1).__enter__(),
    "device_of": lambda t: t.cuda.device_of(t.ones(2)).__enter__(),
    "device('cpu')": lambda t: t.cuda.device("cpu"),
    "set_device('cpu')": lambda t: t.cuda.set_device("cpu"),
    "stream(None)": lambda t: t.cuda.stream(None).__enter__(),
    "set_stream(None)": lambda t: t.cuda.set_stream(None),
    "is_pinned": lambda t: t.ones(2).is_pinned(),
    "get_device": lambda t: t.ones(2).get_device(),
}


@pytest.mark.skipif(torch.cuda.is_available() or theirs.cuda.is_available(), reason="is about machines without a GPU")
@pytest.mark.parametrize("name", WITHOUT_GPU)
def test_without_a_gpu_as_pytorch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("minitorch.device"), "_import_cupy", lambda: None)
    outcomes = []
    for library in (torch, theirs):
        try:
            outcomes.append(WITHOUT_GPU[name](library))
        except Exception as error:
            outcomes.append((type(error), str(error)[:36]))
    assert outcomes[0] == outcomes[1]


def test_devices(cuda: str) -> None:
    assert torch.cuda.is_available() and torch.cuda.is_initialized() and torch.cuda.device_count() >= 1
    assert torch.cuda.current_device() == 0
    for where in (0, "cuda", "cuda:0", torch.device("cuda"), torch.device("cuda", 0)):
        torch.cuda.set_device(where)
        assert isinstance(torch.cuda.get_device_name(where), str)
        with torch.cuda.device(where):
            assert torch.cuda.current_device() == 0
    major, minor = torch.cuda.get_device_capability()
    found = torch.cuda.get_device_properties()
    assert (found.major, found.minor) == (major, minor) and found.name == torch.cuda.get_device_name(0)
    assert found.total_memory > 1 << 30 and found.multi_processor_count > 0 and found.warp_size == 32
    assert repr(found).startswith(
        f"_CudaDeviceProperties(name='{found.name}', major={major}, minor={minor}, total_memory="
    )
    assert not torch.cuda.can_device_access_peer(0, 0)
    with torch.cuda.device_of(torch.ones(1, device="cuda")), torch.cuda.device(None), torch.cuda.device(-1):
        assert torch.cuda.current_device() == 0
    for call in (torch.cuda.get_device_properties, torch.cuda.get_device_name):
        with pytest.raises(AssertionError, match="Invalid device id"):
            call(99)
    for call in (torch.cuda.set_device, torch.cuda.device, torch.cuda.synchronize, torch.cuda.memory_allocated):
        with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
            call("cpu")
    torch.cuda.synchronize()
    torch.cuda.synchronize(0)


def test_memory(cuda: str) -> None:
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1024, 1024, device="cuda")
    assert (
        torch.cuda.memory_allocated() >= before + x.nbytes
        and torch.cuda.memory_reserved() >= torch.cuda.memory_allocated()
    )
    torch.cuda.reset_peak_memory_stats()
    start = torch.cuda.max_memory_allocated()
    assert start == torch.cuda.memory_allocated()
    y = torch.zeros(2048, 1024, device="cuda")
    del y
    assert torch.cuda.memory_allocated() == start and torch.cuda.max_memory_allocated() >= start + 2048 * 1024 * 4
    torch.cuda.reset_peak_memory_stats(0)
    assert torch.cuda.max_memory_allocated("cuda:0") == torch.cuda.memory_allocated(0)
    del x
    assert torch.cuda.memory_allocated() < start <= torch.cuda.max_memory_reserved()
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info()
    assert 0 < free <= total


def test_events_and_streams(cuda: str) -> None:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    with pytest.raises(ValueError, match="Both events must be recorded before"):
        start.elapsed_time(end)
    assert start.query() and "uninitialized" in repr(start)
    start.record()
    x = torch.ones(100, device="cuda") @ torch.ones(100, device="cuda")
    end.record()
    end.synchronize()
    assert end.query() and start.elapsed_time(end) >= 0 and x.item() == 100
    with pytest.raises(ValueError, match="enable_timing=True"):
        torch.cuda.Event().elapsed_time(end)
    for option in ("interprocess", "external"):
        with pytest.raises(NotImplementedError, match=option):
            torch.cuda.Event(**{option: True})
    default = torch.cuda.current_stream()
    assert (
        default == torch.cuda.default_stream()
        and default.cuda_stream == 0
        and hash(default) == hash(torch.cuda.default_stream())
    )
    assert repr(default) == "<torch.cuda.Stream device=cuda:0 cuda_stream=0x0>" and default.device == torch.device(
        "cuda:0"
    )
    side = torch.cuda.Stream()
    assert side != default and side != 3 and side.query()
    for inside in (side, torch.cuda.stream(side)):
        with inside:
            assert torch.cuda.current_stream() == side
            y = torch.ones(3, device="cuda") * 2
        assert torch.cuda.current_stream() == default
    torch.cuda.set_stream(side)
    assert torch.cuda.current_stream() == side
    torch.cuda.set_stream(default)
    assert torch.cuda.current_stream() == default
    mark = side.record_event()
    default.wait_event(mark)
    default.wait_stream(side)
    mark.wait()
    y.record_stream(default)
    side.synchronize()
    assert y.tolist() == [2, 2, 2] and torch.cuda.ExternalStream(default.cuda_stream) == default
    with pytest.raises(NotImplementedError, match="CPU"):
        torch.ones(2).record_stream(default)


def test_record_stream_keeps_the_memory_until_the_mark_is_passed(cuda: str) -> None:
    if cuda != "double":
        pytest.skip("a real stream may be done before anybody can look")
    side, x, y = torch.cuda.Stream(), torch.ones(3, device="cuda"), torch.ones(1, device="cuda")
    alive, marked = weakref.ref(x._data), []
    with (
        mock.patch.object(double.Event, "done", False),
        mock.patch.object(double.Event, "record", lambda self, stream=None: marked.append(stream)),
    ):
        x.record_stream(side)
        del x
        y.record_stream(side)
        assert alive() is not None
    assert marked == [side._stream] * 2
    y.record_stream(side)
    assert alive() is None


def test_streams_wait_for_each_other(cuda: str) -> None:
    if cuda != "double":
        pytest.skip("looks into the double")
    side, default, calls = torch.cuda.Stream(), torch.cuda.current_stream(), []
    with (
        mock.patch.object(double.Event, "record", lambda self, stream=None: calls.append(("record", stream, self))),
        mock.patch.object(double.Stream, "wait_event", lambda self, event: calls.append(("wait", self, event))),
    ):
        default.wait_stream(side)
    (_, marked, event), (_, waiting, awaited) = calls
    assert (marked, waiting) == (side._stream, default._stream) and event is awaited


def test_random_numbers_come_from_the_one_stream(cuda: str) -> None:
    torch.manual_seed(4)
    torch.cuda.manual_seed(7)
    torch.cuda.manual_seed_all(8)
    torch.cuda.seed()
    first = torch.rand(3, device="cuda").tolist()
    torch.manual_seed(4)
    assert torch.rand(3).tolist() == first and torch.cuda.initial_seed() == 4
    state = torch.cuda.get_rng_state()
    assert (state == torch.get_rng_state()).all() and len(torch.cuda.get_rng_state_all()) == torch.cuda.device_count()
    x = torch.rand(2, device="cuda").tolist()
    torch.cuda.set_rng_state(state)
    assert torch.rand(2).tolist() == x
    torch.cuda.set_rng_state_all([state])
    assert torch.rand(2, device="cuda").tolist() == x


def test_pinned_memory(cuda: str) -> None:
    x = torch.arange(6.0).reshape(2, 3)
    y = x.t().pin_memory()
    assert not x.is_pinned() and y.is_pinned() and y.pin_memory() is y and y[1:].is_pinned() and y.detach().is_pinned()
    assert y.tolist() == x.t().tolist() and y.stride() == (1, 3) and not y.clone().is_pinned()
    y[0, 0] = 9
    assert x[0, 0].item() == 0
    with unwaited(cuda):
        z = y.to("cuda", non_blocking=True)
        x.cuda(non_blocking=True)
    assert z.tolist() == y.tolist() and not z.is_pinned()
    assert y.to("cuda").tolist() == y.tolist()
    w = x.requires_grad_().pin_memory()
    assert w.is_pinned() and w.requires_grad
    w.sum().backward()
    assert x.grad.tolist() == [[1] * 3] * 2
    with pytest.raises(RuntimeError, match=r"cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned"):
        z.pin_memory()


def test_a_blocking_copy_from_pinned_memory_waits(cuda: str) -> None:
    """The source may be written to as soon as `to` returns."""
    if cuda != "double":
        pytest.skip("a real copy may be done before anybody can look")
    y = torch.ones(3).pin_memory()
    with pytest.raises(AssertionError, match="asarray"), unwaited(cuda):
        y.to("cuda")


def test_a_loader_pins_its_batches(cuda: str) -> None:
    x = torch.arange(12.0).reshape(6, 2)
    for batch_x, batch_y in DataLoader(TensorDataset(x, torch.arange(6)), batch_size=2, pin_memory=True):
        assert batch_x.is_pinned() and batch_y.is_pinned()
        assert batch_x.to("cuda", non_blocking=True)[:, 0].tolist() == (batch_y * 2).tolist()
    for batch_x, _ in DataLoader(TensorDataset(x, x), batch_size=3, pin_memory=True, num_workers=2):
        assert batch_x.is_pinned()
    assert not next(iter(DataLoader(TensorDataset(x), batch_size=2)))[0].is_pinned()


def test_pinned_batches_share_no_memory(cuda: str) -> None:
    """The GPU may still read one batch while the next one is made."""
    x = torch.arange(12.0).reshape(6, 2)
    loader = DataLoader(TensorDataset(x), batch_size=2, pin_memory=True)
    with unwaited(cuda):
        batches = [batch.to("cuda", non_blocking=True) for (batch,) in loader]
    assert torch.cat(batches).tolist() == torch.cat([batch for (batch,) in loader]).tolist() == x.tolist()


def test_a_loader_collates_samples_on_the_gpu(cuda: str) -> None:
    x = torch.arange(6.0, device="cuda").reshape(3, 2)
    samples = [{"x": row, "pair": (row[0], i)} for i, row in enumerate(x)]
    with unwaited(cuda):
        first, second = DataLoader(samples, batch_size=2)
    assert first["x"].is_cuda and first["x"].tolist() == [[0, 1], [2, 3]] and second["x"].tolist() == [[4, 5]]
    assert first["pair"][0].is_cuda and first["pair"][0].tolist() == [0, 2] and first["pair"][1].is_cpu


def test_pinning_of_collections(cuda: str) -> None:
    class Own:
        def pin_memory(self) -> str:
            return "pinned"

    x = torch.ones(2)
    found = pin_memory({"a": [x, "text", b"bytes", 3], "b": Pair(x, None), "c": (x,), "d": Own(), "e": np.ones(2)})
    assert found["a"][0].is_pinned() and found["a"][1:] == ["text", b"bytes", 3] and found["b"].a.is_pinned()
    assert (
        type(found["b"]) is Pair and type(found["c"]) is tuple and found["c"][0].is_pinned() and found["d"] == "pinned"
    )


def test_a_folder_named_cupy_is_no_cupy() -> None:
    """Python imports it as an empty namespace."""
    device = importlib.import_module("minitorch.device")
    with mock.patch.dict(sys.modules, {"cupy": types.ModuleType("cupy")}):
        assert device._import_cupy.__wrapped__() is None
