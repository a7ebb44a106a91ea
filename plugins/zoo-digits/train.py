"""Train the weights that this distribution ships: ``python train.py``, some seconds on a CPU.

The data are scikit-learn's handwritten digits, classes 0 to 4 only, so that 5 to 9 are left to
transfer to. Everything is in float64: the order of additions differs between machines, and what
that changes is below the last digit of the float32 that is saved.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from zoo_digits import backbone
from zoo_digits.network import FEATURES, DigitNet

CLASSES = 5
EPOCHS = 8
BATCH = 32
LEARNING_RATE = 3e-3
SEED = 0
WEIGHTS = Path(backbone.__file__).with_name(backbone.TENSORS)


def digits() -> tuple[Tensor, Tensor]:
    """Pixels ``[images, 1, 8, 8]`` and labels of all images of 0 to 4, preprocessed as in use."""
    data = load_digits(n_class=CLASSES)
    grey = np.round(data.images * (255 / 16)).astype(np.uint8)
    preprocess = backbone.DigitPreprocess()
    batch = preprocess.collate([preprocess(Image.fromarray(image)) for image in grey])
    return batch["pixels"].double(), torch.from_numpy(data.target)


def jitter(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Turn, scale, slant and move each image a little, and add noise."""

    def around(spread: float, *shape: int) -> Tensor:
        return spread * (2 * torch.rand(shape, generator=random, dtype=pixels.dtype) - 1)

    count = len(pixels)
    angle, scale, slant = around(0.25, count), 1 + around(0.15, count), around(0.2, count)
    rows = [
        torch.stack([scale * angle.cos(), slant - angle.sin()], 1),
        torch.stack([angle.sin(), scale * angle.cos()], 1),
    ]
    placed = torch.cat([torch.stack(rows, 1), around(0.25, count, 2, 1)], 2)
    grid = functional.affine_grid(placed, list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(pixels, grid, align_corners=False)
    noise = torch.randn(moved.shape, generator=random, dtype=pixels.dtype)
    return (moved + 0.05 * noise).clamp(0, 1)


def train() -> DigitNet:
    """A network trained from :data:`SEED`, in float32 and evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network, head = DigitNet().double(), nn.Linear(FEATURES, CLASSES).double()
    random = torch.Generator().manual_seed(SEED)
    pixels, labels = digits()
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE)
    steps = EPOCHS * (len(pixels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(pixels), generator=random)
        for chosen in order[: len(order) // BATCH * BATCH].split(BATCH):
            logits = head(network(jitter(pixels[chosen], random)))
            loss = functional.cross_entropy(logits, labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.float().eval()


if __name__ == "__main__":
    save_file(train().state_dict(), WEIGHTS)
