"""Training steps, eager and by the replays of a graph, for tests that compare the two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import minigrad as mg
from minigrad import nn

Batch = tuple[mg.Tensor, mg.Tensor]


class Training:
    """A net on the device, and its step."""

    def __init__(
        self,
        parts: Callable[[], Sequence[nn.Module]],
        loss: Callable[[mg.Tensor, mg.Tensor], mg.Tensor],
        optimizer: Callable[..., mg.optim.Optimizer],
    ) -> None:
        mg.manual_seed(1)
        self.net, self.loss = nn.Sequential(*parts()).cuda(), loss
        self.optimizer = optimizer(self.net.parameters())

    def step(self, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def losses(training: Training, batches: Sequence[Batch], rate: float, *, is_captured: bool) -> list[float]:
    """The loss of a step on each batch, with one eager step among those that a graph repeats, and a schedule."""
    mg.manual_seed(2)
    schedule = mg.optim.lr_scheduler.ExponentialLR(training.optimizer, rate)
    step = training.step
    if is_captured:
        step = mg.cuda.graph(training.step, *batches[0])
    else:
        for _ in range(2):  # as the capture does to warm up
            training.step(*batches[0])
    found = []
    for k, batch in enumerate(batches):
        found.append((training.step if k == 3 else step)(*batch).item())
        schedule.step()
    return found
