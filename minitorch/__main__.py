"""`python -m minitorch SCRIPT.py ARGS`: run a PyTorch script as it is, with minitorch for torch."""

from minitorch.standin import main

if __name__ == "__main__":
    main()
