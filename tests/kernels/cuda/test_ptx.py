"""Every kernel that the table of operations needs compiles for three generations of GPUs, without one.

The driver is a stand-in that has memory and takes PTX, and whose launches do nothing.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels
from ops_table import TABLE, tensors

pytestmark = pytest.mark.ptx

# Sums along a dim are meant to be held in float64; libdevice turns very large angles back with it
WIDE = re.compile("cumsum|cumprod|recurrence|sin_|cos_|tan_")


class Deaf:
    """A driver for a GPU of some capability that does nothing."""

    def __init__(self, capability: tuple[int, int]) -> None:
        self.of, self.following, self.loaded = capability, 1 << 20, {}

    def count(self) -> int:
        return 1

    def name(self, device: int) -> str:
        return "a stand-in"

    def capability(self, device: int) -> tuple[int, int]:
        return self.of

    def processors(self, device: int) -> int:
        return 100

    def memory_info(self, device: int) -> tuple[int, int]:
        return 1 << 40, 1 << 40

    def allocate(self, device: int, size: int) -> int:
        address, self.following = self.following, self.following + size
        return address

    def load(self, device: int, ptx: str, shared: int) -> int:
        self.loaded[re.search(r"\.visible \.entry (\w+)\(", ptx)[1]] = ptx
        return len(self.loaded)

    def download(self, device: int, array: np.ndarray, address: int, stream: int) -> None:
        array[...] = 0

    def launch(self, *arguments: Any) -> None: ...

    def upload(self, *arguments: Any) -> None: ...

    def release(self, *arguments: Any) -> None: ...

    def synchronize(self, *arguments: Any) -> None: ...


@pytest.fixture(params=[(7, 5), (8, 0), (9, 0)], ids=str)
def deaf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Deaf:
    """The stand-in, in the place of the driver."""
    kernels.load("cuda")
    from minigrad.kernels.cuda import device, launch

    driver = Deaf(request.param)
    monkeypatch.setattr(device, "driver", lambda: driver)
    device.device.cache_clear()
    for kernel in launch.made:
        kernel.loaded.clear()
    yield driver
    device.device.cache_clear()


def on_device(inputs: list[mg.Tensor]) -> list[mg.Tensor]:
    return [t.detach().cuda().requires_grad_(t.requires_grad) for t in inputs]


def test_the_kernels_of_the_table_compile(deaf: Deaf) -> None:
    for row in TABLE:
        for sample in list(row.samples)[:4]:
            inputs = on_device(tensors(sample, "float32"))
            try:
                out = row.function(mg, *inputs)
                if row.differentiable:
                    mg.grad(out.sum(), inputs, allow_unused=True)
            except NotImplementedError:  # test_table.py knows which
                continue
    assert len(deaf.loaded) > 300
    narrow = {name: ptx for name, ptx in deaf.loaded.items() if "float32" in name and "float64" not in name}
    wide = [
        re.sub(r"^_ZN\d+_3cdynamic_3e\d+|B\d+v.*", "", name)
        for name, ptx in narrow.items()
        if ".f64" in ptx and not WIDE.search(name)
    ]
    assert wide == [], "a float32 kernel computes in float64"


def test_the_steps_of_optimisers_compile(deaf: Deaf) -> None:
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"):
        for dtype in (mg.float32, mg.float64):
            p = mg.ones(5, dtype=dtype, device="cuda", requires_grad=True)
            p.grad = mg.ones(5, dtype=dtype, device="cuda")
            getattr(mg.optim, name)([p], lr=0.1).step()
    assert len(deaf.loaded) >= 8


def test_the_steps_and_dropouts_of_a_graph_compile(deaf: Deaf, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.kernels.cuda.notes import Notes

    for name in ("SGD", "Adam", "RMSprop", "Adagrad"):
        p = mg.ones(5, device="cuda", requires_grad=True)
        p.grad = mg.ones(5, device="cuda")
        step = getattr(mg.optim, name)([p], lr=0.1)
        step.step()
        with monkeypatch.context() as patch:
            patch.setattr(kernels.taking, "notes", Notes(0, lambda: 0))
            step.step()
            mg.nn.functional.dropout(p, 0.5)
    noted = {name: ptx for name, ptx in deaf.loaded.items() if "_noted" in name}
    assert len(noted) == 5
    assert not any(".f64" in ptx for ptx in noted.values()), "a float32 kernel computes in float64"
