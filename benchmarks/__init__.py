"""minitorch against NumPy by hand and PyTorch, in one interleaved run: `python -m benchmarks`."""
