"""Train one of the two digit nets and save its weights.

    python examples/train_mlp.py --net ten --out ten.safetensors --plot ten.png

In a few seconds, net ``ten`` learns to get 98 % of the held-out images right. The weights in ``examples/weights/``
were made by ``--net zero-or-one`` and ``--net ten`` with the defaults.
"""

from __future__ import annotations

import numpy as np

import minigrad as mg
from digits import NETS, Classifier, accuracy, load_images
from minigrad.data import DataLoader, TensorDataset
from plots import Panel, curves, images
from script import TrainingScript, file, run
from training import evaluating, train


def main(arguments: list[str] | None = None) -> None:
    script = TrainingScript("Train one of the two digit nets and save its weights.", epochs=60, batch=32, lr=1e-2)
    script.add_argument("--net", choices=NETS, default="zero-or-one", help="which of the two nets")
    script.add_argument("--out", type=file(".safetensors"), required=True, help="the weights: .safetensors")
    chosen = script.read(arguments)

    model = NETS[chosen.net]()
    train_part, held_out = load_images(model.digits)
    print(f"{chosen.net}: {len(train_part)} images to train on, {len(held_out)} held out")

    batches = DataLoader(train_part, chosen.batch, shuffle=True)
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
        measure=lambda: accuracy(model, held_out),
        device=chosen.device,
    )
    print(history)
    with evaluating(model):
        print(f"accuracy: {accuracy(model, train_part):.2%} trained on, {accuracy(model, held_out):.2%} held out")

    script.save_graph(model.loss(*held_out[:1]), "The loss of one image")
    script.save_plot(
        curves("loss in training", {"loss": history.losses}),
        curves("accuracy on held-out images", {"accuracy": history.measured}),
        hardest(model, held_out),
    )
    script.save(lambda path: mg.save(model.state_dict(), path), chosen.out)
    print(f"weights written to {chosen.out}")


def hardest(model: Classifier, held_out: TensorDataset, count: int = 24) -> Panel:
    """The images with the largest loss, each with its label and, if that is wrong, what the model takes it for."""
    with evaluating(model):
        losses = [model.loss(*held_out[i : i + 1]).item() for i in range(len(held_out))]
        x, labels = held_out[np.argsort(losses)[: -count - 1 : -1]]
        found = model.decide(model(x))
    pairs = zip(labels.tolist(), found.tolist(), strict=True)
    names = [f"{label}" if label == digit else f"{label} → {digit}" for label, digit in pairs]
    return images("held-out images of the largest loss", x.reshape(-1, 8, 8).numpy(), names=names)


if __name__ == "__main__":
    run(main)
