"""Convolutional layers: against PyTorch's, first values, padding modes, derivatives of any order, errors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

RNG = np.random.default_rng(6)

#: A layer's name, its arguments, and the shape of its x.
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Conv1d", (3, 8, 5), {}, (4, 3, 20)),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False}, (2, 4, 21)),
    ("Conv1d", (2, 3, 3), {"padding": "same"}, (2, 9)),
    ("Conv2d", (1, 4, 3), {"padding": 1}, (3, 1, 9, 9)),
    ("Conv2d", (3, 8, 3), {}, (4, 3, 12, 11)),
    ("Conv2d", (3, 8, (3, 2)), {"stride": (2, 3), "padding": (1, 2), "dilation": (2, 1)}, (2, 3, 13, 12)),
    ("Conv2d", (4, 8, 3), {"groups": 4, "padding": "valid"}, (2, 4, 8, 8)),
    ("Conv2d", (2, 3, (3, 5)), {"padding": "same", "dilation": 2}, (2, 2, 9, 10)),
    *[
        ("Conv2d", (2, 3, 3), {"padding": (1, 2), "padding_mode": mode}, (2, 2, 7, 8))
        for mode in ("reflect", "replicate", "circular")
    ],
    ("Conv1d", (2, 3, 3), {"padding": "same", "padding_mode": "circular"}, (2, 2, 7)),
    ("ConvTranspose1d", (3, 4, 4), {"stride": 2}, (2, 3, 9)),
    ("ConvTranspose2d", (3, 8, 4, 2), {}, (2, 3, 6, 6)),
    (
        "ConvTranspose2d",
        (4, 6, (3, 2)),
        {"stride": (3, 2), "padding": 1, "output_padding": (2, 1), "groups": 2, "dilation": (1, 2), "bias": False},
        (2, 4, 5, 6),
    ),
]


def pair(torch: Any, name: str, args: Any, options: Any, dtype: str) -> tuple[nn.Module, Any]:
    """A layer and PyTorch's, with the same weights."""
    theirs = getattr(torch.nn, name)(*args, dtype=getattr(torch, dtype), **options)
    ours = getattr(nn, name)(*args, dtype=dtype, **options)
    ours.load_state_dict({key: mg.tensor(t.detach().numpy()) for key, t in theirs.state_dict().items()})
    return ours, theirs


def close(found: Any, expected: Any, tolerance: float) -> None:
    found, expected = found.detach().numpy(), expected.detach().numpy()
    np.testing.assert_allclose(found, expected, tolerance, tolerance * max(1.0, abs(expected).max()))


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
def test_a_layer_does_what_pytorchs_does(name, args, options, shape, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, name, args, options, dtype)
    assert repr(ours) == repr(theirs)
    x = RNG.normal(0, 1, shape).astype(dtype)
    mine, other = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, y_peer = ours(mine), theirs(other)
    close(y, y_peer, tolerance)
    (y * y).sum().backward()
    (y_peer * y_peer).sum().backward()
    close(mine.grad, other.grad, tolerance)
    for p, p_peer in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(p.grad, p_peer.grad, tolerance)


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_ten_training_steps_are_pytorchs(dtype, tolerance):
    torch = pytest.importorskip("torch")

    def net(nn: Any) -> Any:
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.Tanh(),
            nn.AvgPool2d(2), nn.ConvTranspose2d(8, 4, 2, 2), nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 5),
        )  # fmt: skip

    theirs = net(torch.nn).to(getattr(torch, dtype))
    ours = net(nn).to(dtype)
    ours.load_state_dict({key: mg.tensor(t.detach().numpy()) for key, t in theirs.state_dict().items()})
    x, labels = RNG.normal(0, 1, (10, 8, 1, 14, 14)).astype(dtype), RNG.integers(0, 5, (10, 8))
    losses: list[list[float]] = []
    for framework, model in ((mg, ours), (torch, theirs)):
        optimizer = framework.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        losses.append([])
        for batch, label in zip(x, labels, strict=True):
            optimizer.zero_grad()
            loss = framework.nn.functional.cross_entropy(model(framework.tensor(batch)), framework.tensor(label))
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    np.testing.assert_allclose(losses[0], losses[1], rtol=tolerance)
    for p, p_peer in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(p, p_peer, tolerance)


def test_a_convolution_is_linear_layers_over_windows():
    layer = nn.Conv2d(2, 3, 2, stride=2, dtype=mg.float64)
    x = mg.randn(1, 2, 4, 6, dtype=mg.float64)
    columns = F.unfold(x, 2, stride=2)[0]  # (8, 6)
    z = layer.weight.reshape(3, 8) @ columns + layer.bias.unsqueeze(1)
    np.testing.assert_allclose(layer(x).detach().numpy().reshape(3, 6), z.detach().numpy(), rtol=1e-13)


def test_the_gradient_of_a_convolution_is_a_transposed_one():
    x = mg.randn(1, 2, 7, 7, requires_grad=True, dtype=mg.float64)
    W, dz = mg.randn(3, 2, 3, 3, dtype=mg.float64), mg.randn(1, 3, 4, 4, dtype=mg.float64)
    F.conv2d(x, W, stride=2, padding=1).backward(dz)
    np.testing.assert_allclose(x.grad.numpy(), F.conv_transpose2d(dz, W, stride=2, padding=1).numpy(), atol=1e-14)


def test_third_derivatives_are_the_difference_quotients_of_second_ones():
    x, W = mg.randn(1, 1, 4, dtype=mg.float64), mg.randn(1, 1, 2, dtype=mg.float64)
    for variable, of in ((x, lambda x: F.conv1d(x, W)), (W, lambda W: F.conv1d(x, W))):
        variable.requires_grad = True
        first = lambda v, of=of: mg.grad((of(v) ** 3).sum(), v, create_graph=True)[0]  # noqa: E731
        assert mg.gradgradcheck(first, [variable])
        variable.requires_grad = False


@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_first_values_are_uniform_within_one_over_the_root_of_the_fan_in(name):
    layer = getattr(nn, name)(16, 20, 3)
    fan_in = np.prod(layer.weight.shape[1:])
    for p in layer.parameters():
        values = p.detach().numpy()
        assert abs(values).max() <= fan_in**-0.5
        assert values.var() == pytest.approx(1 / fan_in / 3, rel=0.6 if p is layer.bias else 0.15)
    assert list(layer.state_dict()) == ["weight", "bias"]


@pytest.mark.peer
def test_an_output_size_chooses_the_output_padding():
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, "ConvTranspose2d", (3, 2, 3), {"stride": 3, "padding": 1}, "float32")
    x = RNG.normal(0, 1, (2, 3, 4, 5)).astype("float32")
    for size in ([10, 13], (12, 14), (2, 2, 11, 15)):
        close(ours(mg.tensor(x), output_size=size), theirs(torch.tensor(x), output_size=list(size)), 1e-5)
    with pytest.raises(ValueError, match=r"an output_size of \(9, 13\) .* from \(10, 13\) to \(12, 15\)"):
        ours(mg.tensor(x), output_size=(9, 13))


def test_a_layer_is_copied_with_its_weights():
    layer = nn.Conv2d(1, 2, 3)
    again = copy.deepcopy(layer)
    x = mg.randn(1, 1, 5, 5)
    np.testing.assert_array_equal(again(x).detach().numpy(), layer(x).detach().numpy())


WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: nn.Conv2d(16, 32, 3)(mg.ones(64, 1, 28, 28)), ValueError,
     r"^Conv2d\(16, 32\) expects x of shape \(B, 16, H, W\), got \(64, 1, 28, 28\)$"),
    (lambda: nn.Conv1d(3, 4, 2)(mg.ones(3)), ValueError,
     r"Conv1d\(3, 4\) expects x of shape \(B, 3, L\), got \(3,\)"),
    (lambda: nn.Conv2d(1, 2, 3)(mg.ones(1, 5, 5).double()), TypeError,
     r"has float32 weights, x is float64: use x.to"),
    (lambda: nn.Conv2d(1, 2, 3)(np.ones((1, 5, 5))), TypeError, "expects a Tensor, got ndarray"),
    (lambda: nn.Conv2d(1, 2, 3)(mg.ones(1, 2, 5)), ValueError,
     r"a window of size \(3, 3\) does not fit in x: its size in space is \(2, 5\)"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "3 and 4 channels cannot be divided into 2 groups"),
    (lambda: nn.Conv2d(0, 4, 3), ValueError, "needs sizes of at least 1"),
    (lambda: nn.Conv2d(1, 4, (3, 3, 3)), ValueError, r"kernel_size must be one number or 2, got \(3, 3, 3\)"),
    (lambda: nn.Conv2d(1, 4, 0), ValueError, "kernel_size must be at least 1, got 0"),
    (lambda: nn.Conv2d(1, 4, 2.5), TypeError, "kernel_size must be an int or 2 of them, got 2.5"),
    (lambda: nn.Conv2d(1, 4, 3, stride=0), ValueError, "stride must be at least 1"),
    (lambda: nn.Conv2d(1, 4, 3, padding=-1), ValueError, "padding must be at least 0"),
    (lambda: nn.Conv2d(1, 4, 3, padding="full"), ValueError, "there is no padding 'full': use 'same', 'valid'"),
    (lambda: nn.Conv2d(1, 4, 3, 2, padding="same"), ValueError,
     r"'same' keeps the size, which a stride of \(2, 2\)"),
    (lambda: nn.Conv2d(1, 4, 3, padding_mode="mirror"), ValueError, "there is no padding_mode 'mirror'"),
    (lambda: nn.Conv2d(1, 4, 3, bias=1), TypeError, "bias must be True or False"),
    (lambda: nn.ConvTranspose2d(1, 4, 3, output_padding=1)(mg.ones(1, 2, 2)), ValueError,
     "output_padding .* must be below the stride or the dilation"),
    (lambda: nn.ConvTranspose2d(1, 4, 3, padding_mode="reflect"), ValueError, "the only padding_mode is 'zeros'"),
    (lambda: F.conv2d(mg.ones(1, 3, 5, 5), mg.ones(2, 4, 3, 3)), ValueError,
     r"conv2d: x \(1, 3, 5, 5\) has 3 channels, W \(2, 4, 3, 3\) takes 4"),
    (lambda: F.conv2d(mg.ones(1, 4, 5, 5), mg.ones(3, 2, 3, 3), groups=2), ValueError,
     "the 3 channels of z cannot be divided into 2 groups"),
    (lambda: F.conv2d(mg.ones(1, 4, 5, 5), mg.ones(3, 4, 3)), ValueError,
     r"the weight must be \(O, C / groups, K_h"),
    (lambda: F.conv2d(mg.ones(1, 4, 5, 5), mg.ones(2, 4, 3, 3), mg.ones(3)), ValueError,
     r"shape \(2,\), got \(3,\)"),
    (lambda: F.conv2d(mg.ones(1, 4, 5, 5), mg.ones(2, 4, 3, 3).double()), TypeError,
     "float32, float64 must be equal"),
    (lambda: F.conv2d(mg.ones(1, 4, 5, 5), mg.ones(2, 4, 3, 3), groups=0), ValueError, "groups must be an int"),
    (lambda: F.conv1d(mg.ones(5), mg.ones(2, 4, 3)), ValueError,
     r"x of shape \(N, C, L\) or \(C, L\), got \(5,\)"),
    (lambda: F.conv_transpose1d(mg.ones(1, 3, 5), mg.ones(2, 4, 3)), ValueError, "has 3 channels, W .* takes 2"),
    (lambda: F.conv_transpose1d(mg.ones(1, 2, 1), mg.ones(2, 4, 3), padding=2), ValueError, "has no elements"),
    (lambda: F.fold(mg.ones(1, 4, 3), (2, 3), 2), ValueError, r"has 2 windows of 4 elements for each channel"),
    (lambda: F.fold(mg.ones(4), (2, 3), 2), ValueError, r"expects x of shape \(N, C K_h K_w, windows\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
