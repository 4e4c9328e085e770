"""CUDA graphs: replays give what eager steps give, in the same memory; what cannot be replayed is refused."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cuda_helpers import unwaited
from hypothesis import given, settings
from hypothesis import strategies as st
from strict_cupy import cublas as fake_cublas
from strict_cupy.install import installed

import minitorch as torch
from minitorch import nn, recording
from minitorch.device import require_cupy
from minitorch.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore:This instance was constructed with capturable=True")

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr=lr),
    "SGD momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr=lr, capturable=True),
    "Adam amsgrad": lambda p, lr: torch.optim.Adam(p, lr=lr, amsgrad=True, weight_decay=1e-3, capturable=True),
    "AdamW": lambda p, lr: torch.optim.AdamW(p, lr=lr, capturable=True),
    "Adamax": lambda p, lr: torch.optim.Adamax(p, lr=lr, capturable=True),
    "NAdam": lambda p, lr: torch.optim.NAdam(p, lr=lr, capturable=True),
    "RAdam": lambda p, lr: torch.optim.RAdam(p, lr=lr, capturable=True),
    "RMSprop": lambda p, lr: torch.optim.RMSprop(p, lr=lr, momentum=0.9, centered=True, capturable=True),
    "Adadelta": lambda p, lr: torch.optim.Adadelta(p, lr=lr, capturable=True),
    "ASGD": lambda p, lr: torch.optim.ASGD(p, lr=lr, lambd=0.1, t0=2, capturable=True),
}


def network() -> Any:
    torch.manual_seed(0)
    layers = nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 3)
    return nn.Sequential(*layers).to("cuda")


def batches(steps: int) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    return [
        (torch.from_numpy(rng.normal(size=(8, 10)).astype(np.float32)), torch.from_numpy(rng.integers(0, 3, 8)))
        for _ in range(steps)
    ]


class Training:
    """A network, its optimizer, and one step on `x` and `y`."""

    def __init__(self, optimizer: str) -> None:
        self.model = network()
        self.lr = torch.tensor(0.05, device="cuda")
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters(), self.lr)
        self.x, self.y = torch.zeros(8, 10, device="cuda"), torch.zeros(8, dtype=torch.int64, device="cuda")

    def put(self, step: int, batch: tuple[Any, Any]) -> None:
        self.x.copy_(batch[0])
        self.y.copy_(batch[1])
        self.lr.fill_(0.05 / (1 + step))

    def step(self) -> Any:
        loss = F.cross_entropy(self.model(self.x), self.y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss

    def warm_up(self, batch: tuple[Any, Any]) -> None:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for step in range(3):
                self.put(step, batch)
                self.step()
        torch.cuda.current_stream().wait_stream(side)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_step(name: str, cuda: str) -> None:
    """Many replays with other data and another learning rate each time, dropout included, beside eager steps."""
    data = batches(20)
    eager, graphed = Training(name), Training(name)
    torch.manual_seed(1)
    eager.warm_up(data[0])
    torch.manual_seed(1)
    graphed.warm_up(data[0])
    state = torch.get_rng_state()
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        loss = graphed.step()
    assert bool((torch.get_rng_state() == state).all())  # a capture draws nothing
    losses: list[list[float]] = [[], []]
    for step, batch in enumerate(data):
        eager.put(step, batch)
        losses[0].append(eager.step().item())
    torch.set_rng_state(state)
    for step, batch in enumerate(data):
        graphed.put(step, batch)
        with unwaited(cuda):
            g.replay()
        losses[1].append(loss.item())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
    for (key, p), q in zip(graphed.model.named_parameters(), eager.model.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().cpu(), q.detach().cpu(), rtol=2e-3, atol=1e-5, err_msg=key)
    for p, q in zip(graphed.model.parameters(), eager.model.parameters(), strict=True):
        for key, value in eager.optimizer.state[q].items():
            found = graphed.optimizer.state[p][key]
            np.testing.assert_allclose(found.cpu(), value.cpu(), rtol=5e-3, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_an_optimizer_may_do_other_things_between_replays(dtype: Any, cuda: str) -> None:
    """Its arrays stay where the graph knows them: of a transposed parameter, and after steps of other parameters."""
    results = []
    for graphed in (False, True):
        p = nn.Parameter(torch.arange(6.0, device="cuda").reshape(2, 3).t().to(dtype))
        q = nn.Parameter(torch.ones(3, device="cuda", dtype=dtype))
        optimizer = torch.optim.Adam([p, q], lr=0.1, capturable=True)
        g = torch.cuda.CUDAGraph()

        def step(parameters: list[Any], optimizer: Any = optimizer) -> None:
            for x in parameters:
                x.grad = torch.ones_like(x)
            optimizer.step()

        step([p, q])
        if graphed:
            with torch.cuda.graph(g):
                step([p, q])
        for _ in range(2):
            optimizer.zero_grad()
            step([q])
            optimizer.zero_grad()
            gc.collect()
            if graphed:
                g.replay()
            else:
                step([p, q])
        results.append([p.tolist(), q.tolist(), optimizer.state[p]["step"].item(), optimizer.state[q]["step"].item()])
    np.testing.assert_allclose(np.concatenate([np.ravel(x) for x in results[0]]), np.concatenate([np.ravel(x) for x in results[1]]), rtol=1e-3)  # fmt: skip
    assert results[1][2:] == [3, 5]


def test_gradients_accumulate_over_replays(cuda: str) -> None:
    model, x = nn.Linear(3, 2).to("cuda"), torch.ones(4, 3, device="cuda")
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        model(x).sum().backward()
    for n in (1, 2, 3):
        g.replay()
        assert model.bias.grad.tolist() == [4.0 * n] * 2 and model.weight.grad.tolist() == [[4.0 * n] * 3] * 2
    for p in model.parameters():
        p.grad.zero_()
    g.replay()
    assert model.bias.grad.tolist() == [4, 4]


def test_a_learning_rate_of_python_stays_as_it_was(cuda: str) -> None:
    """As in PyTorch: it is a number in the kernel."""
    p = nn.Parameter(torch.ones(3, device="cuda"))
    optimizer = torch.optim.SGD([p], lr=0.5)
    p.grad = torch.ones_like(p)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        optimizer.step()
    optimizer.param_groups[0]["lr"] = 100.0
    g.replay()
    assert p.tolist() == [0.5, 0.5, 0.5]


def test_random_numbers_are_those_of_an_eager_program(cuda: str) -> None:
    x = torch.ones(4, 5, device="cuda").t()
    y = torch.zeros(6, device="cuda")

    def program() -> list[Any]:
        y.uniform_(1, 2)
        return [
            F.dropout(x, 0.3), torch.rand(3, device="cuda"), torch.randn_like(x), torch.randint(9, (4,), device="cuda"),
            torch.randperm(5, device="cuda"), F.alpha_dropout(x, 0.5, training=True), y * 2, torch.normal(0.0, 1.0, (2,), device="cuda"),
        ]  # fmt: skip

    g = torch.cuda.CUDAGraph()
    torch.manual_seed(3)
    with torch.cuda.graph(g):
        found = program()
    torch.manual_seed(3)
    wanted = [[z.tolist() for z in program()] for _ in range(3)]
    torch.manual_seed(3)
    for values in wanted:
        g.replay()
        assert [z.tolist() for z in found] == values
    assert found[0].stride() == program()[0].stride()


def test_a_generator_of_its_own_is_refused(cuda: str) -> None:
    generator = torch.Generator("cuda")
    with pytest.raises(NotImplementedError, match="generator="), torch.cuda.graph(torch.cuda.CUDAGraph()):
        torch.rand(3, device="cuda", generator=generator)


# --- what cannot be part of a graph


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
    "another graph": lambda x: torch.cuda.CUDAGraph().capture_begin(),
    "no such op": lambda x: x @ torch.ones(4, 4, device="cuda"),
}


def adam() -> Any:
    p = nn.Parameter(torch.ones(3, device="cuda"))
    p.grad = torch.ones_like(p)
    return torch.optim.Adam([p])


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, cuda: str) -> None:
    """By a RuntimeError, which the end of the capture does not hide; afterwards all is as before."""
    x = torch.tensor([1.0, 2.0, 3.0], device="cuda")
    g = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError), torch.cuda.graph(g):  # noqa: PT012
        y = x * 2
        REFUSED[name](x)
    assert not torch.cuda.is_current_stream_capturing() and recording.current is None
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


# --- make_graphed_callables


class Block(nn.Module):
    """Two inputs, a dict of outputs, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.scale = nn.Linear(4, 4), nn.Parameter(torch.ones(4))

    def forward(self, x: Any, y: Any) -> dict[str, Any]:
        h = self.linear(x)
        return {"sum": h + y * self.scale, "other": [F.dropout(h.tanh(), 0.5, self.training), y.detach() * 2]}


def graphed_and_eager() -> tuple[Any, Any, Any]:
    torch.manual_seed(0)
    one = Block().to("cuda")
    torch.manual_seed(0)
    two = Block().to("cuda")
    sample = torch.randn(3, 4).to("cuda"), torch.randn(3, 4).to("cuda").requires_grad_()
    return torch.cuda.make_graphed_callables(one, sample), two, sample


def test_a_graphed_module(cuda: str) -> None:
    graphed, eager, _ = graphed_and_eager()
    for step in range(3):
        gradients = []
        for module in (graphed, eager):
            torch.manual_seed(step)
            x, y = torch.randn(3, 4).to("cuda"), torch.randn(3, 4).to("cuda").requires_grad_()
            module.zero_grad()
            out = module(x, y)
            loss = out["sum"].square().sum() + (out["other"][0] * 3).sum() + out["other"][1].sum()
            loss.backward()
            gradients.append([out["sum"], *out["other"], y.grad, *[p.grad for p in module.parameters()]])
        for found, wanted in zip(*gradients, strict=True):
            np.testing.assert_allclose(found.detach().cpu(), wanted.detach().cpu(), rtol=1e-5, atol=1e-6)
    graphed.eval()  # the other mode: as before, no graph
    eager.eval()
    x, y = torch.randn(5, 4).to("cuda"), torch.randn(5, 4).to("cuda")
    np.testing.assert_allclose(
        graphed(x, y)["sum"].detach().cpu(), eager(x, y)["sum"].detach().cpu(), rtol=1e-5, atol=1e-6
    )


def test_a_graphed_module_trains(cuda: str) -> None:
    """Its graphs inside an eager step."""
    data = batches(6)
    results = []
    for graphed in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 3)).to("cuda")
        if graphed:
            model = torch.cuda.make_graphed_callables(model, (torch.zeros(8, 10, device="cuda"),))
        optimizer = torch.optim.Adam(model.parameters(), 0.1)
        for x, y in data:
            optimizer.zero_grad()
            F.cross_entropy(model(x.to("cuda")), y.to("cuda")).backward()
            optimizer.step()
        results.append([p.detach().cpu().numpy() for p in model.parameters()])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_several_graphed_functions(cuda: str) -> None:
    double, power = (lambda x: x * 2), (lambda x, y: (x**2 + y, y))
    sample = torch.ones(3, device="cuda", requires_grad=True)
    still = torch.ones(3, device="cuda")
    one, two = torch.cuda.make_graphed_callables((double, power), ((sample,), (sample, still)))
    x, y = torch.tensor([1.0, 2.0, 3.0], device="cuda", requires_grad=True), torch.ones(3, device="cuda")
    squared, same = two(one(x), y)
    assert squared.tolist() == [5, 17, 37] and same.tolist() == [1, 1, 1]
    squared.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [8, 16, 24]
    (g,) = torch.autograd.grad(one(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError):  # no second derivatives
        g.sum().backward()


def test_unused_inputs(cuda: str) -> None:
    sample = tuple(torch.ones(2, device="cuda", requires_grad=True) for _ in range(2))
    with pytest.raises(RuntimeError, match="allow_unused"):
        torch.cuda.make_graphed_callables(lambda x, y: x * 2, sample)
    assert recording.current is None
    f = torch.cuda.make_graphed_callables(lambda x, y: x * 2, sample, allow_unused_input=True)
    x, y = (torch.ones(2, device="cuda", requires_grad=True) for _ in range(2))
    f(x, y).sum().backward()
    assert x.grad.tolist() == [2, 2] and y.grad is None


def test_what_make_graphed_callables_refuses(cuda: str) -> None:
    x = torch.ones(2, 2, device="cuda")
    module = nn.Linear(2, 2).to("cuda")
    with pytest.raises(AssertionError, match="must contain only Tensors"):
        torch.cuda.make_graphed_callables(lambda x, n: x * n, (x, 2))
    module.register_buffer("b", torch.ones(1, device="cuda", requires_grad=True))
    with pytest.raises(AssertionError, match="only parameters may be trainable"):
        torch.cuda.make_graphed_callables(module, (x,))
    hooked = nn.Linear(2, 2).to("cuda")
    hooked.register_forward_hook(lambda *args: None)
    with pytest.raises(AssertionError, match="must not have hooks"):
        torch.cuda.make_graphed_callables(hooked, (x,))


# --- cuBLAS


@st.composite
def products(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two operands of `@` in any rank, layout and broadcast, the empty ones included."""
    size = st.integers(0, 4) if draw(st.integers(0, 9)) == 0 else st.integers(1, 4)
    n, k, m = draw(size), draw(size), draw(size)
    kind = np.dtype(draw(st.sampled_from("fde")))
    batch = draw(st.lists(st.integers(1, 3), max_size=3))
    parts = []
    for rows, columns in ((n, k), (k, m)):
        shape = [draw(st.sampled_from([1, s])) for s in batch][draw(st.integers(0, len(batch))) :]
        if not shape and draw(st.integers(0, 5)) == 0:
            shape, rows, columns = [], None, k  # a vector
        full = [*shape, *([] if rows is None else [rows]), columns]
        values = np.random.default_rng(draw(st.integers(0, 99))).normal(size=full).astype(kind)
        parts.append(draw(laid_out(values)))
    return parts[0], parts[1]


@st.composite
def laid_out(draw: Any, a: np.ndarray) -> np.ndarray:
    """The same values with other strides."""
    kind = draw(st.sampled_from(["c", "transposed", "gaps", "reversed", "broadcast", "axes"]))
    if kind == "transposed" and a.ndim > 1:
        return np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    if kind == "axes" and a.ndim > 2:
        return np.ascontiguousarray(np.moveaxis(a, 0, -1)).transpose(-1, *range(a.ndim - 1))
    if kind == "gaps" and a.ndim:
        step = draw(st.integers(2, 3))
        axis = draw(st.integers(0, a.ndim - 1))
        wide = np.repeat(a, step, axis)
        return wide[(slice(None),) * axis + (slice(None, None, step),)]
    if kind == "reversed":
        return np.ascontiguousarray(a[..., ::-1])[..., ::-1]
    if kind == "broadcast" and a.ndim > 1 and a.shape[-2]:
        return np.broadcast_to(a[..., :1, :], a.shape)
    return a


@settings(max_examples=400, deadline=None)
@given(products())
def test_products_in_a_graph(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Through C's calling convention to a cuBLAS that knows what it may read."""
    with installed():
        cupy, cublas = require_cupy(), __import__("minitorch.cublas", fromlist=["matmul"])
        a, b = (on_device(cupy, x) for x in pair)
        g = torch.cuda.CUDAGraph()
        fake_cublas.raised.clear()
        with torch.cuda.graph(g):
            out = cublas.matmul(a, b)
        assert not fake_cublas.raised
        g.replay()
        wide = [x.astype(np.float64) for x in pair]
        tolerance = {"f": 1e-5, "d": 1e-12, "e": 2e-2}[pair[0].dtype.char]
        np.testing.assert_allclose(out.get(), wide[0] @ wide[1], rtol=tolerance, atol=tolerance)
        assert out.dtype == pair[0].dtype


def on_device(cupy: Any, a: np.ndarray) -> Any:
    """A device array with the very strides of `a`."""
    if not a.size:
        return cupy.asarray(a)
    low, high = np.lib.array_utils.byte_bounds(a)
    whole = cupy.asarray(np.frombuffer((ctypes.c_char * (high - low)).from_address(low), "u1"))
    return cupy.ndarray(a.shape, a.dtype, whole.data + (a.ctypes.data - low), a.strides)


def test_a_product_of_wrong_shapes_in_a_graph(cuda: str) -> None:
    cublas = __import__("minitorch.cublas", fromlist=["matmul"])
    a = require_cupy().ones((2, 3), "f")
    with pytest.raises(ValueError, match=r"\[2, 3\] @ \[2, 3\]"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        cublas.matmul(a, a)


def test_integers_have_kernels_of_cupys(cuda: str) -> None:
    a = torch.arange(6, device="cuda").reshape(2, 3)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        out = a @ a.t()
    g.replay()
    assert out.tolist() == [[5, 14], [14, 50]]


# --- without a GPU


def test_without_a_gpu() -> None:
    assert not torch.cuda.is_current_stream_capturing()
    for make in (torch.cuda.CUDAGraph, torch.cuda.graph_pool_handle):
        with pytest.raises(RuntimeError, match="Tried to instantiate dummy base class"):
            make()
    with pytest.raises(RuntimeError):
        torch.cuda.make_graphed_callables(nn.Linear(2, 2), (torch.ones(2),))
