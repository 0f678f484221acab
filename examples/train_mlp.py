"""Train one of the two digit nets and save its weights.

    python examples/train_mlp.py --net ten --out ten.safetensors

The weights in ``examples/weights/`` were made by ``--net zero-or-one`` and ``--net ten`` with the defaults.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

import minigrad as mg
from command_line import can_write, check_page, check_pictures, parser, printable, run, save_pictures
from digits import NETS, accuracy, load_images

BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*%#"


def main(arguments: list[str] | None = None) -> None:
    options = parser("Train one of the two digit nets and save its weights.")
    options.add_argument("--epochs", type=int, default=60, help="passes over the training images")
    options.add_argument("--batch", type=int, default=32, help="images a step")
    options.add_argument("--lr", type=float, default=3e-3, help="Adam's learning rate")
    options.add_argument("--seed", type=int, default=0, help="of the first weights and the order of the images")
    options.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    chosen = options.parse_args(arguments)
    for name in ("epochs", "batch", "lr"):
        if getattr(chosen, name) <= 0:
            options.error(f"--{name} must be positive")
    check_pictures(options, chosen.draw)
    check_page(options, chosen.play)
    if not can_write(chosen.out, ".safetensors"):
        options.error(f"--out must be a .safetensors file in a folder that can be written to, not {chosen.out}")

    mg.use_kernels(chosen.kernels)
    mg.manual_seed(chosen.seed)
    model = NETS[chosen.net]()
    (x, labels), (x_held, labels_held) = load_images(model.digits)
    print(f"{chosen.net}: {len(x)} images to train on, {len(x_held)} held out")

    losses = train(model, x, labels, chosen.epochs, chosen.batch, chosen.lr, chosen.seed)
    print(f"loss {losses[0]:.3f} {curve(losses)} {losses[-1]:.2g}")
    trained_on, held_out = accuracy(model, x, labels), accuracy(model, x_held, labels_held)
    print(f"accuracy: {trained_on:.2%} trained on, {held_out:.2%} held out")

    loss = model.loss(x_held[:1], labels_held[:1])
    save_pictures(options, mg.draw(loss, passes="both"), chosen.draw)
    if chosen.play:
        save_pictures(options, mg.play(loss, names={"loss": loss}), [chosen.play])
    try:
        mg.save(model.state_dict(), chosen.out)
    except ValueError as error:  # no room
        options.error(str(error))
    for file in chosen.draw:
        print(f"The loss of one image, forward and backward, is in {file}")
    if chosen.play:
        print(f"The page that plays it is {chosen.play}")
    print(f"weights written to {chosen.out}")


def train(
    model: mg.nn.Module, x: mg.Tensor, labels: mg.Tensor, epochs: int, batch: int, lr: float, seed: int
) -> list[float]:  # fmt: skip
    """The mean loss of each epoch of training with Adam."""
    optimizer = mg.optim.Adam(model.parameters(), lr=lr)
    shuffler = np.random.default_rng(seed)
    losses = []
    progress = tqdm(range(epochs), unit="epoch")
    for _ in progress:
        order = shuffler.permutation(len(x))
        steps = []
        for rows in np.array_split(order, -(-len(order) // batch)):
            optimizer.zero_grad()
            loss = model.loss(x[rows], labels[rows])
            loss.backward()
            optimizer.step()
            steps.append(loss.item())
        losses.append(float(np.mean(steps)))
        progress.set_postfix(loss=f"{losses[-1]:.4f}")
    return losses


def curve(losses: list[float]) -> str:
    """The losses as a line of bars on a logarithmic scale, at most 40 of them."""
    bars = printable(BARS, PLAIN_BARS)
    picked = np.log(np.asarray(losses)[np.linspace(0, len(losses) - 1, min(len(losses), 40)).astype(int)])
    low, high = picked.min(), picked.max()
    heights = np.zeros(len(picked)) if high == low else (picked - low) / (high - low) * (len(bars) - 1)
    return "".join(bars[round(h)] for h in heights)


if __name__ == "__main__":
    run(main)
