"""What is promised of a GPU: nothing moves by itself, nobody waits unasked, and what is missing is named."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels.cuda import device, shim
from minigrad.nn import functional as F
from ops_table import TABLE, Row, tensors

WAITS = ["synchronize", "download", "wait_here"]
MOVES = ["upload", "download"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the driver is asked to wait, and to copy from or to the host."""
    counts: Counter[str] = Counter()
    driver = device.driver()

    def counted(name: str) -> Callable[..., None]:
        function = getattr(driver, name)

        def call(*arguments: object) -> None:
            counts[name] += 1
            function(*arguments)

        return call

    for name in {*WAITS, *MOVES}:
        monkeypatch.setattr(driver, name, counted(name))
    return counts


# -- nothing moves --------------------------------------------------------------------------------------------

MIXED = [row for row in TABLE if max(len(sample) for sample in row.samples) > 1]


@pytest.mark.parametrize("row", MIXED, ids=str)
def test_operands_on_two_devices_are_refused(row: Row, asked: Counter[str]) -> None:
    """Every operation with several operands, none of which moves; but numbers are at home everywhere."""
    sample = next(s for s in row.samples if all(array.ndim and array.size for array in s) or s is row.samples[-1])
    if any(not array.ndim for array in sample):
        pytest.skip("its operands are single numbers")
    for odd in range(len(sample)):
        inputs = [t.detach().cuda() if k == odd else t.detach() for k, t in enumerate(tensors(sample, "float32"))]
        asked.clear()
        with pytest.raises((RuntimeError, ValueError), match=r"on different devices|on cuda:0"):
            row.function(mg, *inputs)
        makes = row.name in ("scatter", "scatter_add", "index_add") or str(row) == "attention-mask"
        made = makes and inputs[0].device != "cpu"  # the index or mask that the row makes where x is
        assert dict(asked) == ({"upload": 1} if made else {})


# -- nobody waits ---------------------------------------------------------------------------------------------


class Letters(nn.Module):
    """Embeddings, a recurrent layer, and a classifier."""

    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.table, self.layer, self.last = nn.Embedding(5, 3), kind(3, 4), nn.Linear(4, 3)

    def forward(self, i: mg.Tensor) -> mg.Tensor:
        return self.last(self.layer(self.table(i))[0][-1])


def dense() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.3), nn.LayerNorm(8), nn.Linear(8, 3)
    )


def images() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )


def attention() -> nn.Module:
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2, batch_first=True)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(12, 3))


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], mg.Tensor]]] = {
    "dense": (dense, lambda: mg.randn(4, 6, device="cuda")),
    "images": (images, lambda: mg.randn(2, 1, 4, 4, device="cuda")),
    "attention": (attention, lambda: mg.randn(2, 3, 4, device="cuda")),
    "lstm": (lambda: Letters(nn.LSTM), lambda: mg.randint(5, size=(3, 2), device="cuda")),
    "gru": (lambda: Letters(nn.GRU), lambda: mg.randint(5, size=(3, 2), device="cuda")),
}
OPTIMIZERS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"]


@pytest.mark.once
@pytest.mark.parametrize("name", MODELS)
def test_a_training_step_waits_for_nothing_and_moves_nothing(name: str, asked: Counter[str]) -> None:
    """With every optimiser: forward, loss, backward, clipping, step. And a graph can repeat it.

    After some steps, that is: until then the optimiser tells the device where the gradients are.
    """
    make, data = MODELS[name]
    net, x = make().cuda(), data()
    y = mg.randint(3, size=(x.shape[1] if x.dtype == mg.int64 else x.shape[0],), device="cuda")
    for optimizer in OPTIMIZERS:
        step = getattr(mg.optim, optimizer)(net.parameters(), lr=0.01)

        def train(x: mg.Tensor, y: mg.Tensor, step: mg.optim.Optimizer = step) -> mg.Tensor:
            step.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            step.step()
            return loss.detach()

        for _ in range(5):
            asked.clear()
            loss = train(x, y)
        assert not asked, (optimizer, dict(asked))
        assert np.isfinite(loss.item())
        assert asked["download"]
    assert np.isfinite(mg.cuda.graph(train, x, y, warmup=1)(x, y).item())


def test_only_these_wait_for_the_device(asked: Counter[str]) -> None:
    x = mg.ones(3, device="cuda")
    for look in (
        lambda: x[0].item(),
        lambda: x.tolist(),
        lambda: x.cpu(),
        lambda: x.to("cpu"),
        lambda: repr(x),
        lambda: x.numpy(force=True),
        lambda: bool(x.sum() > 1),
        lambda: mg.cuda.synchronize(),
    ):
        asked.clear()
        look()
        assert sum(asked[name] for name in WAITS) >= 1
    asked.clear()
    y = x.cuda().to("cuda").clone().view(3, 1).expand(3, 2).contiguous() * 2
    assert (y.shape, y.device, dict(asked)) == ((3, 2), "cuda:0", {})


# -- what is missing ------------------------------------------------------------------------------------------

NO_DRIVER = """
import sys
import minigrad as mg
x = mg.ones(2)
(x @ x).item(), mg.nn.Linear(2, 2)(x), x.cpu()
loaded = [name for name in sys.modules if name.startswith(("minigrad.kernels.cuda", "numba_cuda", "numba.cuda"))]
assert not loaded, loaded
from minigrad.kernels.cuda import device, driver
def none():
    raise OSError
driver.library = none
assert mg.cuda.missing().startswith("driver: this machine has no NVIDIA driver"), mg.cuda.missing()
assert (mg.cuda.is_available(), mg.cuda.device_count()) == (False, 0)
for use in (
    lambda: mg.ones(1, device="cuda"), x.cuda, lambda: x.to("cuda"), lambda: mg.nn.Linear(1, 1).cuda(),
    mg.cuda.Stream, lambda: mg.cuda.graph(lambda t: t, x), mg.cuda.synchronize,
):
    try:
        use()
    except RuntimeError as error:
        assert "What is missing is the driver: this machine has no NVIDIA driver" in str(error)
        assert "https://www.nvidia.com/drivers" in str(error)
    else:
        raise AssertionError("it did not fail")
"""


def test_nothing_of_cuda_is_loaded_before_its_use_and_without_a_driver_the_error_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NO_DRIVER], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_machine_without_a_gpu_and_one_without_a_compiler_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device.driver(), "devices", 0)
    assert str(mg.cuda.missing()).startswith("device: the driver finds no NVIDIA GPU")
    monkeypatch.setattr(device.driver(), "devices", 1)
    monkeypatch.setattr(shim, "SIMULATED", False)

    def no_module(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(shim.importlib, "import_module", no_module)
    missing = str(mg.cuda.missing())
    assert missing.startswith("package: Numba finds no CUDA compiler")
    assert "pip install 'numba-cuda[cu12]' or 'numba-cuda[cu13]'" in missing
