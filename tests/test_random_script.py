"""A program that draws wherever programs draw prints the same lines under `python` and `python -m minitorch`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

SCRIPT = """
import random, sys
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset, WeightedRandomSampler, random_split

class Noisy(Dataset):
    '''Samples that are disturbed when they are asked for: in a worker, by its own generators.'''
    def __init__(self, x, y): self.x, self.y = x, y
    def __len__(self): return len(self.x)
    def __getitem__(self, i):
        noise = torch.randn(10) + random.random() + float(np.random.rand())
        return self.x[i] + 0.01 * noise, self.y[i]

def main(workers):
    torch.manual_seed(int(sys.argv[1]))
    random.seed(1)
    np.random.seed(2)
    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 64), nn.ReLU(), nn.Dropout(0.5),
                        nn.Linear(64, 1))
    x = torch.randn(200, 10)
    y = (x.sum(1, keepdim=True) + 0.1 * torch.randn(200, 1) > 0).float()
    train, test = random_split(Noisy(x, y), [0.8, 0.2])
    criterion, optimizer = nn.BCEWithLogitsLoss(), torch.optim.Adam(net.parameters(), lr=1e-3)
    loader = DataLoader(train, batch_size=32, shuffle=True, num_workers=workers)
    for epoch in range(4):
        for a, b in loader:
            loss = criterion(net(a), b)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: {loss.item():.4f}")
    generator = torch.Generator().manual_seed(3)
    for sampler in (RandomSampler(test, True, 7), RandomSampler(test, generator=generator),
                    WeightedRandomSampler([1.0, 2, 3, 4], 9, generator=generator)):
        print(list(sampler)[:9])
    net.eval()
    with torch.no_grad():
        a, b = next(iter(DataLoader(TensorDataset(x, y), 50, shuffle=True, num_workers=workers, generator=generator)))
        print(f"{criterion(net(a), b).item():.4f}", torch.randperm(9).tolist(), torch.initial_seed())

if __name__ == "__main__":
    for workers in (0, 2):
        main(workers)
"""


def lines(folder: Path, *command: str) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_a_training_program_prints_the_same_lines(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    theirs = lines(tmp_path, "script.py", "42")
    ours = lines(tmp_path, "-m", "minitorch", "script.py", "42")
    assert ours == theirs
    assert len(theirs) == 2 * (4 + 3 + 1)
    assert len(set(theirs)) > 12  # numbers, not one text
