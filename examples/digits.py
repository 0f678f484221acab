"""What the digit examples share: the images, the held-out part, and the two perceptrons."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.data import TensorDataset, random_split
from minigrad.nn import functional as F

HERE = Path(__file__).parent
HELD_OUT = 0.3  # of the images, never trained on


class Classifier(nn.Module):
    """A net that says which digit an image shows.

    Attributes:
        digits: those that it knows.
    """

    digits: tuple[int, ...] = tuple(range(10))

    def loss(self, x: mg.Tensor, labels: mg.Tensor) -> mg.Tensor:
        """What training makes small: the loss of a batch."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def decide(self, p: mg.Tensor) -> mg.Tensor:
        """The digit for each row of outputs: the one with the largest."""
        return p.argmax(dim=1)


class ZeroOrOne(Classifier):
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


class Ten(Classifier):
    """64 -> 128 -> 64 -> 10, ReLU and softmax: the probability of each digit.

    Its loss asks for a probability of 0.91, not of 1, which keeps it from learning the images by heart (label
    smoothing: Szegedy et al., Rethinking the Inception architecture for computer vision, 2015).
    """

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
        return F.cross_entropy(self.logits(x), labels, label_smoothing=0.1)


NETS: dict[str, type[Classifier]] = {"zero-or-one": ZeroOrOne, "ten": Ten}


def weights_file(net: str) -> Path:
    """The trained weights that come with minigrad."""
    return HERE / "weights" / f"{net}.safetensors"


def load_images(digits: tuple[int, ...] = Classifier.digits) -> tuple[TensorDataset, TensorDataset]:
    """Images of the given digits, to train on, and held out: rows of 64 numbers in [0, 1], with labels.

    Which images are held out is decided once, for all digits together, by a split with a fixed seed.
    """
    data = mg.load(HERE / "data" / "digits.safetensors")
    images = TensorDataset(data["images"].reshape(-1, 64).float() / 16, data["labels"].to(mg.int64))
    held_out = int(len(images) * HELD_OUT)
    lengths = [held_out, len(images) - held_out]

    def part(rows: list[int]) -> TensorDataset:
        x, labels = images[rows]
        chosen = np.isin(labels.numpy(), digits).nonzero()[0]
        return TensorDataset(x[chosen], labels[chosen])

    held, others = random_split(images, lengths, generator=mg.Generator().manual_seed(0))
    return part(others.indices), part(held.indices)


def accuracy(model: Classifier, images: TensorDataset) -> float:
    """The share of the images that the model gets right, in the mode that it is in."""
    place = next(model.parameters()).device
    x, labels = (t.to(place) for t in images.tensors)
    with mg.no_grad():
        return (model.decide(model(x)) == labels).float().mean().item()
