"""The same programs under minitorch and under real PyTorch, compared: `python -m parity`.

For your own code: `python -m parity run SCRIPT.py`, or `parity.check` from within Python.
"""

from parity.check import Report, assert_parity, check  # `parity.check` is the function, not its module

__all__ = ["Report", "assert_parity", "check"]
