"""Where the tensors of a loaded file go: the `map_location` of torch.load, in all its forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minitorch.device import CPU, Array, cuda_device_count, device_of, move
from minitorch.device import device as Device


class Storage:
    """The bytes of a block of memory on a device: what a `map_location` function gets and gives."""

    def __init__(self, data: Array) -> None:
        self._data = data

    @property
    def device(self) -> Device:
        return device_of(self._data)

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def nbytes(self) -> int:
        return int(self._data.nbytes)

    def cpu(self) -> Storage:
        return Storage(move(self._data, CPU))

    def cuda(self, device: Any = None) -> Storage:
        return _restore(self, str(Device("cuda" if device is None else device)))


def _restore(storage: Storage, location: str) -> Storage:
    """The storage at a location as files name it: "cpu", "cuda:0"; RuntimeError if there is no such place."""
    try:
        to = Device(location)
    except RuntimeError:
        raise RuntimeError(
            f"don't know how to restore data location of a storage (tagged with {location}): minitorch knows "
            "cpu and cuda. Use torch.load with map_location='cpu'."
        ) from None
    count = cuda_device_count() if to.type == "cuda" else 0
    if to.type == "cuda" and not count:
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If "
            "you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )
    if to.index is not None and to.type == "cuda" and to.index >= count:
        raise RuntimeError(
            f"Attempting to deserialize object on CUDA device {to.index} but torch.cuda.device_count() is "
            f"{count}. Please use torch.load with map_location to map your storages to an existing device."
        )
    return Storage(move(storage._data, to))


def placement(map_location: Any) -> Callable[[Storage, str], Storage]:
    """`map_location`, in whichever form, as a function that puts a storage where it belongs."""
    if map_location is None:
        return _restore
    if isinstance(map_location, Device | str):
        if str(map_location).startswith("meta"):
            raise NotImplementedError("torch.load(): map_location='meta'; minitorch has no meta device")
        return lambda storage, location: _restore(storage, str(map_location))
    if isinstance(map_location, dict):
        for place in map_location.values():
            if not isinstance(place, str):
                kind = type(place).__name__
                raise TypeError(f"torch.load(): map_location maps to a {kind}; use a str such as 'cpu'")
        return lambda storage, location: _restore(storage, map_location.get(location, location))
    if not callable(map_location):
        raise TypeError(
            f"torch.load(): map_location: {type(map_location).__name__!r} object is not callable; pass a "
            "device, its name, a dict from names to names, or a function of (storage, location)"
        )

    def ask(storage: Storage, location: str) -> Storage:
        answer = map_location(storage, location)
        if answer is not None and not isinstance(answer, Storage):
            raise TypeError(
                f"torch.load(): the map_location function returned a {type(answer).__name__}; return the "
                "storage it was given, storage.cpu(), storage.cuda(index) or None"
            )
        return _restore(storage, location) if answer is None else answer

    return ask
