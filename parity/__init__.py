"""The same programs under minitorch and under real PyTorch, compared: `python -m parity`."""
