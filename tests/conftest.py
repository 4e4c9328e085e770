"""The device "cuda" in tests: a strict double of CuPy, or with `pytest -m cuda` the GPU. Tests without the collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from strict_cupy.install import installed

import minitorch


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cuda" in metafunc.fixturenames:
        on_gpu = metafunc.config.getoption("markexpr") == "cuda"
        places = [pytest.param("gpu", marks=pytest.mark.cuda)] if on_gpu else ["double"]
        metafunc.parametrize("cuda", places, indirect=True, scope="function")


@pytest.fixture
def cuda(request: pytest.FixtureRequest) -> Iterator[str]:
    """Inside, device="cuda" works. The value says on what: "double" or "gpu"."""
    if request.param == "double":
        with installed():
            yield request.param
    elif minitorch.cuda.is_available():
        yield request.param
    else:
        pytest.skip("needs a CUDA GPU")


@pytest.fixture
def no_collector() -> Iterator[None]:
    """No cycle is collected. `gc.get_objects()` has what is made inside: of all else a look would take a third of a second."""
    gc.disable()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()
