"""Hostile files: torch.load runs no code, and answers with an error that says why."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ptfile import call, fragment, loaded, pt, saved, tensor_pickle

from minitorch import dtypes
from minitorch.autograd.tape import wrap
from minitorch.nn.parameter import Parameter
from minitorch.serialization import load
from minitorch.tensor import Tensor

# --- hostile files


def hostile(pickled: bytes, says: str) -> None:
    for options in ({}, {"weights_only": True}, {"weights_only": False}):
        with pytest.raises(pickle.UnpicklingError, match=says):
            loaded(pt(pickled, [bytes(8)]), **options)


@pytest.mark.parametrize("name", ["os\nsystem", "posix\nsystem", "__builtin__\neval", "builtins\nexec"])
def test_no_code_is_run(name: str, tmp_path: Path) -> None:
    victim = tmp_path / "ran"
    code = f"touch {victim}" if "system" in name else f"open({str(victim)!r}, 'w')"
    hostile(call(name, code), name.replace("\n", ".") + r".*Allowed: .*OrderedDict")
    assert not victim.exists()


class Plain:
    pass


class Evil:
    def __init__(self, *reduction: Any) -> None:
        self.reduction = reduction

    def __reduce__(self) -> Any:
        return self.reduction


@pytest.mark.parametrize(
    ("evil", "named"),
    [
        (Evil(os.system, ("true",)), "system"),
        (Evil(getattr, (dict, "clear")), "getattr"),
        (Evil(builtins.__import__, ("os",)), "__import__"),
        (Evil(open, ("/dev/null",)), "open"),
        (Evil(map, (print, [1])), "map"),
        (Evil(io.BytesIO, (b"",)), "BytesIO"),
        (Evil(np.zeros, (10**12,)), "zeros"),
        (Evil(wrap, (1,)), "minitorch.autograd.tape.wrap"),
        (Evil(load, ("x",)), "minitorch.serialization.load"),
        (Evil(Tensor, ()), "minitorch.tensor.Tensor"),
        (Plain, "Plain"),
        (Plain(), "_reconstructor|Plain"),
        (defaultdict(int), "defaultdict"),
    ],
)
def test_any_other_name_is_refused(evil: Any, named: str) -> None:
    hostile(pickle.dumps(evil, 2), named)
    hostile(pickle.dumps({"state": [evil]}, 2), named)


@pytest.mark.parametrize(
    "pickled",
    [
        call("__builtin__\nset", 5),
        call("__builtin__\nset", [[1]]),
        call("__builtin__\nset", [{}]),
        call("__builtin__\nset", [1], [2]),
        call("__builtin__\nbytearray", 10**15),
        call("__builtin__\nbytearray", [1]),
        call("__builtin__\nbytes", 10**15),
        call("__builtin__\ncomplex", "1j"),
        call("__builtin__\ncomplex", 1, [2]),
        call("_codecs\nencode", "a", "rot13"),
        call("_codecs\nencode", "\u1234", "latin1"),
        call("_codecs\nencode", "a"),
        call("collections\nOrderedDict", [[1, 2]]),
        call("collections\nCounter", {"a": 1}, 2),
        call("collections\nCounter", 10**15),
        call("torch\nSize", (1, "x")),
        call("torch\nSize", (1.5,)),
        call("torch\ndevice", 0),
        call("torch\ndevice", "cpu", "x"),
        call("torch._utils\n_rebuild_parameter", 1, True, 2),
        call("torch._utils\n_rebuild_tensor_v2"),
        call("torch._utils\n_rebuild_tensor_v2", *range(7)),
        call("torch._tensor\n_rebuild_from_type_v2", print, 1, (), {}),
        tensor_pickle(2, 0, (1,) * 10_000, (1,) * 10_000),
        call("torch\nfloat32", 1),
        call("torch\nFloatStorage", 10**15),
        call("torch\nTensor", 10**6, 10**6),
        b"\x80\x02K\1K\2R.",
        b"\x80\x02K\1Q.",
        b"\x80\x02(K\1tQ.",
        fragment(("storage", 1, "0", "cpu", 2)).join([b"\x80\x02", b"Q."]),
    ],
)
def test_allowed_names_check_their_arguments(pickled: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError):
        loaded(pt(pickled, [bytes(8)]))


SET = b"ccollections\nOrderedDict\n)R"


@pytest.mark.parametrize(
    "pickled",
    [
        # BUILD, which in Python's reader sets any attribute of anything
        tensor_pickle(2, 0, (2,), (1,))[:-1] + fragment({"_data": 1}) + b"b.",
        tensor_pickle(2, 0, (2,), (1,))[:-1] + fragment((None, {"_data": 1})) + b"b.",
        b"\x80\x02ctorch\nfloat32\n" + fragment((None, {"itemsize": 1})) + b"b.",
        b"\x80\x02ctorch\nTensor\n" + fragment((None, {"sum": 1})) + b"b.",
        b"\x80\x02ctorch\nSize\n" + fragment({"make": 1}) + b"b.",
        b"\x80\x02" + SET + fragment({"keys": 1}) + b"b.",
        b"\x80\x02" + SET + fragment({"__class__": 1}) + b"b.",
        b"\x80\x02" + SET + fragment({1: 1}) + b"b.",
        b"\x80\x02" + SET + fragment([1]) + b"b.",
        b"\x80\x02}K\1b.",
        # operations of Python's reader that make or call something
        b"\x80\x02ccollections\nOrderedDict\n)\x81.",
        b"\x80\x02(ccollections\nOrderedDict\no.",
        b"\x80\x02(ios\nsystem\n.",
        b"\x80\x02(S'true'\nios\nsystem\n.",
        b"\x80\x02\x82\1.",
        b"\x80\x02Vos\nVsystem\n\x93.",
        b"\x80\x02P0\n.",
        pickle.dumps([1], 4),
        pickle.dumps([1], 0),
        # the stack, its marks and the memo
        b"\x80\x020.",
        b"\x80\x02.",
        b"\x80\x02K\1K\2.",
        b"\x80\x02K\1(.",
        b"\x80\x02K\1(0K\2\x86.",
        b"\x80\x02(]K\1a(e.",
        b"\x80\x02t.",
        b"\x80\x02h\5.",
        b"\x80\x02q\0.",
        b"\x80\x02K\1",
        b"",
        # containers
        b"\x80\x02]}K\1s.",
        b"\x80\x02}]K\1s.",
        b"\x80\x02}(K\1u.",
        b"\x80\x02)K\1a.",
        b"\x80\x02}K\1a.",
        b"\x80\x02]K\1K\2s.",
        # declared lengths
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        b"\x80\x02X\xff\xff\xff\xffabc.",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.",
        b"\x80\x02\x8d" + b"\xff" * 8 + b"a.",
        b"\x80\x02r\xff\xff\xff\xff.",
        b"\x80\x02X\2\0\0\0\xff\xfe.",
        b"\x80\x02cos.",
        b"\x80\x02c\xff\n\xff\n.",
    ],
)
def test_no_operation_does_more_than_build(pickled: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError):
        loaded(pt(pickled, [bytes(8)]))
    assert dtypes.float32.itemsize == 4
    assert Tensor.sum is not None


def test_attributes_of_tensors_cannot_hide_their_methods() -> None:
    x = wrap(np.ones(2))
    vars(x)["backward"] = 1
    with pytest.raises(pickle.UnpicklingError, match="'backward'"):
        loaded(saved(x))
    p = Parameter(wrap(np.ones(2)))
    vars(p)["_data"] = 1
    with pytest.raises(pickle.UnpicklingError, match="'_data'"):
        loaded(saved(p))


def test_recursion_bombs() -> None:
    count = 50_000
    lists = loaded(pt(b"\x80\x02" + b"]" * count + b"a" * (count - 1) + b"."))
    assert len(lists) == 1
    tuples = b")" + b"\x85" * count
    assert len(loaded(pt(b"\x80\x02" + tuples + b"."))) == 1
    # Hashing walks a tuple without end: nested deeply it would crash, with shared parts it would take for ever.
    wide = b")" + b"".join(b"q%c0h%ch%c\x86" % (n, n, n) for n in range(100))
    for key in (tuples, wide):
        hostile(b"\x80\x02}" + key + b"Ns.", "cannot be a key")
        hostile(b"\x80\x02c__builtin__\nset\n]" + key + b"a\x85R.", "cannot be a key")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (b"_codecs\nencode", ("a" * 10_000, "latin1")),
        (b"__builtin__\nset", (list(range(2000)),)),
        (b"torch\nSize", (tuple(range(2000)),)),
    ],
)
def test_nothing_is_copied_many_times(name: bytes, args: tuple[Any, ...]) -> None:
    remember = b"c" + name + b"\nq\xfe0" + fragment(args) + b"q\xff0"
    hostile(b"\x80\x02](" + remember + b"h\xfeh\xffR" * 1000 + b"e.", "many copies")


def with_sizes(data: bytes, name: bytes, size: int) -> bytes:
    """The file, with another size of a record in its directory."""
    changed = bytearray(data)
    at = changed.rindex(name) - 46
    assert changed[at : at + 4] == b"PK\1\2"
    changed[at + 20 : at + 28] = struct.pack("<LL", size, size)
    return bytes(changed)


def test_declared_sizes_are_not_believed() -> None:
    data = pt(tensor_pickle(2, 0, (2,), (1,)), [bytes(8)])
    for size in (2**32 - 2, len(data)):
        with pytest.raises(RuntimeError, match="overlap or are larger than the file"):
            loaded(with_sizes(data, b"archive/data/0", size))
    with pytest.raises(RuntimeError):
        loaded(with_sizes(data, b"archive/data/0", 12))


def test_records_may_not_share_bytes_or_names() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("archive/data.pkl", b"\x80\x02K\1.")
        z.writestr("archive/version", b"3\n")
        z.writestr("archive/data/0", bytes(1000))
        z.filelist += [z.filelist[-1]] * 5
    with pytest.raises(RuntimeError, match="overlap"):
        loaded(buffer.getvalue())


def test_one_storage_has_one_type() -> None:
    one, other = (tensor_pickle(2, 0, (2,), (1,), kind)[2:-1] for kind in ("Float", "Int"))
    with pytest.raises(RuntimeError, match=r"as torch\.int32 and as torch.float32"):
        loaded(pt(b"\x80\x02" + one + other + b"\x86.", [bytes(8)]))
