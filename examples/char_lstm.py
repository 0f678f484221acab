"""An LSTM learns to write proverbs, one character after the other.

    python examples/char_lstm.py --plot char_lstm.png

It reads a character, changes its state, and says how likely each character is to come next. After half a minute it
needs 1.8 bits for a character of proverbs that it has never seen, where guessing takes 5.9.

S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997; the experiment is A. Karpathy's, The unreasonable
effectiveness of recurrent neural networks, 2015.
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

LENGTH = 64  # characters that a gradient goes back through
STEP = 16  # from one window to the next one in training
SHOWN = "A wise man will hear, and will increase learning;"


class CharLSTM(nn.Module):
    """Numbers of characters (B, T) to logits of the next ones (B, T, 60)."""

    def __init__(self, width: int = 64, hidden: int = 128, layers: int = 2, dropout: float = 0.2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CHARACTERS), width)
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, dropout=dropout)
        self.head = nn.Linear(hidden, len(CHARACTERS))

    def forward(self, numbers: mg.Tensor) -> mg.Tensor:
        h, _ = self.lstm(self.embedding(numbers))  # (B, T, hidden)
        return self.head(h)

    def loss(self, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
        """The cross-entropy of the characters after each one of x (B, T), which are y (B, T)."""
        return F.cross_entropy(self(x).flatten(0, 1), y.flatten())

    def write(self, beginning: str, count: int, temperature: float) -> str:
        """A text that goes on after the beginning: each character drawn from what the model expects."""
        numbers, state = encode(beginning), None
        text = beginning
        for _ in range(count):
            h, state = self.lstm(self.embedding(numbers.unsqueeze(0)), state)  # on from the state so far
            p = F.softmax(self.head(h[0, -1]) / temperature, 0)  # (60,)
            numbers = mg.multinomial(p, 1)
            text += decode(numbers)
        return text


def main(arguments: list[str] | None = None) -> None:
    script = TrainingScript(
        "An LSTM learns to write proverbs, one character after the other.", epochs=10, batch=32, lr=5e-3
    )
    script.add_argument(
        "--temperature", type=positive(float), default=0.7, help="below 1 it dares less in writing"
    )
    script.add_argument("--characters", type=positive(int), default=400, help="how many it writes")
    chosen = script.read(arguments)

    text, held_out = load_text()
    starts = np.arange(0, len(text) - LENGTH, STEP)
    batches = DataLoader(TensorDataset(*windows(text, starts, LENGTH)), chosen.batch, shuffle=True)
    model = CharLSTM()
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
    with evaluating(model):
        print(f"\n{model.write(SHOWN, chosen.characters, chosen.temperature)}\n")

    small = CharLSTM(4, 4, 1, 0.0)
    script.save_graph(small.loss(*windows(text, np.zeros(1, int), 4)), "The loss of a window, in a small model")
    bits = [loss / np.log(2) for loss in history.losses]
    script.save_plot(
        curves("bits for a character", {"in training": bits, "held out": history.measured}),
        states(SHOWN, model),
    )


def states(text: str, model: CharLSTM, count: int = 32) -> Panel:
    """The states h of the last layer while it reads the text: a row for each unit, a column for a character."""
    with evaluating(model):
        ran = mg.trace(model, encode(text).unsqueeze(0))
    last = [event for event in ran.events if event.op.title == "LSTM"][-1]
    h = last.output.numpy()[0, 1:, 0, :count].T  # of (6, T + 1, 1, hidden)

    def panel(axes: Any) -> None:
        axes.set(title="what the last layer gives while it reads", ylabel="unit", xticks=range(len(text)))
        axes.imshow(h, cmap="RdBu", vmin=-1, vmax=1, aspect="auto", interpolation="none")
        axes.set_xticklabels(text, fontsize=6)
        axes.grid(visible=False)

    return panel


if __name__ == "__main__":
    run(main)
