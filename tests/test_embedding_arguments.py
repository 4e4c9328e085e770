"""What Embedding and its functions take and refuse, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nn_helpers import LIBS, check_same

import minitorch

# --- the layer

SETTINGS: list[Any] = [
    ((5, 3), {}), ((5, 3, 1), {}), ((5, 3, -1), {}), ((5, 3, 0, 2.5, 1.5, True), {}), ((5, 3, True), {}), ((5, 0), {}),
    ((5, 3), {"max_norm": 1, "norm_type": 2}), ((0, 3), {}), ((0, 0), {}), ((5, 3), {"_freeze": True}),
    ((5, 3, 2), {"_freeze": True}),
]  # fmt: skip


@pytest.mark.parametrize(("args", "options"), SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_layer(args: Any, options: Any, dtype: str) -> None:
    def case(t: Any) -> Any:
        t.manual_seed(7)
        layer = t.nn.Embedding(*args, **options, dtype=getattr(t, dtype), device="cpu")
        public = {k: v for k, v in vars(layer).items() if not k.startswith("_")}
        found = [repr(layer), public, layer.state_dict(), layer.weight.requires_grad, t.rand(2)]
        layer.reset_parameters()
        other = t.nn.Embedding(*args, dtype=getattr(t, dtype))
        return *found, layer.weight.clone(), other.load_state_dict(layer.state_dict()), other.weight

    check_same(case)


@pytest.mark.parametrize(
    "options", [{}, {"padding_idx": 2}, {"padding_idx": -1, "scale_grad_by_freq": True}, {"max_norm": 1.0}]
)
def test_trained(options: Any) -> None:
    results = []
    for t in LIBS:
        t.manual_seed(0)
        model = t.nn.Sequential(t.nn.Embedding(9, 4, **options), t.nn.Flatten(), t.nn.Linear(12, 2))
        optimizer = t.optim.Adam(model.parameters(), lr=0.1)
        losses = []
        for _ in range(20):
            words = t.randint(9, (6, 3))
            loss = t.nn.functional.cross_entropy(model(words), words[:, 0] % 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        results.append((losses, model[0].weight.detach().numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def test_from_a_table() -> None:
    def case(t: Any) -> Any:
        weight, p = t.arange(6.0).reshape(3, 2), t.nn.Parameter(t.ones(3, 2))
        make = t.nn.Embedding.from_pretrained
        layers = [
            make(weight), make(weight, False), make(weight, padding_idx=-1), make(p, False), make(weight.half(), max_norm=3),
            make(weight, freeze=False, padding_idx=0, max_norm=2, norm_type=1, scale_grad_by_freq=True),
            make(weight * 2.0), t.nn.Embedding(3, 2, _weight=weight), t.nn.Embedding(3, 2, 1, _weight=p, _freeze=True),
            t.nn.Embedding(3, 2, _weight=weight, dtype=t.float64), make((p * 2).detach()), make(weight.long()),
        ]  # fmt: skip
        shared = [layer.weight.data_ptr() in (weight.data_ptr(), p.data_ptr()) for layer in layers]
        layers[0].weight.add_(1)
        return (
            [(repr(layer), layer.weight, layer.weight is p) for layer in layers],
            shared,
            weight,
            layers[0](t.tensor([2, 0])),
        )

    check_same(case)


class Smaller(minitorch.nn.Embedding):
    pass


def test_from_a_table_makes_the_class_that_is_asked() -> None:
    assert type(Smaller.from_pretrained(minitorch.ones(2, 2))) is Smaller


# --- what is refused

BAD: dict[str, Any] = {
    "past the end": lambda t, f, w, i: f(i + 3, w), "below 0": lambda t, f, w, i: f(i - 1, w),
    "int32 past the end": lambda t, f, w, i: f((i + 3).int(), w),
    "number past the end": lambda t, f, w, i: f(t.tensor(4), w),
    "matrix past the end": lambda t, f, w, i: f(t.tensor([[0], [4]]), w),
    "one below 0": lambda t, f, w, i: f(t.tensor(-1), w), "of nothing": lambda t, f, w, i: f(i[:0], w[:0]),
    "float": lambda t, f, w, i: f(i.float(), w), "half": lambda t, f, w, i: f(i.half(), w),
    "int16": lambda t, f, w, i: f(i.short(), w), "uint8": lambda t, f, w, i: f(i.byte(), w),
    "empty float": lambda t, f, w, i: f(t.zeros(0), w), "1-D": lambda t, f, w, i: f(i, w[0]),
    "3-D": lambda t, f, w, i: f(i, w[None]), "0-D": lambda t, f, w, i: f(i, t.tensor(1.0)),
    "list": lambda t, f, w, i: f([0, 1], w), "int": lambda t, f, w, i: f(0, w), "none": lambda t, f, w, i: f(None, w),
    "list of weights": lambda t, f, w, i: f(i, [[1.0]]), "no weight": lambda t, f, w, i: f(i, None),
    "no padding row": lambda t, f, w, i: f(i, w, 4), "none before": lambda t, f, w, i: f(i, w, -5),
    "none at all": lambda t, f, w, i: f(i[:0], w[:0], -1), "padding 0 of none": lambda t, f, w, i: f(i[:0], w[:0], 0),
    "padding float": lambda t, f, w, i: f(i, w, 1.0), "padding bool": lambda t, f, w, i: f(i, w, True),
    "frequency int": lambda t, f, w, i: f(i, w, None, None, 2.0, 1),
    "sparse int": lambda t, f, w, i: f(i, w, None, None, 2.0, False, 0),
    "frequency text": lambda t, f, w, i: f(i, w, scale_grad_by_freq="yes"),
    "embedding, list": lambda t, f, w, i: t.embedding([1.0], i),
    "embedding, indices": lambda t, f, w, i: t.embedding(w, [0]),
    "embedding, None": lambda t, f, w, i: t.embedding(w, i, None),
    "embedding, padding": lambda t, f, w, i: t.embedding(w, i, 1.5),
    "embedding, frequency": lambda t, f, w, i: t.embedding(w, i, 0, None),
    "layer, padding": lambda t, f, w, i: t.nn.Embedding(4, 3, 4),
    "layer, before": lambda t, f, w, i: t.nn.Embedding(4, 3, -5),
    "layer, other rows": lambda t, f, w, i: t.nn.Embedding(3, 3, _weight=w),
    "layer, flat": lambda t, f, w, i: t.nn.Embedding(4, 3, _weight=w[0]),
    "layer of integers": lambda t, f, w, i: t.nn.Embedding(4, 3, _weight=w.long()),
    "layer, int64": lambda t, f, w, i: t.nn.Embedding(4, 3, dtype=t.int64),
    "layer, frozen int64": lambda t, f, w, i: t.nn.Embedding(4, 3, dtype=t.int64, _freeze=True),
    "from a vector": lambda t, f, w, i: t.nn.Embedding.from_pretrained(w[0]),
    "layer, list": lambda t, f, w, i: t.nn.Embedding(4, 3)([0]),
    "layer, float": lambda t, f, w, i: t.nn.Embedding(4, 3)(w), "text": lambda t, f, w, i: f("a", w),
}  # fmt: skip
IN_OTHER_WORDS: dict[str, Any] = {
    "float, max_norm": lambda t, f, w, i: f(i.half(), w, max_norm=1), "bool": lambda t, f, w, i: f(i.bool(), w),
    "array": lambda t, f, w, i: f(i.numpy(), w), "array of weights": lambda t, f, w, i: f(i, w.numpy()),
    "padding text": lambda t, f, w, i: f(i, w, "a"), "list of weights, padding": lambda t, f, w, i: f(i, [[1.0]], 1),
    "max_norm text": lambda t, f, w, i: f(i, w, None, "a"),
    "norm_type text": lambda t, f, w, i: f(i, w, None, 1.0, "a"),
    "norm_type None": lambda t, f, w, i: f(i, w, None, 1.0, None),
    "max_norm, integers": lambda t, f, w, i: f(i, w.long(), max_norm=1.0),
    "max_norm, 1-D": lambda t, f, w, i: f(i, w[0], max_norm=1.0),
    "max_norm, past the end": lambda t, f, w, i: f(i + 3, w, max_norm=1.0),
    "max_norm, below 0": lambda t, f, w, i: f(i - 1, w, max_norm=1.0), "no indices": lambda t, f, w, i: t.embedding(w),
    "unknown": lambda t, f, w, i: t.embedding(w, i, foo=1),
    "too many": lambda t, f, w, i: t.embedding(w, i, 0, False, False, 1),
    "layer, one size": lambda t, f, w, i: t.nn.Embedding(4),
    "layer, float size": lambda t, f, w, i: t.nn.Embedding(4.0, 3),
    "layer, negative": lambda t, f, w, i: t.nn.Embedding(-4, 3),
    "layer, float padding": lambda t, f, w, i: t.nn.Embedding(4, 3, 1.5),
    "layer, text padding": lambda t, f, w, i: t.nn.Embedding(4, 3, "a"),
    "layer, padding of none": lambda t, f, w, i: t.nn.Embedding(0, 3, 0),
    "layer, list of weights": lambda t, f, w, i: t.nn.Embedding(1, 1, _weight=[[1.0]]),
    "from a list": lambda t, f, w, i: t.nn.Embedding.from_pretrained([[1.0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", [*BAD, *IN_OTHER_WORDS])
def test_what_is_refused(name: str) -> None:
    call = (BAD | IN_OTHER_WORDS)[name]
    case = lambda t: call(t, t.nn.functional.embedding, t.arange(12.0).reshape(4, 3), t.tensor([0, 1]))
    check_same(case, wording="start" if name in BAD else "type")


SPARSE = [
    lambda t: t.embedding(t.ones(2, 2), t.tensor([0]), sparse=True),
    lambda t: t.nn.functional.embedding(t.tensor([0]), t.ones(2, 2), sparse=True),
    lambda t: t.nn.Embedding(2, 2, sparse=True),
    lambda t: t.nn.Embedding.from_pretrained(t.ones(2, 2), sparse=True),
]


@pytest.mark.parametrize("number", range(len(SPARSE)))
def test_sparse_gradients_are_refused(number: int) -> None:
    with pytest.raises(NotImplementedError, match=r"mbedding\(\): .*sparse must be False"):
        SPARSE[number](minitorch)


def test_what_else_it_takes() -> None:
    def case(t: Any) -> Any:
        f, w, i = t.nn.functional.embedding, t.arange(12.0).reshape(4, 3), t.tensor([0, 1])
        return [
            f(i, w, t.tensor(1)), f(i, w, np.int64(-1)), f(i, w.clone(), max_norm=t.tensor(1e3)), f(i, w.clone(), None, True),
            f(input=i, weight=w, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False),
            t.embedding(weight=w, indices=i, padding_idx=1, scale_grad_by_freq=True, sparse=False), f(i, w, 0, None, None),
        ]  # fmt: skip

    check_same(case)
