"""Large arrays come from memory that was freed before, without new pages from the system."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import minitorch
x = minitorch.ones(4_000_000)
def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    x * x + x
before = pages()
for _ in range(10):
    x * x + x
print(pages() - before)
"""


def pages_of_a_run(**environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux" or "MALLOC_TRIM_THRESHOLD_" in os.environ, reason="glibc only")
def test_no_new_pages_for_freed_sizes() -> None:
    assert pages_of_a_run() < 100
    assert pages_of_a_run(MALLOC_TRIM_THRESHOLD_="131072") > 1000  # the user's own setting stands
