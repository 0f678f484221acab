"""What the digit examples share: the images, the held-out part, and the two perceptrons."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

Part = tuple[mg.Tensor, mg.Tensor]  # images (B, 64) and labels (B,)

HERE = Path(__file__).parent
HELD_OUT = 0.3  # of the images, never trained on


class ZeroOrOne(nn.Module):
    """64 -> 25 -> 15 -> 1, sigmoids: the probability that an image of a 0 or a 1 shows a 1."""

    digits = (0, 1)

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Linear(64, 25)
        self.layer2 = nn.Linear(25, 15)
        self.layer3 = nn.Linear(15, 1)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        a1 = F.sigmoid(self.layer1(x))  # (B, 64) -> (B, 25)
        a2 = F.sigmoid(self.layer2(a1))  # (B, 25) -> (B, 15)
        return F.sigmoid(self.layer3(a2))  # (B, 15) -> (B, 1)

    def loss(self, x: mg.Tensor, labels: mg.Tensor) -> mg.Tensor:
        return F.binary_cross_entropy(self(x), labels.float().unsqueeze(1))

    def decide(self, p: mg.Tensor) -> mg.Tensor:
        """The digit for each row of probabilities: 1 from 0.5 upwards."""
        return (p >= 0.5).to(mg.int64).squeeze(1)


class Ten(nn.Module):
    """64 -> 128 -> 64 -> 10, ReLU and softmax: the probability of each digit."""

    digits = tuple(range(10))

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Linear(64, 128)
        self.layer2 = nn.Linear(128, 64)
        self.layer3 = nn.Linear(64, 10)

    def logits(self, x: mg.Tensor) -> mg.Tensor:
        a1 = F.relu(self.layer1(x))  # (B, 64) -> (B, 128)
        a2 = F.relu(self.layer2(a1))  # (B, 128) -> (B, 64)
        return self.layer3(a2)  # (B, 64) -> (B, 10)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return F.softmax(self.logits(x), dim=1)

    def loss(self, x: mg.Tensor, labels: mg.Tensor) -> mg.Tensor:
        return F.cross_entropy(self.logits(x), labels)

    def decide(self, p: mg.Tensor) -> mg.Tensor:
        """The most probable digit for each row."""
        return p.argmax(dim=1)


NETS: dict[str, type[ZeroOrOne] | type[Ten]] = {"zero-or-one": ZeroOrOne, "ten": Ten}


def weights_file(net: str) -> Path:
    """The trained weights that come with minigrad."""
    return HERE / "weights" / f"{net}.safetensors"


def load_images(digits: tuple[int, ...]) -> tuple[Part, Part]:
    """Images as rows of 64 numbers in [0, 1], with labels, of the given digits: to train on, and held out.

    Which images are held out is decided once, for all digits together, by a shuffle with a fixed seed.
    """
    data = mg.load(HERE / "data" / "digits.safetensors")
    images = data["images"].numpy().reshape(-1, 64).astype(np.float32) / 16
    labels = data["labels"].numpy().astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    held_out = int(len(order) * HELD_OUT)

    def part(rows: np.ndarray) -> Part:
        rows = rows[np.isin(labels[rows], digits)]
        return mg.tensor(images[rows]), mg.tensor(labels[rows])

    return part(order[held_out:]), part(order[:held_out])


def accuracy(model: ZeroOrOne | Ten, x: mg.Tensor, labels: mg.Tensor) -> float:
    """The share of the images that the model gets right."""
    with mg.no_grad():
        return (model.decide(model(x)) == labels).float().mean().item()
