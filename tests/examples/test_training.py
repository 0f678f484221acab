"""examples/training.py: the loop that the examples share."""

from __future__ import annotations

import io
import math
import sys

import pytest

import minigrad as mg
import training
from digits import Ten, accuracy
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset


class Line(nn.Module):
    """y = w x, and what it was told on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(mg.tensor([1.0]))
        self.modes: list[bool] = []

    def loss(self, x: mg.Tensor) -> mg.Tensor:
        self.modes.append(self.training)
        return (self.w * x).mean()  # dw is the mean of x, whatever w is


def trained(epochs: int, **options: object) -> tuple[Line, training.History]:
    line = Line()
    batches = DataLoader(TensorDataset(mg.tensor([1.0, 3.0, 5.0])), 2)  # of mean 2, and 5
    optimizer = mg.optim.SGD(line.parameters(), lr=0.01)
    if options.pop("halving", False):
        options["scheduler"] = mg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    return line, training.train(line, line.loss, batches, optimizer, epochs, **options)  # type: ignore[arg-type]


def test_every_batch_of_every_epoch_is_one_step(capsys: pytest.CaptureFixture[str]) -> None:
    line, history = trained(2)
    assert line.w.item() == pytest.approx(1 - 0.01 * 2 * (2 + 5))
    assert history.losses == pytest.approx([(2 * 1 + 5 * 0.98) / 2, (2 * 0.93 + 5 * 0.91) / 2])
    assert history.measured == []
    assert "epoch 2/2: 100%" in capsys.readouterr().err


def test_the_schedule_goes_on_after_every_step() -> None:
    line, _ = trained(1, halving=True)
    assert line.w.item() == pytest.approx(1 - 0.01 * 2 - 0.005 * 5)


def test_gradients_are_clipped_to_the_norm() -> None:
    line, _ = trained(1, clip=1.0)
    assert line.w.item() == pytest.approx(1 - 0.01 * 2)


def test_it_measures_in_evaluation_mode_without_recording_and_trains_in_training_mode() -> None:
    seen = []
    line, history = trained(2, measure=lambda: seen.append(mg.is_grad_enabled()) or len(seen))
    assert (history.measured, seen) == ([1, 2], [False, False])
    assert line.modes == [True] * 4
    assert mg.is_grad_enabled()


@pytest.mark.parametrize("mode", [True, False])
def test_after_evaluating_the_model_is_in_the_mode_it_was_in(mode: bool) -> None:
    line = Line().train(mode)
    with pytest.raises(RuntimeError), training.evaluating(line):
        assert not line.training
        raise RuntimeError
    assert line.training is mode


def test_the_bars_fall_from_the_first_number_to_the_last() -> None:
    assert training.bars([1.0, 0.1, 0.01]) == "█▅▁"
    assert training.bars([0.5]) == "▁"
    assert len(training.bars([math.exp(-i) for i in range(100)])) == 40


def test_an_output_without_bars_shows_plain_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert training.bars([1.0, 0.1, 0.01]) == "#+_"


def test_training_on_a_gpu_gives_what_it_gives_on_the_cpu_and_the_model_comes_back() -> None:
    places: list[str] = []
    found = []
    for device in ("cpu", "cuda"):
        line, history = trained(2, device=device, clip=10.0, measure=lambda: len(places))
        places.append(line.w.device)
        found.append([line.w.item(), *history.losses])
    assert found[1] == pytest.approx(found[0])
    assert places == ["cpu", "cpu"]


def test_on_a_gpu_a_net_is_measured_where_it_is() -> None:
    net = Ten().cuda()
    images = TensorDataset(mg.rand(2, 64), mg.tensor([3, 4]))
    on_gpu = accuracy(net, images)
    assert on_gpu == accuracy(net.cpu(), images)
