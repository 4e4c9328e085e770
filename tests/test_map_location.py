"""The map_location of torch.load, in every form, on machines with and without a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ptfile import SMALL, in_torch, loaded, pt, saved, tensor_pickle

import minitorch
from minitorch.device import device


def test_map_location() -> None:
    data = saved({"a": torch.ones(2)}, torch.save)
    for where in (None, "cpu", device("cpu"), {"cpu": "cpu"}, {"cuda:0": "cpu"}):
        assert loaded(data, map_location=where)["a"].tolist() == [1, 1]
    seen = []
    for answer in (lambda s, place: s, lambda s, place: None, lambda s, place: s.cpu()):
        assert loaded(data, map_location=answer)["a"].tolist() == [1, 1]
    loaded(data, map_location=lambda s, place: seen.append((place, s.nbytes(), str(s.device), s.is_cuda)))
    assert seen == [("cpu", 8, "cpu", False)]


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        ("nowhere", RuntimeError, "don't know how to restore data location .*nowhere"),
        ({"cpu": "xpu"}, RuntimeError, "don't know how to restore data location .*xpu"),
        ({"cpu": device("cpu")}, TypeError, "maps to a device"),
        ("meta", NotImplementedError, "meta"),
        (0, TypeError, "'int' object is not callable"),
        ([], TypeError, "'list' object is not callable"),
        (lambda s: s, TypeError, "positional argument"),
        (lambda s, place: "cpu", TypeError, "returned a str"),
        (lambda s, place: {}["x"], KeyError, "x"),
    ],
)
def test_map_location_that_is_no_place(where: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        loaded(SMALL, map_location=where)


@pytest.mark.skipif(minitorch.cuda.is_available(), reason="is about machines without a GPU")
def test_files_from_a_gpu_need_map_location() -> None:
    data = pt(tensor_pickle(2, 0, (2,), (1,)).replace(b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:0"), [bytes(8)])
    for read in (loaded, in_torch):
        with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
            read(data)
    for where in ("cpu", {"cuda:0": "cpu"}, lambda s, place: s):
        assert loaded(data, map_location=where).tolist() == [0, 0]
    for where in ("cuda", device("cuda:0"), lambda s, place: s.cuda(), lambda s, place: s.cuda(0)):
        with pytest.raises(RuntimeError, match=r"torch.cuda.is_available\(\) is False"):
            loaded(SMALL, map_location=where)


@pytest.mark.cuda
@pytest.mark.skipif(not minitorch.cuda.is_available(), reason="needs a GPU")
def test_tensors_on_a_gpu() -> None:
    x = minitorch.arange(20.0, device="cuda").reshape(4, 5)
    data = saved([x, x.T, x[1:, 2], x[3:3], x[1, 1], minitorch.empty(0, device="cuda")])
    for result in (loaded(data), loaded(data, map_location="cpu")):
        for got, want in zip(result, [x, x.T, x[1:, 2], x[3:3], x[1, 1]], strict=False):
            assert got.tolist() == want.tolist()
            assert got.numel() < 2 or got.stride() == want.stride()
        result[0][1, 2] = -1
        assert result[1][2, 1] == result[2][0] == -1
    assert [str(t.device) for t in loaded(data)] == ["cuda:0"] * 6
    assert loaded(data, map_location="cpu")[0].device.type == "cpu"
    for where in ("cuda", {"cpu": "cuda:0"}, lambda s, place: s.cuda(), lambda s, place: s.cuda(0)):
        assert str(loaded(SMALL, map_location=where)["a"].device) == "cuda:0"
    with pytest.raises(RuntimeError, match="on CUDA device 99"):
        loaded(SMALL, map_location="cuda:99")
