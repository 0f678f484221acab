"""An autoencoder: each digit squeezed into two numbers, and an image made of these two again.

    python examples/autoencoder.py --plot autoencoder.png

Nobody tells it which digit an image shows. It is to give back the image that it was given, through a code of two
numbers, so the code must hold what matters most. After some seconds images of one digit have codes side by side:
for four held-out images in five, the nearest code of an image that was trained on is that of the same digit, and
less than half of the squared error is left that the mean image has. ``--code`` asks for more numbers, or for one.

G. E. Hinton, R. R. Salakhutdinov, Reducing the dimensionality of data with neural networks, 2006.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from digits import load_images
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.nn import functional as F
from plots import COLOURS, Panel, curves, images
from script import TrainingScript, positive, run
from training import evaluating, train


class Autoencoder(nn.Module):
    """Image to code and back: convolutions with a stride make it smaller, transposed ones larger."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),  # (B, 1, 8, 8) -> (B, 16, 4, 4)
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),  # -> (B, 32, 2, 2)
            nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, code),  # -> (B, code)
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU(), nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.ReLU(),  # (B, 32, 2, 2) -> (B, 16, 4, 4)
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1), nn.Sigmoid(),  # -> (B, 1, 8, 8)
        )  # fmt: skip

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.decoder(self.encoder(x))

    def loss(self, x: mg.Tensor) -> mg.Tensor:
        return F.mse_loss(self(x), x)


def main(arguments: list[str] | None = None) -> None:
    script = TrainingScript("An autoencoder squeezes the digits.", epochs=60, batch=64, lr=1e-2)
    script.add_argument("--code", type=positive(int), default=2, metavar="N", help="numbers in a code")
    chosen = script.read(arguments)

    (x, labels), (held_out, held_labels) = (as_images(part) for part in load_images())
    model = Autoencoder(chosen.code)
    batches = DataLoader(TensorDataset(x), chosen.batch, shuffle=True)
    optimizer = mg.optim.AdamW(model.parameters(), lr=chosen.lr)
    scheduler = mg.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=chosen.lr, epochs=chosen.epochs, steps_per_epoch=len(batches)
    )
    history = train(
        model,
        model.loss,
        batches,
        optimizer,
        chosen.epochs,
        scheduler=scheduler,
        measure=lambda: model.loss(held_out.to(chosen.device)).item(),
        device=chosen.device,
    )
    print(history)

    with evaluating(model):
        codes, held_codes, again = model.encoder(x), model.encoder(held_out), model(held_out)
        error, plain = F.mse_loss(again, held_out).item(), ((held_out - x.mean(0)) ** 2).mean().item()
    right = nearest_is_right(codes, labels, held_codes, held_labels)
    print(f"held-out images: squared error {error:.4f}, of the mean image {plain:.4f}")
    print(f"{right:.1%} of them have the code of an image of the same digit nearest to theirs")

    script.save_graph(model.loss(held_out[:1]), "The loss of one image")
    first = [int(np.argmax(held_labels.numpy() == digit)) for digit in range(10)]  # an image of each digit
    pictures = np.stack([held_out[first].numpy(), again[first].numpy()])  # (2, 10, 1, 8, 8)
    script.save_plot(
        curves("squared error", {"trained on": history.losses, "held out": history.measured}, log=True),
        images("held-out images, and what comes back", pictures.reshape(-1, 8, 8), columns=10),
        scattered(held_codes.numpy(), held_labels.numpy()),
    )


def as_images(part: TensorDataset) -> tuple[mg.Tensor, mg.Tensor]:
    """The images, (N, 1, 8, 8), and their labels."""
    x, labels = part.tensors
    return x.reshape(-1, 1, 8, 8), labels


def nearest_is_right(codes: mg.Tensor, labels: mg.Tensor, others: mg.Tensor, other_labels: mg.Tensor) -> float:
    """The share of the others whose nearest code has their label."""
    distances = ((others.unsqueeze(1) - codes) ** 2).sum(2)  # (M, 1, code), (N, code) -> (M, N)
    return (labels[distances.argmin(1)] == other_labels).float().mean().item()


def scattered(codes: np.ndarray, labels: np.ndarray) -> Panel:
    """The first two numbers of each code as a point, in the colour of its digit, which stands in their middle."""
    plane = codes[:, :2] if codes.shape[1] > 1 else np.column_stack([codes[:, 0], labels])

    def panel(axes: Any) -> None:
        for digit in range(10):
            points = plane[labels == digit]
            colour = COLOURS[digit % len(COLOURS)]
            axes.scatter(*points.T, s=9, color=colour, marker="o" if digit < len(COLOURS) else "^", linewidths=0)
            axes.text(
                *np.median(points, axis=0), str(digit), fontsize=15, fontweight="bold", ha="center", va="center"
            )
        axes.set(title="codes of held-out images")

    return panel


if __name__ == "__main__":
    run(main)
