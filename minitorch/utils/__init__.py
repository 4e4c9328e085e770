"""torch.utils: so far, data loading."""

from minitorch.utils import data as data
