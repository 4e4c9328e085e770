"""`parity.check`: one's own code under both libraries, from within a test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minitorch
import parity

X = np.random.default_rng(0).normal(size=(8, 3))


def network(torch: Any) -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Dropout(0.3), torch.nn.Linear(4, 2, bias=False)
    )


def ours(library: Any) -> bool:
    return library.__name__ == "minitorch"


def wrong(report: parity.Report) -> list[str]:
    return [row.quantity for row in report.rows if not row.agrees]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_module_its_gradients_and_its_training(dtype: str) -> None:
    report = parity.check(network, X, steps=3, dtype=dtype)
    assert report.agrees and report, report
    assert [row.quantity for row in report.rows] == [
        *("initial 0.weight", "initial 0.bias", "initial 3.weight", "result", "gradient of input 0"),
        *("gradient of 0.weight", "gradient of 0.bias", "gradient of 3.weight"),
        *("loss, step 0", "loss, step 1", "loss, step 2", "0.weight, step 3", "0.bias, step 3", "3.weight, step 3"),
        "random state",
    ]
    result = report.rows[3]
    assert result.shape == "(8, 2)"
    assert 0 <= result.mine < 50
    # Measured against the truth: in float64 PyTorch itself is all there is.
    assert (result.theirs > 0) == (dtype != "float64")
    report.raise_if_different()


def test_a_function_of_arrays_whole_numbers_and_nests() -> None:
    def f(torch: Any, x: Any, labels: Any) -> Any:
        loss = torch.nn.functional.cross_entropy(x, labels)
        return {"loss": loss, "hits": [(x.argmax(1) == labels).sum(), loss.item()]}

    report = parity.check(f, X, np.arange(8) % 3)
    assert [row.quantity for row in report.rows] == [
        *("result['loss']", "result['hits'][0]", "result['hits'][1]", "gradient of input 0", "random state")
    ]
    assert report.agrees, report


def test_a_function_without_inputs_and_a_factory_of_functions() -> None:
    assert parity.check(lambda torch: torch.randn(4)).rows[0].difference == 0
    assert parity.check(lambda torch: lambda x: x.exp(), X).rows[1].quantity == "gradient of input 0"


def test_random_numbers_of_the_caller_stay_as_they_are() -> None:
    before = torch.get_rng_state(), minitorch.get_rng_state()
    parity.check(network, X)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert minitorch.equal(minitorch.get_rng_state(), before[1])


@pytest.mark.parametrize(
    ("name", "build", "quantities"),
    [
        ("value", lambda t, x: x * (1 + 3e-6 * ours(t)), ["result", "gradient of input 0"]),
        ("one small element", lambda t, x: x.exp() + 3e-7 * ours(t) * (x < -2), ["result"]),
        ("gradient alone", lambda t, x: x + ours(t) * (x - x.detach()), ["gradient of input 0"]),
        ("no gradient", lambda t, x: x.detach() if ours(t) else x, ["gradient of input 0"]),
        ("dtype", lambda t, x: x.double() if ours(t) else x, ["result"]),
        ("shape", lambda t, x: x.sum(0, keepdim=ours(t)), ["result"]),
        ("whole numbers", lambda t, x: x.argmax(0) + ours(t), ["result"]),
        ("nan", lambda t, x: x / (x > -2 * ours(t)), ["result", "gradient of input 0"]),
        ("names", lambda t, x: {"b" if ours(t) else "a": x}, ["result['a']", "result['b']"]),
        ("more random numbers", lambda t, x: (x, t.rand(1 + ours(t)) is x)[0], ["random state"]),
        ("start", lambda t: t.nn.Linear(3, 1) if t.rand(1 + ours(t)) is not None else 0, ["initial weight"]),
    ],
)
def test_a_planted_difference_is_found(name: str, build: Any, quantities: list[str]) -> None:
    x = np.linspace(-3, 3, 24).reshape(8, 3)
    report = parity.check(build, x)
    assert not report.agrees
    assert not report
    assert wrong(report)[: len(quantities)] == quantities
    with pytest.raises(AssertionError, match="minitorch and PyTorch differ"):
        report.raise_if_different()
    assert f"{quantities[0]}: " in repr(report)  # what pytest shows


def test_a_gradient_slightly_wrong_is_found_and_its_consequences() -> None:
    def build(torch: Any) -> Any:
        model = network(torch)
        if ours(torch):  # the same forward, the gradient of the weight 0.01 % too large
            model[0].weight.register_hook(lambda g: g * 1.0001)
        return model

    report = parity.check(build, X, steps=2, lr=0.5)
    assert set(wrong(report)) >= {"gradient of 0.weight", "loss, step 1", "0.weight, step 2"}
    assert "result" not in wrong(report)


def test_a_loss_of_ones_own() -> None:
    seen = []

    def loss(torch: Any, result: Any) -> Any:
        seen.append(torch)
        return result.abs().sum()

    assert parity.check(network, X, steps=1, loss=loss)
    assert {torch, minitorch} == set(seen)


def test_assert_parity() -> None:
    parity.assert_parity(network, X, steps=1)
    with pytest.raises(AssertionError, match=r"result: .* units apart"):
        parity.assert_parity(lambda t, x: x + 1e-3 * ours(t), X)


def test_tolerance_decides() -> None:
    build = lambda t, x: x * (1 + 3e-6 * ours(t))
    assert not parity.check(build, X)
    assert parity.check(build, X, tolerance=200)


def test_an_error_in_one_library_is_a_difference() -> None:
    report = parity.check(lambda torch, x: torch.nn.Conv3d(1, 1, 1) and x, X)
    assert wrong(report) == ["error"]
    assert "PyTorch raises nothing, minitorch raises AttributeError" in str(report)


def test_the_same_error_in_both_is_raised() -> None:
    with pytest.raises(RuntimeError, match="shape") as caught:
        parity.check(lambda torch, x: x @ x, X)
    assert "minitorch raises the same type of error" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("error", "message", "arguments", "options"),
    [
        (TypeError, "not tensors", (network, torch.ones(3)), {}),
        (TypeError, "not tensors", (network, minitorch.ones(3)), {}),
        (TypeError, "dtype complex128", (network, X * 1j), {}),
        (TypeError, "dtype <U1", (network, "x"), {}),
        (TypeError, "but got Linear", (torch.nn.Linear(3, 1), X), {}),
        (TypeError, "but got ndarray", (X, X), {}),
        (TypeError, r"with 2 inputs, \(a, b\) is neither", (lambda a, b: a, X, X), {}),
        (TypeError, "gave a Tensor, which does not take the inputs", (lambda torch: torch.ones(2), X), {}),
        (TypeError, "not str", (lambda torch, x: "text", X), {}),
        (ValueError, "dtype must be one of float16", (network, X), {"dtype": "int8"}),
        (ValueError, "steps must be a whole number", (network, X), {"steps": -1}),
        (ValueError, "did it forget to return", (lambda torch, x: None, X), {}),
        (ValueError, "steps=2 needs a module", (lambda torch, x: x, X), {"steps": 2}),
    ],
)
def test_wrong_input(error: type[Exception], message: str, arguments: Any, options: Any) -> None:
    with pytest.raises(error, match=message):
        parity.check(*arguments, **options)
