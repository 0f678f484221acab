"""The training loop of the examples, with a progress bar, and what it leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

import minigrad as mg
from minigrad import nn
from script import printable

BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*%#"


@dataclass(frozen=True)
class History:
    """What training left behind.

    Attributes:
        losses: the mean loss of each epoch.
        measured: what was measured after each epoch, such as an accuracy.
        seconds: how long it took.
    """

    losses: list[float]
    measured: list[float]
    seconds: float

    def __str__(self) -> str:
        first, last = self.losses[0], self.losses[-1]
        return f"loss {first:.3f} {bars(self.losses)} {last:.2g} in {self.seconds:.1f} s"


def train(
    model: nn.Module,
    loss: Callable[..., mg.Tensor],
    batches: mg.data.DataLoader,
    optimizer: mg.optim.Optimizer,
    epochs: int,
    *,
    scheduler: mg.optim.lr_scheduler.LRScheduler | None = None,
    clip: float | None = None,
    measure: Callable[[], float] | None = None,
    title: str = "",
    device: str = "cpu",
) -> History:
    """Train a model.

    Args:
        model: in training mode during an epoch.
        loss: the loss of a batch, called with what the loader gives.
        batches: a new iteration for each epoch.
        optimizer: of the model's parameters.
        epochs: how often to go through the batches.
        scheduler: stepped after every step of the optimiser.
        clip: the largest norm of all gradients together.
        measure: called after each epoch, in evaluation mode and without recording.
        title: what the progress bar begins with.
        device: where the model and each batch are while it trains; afterwards the model is on the CPU.
    """
    model.to(device)
    losses, measured, start = [], [], time.perf_counter()
    with tqdm(total=epochs * len(batches), unit="step") as progress:
        for epoch in range(1, epochs + 1):
            progress.set_description(f"{title}epoch {epoch}/{epochs}", refresh=False)
            model.train()
            steps = []
            for batch in batches:
                optimizer.zero_grad()
                value = loss(*(t.to(device) for t in batch))
                value.backward()
                if clip is not None:
                    nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
                if scheduler is not None:
                    scheduler.step()
                steps.append(value.item())
                progress.update()
            losses.append(float(np.mean(steps)))
            if measure is not None:
                with evaluating(model):
                    measured.append(measure())
            progress.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
    model.cpu()
    return History(losses, measured, time.perf_counter() - start)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without recording; afterwards the model is in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        with mg.no_grad():
            yield
    finally:
        model.train(training)


def bars(values: list[float]) -> str:
    """Positive numbers as a line of bars on a logarithmic scale, at most 40 of them."""
    signs = printable(BARS, PLAIN_BARS)
    picked = np.log(np.asarray(values)[np.linspace(0, len(values) - 1, min(len(values), 40)).astype(int)])
    low, high = picked.min(), picked.max()
    heights = np.zeros(len(picked)) if high == low else (picked - low) / (high - low) * (len(signs) - 1)
    return "".join(signs[round(h)] for h in heights)
