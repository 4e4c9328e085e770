"""What the README shows must be so: its training loop prints the same lines under both libraries."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def printed(source: str) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, "README.md", "exec"), {"__name__": "__main__"})
    return out.getvalue().splitlines()


def test_the_training_loop_prints_the_same_lines() -> None:
    source = re.findall(r"```python\n(import minitorch.*?)```", README, re.DOTALL)[0]
    mine = printed(source)
    theirs = printed(source.replace("import minitorch as torch", "import torch").replace("minitorch.", "torch."))
    assert len(mine) == 5
    assert mine == theirs


def test_the_files_it_names_are_there() -> None:
    root = Path(__file__).parent.parent
    named = re.findall(r"\]\(([\w/.]+)\)", README)
    assert named
    for name in named:
        found = (root / name).exists() or (root / "minitorch" / name).exists()
        assert found, f"README names {name}"
