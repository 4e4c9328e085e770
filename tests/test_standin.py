"""`python -m minitorch SCRIPT`: the script sees minitorch as torch, and all else as under plain Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minitorch import standin

ROOT = Path(__file__).parent.parent


def python(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


def run(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(code)
    return python("-m", "minitorch", "script.py", *arguments, cwd=folder)


def test_torch_is_minitorch(tmp_path: Path) -> None:
    result = run(
        """
import torch, torch.nn as nn, torch.nn.functional as F, torch.optim.lr_scheduler, torch.utils.data
from torch import nn as nn2, optim, Tensor
from torch.utils.data import DataLoader, TensorDataset
import importlib.util, sys
import minitorch
assert torch is minitorch and nn is nn2 is minitorch.nn and F is minitorch.nn.functional
assert optim.lr_scheduler is sys.modules["torch.optim.lr_scheduler"] is minitorch.optim.lr_scheduler
assert sys.modules["torch.nn"] is sys.modules["minitorch.nn"]
assert nn.__name__ == nn.__spec__.name == "minitorch.nn"
assert "torch._C" not in sys.modules and importlib.util.find_spec("torch").name == "minitorch"
import torch.nn.functional
assert callable(torch.tensor)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(64, 2)
data = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=16, shuffle=True)
losses = []
for epoch in range(20):
    for a, b in data:
        optimizer.zero_grad()
        loss = F.mse_loss(model(a), b)
        loss.backward()
        optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0] / 10
print("done")
""",
        tmp_path,
    )
    assert (result.stdout, result.stderr, result.returncode) == ("done\n", "", 0)


SURROUNDINGS = """
from __future__ import annotations
import sys, os, inspect, pickle
class Item: pass
def f(x: undefined): pass  # fine only with this script's own __future__ import
print(sys.argv, __name__, __file__, sys.path[0], __spec__, __package__, __cached__, type(__loader__).__name__)
print(sorted(globals()), type(__builtins__), sys.modules["__main__"].Item is Item, f.__annotations__)
print(type(pickle.loads(pickle.dumps(Item()))), inspect.getsource(Item), Item.__module__)
"""


def test_a_script_sees_what_it_sees_under_python(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "script.py").write_text(SURROUNDINGS)
    (tmp_path / "link.py").symlink_to(tmp_path / "folder" / "script.py")
    for path in ("folder/script.py", "link.py"):
        plain = python(path, "-m", "--flag", "x y", cwd=tmp_path)
        ours = python("-m", "minitorch", path, "-m", "--flag", "x y", cwd=tmp_path)
        assert plain.returncode == 0
        assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, 0)


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        raise KeyError(2) from e\nf()",
        "class A:\n    near = 1\nA().nearr",
        "x = (1,\n  2",
        "raise KeyboardInterrupt",
        "import sys; sys.exit('bye')",
        "import atexit, sys; atexit.register(print, 'last'); sys.exit(3)",
        "import nowhere",
        "from os import nothing",
        "raise ExceptionGroup('g', [ValueError(1)])",
    ],
)
def test_a_script_ends_as_under_python(code: str, tmp_path: Path) -> None:
    ours = run(code, tmp_path)
    plain = python("script.py", cwd=tmp_path)
    assert plain.returncode != 0
    assert (ours.returncode, ours.stdout, ours.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("torch.nn.Conv9d", "AttributeError: module 'torch.nn' has no attribute 'Conv9d'"),
        ("torch.onse(2)", "minitorch has no torch.onse. Did you mean: torch.ones"),
        ("torch.fft9.rfft", "AttributeError: module 'torch' has no attribute 'fft9'"),
        ("import torch.fft9", "ModuleNotFoundError: No module named 'torch.fft9': minitorch has no torch.fft9"),
        ("import torch.nn.functionl", "Did you mean: torch.nn.functional"),
        ("import torch.tensor", "ModuleNotFoundError: No module named 'torch.tensor'"),
        ("from torch import nothing9", "ImportError: cannot import name 'nothing9' from 'torch': minitorch has"),
        ("from torch.nn import Lineal", "minitorch has no torch.nn.Lineal. Did you mean: torch.nn.Linear"),
        ("from torch.nn.functional import rellu", "from 'torch.nn.functional': minitorch has no torch.nn.fun"),
    ],
)
def test_what_is_missing_is_named_as_the_script_names_it(code: str, message: str, tmp_path: Path) -> None:
    result = run(f"import torch\n\ndef f():\n    {code}\n\nf()\n", tmp_path)
    assert result.returncode == 1
    assert message in result.stderr.splitlines()[-1]
    frames = [line.strip() for line in result.stderr.splitlines() if line.startswith("  File")]
    script = tmp_path / "script.py"
    assert frames == [f'File "{script}", line 6, in <module>', f'File "{script}", line 4, in f']


def test_scripts_can_ask_what_is_there(tmp_path: Path) -> None:
    code = """
import torch
assert hasattr(torch, "ones") and not hasattr(torch, "nothing9") and getattr(torch.nn, "nothing9", 3) == 3
for code in "from torch import nothing9", "import torch.nothing9", "from torch.nothing9.deeper import x":
    try:
        exec(code)
    except ImportError as error:
        print(error.name)
"""
    result = run(code, tmp_path)
    assert (result.stdout, result.stderr) == ("minitorch\ntorch.nothing9\ntorch.nothing9\n", "")


WORKERS = """
import multiprocessing, sys
import torch
from torch.utils.data import DataLoader, Dataset
class Squares(Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return torch.tensor(i * i)
class Item:
    def __init__(self, x): self.x = x
def work(item): return Item(torch.ones(2) * item.x)
if __name__ == "__main__":
    for method in sys.argv[1:]:
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(work, (Item(3),)).x.tolist() == [3, 3]
        loader = DataLoader(Squares(), batch_size=2, num_workers=1, multiprocessing_context=method)
        print(method, [batch.tolist() for batch in loader])
"""


def test_worker_processes(tmp_path: Path) -> None:
    methods = ("fork", "spawn", "forkserver")
    result = run(WORKERS, tmp_path, *methods)
    want = "".join(f"{method} [[0, 1], [4, 9]]\n" for method in methods)
    assert (result.stdout, result.stderr, result.returncode) == (want, "", 0)


def test_modules(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    look = "import sys\nprint(sys.argv, __name__, __file__, sys.path[0], __spec__.name, __package__, __cached__)"
    (tmp_path / "package" / "__main__.py").write_text(look)
    (tmp_path / "package" / "other.py").write_text(look)
    for name in ("package", "package.other"):
        plain = python("-m", name, "-x", cwd=tmp_path)
        ours = python("-m", "minitorch", "-m", name, "-x", cwd=tmp_path)
        assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, 0)
    for name in ("nowhere", "package.nowhere"):
        plain = python("-m", name, cwd=tmp_path)
        ours = python("-m", "minitorch", "-m", name, cwd=tmp_path)
        assert (ours.stdout, ours.stderr, ours.returncode) == ("", plain.stderr, plain.returncode)


def test_code_on_the_command_line(tmp_path: Path) -> None:
    code = "import sys, torch; print(sys.argv, sys.path[0], __name__, torch.__name__)"
    result = python("-m", "minitorch", "-c", code, "-m", "x", cwd=tmp_path)
    assert result.stdout == "['-c', '-m', 'x']  __main__ minitorch\n"


def test_the_command_line_itself(tmp_path: Path) -> None:
    plain = python("missing.py", cwd=tmp_path)
    ours = python("-m", "minitorch", "missing.py", cwd=tmp_path)
    assert (ours.returncode, ours.stdout, ours.stderr) == (2, "", plain.stderr)
    for arguments, status in (([], 2), (["-m"], 2), (["-c"], 2), (["--help"], 0)):
        result = python("-m", "minitorch", *arguments, cwd=tmp_path)
        assert result.returncode == status
        assert "usage: python -m minitorch SCRIPT.py" in result.stdout + result.stderr


def test_install_comes_before_torch() -> None:
    assert "torch" in sys.modules or __import__("torch")
    before = list(sys.meta_path)
    with pytest.raises(RuntimeError, match="torch is imported already"):
        standin.install()
    assert sys.meta_path == before
