"""Files for torch.load, made in memory: by minitorch, by PyTorch, or by hand with anything in them."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from minitorch.autograd.tape import wrap
from minitorch.serialization import load, save

DAMAGE = (RuntimeError, pickle.UnpicklingError, EOFError, NotImplementedError)


def saved(obj: Any, by: Callable[..., None] = save) -> bytes:
    buffer = io.BytesIO()
    by(obj, buffer)
    return buffer.getvalue()


def loaded(data: bytes, **options: Any) -> Any:
    return load(io.BytesIO(data), **options)


def in_torch(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), weights_only=True)


def pt(pickled: bytes, storages: list[bytes] | None = None, **extra: bytes) -> bytes:
    """A file with this pickle and these storages, whatever they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        records = {"data.pkl": pickled, "version": b"3\n"} | extra
        for name, data in records.items():
            z.writestr(f"archive/{name}", data)
        for number, data in enumerate(storages or []):
            z.writestr(f"archive/data/{number}", data)
    return buffer.getvalue()


def fragment(value: Any) -> bytes:
    """The operations that push a value."""
    return pickle.dumps(value, 2)[2:-1]


def call(name: str, *args: Any) -> bytes:
    """A pickle that calls a global on plain arguments."""
    return b"\x80\x02c" + name.encode() + b"\n" + fragment(args) + b"R."


def tensor_pickle(numel: Any, offset: Any, shape: Any, strides: Any, kind: str = "Float", grad: Any = False) -> bytes:
    storage = f"(X\7\0\0\0storagectorch\n{kind}Storage\nX\1\0\0\0" + "0X\3\0\0\0cpu"
    identifier = storage.encode() + fragment(numel) + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    view = fragment(offset) + fragment(shape) + fragment(strides) + fragment(grad)
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + identifier + view + hooks + b"tR."


SMALL = saved({"a": wrap(np.arange(4, dtype=np.float32)), "b": [1, "x"]})
