"""The file that torch.save writes, how it replaces an older one, and damaged or foreign ones."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import pickle
import resource
import signal
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ptfile import DAMAGE, SMALL, in_torch, loaded, pt, saved, tensor_pickle

from minitorch.autograd.tape import wrap
from minitorch.serialization import load, save

# --- the file


def test_the_archive_is_laid_out_as_torchs() -> None:
    def layout(data: bytes) -> list[tuple[Any, ...]]:
        rows = []
        for info in zipfile.ZipFile(io.BytesIO(data)).infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            name, extra = struct.unpack("<HH", data[info.header_offset + 26 : info.header_offset + 30])
            assert (info.header_offset + 30 + name + extra) % 64 == 0
            if info.filename.endswith("serialization_id"):
                continue  # a number drawn from the contents, which nothing reads
            content = b"" if info.filename.endswith("data.pkl") else zipfile.ZipFile(io.BytesIO(data)).read(info)
            rows.append((info.filename, content))
        return rows

    x, y = np.arange(3.0), np.ones((5, 7), np.int8)
    ours = saved({"x": wrap(x), "y": wrap(y), "e": wrap(np.empty(0))})
    theirs = saved({"x": torch.tensor(x), "y": torch.tensor(y), "e": torch.empty(0)}, torch.save)
    assert layout(ours) == layout(theirs)
    assert ours == saved({"x": wrap(x), "y": wrap(y), "e": wrap(np.empty(0))})


def test_the_pickle_is_torchs_byte_for_byte() -> None:
    def pickled(data: bytes) -> bytes:
        return zipfile.ZipFile(io.BytesIO(data)).read("archive/data.pkl")

    theirs = torch.nn.Linear(2, 3).state_dict()
    ours = loaded(saved(theirs, torch.save))
    assert pickled(saved(ours)) == pickled(saved(theirs, torch.save))


def test_torch_can_map_the_file(tmp_path: Path) -> None:
    save({"a": wrap(np.arange(5.0)), "b": wrap(np.ones(3, np.int16))}, tmp_path / "x.pt")
    mapped = torch.load(tmp_path / "x.pt", mmap=True)
    assert mapped["a"].tolist() == [0, 1, 2, 3, 4]
    assert mapped["b"].tolist() == [1, 1, 1]


def test_large_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 5000)  # stands for 2 GiB
    x = np.arange(1000.0)
    data = saved([wrap(x), wrap(x + 1)])
    monkeypatch.undo()
    for a, b in (loaded(data), in_torch(data)):
        np.testing.assert_array_equal(a.numpy(), x)
        np.testing.assert_array_equal(b.numpy(), x + 1)


def test_paths(tmp_path: Path) -> None:
    for path in (tmp_path / "a.pt", str(tmp_path / "b ü.pt"), tmp_path / "noending"):
        save({"x": 1}, path)
        assert load(path) == torch.load(path) == {"x": 1}
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.pt")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    for by in (save, torch.save):
        with pytest.raises(RuntimeError, match=r"Parent directory .*nowhere does not exist"):
            by(1, tmp_path / "nowhere" / "x.pt")
        for bad in (tmp_path, ""):
            with pytest.raises(RuntimeError):
                by(1, bad)


def test_a_relative_path_without_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(1, "x.pt")
    assert load("x.pt") == 1


class Trickle:
    """A file that takes a few bytes at a time, as unbuffered ones may, and cannot seek."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, part: Any) -> int:
        self.data += bytes(part[:7])
        return min(len(part), 7)


class Silent(Trickle):
    """A file whose write() does not say how much it took."""

    def write(self, part: Any) -> None:  # type: ignore[override]
        self.data += bytes(part)


def test_any_object_that_can_write(tmp_path: Path) -> None:
    want = saved({"x": wrap(np.arange(9.0))})
    for sink in (Trickle(), Silent()):
        save({"x": wrap(np.arange(9.0))}, sink)
        assert sink.data == want
    with open(tmp_path / "x.pt", "wb", buffering=0) as file:
        save({"x": wrap(np.arange(9.0))}, file)
    assert (tmp_path / "x.pt").read_bytes() == want


def test_files_that_stand_elsewhere() -> None:
    buffer = io.BytesIO()
    buffer.write(b"header")
    save(1, buffer)
    middle = buffer.tell()
    with pytest.raises(EOFError, match=r"seek\(0\)"):
        load(buffer)
    buffer.seek(6)
    assert load(buffer) == 1
    buffer.seek(middle)
    save(2, buffer)
    buffer.seek(middle)
    assert load(buffer) == 2
    buffer.seek(6)
    with pytest.raises(RuntimeError, match="several objects"):
        load(buffer)


# --- replacing a file


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "x.pt"
    save("old", path)
    return path


def intact(path: Path) -> bool:
    return load(path) == "old" and os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", ["fsync", "replace", "open"])
def test_a_failure_leaves_the_old_file(old: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(RuntimeError, match="No space left on device"):
        save(wrap(np.ones(1000)), old)
    monkeypatch.undo()
    assert intact(old)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_leaves_the_old_file(old: Path, monkeypatch: pytest.MonkeyPatch, error: type) -> None:
    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(error):
        save(wrap(np.ones(1000)), old)
    monkeypatch.undo()
    assert intact(old)


def test_a_full_disk_leaves_the_old_file(old: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(RuntimeError, match="File too large"):
            save([wrap(np.ones(100)), wrap(np.ones(10_000)), wrap(np.ones(100))], old)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert intact(old)


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        save(1, tmp_path / "new.pt")
        (tmp_path / "private.pt").touch(0o600)
        save(1, tmp_path / "private.pt")
    finally:
        os.umask(mask)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new.pt", "private.pt")]
    assert modes == [0o640, 0o600]


def test_links_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.pt").symlink_to(tmp_path / "real" / "x.pt")
    save(1, tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert load(tmp_path / "real" / "x.pt") == 1
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    save(2, tmp_path / "pipe")
    assert loaded(os.read(reader, 100_000)) == 2
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


# --- damaged and foreign files


def test_every_truncation_is_an_error() -> None:
    for end in range(len(SMALL)):
        with pytest.raises(EOFError if end == 0 else RuntimeError, match=r"torch\.load: "):
            loaded(SMALL[:end])


def test_a_changed_byte_is_an_error_or_changes_nothing() -> None:
    for position in range(len(SMALL)):
        for flip in (1, 0x80, 0xFF):
            data = bytearray(SMALL)
            data[position] ^= flip
            try:
                result = loaded(bytes(data))
            except DAMAGE:
                continue
            assert result["b"] == [1, "x"]
            assert result["a"].tolist() == [0, 1, 2, 3]


@given(st.binary(max_size=60), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_no_pickle_does_worse_than_an_error(noise: bytes, position: int) -> None:
    pickled = zipfile.ZipFile(io.BytesIO(SMALL)).read("archive/data.pkl")
    position %= len(pickled)
    for data in (
        b"\x80\x02" + noise,
        pickled[:position] + noise,
        pickled[:position] + noise + pickled[position:],
    ):
        with contextlib.suppress(*DAMAGE):
            loaded(pt(data, [bytes(16)]))


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.ones(2))
    return buffer.getvalue()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(2))
    return buffer.getvalue()


def zipped(names: list[str], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as z:
        for name in names:
            z.writestr(name, b"\x80\x02K\1." if name.endswith("data.pkl") else b"3" * 100)
    return buffer.getvalue()


def legacy() -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(2)}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", EOFError, "empty"),
        (b"PK", RuntimeError, "cut short"),
        (b"hello world", pickle.UnpicklingError, "begins with b'hello world'"),
        (pickle.dumps({"a": 1}), pickle.UnpicklingError, "a plain pickle"),
        (pickle.dumps({"a": 1}, 2), pickle.UnpicklingError, "a plain pickle"),
        (npy(), pickle.UnpicklingError, "numpy.load"),
        (b"\x1f\x8b\x08" + bytes(20), pickle.UnpicklingError, "gzip"),
        (b"\x89HDF\r\n", pickle.UnpicklingError, "HDF5"),
        (legacy(), NotImplementedError, "before version 1.6"),
        (bytes(257) + b"ustar" + bytes(300), NotImplementedError, "before version 1.6"),
        (npz(), RuntimeError, "not from torch.save: it holds a.npy"),
        (zipped([]), pickle.UnpicklingError, "begins with"),
        (zipped(["a/b.txt"]), RuntimeError, "it holds a/b.txt"),
        (zipped(["a/data.pkl"]), RuntimeError, "it holds a/data.pkl"),
        (zipped(["a/data.pkl", "a/constants.pkl", "a/version"]), RuntimeError, "TorchScript"),
        (zipped(["a/data.pkl", "a/version"]), RuntimeError, "file version '3333"),
        (zipped(["a/data.pkl", "a/version"], zipfile.ZIP_DEFLATED), RuntimeError, "compressed"),
        (pt(b"\x80\x02K\1.", version=b"99"), RuntimeError, "file version '99'"),
        (pt(b"\x80\x02K\1.", byteorder=b"middle"), RuntimeError, "byte order 'middle'"),
        (pt(tensor_pickle(2, 0, (2,), (1,))), RuntimeError, "lacks its record 'data/0'"),
        (pt(tensor_pickle(2, 0, (2,), (1,)), [bytes(4)]), RuntimeError, "data/0 has 4 bytes, not 2 times 4"),
        (pt(tensor_pickle(2**62, 0, (2,), (1,)), [bytes(8)]), RuntimeError, "data/0 has 8 bytes"),
        (pt(tensor_pickle(-2, 0, (2,), (1,)), [bytes(8)]), RuntimeError, "data/0 has 8 bytes"),
        (pt(tensor_pickle(2.0, 0, (2,), (1,)), [bytes(8)]), pickle.UnpicklingError, "no storage"),
        (pt(tensor_pickle(2, 0, [2], (1,)), [bytes(8)]), pickle.UnpicklingError, "wrong arguments"),
        (pt(tensor_pickle(2, 0, (2.0,), (1,)), [bytes(8)]), pickle.UnpicklingError, "wrong arguments"),
        (pt(tensor_pickle(2, 0, (True,), (1,)), [bytes(8)]), pickle.UnpicklingError, "wrong arguments"),
        (pt(tensor_pickle(2, None, (2,), (1,)), [bytes(8)]), pickle.UnpicklingError, "wrong arguments"),
        (pt(tensor_pickle(1, 0, (1,), (1,), "Long", True), [bytes(8)]), RuntimeError, "require gradients"),
    ],
    ids=range(29),
)
def test_what_is_wrong_is_said(data: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        loaded(data)


sizes = st.one_of(st.integers(-2, 7), st.sampled_from([2**31, 2**62, 2**63 - 1, 2**64]))


@given(sizes, st.lists(sizes, max_size=3), st.lists(sizes, max_size=3))
@settings(max_examples=300, deadline=None)
def test_no_view_reaches_out_of_its_storage(offset: int, shape: list[int], strides: list[int]) -> None:
    storage = np.arange(12, dtype=np.float32)
    data = pt(tensor_pickle(12, offset, tuple(shape), tuple(strides)), [storage.tobytes()])
    try:
        x = loaded(data)._data
    except DAMAGE:
        assert not (0 <= offset <= 7 and all(0 <= n <= 1 for n in shape) and len(shape) == len(strides)) or (
            max(strides, default=0) > 7 or min(strides, default=0) < 0
        )
        return
    if x.size and x.size < 10**6:
        for index in np.ndindex(x.shape):
            assert x[index] == storage[offset + sum(i * s for i, s in zip(index, strides, strict=True))]
    elif x.size:
        assert all(s == 0 or n < 10**6 for n, s in zip(shape, strides, strict=True))


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (torch.ones(2, dtype=torch.bfloat16), "bfloat16"),
        (torch.ones(2, dtype=torch.complex64), "complex64"),
        (torch.ones(2, dtype=torch.complex128), "complex128"),
        (torch.ones(2, dtype=torch.uint16), "uint16"),
        (torch.bfloat16, "bfloat16"),
        (torch.eye(2).to_sparse(), "sparse"),
    ],
)
def test_types_that_minitorch_lacks(theirs: Any, says: str) -> None:
    with pytest.raises(NotImplementedError, match=says):
        loaded(saved({"a": theirs}, torch.save))


def test_the_other_byte_order() -> None:
    x = np.arange(4, dtype=">i4")
    data = pt(tensor_pickle(4, 0, (2, 2), (1, 2), "Int"), [x.tobytes()], byteorder=b"big")
    assert loaded(data).tolist() == in_torch(data).tolist() == [[0, 2], [1, 3]]


def test_bytes_that_are_no_truth_values() -> None:
    x = loaded(pt(tensor_pickle(4, 0, (4,), (1,), "Bool"), [bytes([0, 1, 2, 255])]))
    assert x._data.view(np.uint8).tolist() == [0, 1, 1, 1]
