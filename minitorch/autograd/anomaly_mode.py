"""Anomaly detection: PyTorch's names for it, which say that it is not done."""

from __future__ import annotations

from typing import Any


class set_detect_anomaly:
    """Off is how it always is; on is not implemented."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        if mode:
            raise NotImplementedError(
                "set_detect_anomaly(): mode=True is not implemented; look at gradients with Tensor.register_hook()"
            )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> None:
        pass


class detect_anomaly:
    """Not implemented."""

    def __init__(self, check_nan: bool = True) -> None:
        raise NotImplementedError("detect_anomaly() is not implemented; look at gradients with Tensor.register_hook()")
