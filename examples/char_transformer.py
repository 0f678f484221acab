"""A small transformer learns to write proverbs, one character after the other.

    python examples/char_transformer.py --plot char_transformer.png

Each character of a window is guessed from those before it: a mask hides the rest, so that one pass through the
model gives as many losses as there are characters. After a minute it needs 2.0 bits for a character of proverbs
that it has never seen, where guessing takes 5.9. It then writes some of its own, and the plot shows what its last
layer looks at.

Vaswani and others, Attention is all you need, 2017; the norms come first, as in Radford and others, Language
models are unsupervised multitask learners, 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.nn import functional as F
from plots import Panel, curves
from proverbs import CHARACTERS, bits_per_character, decode, encode, load_text, windows
from script import TrainingScript, positive, run
from training import evaluating, train

LENGTH = 64  # characters that it sees at once
STEP = 16  # from one window to the next one in training
SHOWN = "A wise son maketh a glad"


class CharTransformer(nn.Module):
    """Numbers of characters (B, T) to logits of the next ones (B, T, 60)."""

    def __init__(self, width: int = 128, heads: int = 4, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CHARACTERS), width)
        self.positions = nn.SinusoidalPositions(width, max_len=LENGTH)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width))
        self.head = nn.Linear(width, len(CHARACTERS))

    def forward(self, numbers: mg.Tensor) -> mg.Tensor:
        x = self.positions(self.embedding(numbers))  # (B, T, width)
        return self.head(self.encoder(x, is_causal=True))

    def loss(self, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
        """The cross-entropy of the characters after each one of x (B, T), which are y (B, T)."""
        return F.cross_entropy(self(x).flatten(0, 1), y.flatten())


def main(arguments: list[str] | None = None) -> None:
    script = TrainingScript(
        "A small transformer learns to write proverbs, one character after the other.",
        epochs=6,
        batch=32,
        lr=2e-3,
    )
    script.add_argument(
        "--temperature", type=positive(float), default=0.7, help="below 1 it dares less in writing"
    )
    script.add_argument("--characters", type=positive(int), default=400, help="how many it writes")
    chosen = script.read(arguments)

    text, held_out = load_text()
    starts = np.arange(0, len(text) - LENGTH, STEP)
    batches = DataLoader(TensorDataset(*windows(text, starts, LENGTH)), chosen.batch, shuffle=True)
    model = CharTransformer()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(text):,} characters to train on")

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
        clip=1.0,
        measure=lambda: bits_per_character(model, held_out, LENGTH, chosen.device),
        device=chosen.device,
    )
    print(history)
    print(f"{history.measured[-1]:.2f} bits for a character of the proverbs held out")
    print(f"\n{write(model, SHOWN, chosen.characters, chosen.temperature)}\n")

    script.save_graph(
        CharTransformer(8, 2, 1, 0.0).loss(*windows(text, np.zeros(1, int), 4)), "The loss of a window"
    )
    bits = [loss / np.log(2) for loss in history.losses]
    script.save_plot(
        curves("bits for a character", {"in training": bits, "held out": history.measured}),
        attention_map(SHOWN, attention(model, SHOWN)),
    )


def write(model: CharTransformer, beginning: str, count: int, temperature: float) -> str:
    """A text that goes on after the beginning: each character drawn from what the model expects."""
    numbers = encode(beginning).tolist()
    with evaluating(model):
        for _ in range(count):
            z = model(mg.tensor([numbers[-LENGTH:]]))[0, -1]  # (60,)
            numbers.append(mg.multinomial(F.softmax(z / temperature, 0), 1).item())
    return decode(mg.tensor(numbers))


def attention(model: CharTransformer, text: str) -> np.ndarray:
    """The weights of the last layer (heads, T, T): how much of each character every one sees."""
    layer, seen = model.encoder.layers[-1], []
    handle = layer.norm1.register_forward_hook(lambda module, inputs, x: seen.append(x))
    with evaluating(model):
        model(encode(text).unsqueeze(0))
        handle.remove()
        (x,) = seen  # what the attention of that layer is given
        _, a = layer.self_attn(x, x, x, is_causal=True, average_attn_weights=False)
    found: np.ndarray = a[0].numpy()
    return found


def attention_map(text: str, weights: np.ndarray) -> Panel:
    """The heads' weights side by side: a row for each character that looks, a column for each that is seen."""

    def panel(axes: Any) -> None:
        axes.set(title="what a character looks at in the last layer, by head")
        axes.axis("off")
        for i, one in enumerate(weights):
            row, column = divmod(i, 2)
            tile = axes.inset_axes((column / 2, (1 - row) / 2 + 0.03, 0.46, 0.44))
            tile.imshow(one, cmap="Blues", aspect="auto")
            tile.set(xticks=range(len(text)), yticks=range(len(text)))
            tile.set_xticklabels(text, fontsize=5)
            tile.set_yticklabels(text, fontsize=5)
            tile.tick_params(length=0, pad=1)
            tile.grid(visible=False)

    return panel


if __name__ == "__main__":
    run(main)
