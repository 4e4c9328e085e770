"""What CUDA graphs refuse, and the object: its use and misuse, its memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_cuda_graphs import parameter

import minitorch as torch
from minitorch import nn, recording
from minitorch.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore:This instance was constructed with capturable=True")

REFUSED: dict[str, Callable[[Any], Any]] = {
    "item": lambda x: x.sum().item(),
    "float": lambda x: float(x[0]),
    "bool": lambda x: bool((x > 0).all()),
    "cpu": lambda x: x.cpu(),
    "print": lambda x: str(x),
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: torch.nonzero(x),
    "list index": lambda x: x[[0, 1]],
    "new tensor": lambda x: x + torch.tensor([1.0, 2.0, 3.0], device="cuda"),
    "to": lambda x: torch.ones(3).to("cuda"),
    "synchronize": lambda x: torch.cuda.synchronize(),
    "unpinned, non_blocking": lambda x: torch.ones(3).to("cuda", non_blocking=True),
    "bernoulli": lambda x: torch.bernoulli(x),
    "optimizer": lambda x: adam().step(),
    "state not made yet": lambda x: adam(capturable=True).step(),
    "momentum not made yet": lambda x: sgd(momentum=0.9).step(),
    "state to be moved": lambda x: PREPARED[0].step(),
    "manual_seed": lambda x: torch.manual_seed(0),
    "set_rng_state": lambda x: torch.set_rng_state(torch.get_rng_state()),
    "fork_rng": lambda x: torch.random.fork_rng().__enter__(),
    "pinned with gaps": lambda x: torch.ones(6).pin_memory()[::2].to("cuda", non_blocking=True),
    "an event": lambda x: torch.cuda.current_stream().record_event().query(),
    "another graph": lambda x: torch.cuda.CUDAGraph().capture_begin(),
    "no such op": lambda x: x @ torch.ones(4, 4, device="cuda"),
}


def adam(**options: Any) -> Any:
    return torch.optim.Adam([parameter()], **options)


def sgd(**options: Any) -> Any:
    return torch.optim.SGD([parameter()], lr=0.1, **options)


PREPARED: list[Any] = []  # an optimizer whose state has gaps; a step would give it memory of its own


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, cuda: str) -> None:
    """By a RuntimeError, which the end of the capture does not hide; afterwards all is as before."""
    x = torch.tensor([1.0, 2.0, 3.0], device="cuda")
    PREPARED[:] = [adam(capturable=True)]
    PREPARED[0].step()
    for state in PREPARED[0].state.values():
        state["exp_avg"] = torch.zeros(6, device="cuda")[::2]
    g = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError), torch.cuda.graph(g):  # noqa: PT012
        y = x * 2
        REFUSED[name](x)
    assert not torch.cuda.is_current_stream_capturing() and recording.here.recording is None
    with pytest.raises(RuntimeError, match="without a preceding successful capture"):
        g.replay()
    assert (x * 2).tolist() == [2, 4, 6]
    with torch.cuda.graph(g):  # the same object may try again
        y = x * 3
    g.replay()
    assert y.tolist() == [3, 6, 9]


def test_messages_name_the_cure(cuda: str) -> None:
    x = torch.ones(3, device="cuda")
    for words, call in {
        r"operation not permitted when stream is capturing.*Read it after": x.tolist,
        r"capturing: a copy from the CPU.*before the capture": torch.ones(3).cuda,
        r"an instance of Adam but param_groups' capturable is False": adam().step,
    }.items():
        with pytest.raises(RuntimeError, match=words), torch.cuda.graph(torch.cuda.CUDAGraph()):
            call()


def test_a_pinned_tensor_is_read_again(cuda: str) -> None:
    host, x = torch.ones(3).pin_memory(), torch.zeros(3, device="cuda")
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        x.copy_(host, non_blocking=True)
    for value in (1.0, 5.0):
        host.fill_(value)
        g.replay()
        assert x.tolist() == [value] * 3


def test_a_number_on_the_host_may_meet_a_tensor(cuda: str) -> None:
    x = torch.ones(3, device="cuda")
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        y = x * torch.tensor(2.5) + 1
    g.replay()
    assert y.tolist() == [3.5] * 3


def test_bad_labels_show_after_a_replay(cuda: str) -> None:
    scores, labels = torch.zeros(2, 3, device="cuda"), torch.tensor([0, 1], device="cuda")
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        loss = F.cross_entropy(scores, labels)
    g.replay()
    assert loss.item() == pytest.approx(np.log(3))
    labels.copy_(torch.tensor([0, 7]))
    g.replay()
    with pytest.raises(torch.cuda.AcceleratorError, match="7"):
        torch.cuda.synchronize()


# --- the object


def test_wrong_use(cuda: str) -> None:
    g = torch.cuda.CUDAGraph()
    for name in ("replay", "pool", "raw_cuda_graph_exec"):
        with pytest.raises(RuntimeError, match="without a preceding successful capture"):
            getattr(g, name)()
    with pytest.raises(RuntimeError, match="non-default stream"):
        g.capture_begin()
    with pytest.raises(RuntimeError, match="Invalid capture"):
        g.capture_end()
    with torch.cuda.graph(g):
        x = torch.zeros(1, device="cuda")
    with pytest.raises(RuntimeError, match="already owns a captured graph"), torch.cuda.graph(g):
        pass
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    with pytest.raises(RuntimeError, match=r"Unknown capture error mode.*sometimes"):
        torch.cuda.graph(torch.cuda.CUDAGraph(), capture_error_mode="sometimes").__enter__()
    with pytest.raises(TypeError, match="pool must be a graph's pool, not tuple"):
        torch.cuda.graph(torch.cuda.CUDAGraph(), pool=(0, 1)).__enter__()
    g.replay()
    assert x.tolist() == [0] and g.raw_cuda_graph_exec()


@pytest.mark.parametrize(
    ("word", "call"),
    {
        "keep_graph": lambda g: torch.cuda.CUDAGraph(keep_graph=True),
        "check_input_liveness": lambda g: g.capture_begin(check_input_liveness=True),
        "enable_annotations": lambda g: torch.cuda.graph(g, enable_annotations=True),
        "instantiate": lambda g: g.instantiate(),
        "raw_cuda_graph": lambda g: g.raw_cuda_graph(),
        "get_graph_data": lambda g: g.get_graph_data(),
        "register_generator_state": lambda g: g.register_generator_state(None),
    }.items(),
)
def test_what_is_not_offered_says_so(word: str, call: Any, cuda: str) -> None:
    with pytest.raises(NotImplementedError, match=word):
        call(torch.cuda.CUDAGraph())


def test_a_capture_that_does_not_begin_leaves_nothing(cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    g = torch.cuda.CUDAGraph()
    stream = type(torch.cuda.Stream()._stream)
    with monkeypatch.context() as patch:
        patch.setattr(stream, "begin_capture", lambda self: (_ for _ in ()).throw(RuntimeError("no")))
        with pytest.raises(RuntimeError, match="no"):
            torch.cuda.graph(g).__enter__()
    assert recording.here.recording is None
    with torch.cuda.graph(g):
        pass
    g.replay()


def test_capture_by_hand_and_streams(cuda: str) -> None:
    g, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    x = torch.ones(2, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        g.capture_begin(capture_error_mode="relaxed")
        assert torch.cuda.is_current_stream_capturing() and side.is_capturing()
        y = x + 1
        g.capture_end()
        assert not torch.cuda.is_current_stream_capturing()
        g.replay()
    side.synchronize()
    assert y.tolist() == [2, 2]
    with torch.cuda.graph(torch.cuda.CUDAGraph(), stream=side):
        assert torch.cuda.current_stream() == side


def test_debug_dump(cuda: str, tmp_path: Path) -> None:
    g = torch.cuda.CUDAGraph()
    x = torch.ones(2, device="cuda")
    with torch.cuda.graph(g):
        x.exp()
    with pytest.warns(UserWarning, match="debug not enabled"):
        g.debug_dump(str(tmp_path / "g.dot"))
    g.enable_debug_mode()
    g.debug_dump(str(tmp_path / "g.dot"))
    assert "digraph" in (tmp_path / "g.dot").read_text()


# --- memory


def test_what_a_graph_made_outlives_it(cuda: str) -> None:
    with torch.cuda.graph(torch.cuda.CUDAGraph()):  # the first one leaves something behind for all
        pass
    gc.collect()
    g = torch.cuda.CUDAGraph()
    before = torch.cuda.memory_allocated()
    with torch.cuda.graph(g):
        y = torch.ones(1000, device="cuda") * 2
    assert torch.cuda.memory_allocated() - before >= 4000
    g.replay()
    del g
    gc.collect()
    assert torch.cuda.memory_allocated() - before >= 4000
    others = [torch.zeros(1000, device="cuda") for _ in range(10)]
    assert y.sum().item() == 2000 and len(others) == 10
    del y, others
    gc.collect()
    assert torch.cuda.memory_allocated() <= before


def test_graphs_may_share_memory(cuda: str) -> None:
    x = torch.ones(3, device="cuda")
    one, two = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(one):
        y = x + 1
    with torch.cuda.graph(two, pool=one.pool()):
        z = y * 10
    assert two.pool() is one.pool()
    handle = torch.cuda.graph_pool_handle()
    three = torch.cuda.CUDAGraph()
    with torch.cuda.graph(three, pool=handle):
        w = z - 1
    for g in (one, two, three):
        g.replay()
    assert w.tolist() == [19, 19, 19] and three.pool() is handle


# --- without a GPU


def test_without_a_gpu() -> None:
    assert not torch.cuda.is_current_stream_capturing()
    for make in (torch.cuda.CUDAGraph, torch.cuda.graph_pool_handle):
        with pytest.raises(RuntimeError, match="Tried to instantiate dummy base class"):
            make()
    with pytest.raises(RuntimeError):
        torch.cuda.make_graphed_callables(nn.Linear(2, 2), (torch.ones(2),))
