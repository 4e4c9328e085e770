"""Tensors on "cuda" and the world outside: DLPack, NumPy, printing, copies, files; views."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch as torch


def test_dlpack_and_the_cuda_array_interface_share_memory(cuda: str) -> None:
    x = torch.arange(4.0, device="cuda")
    assert x.__dlpack_device__() == (2, 0)
    y = torch.from_dlpack(x)
    y += 1
    assert y.is_cuda and y.data_ptr() == x.data_ptr() and x.tolist() == [1, 2, 3, 4]
    assert torch.from_dlpack(x, copy=True).data_ptr() != x.data_ptr()
    for make in (torch.as_tensor, torch.asarray):
        z = make(x._data)
        z[0] = 50.0
        assert x[0].item() == 50 and z.data_ptr() == x.data_ptr()
        x[0] = 1.0
    assert torch.asarray(x._data, copy=True).data_ptr() != x.data_ptr()
    assert torch.tensor(x._data).data_ptr() != x.data_ptr()
    face = x.__cuda_array_interface__
    assert face["shape"] == (4,) and face["typestr"] == "<f4" and face["data"][0] == x.data_ptr()
    tracked = torch.ones(2, device="cuda", requires_grad=True)
    with pytest.raises(BufferError, match="require gradient"):
        torch.from_dlpack(tracked)
    with pytest.raises(RuntimeError, match="requires grad"):
        tracked.__cuda_array_interface__  # noqa: B018
    with pytest.raises(AttributeError, match=r"non-CUDA tensor type: torch\.FloatTensor"):
        torch.ones(2).__cuda_array_interface__  # noqa: B018
    with pytest.raises(AssertionError, match="stream should be None on cpu"):
        torch.ones(2).__dlpack__(stream=1)


def test_numpy_is_refused(cuda: str) -> None:
    x = torch.ones(2, device="cuda")
    for call in (x.numpy, lambda: np.asarray(x), lambda: np.exp(x), lambda: torch.ones(2).numpy() + x):
        with pytest.raises((TypeError, RuntimeError)):
            call()
    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
        x.numpy()
    assert x.numpy(force=True).tolist() == [1, 1]


def test_printing(cuda: str) -> None:
    x = torch.tensor([[1.5, -2.0], [3.0, 0.25]], device="cuda")
    assert repr(x) == "tensor([[ 1.5000, -2.0000],\n        [ 3.0000,  0.2500]], device='cuda:0')"
    assert repr(x[0, 0]) == "tensor(1.5000, device='cuda:0')" and f"{x[0, 0]:.1f}" == "1.5"
    assert repr(x.double()[0]) == "tensor([ 1.5000, -2.0000], device='cuda:0', dtype=torch.float64)"
    assert repr(x.requires_grad_() * 2).endswith("0.5000]], device='cuda:0', grad_fn=<MulBackward0>)")
    assert repr(torch.zeros(0, device="cuda")) == "tensor([], device='cuda:0')"
    assert "..." in repr(torch.zeros(2000, device="cuda"))
    assert repr(torch.nn.Parameter(torch.ones(1, device="cuda"))).startswith(
        "Parameter containing:\ntensor([1.], device='cuda:0'"
    )
    assert str(x.device) == "cuda:0" and repr(x.device) == "device(type='cuda', index=0)"


def test_copies(cuda: str) -> None:
    x = torch.arange(4.0, device="cuda").reshape(2, 2).requires_grad_()
    x.note = "kept"
    for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone().detach()):
        assert y.is_cuda and y.tolist() == x.tolist()
    assert copy.deepcopy(x).note == "kept" and copy.deepcopy(x).data_ptr() != x.data_ptr()
    model = torch.nn.Linear(2, 1, device="cuda")
    assert copy.deepcopy(model).weight.is_cuda and model.cpu().weight.is_cpu and model.cuda().weight.is_cuda
    assert torch.nn.Linear(2, 1).to_empty(device="cuda").weight.is_cuda
    base = torch.arange(4.0, device="cuda")
    first, second = copy.deepcopy([base, base[1:]])
    first[1] = 9.0
    assert second[0].item() == 9


def test_saving_and_loading(cuda: str) -> None:
    x = torch.arange(20.0, device="cuda").reshape(4, 5)
    model = torch.nn.Linear(5, 2, device="cuda")
    optimizer = torch.optim.Adam(model.parameters())
    model(x).sum().backward()
    optimizer.step()
    file = io.BytesIO()
    torch.save({"x": x, "t": x.t(), "part": x[1:, 2], "half": x.half(), "empty": x[:0], "cpu": x.cpu(),
                "model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)  # fmt: skip
    for where, place in ((None, "cuda"), ("cpu", "cpu"), ("cuda", "cuda"), ({"cuda:0": "cpu"}, "cpu")):
        file.seek(0)
        found = torch.load(file, map_location=where)
        assert {found[name].device.type for name in ("x", "t", "part", "half", "empty")} == {place}
        assert found["cpu"].device.type == ("cuda" if where == "cuda" else "cpu")
        assert found["t"].tolist() == x.t().tolist() and found["part"].tolist() == [7, 12, 17]
        found["x"][1, 2] = -1.0
        assert found["part"][0].item() == -1  # shared again
        again = torch.nn.Linear(5, 2, device="cuda")
        again.load_state_dict(found["model"])
        second = torch.optim.Adam(again.parameters())
        second.load_state_dict(found["optimizer"])
        assert again.weight.is_cuda and again.weight.tolist() == model.weight.tolist()
        state = second.state[again.weight]
        assert state["exp_avg"].is_cuda and state["step"].is_cpu
    file.seek(0)
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on CUDA device 99"):
        torch.load(file, map_location="cuda:99")


def test_views_and_resizing(cuda: str) -> None:
    x = torch.arange(6.0, device="cuda")
    y = x.view(2, 3)
    y.t()[0].mul_(10)
    assert (
        x.tolist() == [0, 1, 2, 30, 4, 5] and y.stride() == (3, 1) and y.is_contiguous() and not y.t().is_contiguous()
    )
    assert y.expand(2, 2, 3).stride() == (0, 3, 1) and y.unfold(1, 2, 1).tolist()[1] == [[30, 4], [4, 5]]
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x[:1].expand(3).add_(1)
    x.resize_(2)
    assert x.tolist() == [0, 1]
    z = torch.ones(2, device="cuda").resize_(5)
    assert z[:2].tolist() == [1, 1] and z.shape == (5,) and z.is_cuda
    assert torch.ones(2, 2, device="cuda").squeeze_().unsqueeze_(0).t_ is not None
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        torch.ones(2, 3, device="cuda").t().view(-1)


def test_results_that_are_numbers_in_numpy_are_tensors_on_the_gpu(cuda: str) -> None:
    x = torch.tensor([], device="cuda")
    for found in (x.median(), x.sum(), x.mean(), x.prod(), x.norm(), torch.ones(3, device="cuda").max(), x.nansum()):
        assert found.is_cuda and found.shape == ()
    assert torch.ones(3, device="cuda").argmax() is not None
    assert torch.ones(3, device="cuda").argmax()._data.dtype is np.dtype(np.int64)
    index = torch.ones(3, 2, device="cuda").argmax(1)
    assert torch.zeros(3, dtype=torch.int64, device="cuda").index_put((torch.tensor([0, 1, 2]),), index).tolist() == [
        0,
        0,
        0,
    ]


def test_sorted_along_any_dimension_it_is_contiguous(cuda: str) -> None:
    """As PyTorch's results are; CuPy's are not."""
    x = torch.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 0.0]], device="cuda")
    for descending in False, True:
        found = [x.argsort(0, descending), *x.sort(0, descending), *x.topk(2, 0, descending)]
        assert all(y.is_contiguous() for y in found)
    assert x.argsort(0).tolist() == [[1, 0, 1], [0, 1, 0]]


def test_indices_that_do_not_broadcast(cuda: str) -> None:
    """They are an IndexError, values that do not fit are none; CuPy has a ValueError for both."""
    x, ones = torch.zeros(3, 4, device="cuda"), torch.ones(2, device="cuda")
    two, three = torch.tensor([0, 1], device="cuda"), torch.tensor([0, 1, 2], device="cuda")
    uses: list[Callable[[Any], Any]] = [
        lambda i: x[i], lambda i: x.__setitem__(i, 0.0), lambda i: x.__setitem__(i, ones),
        lambda i: x.index_put_(i, ones, accumulate=True),
    ]  # fmt: skip
    for use, index in itertools.product(uses, [(two, three), (three >= 0, two)]):
        with pytest.raises(IndexError, match="indexing tensors could not be broadcast together"):
            use(index)
    with pytest.raises(RuntimeError, match="value tensor of shape"):
        x[two, two] = torch.ones(3, device="cuda")


def test_a_number_on_the_gpu_is_no_size(cuda: str) -> None:
    """NumPy takes a 0-d array for a size or an index, CuPy does not."""
    x = torch.tensor(3.0, device="cuda")
    assert x.nonzero().shape == (1, 0) and (x * 0).nonzero().shape == (0, 0) and x.nonzero().is_cuda
    assert x.nonzero(as_tuple=True)[0].tolist() == [0] and torch.argwhere(x).shape == (1, 0)


@pytest.mark.parametrize("name", ["cumprod", "logcumsumexp", "cumsum", "cummax", "prod"])
def test_neighbours_along_the_first_dimension(name: str, cuda: str) -> None:
    """There a[1:] = a[:-1] would be one copy between memory that overlaps."""
    found = []
    for place in "cuda", "cpu":
        x = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 0.5], [1.5, 4.0]], device=place, requires_grad=True)
        y = getattr(x, name)(0)
        (y if torch.is_tensor(y) else y[0]).sum().backward()
        found.append(x.grad.tolist())
    assert np.allclose(*found)


OVERLAPPING = {
    "x[1:] = x[:-1]": lambda x: x.__setitem__(slice(1, None), x[:-1]),
    "copy_": lambda x: x[1:].copy_(x[:-1]),
    "x[:-1] = x[1:]": lambda x: x.__setitem__(slice(None, -1), x[1:]),
}


@pytest.mark.parametrize("name", OVERLAPPING)
def test_a_copy_within_one_tensor_is_refused_or_right(name: str, cuda: str) -> None:
    """PyTorch refuses it; for CuPy it is one copy between memory that overlaps, of which anything may come."""
    found = []
    for place in "cuda", "cpu":
        x = torch.arange(6.0, device=place).reshape(3, 2)
        try:
            OVERLAPPING[name](x)
        except RuntimeError as error:
            assert "single memory location" in str(error)
        found.append(x.tolist())
    assert found[0] == found[1]
