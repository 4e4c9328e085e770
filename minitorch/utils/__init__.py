"""Tools around training: `minitorch.utils.data` loads data."""
