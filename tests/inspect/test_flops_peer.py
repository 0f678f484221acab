"""FLOPs: the same numbers as PyTorch's FlopCounterMode for the same nets, forward and with the walk back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import minigrad as mg

pytestmark = pytest.mark.peer


class Case(NamedTuple):
    """A net, from the framework's ``nn``, and the shape of its input."""

    name: str
    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    input_grad: bool = False
    layer: str = "Linear"  # what it needs: a case runs from the day on which minigrad has that
    made_anew: int = 0  # what the walk back computes once more, which PyTorch has kept here


CASES = [
    Case("linear", lambda nn: nn.Linear(20, 30), (8, 20)),
    Case("linear, x needs a gradient", lambda nn: nn.Linear(20, 30), (8, 20), True),
    Case("linear without bias", lambda nn: nn.Linear(20, 30, bias=False), (8, 20)),
    Case("linear on sequences", lambda nn: nn.Linear(20, 30), (4, 5, 20)),
    Case(
        "mlp",
        lambda nn: nn.Sequential(
            nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid(), nn.Linear(64, 10)
        ),
        (32, 784),
    ),
    Case(
        "normalisation and dropout",
        lambda nn: nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30), nn.Dropout(), nn.GELU(), nn.Linear(30, 1)),
        (8, 20),
    ),
    Case("conv1d", lambda nn: nn.Conv1d(3, 8, 5), (4, 3, 20), layer="Conv1d"),
    Case("conv2d", lambda nn: nn.Conv2d(3, 8, 3, padding=1), (4, 3, 12, 12), layer="Conv2d"),
    Case("conv2d with strides", lambda nn: nn.Conv2d(4, 8, 3, 2), (2, 4, 9, 9), True, "Conv2d"),
    Case(
        "conv net",
        lambda nn: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(32, 9)),
        (2, 1, 6, 6),
        layer="Conv2d",
    ),
    Case("conv transposed", lambda nn: nn.ConvTranspose2d(3, 8, 4, 2), (2, 3, 6, 6), True, "ConvTranspose2d"),
    Case(
        "transformer block",
        lambda nn: nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True),
        (2, 6, 16),
        True,
        "TransformerEncoderLayer",
        2 * 2 * 6 * 6 * 16,  # q k^T, for 2 sequences of 6
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_flops_of_a_net(case: Case) -> None:
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    if not hasattr(mg.nn, case.layer):
        pytest.skip(f"minigrad has no {case.layer} yet")
    theirs, t = case.build(torch.nn), torch.ones(case.shape, requires_grad=case.input_grad)
    counts = []
    for runs_back in (False, True):
        # the attention in one kernel that PyTorch has for processors is not counted
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            out = theirs(t)
            if runs_back:
                out.sum().backward()
        counts.append(counter.get_total_flops())

    ours, x = case.build(mg.nn), mg.ones(*case.shape, requires_grad=case.input_grad)
    assert mg.trace(ours, x).flops == counts[0]
    assert mg.summary(ours, x).flops == counts[0]
    with mg.profile() as found:
        ours(x).sum().backward()
    assert found.flops == counts[1] + case.made_anew


@pytest.mark.parametrize(
    ("left", "right"), [((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 6, 3, 4), (2, 6, 4, 5))]
)
def test_flops_of_a_matrix_product(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        (torch.ones(left, requires_grad=True) @ torch.ones(right, requires_grad=True)).sum().backward()
    with mg.profile() as found:
        (mg.ones(*left, requires_grad=True) @ mg.ones(*right, requires_grad=True)).sum().backward()
    assert found.flops == counter.get_total_flops()
