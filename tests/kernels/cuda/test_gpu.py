"""The table of operations at real shapes on a GPU, beside the CPU in float64."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels.cuda import device
from minigrad.nn import functional as F
from training_steps import Training, losses

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


def test_sums_of_whole_numbers_are_exact() -> None:
    """So that one element that is left out, or taken twice, among millions is seen."""
    rng = np.random.default_rng(0)
    for shape in ((1 << 22,), (2049, 1025), (4096, 1024), (3, 4100, 36), (8192, 2000)):
        x = rng.integers(-2, 3, shape).astype(np.float32)
        there = mg.tensor(x, device="cuda")
        for dim in (*range(x.ndim), tuple(range(x.ndim))):
            assert np.array_equal(there.sum(dim).cpu().numpy(), x.sum(dim)), (shape, dim)
        assert there.reshape(-1)[3:].sum().item() == x.ravel()[3:].sum()


def trained(optimizer: str, p: float) -> Training:
    """A classifier of digits with a dropout, and its step."""

    def parts() -> list[nn.Module]:
        return [nn.Linear(784, 128), nn.ReLU(), nn.Dropout(p), nn.Linear(128, 10)]

    options = {"momentum": 0.9} if optimizer == "SGD" else {}
    make = functools.partial(getattr(mg.optim, optimizer), lr=0.01, **options)
    return Training(parts, F.cross_entropy, make)


def digits(count: int) -> list[tuple[mg.Tensor, mg.Tensor]]:
    return [(mg.randn(64, 784, device="cuda"), mg.randint(10, size=(64,), device="cuda")) for _ in range(count)]


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_a_step_after_the_first_asks_the_driver_for_nothing(optimizer: str, p: float) -> None:
    training, [batch] = trained(optimizer, p), digits(1)
    training.step(*batch)
    memory = device.device(0).memory
    asked = memory.allocations
    for _ in range(5):
        training.step(*batch)
    assert memory.allocations == asked
    step = mg.cuda.graph(training.step, *batch)
    asked = memory.allocations
    for _ in range(5):
        step(*batch)
    assert memory.allocations == asked


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_replays_are_the_steps_that_they_stand_for(optimizer: str, p: float) -> None:
    """Bit for bit, on batches that change, while a schedule changes the rate, and with other steps in between."""
    batches, found = digits(8), []
    for is_captured in (False, True):
        training = trained(optimizer, p)
        told = losses(training, batches, 0.8, is_captured=is_captured)
        weights = [parameter.tolist() for parameter in training.net.parameters()]
        counts = [state.get("step") for state in training.optimizer.state.values()]
        found.append((told, weights, counts))
    assert found[0] == found[1]


def test_a_replay_drops_what_the_cpu_drops() -> None:
    x = mg.ones(300, 1001)
    there = x.cuda()
    captured = mg.cuda.graph(lambda t: F.dropout(t, 0.3), there)
    mg.manual_seed(4)
    found = [captured(there).cpu().numpy() for _ in range(3)]
    mg.manual_seed(4)
    for mask in found:
        assert np.array_equal(mask, F.dropout(x, 0.3).numpy())


@pytest.mark.parametrize("after", [0, 2], ids=["in the warm-up", "while notes are taken"])
def test_out_of_memory_in_a_graph_leaves_the_process_usable(after: int) -> None:
    x, calls = mg.ones(8, device="cuda"), []

    def function(x: mg.Tensor) -> mg.Tensor:
        calls.append(x)
        return x * 2 + (mg.zeros(1 << 42, device="cuda") if len(calls) > after else 1)

    with pytest.raises(mg.cuda.OutOfMemoryError, match=r"no room for 16\.0 TiB: of its .* tensors use "):
        mg.cuda.graph(function, x)
    assert (x + 1).sum().item() == 16
    assert mg.cuda.graph(lambda t: t * 4, x)(x).tolist() == [4.0] * 8


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
