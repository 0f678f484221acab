"""Every layer and every loss of ``nn`` gives on the device what it gives on the CPU, and its gradients too."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels, nn
from minigrad.kernels import reference
from minigrad.nn import functional as F

Case = tuple[Callable[[], nn.Module], Callable[[], tuple[mg.Tensor, ...]]]


def of(*shapes: tuple[int, ...]) -> Callable[[], tuple[mg.Tensor, ...]]:
    return lambda: tuple(mg.randn(*shape) for shape in shapes)


def classes(*shape: int, count: int = 3) -> mg.Tensor:
    return mg.randint(count, size=shape)


def signs(*shape: int) -> mg.Tensor:
    return 2.0 * mg.randint(2, size=shape) - 1.0


LINES, IMAGES = of((2, 4, 6)), of((2, 4, 6, 5))
ACTIVATIONS = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "Mish", "PReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign",
    "Tanh", "Tanhshrink", "Identity", "Flatten",
]  # fmt: skip
PADS = [f"{kind}Pad{dims}d" for kind in ("Circular", "Reflection", "Replication", "Zero") for dims in (1, 2)]
CELLS = ["GRUCell", "LSTMCell", "RNNCell"]
DISTANCES = ["HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss"]
CASES: dict[str, Case] = {
    **{name: (getattr(nn, name), LINES) for name in ACTIVATIONS},
    **{name: (lambda name=name: getattr(nn, name)(1), LINES) for name in ("LogSoftmax", "Softmax", "Softmin")},
    "Threshold": (lambda: nn.Threshold(0.1, 2.0), LINES),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2, 0.3, add_bias_kv=True), of(*[(3, 2, 4)] * 3)),
    "SinusoidalPositions": (lambda: nn.SinusoidalPositions(4), of((2, 3, 4))),
    **{name: (lambda name=name: getattr(nn, name)(4, 3), of((2, 4))) for name in CELLS},
    **{
        name: (lambda name=name: getattr(nn, name)(4, 3, 2, dropout=0.3, bidirectional=True), of((5, 2, 4)))
        for name in ("GRU", "LSTM", "RNN")
    },
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU()), of((2, 4))),
    "Conv1d": (lambda: nn.Conv1d(4, 2, 3, padding="same", groups=2), LINES),
    "Conv2d": (lambda: nn.Conv2d(4, 2, 3, stride=2, padding=1), IMAGES),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 2, 3, stride=2), LINES),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 2, 3, padding=1), IMAGES),
    "Dropout": (lambda: nn.Dropout(0.4), LINES),
    "Dropout1d": (lambda: nn.Dropout1d(0.4), LINES),
    "Dropout2d": (lambda: nn.Dropout2d(0.4), IMAGES),
    "Bilinear": (lambda: nn.Bilinear(4, 3, 2), of((5, 4), (5, 3))),
    "Embedding": (lambda: nn.Embedding(5, 3, padding_idx=1), lambda: (classes(2, 4, count=5),)),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(5, 3, padding_idx=1), lambda: (classes(2, 4, count=5),)),
    "Linear": (lambda: nn.Linear(6, 3), LINES),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), LINES),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), LINES),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4, momentum=None), IMAGES),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGES),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(4, affine=True, track_running_stats=True), LINES),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4), IMAGES),
    "LayerNorm": (lambda: nn.LayerNorm((4, 6)), LINES),
    "RMSNorm": (lambda: nn.RMSNorm(6), LINES),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(4), LINES),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((2, 3)), IMAGES),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(4), LINES),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), IMAGES),
    "AvgPool1d": (lambda: nn.AvgPool1d(3, padding=1), LINES),
    "AvgPool2d": (lambda: nn.AvgPool2d(2, ceil_mode=True), IMAGES),
    "MaxPool1d": (lambda: nn.MaxPool1d(2, dilation=2), LINES),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, stride=1, padding=1), IMAGES),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGES),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2), of((3, 2, 4))),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), 2),
        of((3, 2, 4)),
    ),
    "TransformerDecoderLayer": (
        lambda: nn.TransformerDecoderLayer(4, 2, 8, dropout=0.2, norm_first=True),
        of((3, 2, 4), (2, 2, 4)),
    ),
    "TransformerDecoder": (
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, 0.0), 2),
        of((3, 2, 4), (2, 2, 4)),
    ),
    "Transformer": (lambda: nn.Transformer(4, 2, 1, 1, 8), of((3, 2, 4), (2, 2, 4))),
    "BCELoss": (nn.BCELoss, lambda: (mg.rand(4, 3) * 0.8 + 0.1, mg.rand(4, 3))),
    "BCEWithLogitsLoss": (
        lambda: nn.BCEWithLogitsLoss(pos_weight=mg.full((3,), 2.0)),
        lambda: (mg.randn(4, 3), mg.rand(4, 3)),
    ),
    "CosineEmbeddingLoss": (nn.CosineEmbeddingLoss, lambda: (mg.randn(4, 3), mg.randn(4, 3), signs(4))),
    "CosineSimilarity": (nn.CosineSimilarity, of((4, 3), (4, 3))),
    "CrossEntropyLoss": (
        lambda: nn.CrossEntropyLoss(mg.tensor([0.5, 1.0, 2.0]), ignore_index=1, label_smoothing=0.1),
        lambda: (mg.randn(6, 3), classes(6)),
    ),
    "NLLLoss": (lambda: nn.NLLLoss(ignore_index=2), lambda: (mg.randn(4, 3, 5), classes(4, 5))),
    "HingeEmbeddingLoss": (nn.HingeEmbeddingLoss, lambda: (mg.randn(4, 3), signs(4, 3))),
    "GaussianNLLLoss": (nn.GaussianNLLLoss, lambda: (mg.randn(4, 3), mg.randn(4, 3), mg.rand(4, 3) + 0.5)),
    "MarginRankingLoss": (nn.MarginRankingLoss, lambda: (mg.randn(4, 3), mg.randn(4, 3), signs(4, 3))),
    "PairwiseDistance": (nn.PairwiseDistance, of((4, 3), (4, 3))),
    "TripletMarginLoss": (lambda: nn.TripletMarginLoss(swap=True), of((4, 3), (4, 3), (4, 3))),
    **{name: (lambda name=name: getattr(nn, name)((2, 1)), LINES) for name in PADS if name.endswith("1d")},
    **{name: (lambda name=name: getattr(nn, name)((2, 1, 0, 3)), IMAGES) for name in PADS if name.endswith("2d")},
    "ConstantPad1d": (lambda: nn.ConstantPad1d(1, 7.0), LINES),
    "ConstantPad2d": (lambda: nn.ConstantPad2d(-1, 7.0), IMAGES),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGES),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), of((2, 3, 4, 6))),
    "Unfold": (lambda: nn.Unfold(3, padding=1, stride=2), IMAGES),
    "Fold": (lambda: nn.Fold((6, 5), 2), of((2, 12, 20))),
    "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean"), lambda: (mg.randn(4, 3), mg.rand(4, 3))),
    **{name: (getattr(nn, name), of((4, 3), (4, 3))) for name in DISTANCES},
}
CONTAINERS = {
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "Module",
    "Loss",
}  # which compute nothing


def flat(found: Any) -> list[mg.Tensor]:
    """The tensors of a result, which may hold others, and None."""
    if isinstance(found, (tuple, list)):
        return [t for part in found for t in flat(part)]
    return [] if found is None else [found]


def outcome(make: Callable[[], nn.Module], data: Callable[[], Any], device: str) -> list[np.ndarray]:
    """Outputs, gradients and buffers, from the same random numbers everywhere."""
    mg.manual_seed(3)
    module, inputs = make().to(device), data()
    given = [t.detach().to(device).requires_grad_(t.dtype.kind == "f") for t in inputs]
    mg.manual_seed(4)
    outs = flat(module(*given))
    leaves = [t for t in (*given, *module.parameters()) if t.requires_grad]
    total = sum(((t * t).sum() for t in outs if t.requires_grad), mg.zeros((), device=device))
    found = mg.grad(total, leaves, allow_unused=True) if leaves and total.requires_grad else []
    results = [*outs, *flat(found), *module.buffers()]
    assert {t.device for t in results} <= {str(mg.zeros(1, device=device).device)}
    return [t.detach().cpu().numpy() for t in results]


@pytest.mark.parametrize("name", CASES)
def test_a_layer_gives_what_it_gives_on_the_cpu(name: str) -> None:
    here, there = (outcome(*CASES[name], device) for device in ("cpu", "cuda"))
    assert len(here) == len(there) > 0
    for a, b in zip(here, there, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-5)


def test_no_layer_is_left_out() -> None:
    public = {name for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    modules = {name for name in public if issubclass(getattr(nn, name), nn.Module)}
    assert modules - CONTAINERS == set(CASES)


#: The arguments of every layer that makes parameters or buffers of its own.
MADE: dict[str, tuple[Any, ...]] = {
    "Linear": (4, 3), "Bilinear": (4, 3, 2), "Embedding": (5, 3), "EmbeddingBag": (5, 3), "PReLU": (2,),
    "LayerNorm": (4,), "RMSNorm": (4,), "GroupNorm": (2, 4), "MultiheadAttention": (4, 2),
    "SinusoidalPositions": (4,), "Transformer": (4, 2, 1, 1, 8), "TransformerDecoderLayer": (4, 2, 8),
    "TransformerEncoderLayer": (4, 2, 8),
    **dict.fromkeys(["BatchNorm1d", "BatchNorm2d"], (4,)),
    **dict.fromkeys(["InstanceNorm1d", "InstanceNorm2d"], (4, 1e-5, 0.1, True, True)),
    **dict.fromkeys(["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"], (4, 2, 3)),
    **dict.fromkeys(["GRU", "LSTM", "RNN", *CELLS], (4, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_a_layer_is_made_on_the_device_with_the_numbers_that_it_has_on_the_cpu(name: str) -> None:
    both = []
    for device in ("cpu", "cuda"):
        mg.manual_seed(1)
        both.append(getattr(nn, name)(*MADE[name], device=device, dtype=mg.float64))
    here, there = ([*module.named_parameters(), *module.named_buffers()] for module in both)
    assert len(here) == len(there) > 0
    for (name, a), (same, b) in zip(here, there, strict=True):
        assert (name, a.device, b.device, a.dtype) == (same, "cpu", "cuda:0", b.dtype)
        np.testing.assert_allclose(b.detach().cpu().numpy(), a.detach().numpy(), rtol=1e-12)


def test_every_layer_that_takes_a_dtype_takes_a_device_before_it() -> None:
    takes = {name: [*inspect.signature(getattr(nn, name)).parameters] for name in CASES}
    assert {name for name, names in takes.items() if "dtype" in names} == set(MADE)
    assert all(takes[name][takes[name].index("dtype") - 1] == "device" for name in MADE)


def test_parameters_are_made_and_drawn_on_the_device() -> None:
    p = nn.Parameter(mg.ones(3, 4, device="cuda"))
    assert (p.device, p.requires_grad, p.tolist()) == ("cuda:0", True, [[1.0] * 4] * 3)
    twin = mg.tensor(p.detach())
    twin.zero_()
    assert (p.sum().item(), mg.tensor(twin, dtype="float64", device="cpu").dtype) == (12, mg.float64)
    with mg.no_grad():
        for draw in (
            nn.init.xavier_uniform_,
            nn.init.kaiming_normal_,
            nn.init.orthogonal_,
            nn.init.zeros_,
            nn.init.ones_,
        ):
            assert draw(p).device == "cuda:0"


def test_one_hot_on_the_device() -> None:
    y = mg.tensor([2, 0, 1], device="cuda")
    for found in (F.one_hot(y), F.one_hot(y, 3)):
        assert (found.device, found.dtype, found.tolist()) == (
            "cuda:0",
            mg.int64,
            [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        )


def test_elements_are_put_where_indices_on_the_device_say() -> None:
    for key in (mg.tensor([2, 0]), mg.tensor([2, 0], device="cuda"), [2, 0]):
        x = mg.zeros(3, 2, device="cuda")
        x[key] = mg.ones(2, 2, device="cuda")
        x[x > 5] = 7.0
        assert x.tolist() == [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]


def test_copy_is_asked_for_and_so_crosses_devices() -> None:
    x = mg.zeros(2, device="cuda")
    assert (x.copy_(mg.tensor([1.0, 2.0])).tolist(), x.device) == ([1.0, 2.0], "cuda:0")
    with pytest.raises(RuntimeError, match=r"x\[key\] = value: its operands are on different devices"):
        x[:] = mg.ones(2)
    with pytest.raises(RuntimeError, match="the gradient is on cpu, its tensor on cuda:0"):
        (x.requires_grad_() * 2).backward(mg.ones(2))
    with pytest.raises(RuntimeError, match=r"gather: its operands are on different devices"):
        x.detach().gather(0, mg.tensor([1]))
    with pytest.raises(RuntimeError, match=r"nll_loss: its operands are on different devices"):
        F.nll_loss(mg.zeros(2, 3, device="cuda"), mg.tensor([0, 1]))


def test_the_derivative_of_a_mean_is_read_as_the_one_number_that_it_is() -> None:
    z, y = np.random.default_rng(0).standard_normal((5, 7)), np.array([0, 6, 3, 3, 1])
    cuda = kernels.load("cuda")
    dl = cuda.to_device(np.array([0.2]), 0).expand((5,))
    given = cuda.to_device(z, 0), cuda.to_device(y, 0)
    before = mg.cuda.kernel_launches()
    found = cuda.cross_entropy_backward(dl, *given)
    assert mg.cuda.kernel_launches() - before == 1
    want = reference.cross_entropy_backward(np.full(5, 0.2), z, y)
    np.testing.assert_allclose(found.host(), want, rtol=1e-12, atol=1e-15)
