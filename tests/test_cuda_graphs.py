"""CUDA graphs: replays give what eager steps give. (What is refused, and the object: test_cuda_graph_use.py.)"""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda_helpers import unwaited

import minitorch as torch
from minitorch import nn, recording
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


def parameter() -> Any:
    p = nn.Parameter(torch.ones(3, device="cuda"))
    p.grad = torch.ones_like(p)
    return p


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


def test_adagrad_counts_no_replays(cuda: str) -> None:
    optimizer = torch.optim.Adagrad([parameter()], lr=0.1)
    with torch.cuda.graph(torch.cuda.CUDAGraph()):
        optimizer.step()
    decaying = torch.optim.Adagrad([parameter()], lr=0.1, lr_decay=0.5)
    with pytest.raises(NotImplementedError, match="lr_decay"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        decaying.step()


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
    with torch.cuda.graph(torch.cuda.CUDAGraph()):
        torch.rand(3, device="cuda", generator=torch.default_generator)


def test_a_draw_that_fails_leaves_the_generator_alone(cuda: str) -> None:
    state = torch.get_rng_state()
    x = torch.ones(3, dtype=torch.int64, device="cuda")
    with pytest.raises(RuntimeError, match="Float"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        F.dropout(x, 0.5)
    assert bool((torch.get_rng_state() == state).all())


def test_other_threads_go_on_as_ever(cuda: str) -> None:
    """What they do is no part of the graph, and may be what a graph may not."""
    w = torch.full((2, 2), 3.0, device="cuda")
    found: list[Any] = []

    def elsewhere() -> None:
        found.append(recording.here.recording)
        found.append(torch.cuda.is_current_stream_capturing())

    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        y = w @ w
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    g.replay()
    assert found[0] is None and y.tolist() == [[18, 18], [18, 18]]


def test_a_capture_may_fork_to_another_stream(cuda: str) -> None:
    """Its products are put into that stream; a cuBLAS that still has the first one refuses."""
    x, side = torch.ones(2, 2, device="cuda"), torch.cuda.Stream()
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        main = torch.cuda.current_stream()
        a = x @ x
        side.wait_stream(main)
        with torch.cuda.stream(side):
            assert torch.cuda.is_current_stream_capturing()
            b = (x * 2) @ x
        main.wait_stream(side)
        c = a @ b
    g.replay()
    assert c.tolist() == [[16, 16], [16, 16]]


def test_a_tensor_used_by_another_stream_lives_as_long_as_the_graph(cuda: str) -> None:
    g, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    with torch.cuda.graph(g):
        x = torch.ones(2, device="cuda")
        x.record_stream(side)
    alive = weakref.ref(x._data)
    del x
    assert alive() is not None
    g.replay()
