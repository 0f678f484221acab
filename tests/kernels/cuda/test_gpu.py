"""The table of operations at real shapes on a GPU, beside the CPU in float64."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels.cuda import device
from minigrad.nn import functional as F

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(device.missing() is not None, reason=f"CUDA cannot be used: {device.missing()}"),
]

SHAPES = [(1,), (1023,), (1024, 1025), (64, 10), (8192, 33), (3, 5, 70, 129), (1 << 22,)]

UNARY = ["relu", "sigmoid", "gelu", "tanh", "exp", "sin", "sqrt", "erf", "silu", "softplus"]
BINARY = ["add", "mul", "div", "maximum", "atan2"]
REDUCTIONS = ["sum", "mean", "amax", "var", "logsumexp", "norm"]


def pair_of(shape: tuple[int, ...]) -> tuple[mg.Tensor, mg.Tensor]:
    """Positive numbers in float32 on the device, and the same in float64 on the CPU."""
    x = np.random.default_rng(0).uniform(0.1, 2.0, shape).astype(np.float32)
    return mg.tensor(x, device="cuda"), mg.tensor(x.astype(np.float64))


def assert_close(got: mg.Tensor, want: mg.Tensor, rtol: float = 1e-5) -> None:
    np.testing.assert_allclose(got.cpu().numpy(), want.numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_elementwise(name: str, shape: tuple[int, ...]) -> None:
    x, want = pair_of(shape)
    assert_close(getattr(mg, name)(x), getattr(mg, name)(want))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_elementwise_with_broadcasting(name: str, shape: tuple[int, ...]) -> None:
    x, want = pair_of(shape)
    row, its = pair_of(shape[-1:])
    assert_close(getattr(mg, name)(x, row), getattr(mg, name)(want, its))
    assert_close(getattr(mg, name)(x, 0.5), getattr(mg, name)(want, 0.5))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_chain_is_one_launch_and_gives_the_bits_of_its_functions_one_by_one(shape: tuple[int, ...]) -> None:
    x, row = pair_of(shape)[0], pair_of(shape[-1:])[0]

    def flat() -> mg.Tensor:
        return 0.5 * x * (1 + ((x + 0.044715 * x * x * x) * 0.7978845608).tanh())

    def broadcast() -> mg.Tensor:
        return ((x - row) / x.exp() * row + 1).lerp(x, 0.3).gelu()

    for function in (flat, broadcast):
        with mg.cuda.fuse(False):
            want = function()
        for _ in range(3):
            before = mg.cuda.kernel_launches()
            found = function()
            count = mg.cuda.kernel_launches() - before
        assert count == 1
        assert mg.equal(found, want)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_over_each_dim_and_all(name: str, shape: tuple[int, ...]) -> None:
    x, want = pair_of(shape)
    for dim in (*range(len(shape)), tuple(range(len(shape)))):
        if name == "var" and shape == (1,):
            continue
        assert_close(getattr(mg, name)(x, dim=dim), getattr(mg, name)(want, dim=dim), 1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmax_sums_places_and_orders(shape: tuple[int, ...]) -> None:
    x, want = pair_of(shape)
    for dim in range(len(shape)):
        assert_close(x.softmax(dim), want.softmax(dim), 1e-4)
        assert_close(x.cumsum(dim), want.cumsum(dim), 1e-4)
        assert mg.equal(x.argmax(dim).cpu(), want.argmax(dim))
        assert mg.equal(x.sort(dim).values.cpu(), want.sort(dim).values.float())


def test_scattered_gradients_add_up() -> None:
    i = np.random.default_rng(0).integers(0, 100, 1 << 18)
    W = mg.ones(100, 16, device="cuda", requires_grad=True)
    F.embedding(mg.tensor(i, device="cuda"), W).sum().backward()
    assert W.grad is not None
    assert W.grad[:, 0].tolist() == np.bincount(i, minlength=100).tolist()


def test_a_step_after_the_first_allocates_nothing_and_a_graph_repeats_it() -> None:
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).cuda()
    step = mg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = mg.randn(64, 784, device="cuda"), mg.randint(10, size=(64,), device="cuda")

    def train(x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
        step.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        step.step()
        return loss.detach()

    first = train(x, y).item()
    memory = device.device(0).memory
    asked = memory.allocations
    for _ in range(5):
        train(x, y)
    assert memory.allocations == asked
    captured = mg.cuda.graph(train, x, y)
    losses = [captured(x, y).item() for _ in range(8)]  # later ones are as small as their rounding
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < first


def test_memory_is_shared_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = mg.arange(6, device="cuda").reshape(2, 3)
    theirs = torch.as_tensor(x.array, device="cuda")
    theirs[0, 0] = 7
    torch.cuda.synchronize()
    assert x.tolist() == [[7, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("example", "options"),
    [
        ("train_mlp", ["--net", "ten", "--epochs", "2", "--out", "weights.safetensors"]),
        ("conv_digits", ["--epochs", "1"]),
        ("autoencoder", ["--epochs", "1"]),
        ("char_lstm", ["--epochs", "1", "--characters", "5"]),
        ("char_transformer", ["--epochs", "1", "--characters", "5"]),
        ("clinical_mlp", ["--epochs", "1"]),
        ("optimizers_race", ["--epochs", "1", "--steps", "2"]),
        ("two_layer_net", ["--epochs", "1"]),
        ("vanishing_gradients", ["--epochs", "1", "--depth", "3"]),
    ],
)
def test_an_example_trains(
    example: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("tqdm")
    pytest.importorskip("matplotlib")
    mg.cuda.reset_peak_memory_stats()
    with mg.use_kernels("numba"):
        importlib.import_module(example).main([*options, "--device", "cuda"])
    assert mg.cuda.max_memory_allocated() > 0
