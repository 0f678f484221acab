"""Optimisers race: down a curved valley in the plane, and to a small loss on the digits.

    python examples/optimizers_race.py --plot race.png

All start at the same point of Rosenbrock's function, (1 - u)² + 100 (v - u²)², whose valley is steep across and
nearly flat along, with its lowest point at (1, 1); then all train the same net from the same weights. After a
thousand steps gradient descent is 1.7 from the lowest point, with momentum 0.2, and Adam 0.2 as well.

H. H. Rosenbrock, An automatic method for finding the greatest or least value of a function, 1960.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import minigrad as mg
from digits import Ten, accuracy, load_images
from minigrad.data import DataLoader
from minigrad.optim import SGD, Adagrad, Adam, Optimizer, RMSprop
from plots import COLOURS, INK, Panel, curves
from script import TrainingScript, positive, run
from training import evaluating, train


class Racer(NamedTuple):
    """How an optimiser is made for the valley, and for the net, with learning rates that suit it there."""

    in_valley: Callable[[Any], Optimizer]
    on_digits: Callable[[Any], Optimizer]


RACERS = {
    "SGD": Racer(lambda p: SGD(p, lr=1e-3), lambda p: SGD(p, lr=0.1)),
    "momentum": Racer(lambda p: SGD(p, lr=3e-4, momentum=0.9), lambda p: SGD(p, lr=0.03, momentum=0.9)),
    "Nesterov": Racer(
        lambda p: SGD(p, lr=5e-4, momentum=0.9, nesterov=True),
        lambda p: SGD(p, lr=0.03, momentum=0.9, nesterov=True),
    ),
    "Adagrad": Racer(lambda p: Adagrad(p, lr=1.0), lambda p: Adagrad(p, lr=0.02)),
    "RMSprop": Racer(lambda p: RMSprop(p, lr=0.02), lambda p: RMSprop(p, lr=1e-3)),
    "Adam": Racer(lambda p: Adam(p, lr=0.2), lambda p: Adam(p, lr=3e-3)),
}
START, GOAL = (-0.5, 2.5), (1.0, 1.0)


def main(arguments: list[str] | None = None) -> None:
    script = TrainingScript(
        "Optimisers race: down a curved valley in the plane, and to a small loss on the digits.",
        epochs=15,
        batch=32,
    )
    script.add_argument("--steps", type=positive(int), default=1000, help="in the valley")
    chosen = script.read(arguments)

    paths = {name: path(racer, chosen.steps) for name, racer in tqdm(RACERS.items(), desc="valley", unit="racer")}
    train_part, held_out = load_images()
    losses, rights = {}, {}
    for name, racer in RACERS.items():
        mg.manual_seed(chosen.seed)  # the same weights and the same batches for all
        net = Ten()
        batches = DataLoader(train_part, chosen.batch, shuffle=True)
        history = train(
            net,
            net.loss,
            batches,
            racer.on_digits(net.parameters()),
            chosen.epochs,
            title=f"{name}: ",
            device=chosen.device,
        )
        losses[name] = history.losses
        with evaluating(net):
            rights[name] = accuracy(net, held_out)

    print(f"After {chosen.steps} steps in the valley, and {chosen.epochs} epochs on the digits:\n")
    print(f"{'optimiser':<11}{'to the goal':>12}{'loss':>9}{'held out right':>16}")
    for name, points in paths.items():
        left = float(np.linalg.norm(points[-1] - GOAL))
        print(f"{name:<11}{left:12.4f}{losses[name][-1]:9.4f}{rights[name]:16.2%}")

    u, v = mg.tensor(START, requires_grad=True)
    script.save_graph(rosenbrock(u, v), "The height of the start", u=u, v=v)
    distances = {name: np.linalg.norm(points - GOAL, axis=1).tolist() for name, points in paths.items()}
    script.save_plot(
        valley(paths),
        curves("distance from the lowest point", distances, x="step", log=True, start=0),
        curves("loss on the digits", losses),
    )


def rosenbrock(u: Any, v: Any) -> Any:
    """The height of the valley at a point, or at every point of two arrays."""
    return (1 - u) ** 2 + 100 * (v - u**2) ** 2


def path(racer: Racer, steps: int) -> np.ndarray:
    """The points where an optimiser has been, (steps + 1, 2)."""
    point = mg.tensor(START, dtype=mg.float64, requires_grad=True)
    optimizer = racer.in_valley([point])
    points = [point.tolist()]
    for _ in range(steps):
        optimizer.zero_grad()
        rosenbrock(*point.unbind()).backward()
        optimizer.step()
        points.append(point.tolist())
    return np.array(points)


def valley(paths: dict[str, np.ndarray]) -> Panel:
    """The height of the valley as lines, and the paths in it."""
    u, v = np.meshgrid(np.linspace(-2, 2, 300), np.linspace(-1, 3, 300))

    def panel(axes: Any) -> None:
        levels = np.geomspace(0.1, 2000, 14)
        axes.contour(u, v, rosenbrock(u, v), levels=levels, colors=INK, linewidths=0.5, alpha=0.6)
        for name, points in paths.items():
            axes.plot(*points.T, label=name, linewidth=1.4)
        axes.plot(*GOAL, marker="*", markersize=12, color=COLOURS[6], linestyle="none")
        axes.set(title="Rosenbrock's valley", xlabel="u", ylabel="v", xlim=(-2, 2), ylim=(-1, 3))
        axes.grid(visible=False)
        axes.legend(loc="lower left", fontsize=8)

    return panel


if __name__ == "__main__":
    run(main)
