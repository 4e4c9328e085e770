"""The container of a .pt file: a zip archive of named records, laid out as PyTorch lays it out.

    archive/data.pkl             the pickled object, which names the storages it needs
    archive/.format_version      "1"
    archive/.storage_alignment   "64": every record starts at a multiple of 64 bytes, so that it can be mapped
    archive/byteorder            "little" or "big"
    archive/data/0, 1, 2 ...     the bytes of one storage each
    archive/version              "3"

Records are stored, never compressed: what a file declares it must also contain, which is why reading one
can never take more memory than the file is long.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pickle import UnpicklingError
from typing import IO, Any, cast

import numpy as np

ALIGNMENT = 64
_FOLDER = "archive"
_ZIP = b"PK\x03\x04"
_VERSIONS = range(1, 11)  # the file versions PyTorch has written or accepts
_CHUNK = 1 << 24
# All that zipfile raises over bytes that are not what they should be (NotImplementedError is a RuntimeError).
_DAMAGE = (zipfile.BadZipFile, struct.error, ValueError, OverflowError, EOFError, RuntimeError)
_ADVICE = "It is cut short or damaged: copy or save it again."
# The pickle of PyTorch's magic number, with which its format before version 1.6 begins.
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

_FOREIGN = (
    (b"\x93NUMPY", "a NumPy .npy file: read it with numpy.load"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip file: decompress it first"),
    (b"\x80", "a plain pickle, which could run any code while it is read"),
)


# --- writing


class _Sink:
    """Only `write` of a file: zipfile then neither seeks nor asks for the position, like PyTorch."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.position = 0

    def write(self, data: Any) -> int:
        view = memoryview(data)
        size = len(view)
        while len(view):
            written = self.file.write(view)
            # An unbuffered file may take a part only.
            view = view[len(view) if written is None else written :]
        self.position += size
        return size

    def flush(self) -> None:
        pass


def write(file: Any, pickled: bytes, storages: Iterable[np.ndarray]) -> None:
    """Write the archive to the open binary `file`; `storages` are flat uint8 arrays, named 0, 1, 2 ..."""
    sink = _Sink(file)
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]  # needs no more than write, flush

        def record(name: str, data: Any) -> None:
            info = zipfile.ZipInfo(f"{_FOLDER}/{name}")  # dated 1980: the same object gives the same bytes
            # Of large records zipfile extends the header, by this rule.
            big = len(data) * 1.05 > zipfile.ZIP64_LIMIT
            start = sink.position + 30 + len(info.filename) + 4 + (20 if big else 0)
            padding = -start % ALIGNMENT
            info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
            archive.writestr(info, data)

        record("data.pkl", pickled)
        record(".format_version", b"1")
        record(".storage_alignment", str(ALIGNMENT).encode())
        record("byteorder", sys.byteorder.encode())
        for number, storage in enumerate(storages):
            record(f"data/{number}", storage.data)
        record("version", b"3\n")


@contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` when the block ends well, and vanishes when it does not.

    Until then whoever opens `path` sees the old file, whole. A link is followed; what is no ordinary file
    (/dev/null, a pipe) cannot be replaced and is written to. RuntimeError, as PyTorch's, where that fails.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not path or os.path.isdir(target):
        what = "a folder" if path else "no file name"
        raise RuntimeError(f"torch.save: cannot write to {path!r}, which is {what}")
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(path)} does not exist.")
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:
                yield file
            return
        # Beside the target: a file can be renamed only within its file system.
        temporary = os.path.join(folder, f".saving-{os.urandom(8).hex()}.tmp")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with open(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # the bytes must be on the disk before the name is
            if os.path.exists(target):
                os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        reason = f"{type(error).__name__}: {error.strerror or error}"
        raise RuntimeError(f"torch.save: writing {path!r} failed ({reason}); an older file is intact") from error


# --- reading


def _foreign(head: bytes, size: int) -> Exception:
    """What to raise over a file of `size` bytes that is no zip archive and begins with `head`."""
    if not size:
        return EOFError("torch.load: the file is empty, or was read to its end: then call f.seek(0)")
    if size < len(_ZIP) and _ZIP.startswith(head):
        return RuntimeError(f"torch.load: the file ends after {size} bytes. {_ADVICE}")
    if head.startswith(_LEGACY) or head[257:262] == b"ustar":
        return NotImplementedError(
            "torch.load: the file has PyTorch's format from before version 1.6, which minitorch does not "
            "read. Load it in PyTorch and save it again with torch.save."
        )
    for start, what in _FOREIGN:
        if head.startswith(start):
            return UnpicklingError(f"torch.load: this is no file that torch.save wrote, but {what}")
    return UnpicklingError(f"torch.load: this is no file that torch.save wrote: it begins with {head[:16]!r}")


class Archive:
    """The records of an open .pt file. Every size and offset in it is checked: it may come from anyone."""

    def __init__(self, file: Any) -> None:
        start = file.tell()
        head = file.read(512)
        if not isinstance(head, bytes):
            kind = type(head).__name__
            raise TypeError(f"torch.load: the file must be opened in binary mode, but read() gave {kind}")
        size = file.seek(0, os.SEEK_END) - start
        if not head.startswith(_ZIP):
            raise _foreign(head, size)
        try:
            self._zip = zipfile.ZipFile(file)
        except (*_DAMAGE, OSError) as error:
            raise RuntimeError(f"torch.load: failed reading zip archive: {error}. {_ADVICE}") from error
        self._infos = {info.filename: info for info in self._zip.infolist()}
        self._check(self._zip.infolist(), start, size)
        self.byteorder = self._text("byteorder") if "byteorder" in self else "little"
        if self.byteorder not in ("little", "big"):
            raise RuntimeError(f"torch.load: unknown byte order {self.byteorder!r}. {_ADVICE}")

    def _check(self, infos: list[zipfile.ZipInfo], start: int, size: int) -> None:
        names = [info.filename for info in infos]
        self._folder = names[0].split("/")[0] if names else ""
        if "constants.pkl" in self:
            raise RuntimeError("torch.load: this is a TorchScript program, which minitorch cannot run")
        if "data.pkl" not in self or "version" not in self:
            shown = ", ".join(names[:3]) or "nothing"
            raise RuntimeError(f"torch.load: this zip archive is not from torch.save: it holds {shown}")
        for info in infos:
            if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
                raise RuntimeError(f"torch.load: record {info.filename!r} is compressed; save it with torch.save")
        # Records that share bytes could declare any amount of data in a small file.
        if sum(info.file_size for info in infos) > size or len(set(names)) != len(names):
            raise RuntimeError(f"torch.load: the records overlap or are larger than the file. {_ADVICE}")
        if min(info.header_offset for info in infos) != start:
            raise RuntimeError(
                "torch.load: the archive does not begin where the file stands. Where several objects were "
                "saved to one file, seek to the last one, or save them as one list."
            )
        version = self._text("version")
        if not version.strip().isdecimal() or int(version) not in _VERSIONS:
            raise RuntimeError(f"torch.load: file version {version!r}; 1 to {_VERSIONS[-1]} are known. {_ADVICE}")

    def __contains__(self, name: str) -> bool:
        return f"{self._folder}/{name}" in self._infos

    def size(self, name: str) -> int:
        """How many bytes the record holds; RuntimeError if there is none of that name."""
        if name not in self:
            raise RuntimeError(f"torch.load: the file lacks its record {name!r}. {_ADVICE}")
        return self._infos[f"{self._folder}/{name}"].file_size

    def read(self, name: str) -> np.ndarray:
        """The record as a new, writable uint8 array; its checksum is verified."""
        data = np.empty(self.size(name), np.uint8)
        view, done = data.data, 0
        try:
            with self._zip.open(f"{self._folder}/{name}") as opened:
                record = cast(zipfile.ZipExtFile, opened)
                while done < len(view):
                    count = record.readinto(view[done : done + _CHUNK])
                    if not count:
                        raise EOFError("unexpected end of file")
                    done += count
        except _DAMAGE as error:
            raise RuntimeError(f"torch.load: record {name!r} is unreadable: {error}. {_ADVICE}") from error
        return data

    def _text(self, name: str) -> str:
        return self.read(name)[:32].tobytes().decode("ascii", "replace")
