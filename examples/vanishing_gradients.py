"""Why ReLU, and why Kaiming's initialisation: gradients in nets of twenty layers.

    python examples/vanishing_gradients.py --plot vanishing.png

Every activation is tried with every choice of the first weights. The gradient of each layer's weights is measured
before training; then the nets learn the digits for a few epochs. Where gradients vanish on the way to the first
layers, or explode, little is learnt: with Kaiming's weights sigmoids stay at 9 % of the held-out images, and ReLU
gets 94 % right.

X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010; K. He and
others, Delving deep into rectifiers, 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
from digits import Classifier, accuracy, load_images
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.nn import functional as F
from plots import Panel, curves
from script import TrainingScript, run
from training import evaluating, train

ACTIVATIONS: dict[str, Callable[[mg.Tensor], mg.Tensor]] = {"sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu}
WEIGHTS: dict[str, Callable[[mg.Tensor], mg.Tensor]] = {
    "normal, 0.01": lambda w: nn.init.normal_(w, std=0.01),
    "normal, 1": lambda w: nn.init.normal_(w, std=1.0),
    "Xavier": nn.init.xavier_normal_,
    "Kaiming": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
}
WIDTH = 64


class DeepNet(Classifier):
    """64 -> 64 -> ... -> 10, with as many layers as asked for."""

    def __init__(self, activation: str, weights: str, depth: int) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.hidden = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(depth - 1))
        self.last = nn.Linear(WIDTH, 10)
        for layer in (*self.hidden, self.last):
            WEIGHTS[weights](layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        for layer in self.hidden:
            x = self.activation(layer(x))  # (B, 64) -> (B, 64)
        return self.last(x)  # (B, 64) -> (B, 10)

    def loss(self, x: mg.Tensor, labels: mg.Tensor) -> mg.Tensor:
        return F.cross_entropy(self(x), labels)


def main(arguments: list[str] | None = None) -> None:
    script = TrainingScript(
        "Why ReLU, and why Kaiming's initialisation: gradients in deep nets.", epochs=12, batch=32, lr=1e-3
    )
    script.add_argument("--depth", type=int, choices=range(2, 101), default=20, metavar="N", help="layers, to 100")
    chosen = script.read(arguments)
    train_part, held_out = load_images()

    nets = {(a, w): DeepNet(a, w, chosen.depth) for a in ACTIVATIONS for w in WEIGHTS}
    norms = {way: gradient_norms(net, train_part) for way, net in nets.items()}
    learnt = {}
    for way, net in nets.items():
        batches = DataLoader(train_part, chosen.batch, shuffle=True)
        optimizer = mg.optim.Adam(net.parameters(), lr=chosen.lr)
        title = f"{', '.join(way)}: "
        train(net, net.loss, batches, optimizer, chosen.epochs, title=title, device=chosen.device)
        with evaluating(net):
            learnt[way] = accuracy(net, held_out)

    print(f"Nets of {chosen.depth} layers: the norm of the gradient of the first and of the last layer's weights")
    print(f"before training, and the held-out images that are right after {chosen.epochs} epochs\n")
    print(f"{'activation':<12}{'weights':<14}{'first':>9}{'last':>9}{'right':>8}")
    for (activation, weights), found in norms.items():
        right = learnt[activation, weights]
        print(f"{activation:<12}{weights:<14}{found[0]:9.1e}{found[-1]:9.1e}{right:8.1%}")

    net = nets["relu", "Kaiming"]
    script.save_graph(net.loss(*held_out[:1]), "The loss of one image, with relu and Kaiming's weights")
    script.save_plot(*(by_layer(activation, norms) for activation in ACTIVATIONS), table(learnt, chosen.epochs))


def gradient_norms(net: DeepNet, images: TensorDataset) -> list[float]:
    """The norm of the gradient of each layer's weights, from the first layer to the last."""
    weights = [layer.weight for layer in (*net.hidden, net.last)]
    return [dW.norm().item() for dW in mg.grad(net.loss(*images[:256]), weights)]


def by_layer(activation: str, norms: dict[tuple[str, str], list[float]]) -> Panel:
    """A line for each choice of the weights: the gradient's norm against the number of the layer."""
    found = {weights: norms[activation, weights] for weights in WEIGHTS}
    return curves(f"{activation}: norm of dW before training", found, x="layer", log=True)


def table(learnt: dict[tuple[str, str], float], epochs: int) -> Panel:
    """How many held-out images each net gets right."""
    shares = np.array([[learnt[activation, weights] for activation in ACTIVATIONS] for weights in WEIGHTS])

    def panel(axes: Any) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > 0.5 else "#404040"
            axes.text(column, row, f"{share:.0%}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(ACTIVATIONS)), ACTIVATIONS)
        axes.set_yticks(range(len(WEIGHTS)), WEIGHTS)
        axes.set(title=f"held-out images right after {epochs} epochs")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    return panel


if __name__ == "__main__":
    run(main)
