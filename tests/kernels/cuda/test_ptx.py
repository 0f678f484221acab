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
from ptxas import assemble, tool

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


@pytest.fixture(params=[(7, 5), (8, 0), (9, 0), (12, 0)], ids=str)
def deaf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Deaf:
    """The stand-in, in the place of the driver."""
    kernels.load("cuda")
    from minigrad.kernels.cuda import chain, device, launch

    device.flush_all()
    monkeypatch.setattr(chain, "_plans", {})  # those that are known are for another device
    driver = Deaf(request.param)
    monkeypatch.setattr(device, "driver", lambda: driver)
    device.device.cache_clear()
    for kernel in launch.made:
        kernel.loaded.clear()
    yield driver
    device.flush_all()
    device.device.cache_clear()


def on_device(inputs: list[mg.Tensor]) -> list[mg.Tensor]:
    return [t.detach().cuda().requires_grad_(t.requires_grad) for t in inputs]


def test_the_kernels_of_the_table_compile(deaf: Deaf) -> None:
    for row in TABLE:
        for sample in list(row.samples)[:4]:
            inputs = on_device(tensors(sample, "float32"))
            with mg.cuda.fuse(False):  # every function has its kernel
                out = row.function(mg, *inputs)
                if row.differentiable:
                    mg.grad(out.sum(), inputs, allow_unused=True)
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


def test_a_step_reads_each_number_once_from_the_device_s_memory(deaf: Deaf) -> None:
    p = mg.ones(5, device="cuda", requires_grad=True)
    p.grad = mg.ones(5, device="cuda")
    mg.optim.Adam([p]).step()
    ptx = next(ptx for name, ptx in deaf.loaded.items() if "adam" in name)
    assert 3 * ptx.count("ld.global.f32") == 4 * ptx.count("st.global.f32") > 0  # of p, g, m, s; p, m, s
    assert not re.search(r"\b(ld|st)\.(f32|u64|b64)", ptx), "a generic address is slower"


def test_the_chains_of_the_table_compile(deaf: Deaf, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.kernels.cuda import chain, launch

    compiled, narrow = launch.Kernel.ptx, []

    def ptx(kernel: Any, capability: tuple[int, int]) -> str:
        if not kernel.name.startswith("chain"):
            return f".visible .entry {kernel.name}("  # the test above compiles it
        found = compiled(kernel, capability)
        if all(t.dtype.itemsize < 8 or t.dtype.kind != "f" for t in kernel.takes):
            narrow.append((kernel.name, found))
        return found

    monkeypatch.setattr(launch.Kernel, "ptx", ptx)
    monkeypatch.setattr(chain, "PATIENCE", 0)
    for row in TABLE:
        for sample in list(row.samples)[:2]:
            inputs = on_device(tensors(sample, "float32"))
            found = [row.function(mg, *inputs)]
            if row.differentiable:
                found += mg.grad(found[0].sum(), inputs, allow_unused=True)
            mg.cuda.synchronize()
    assert len(narrow) > 100
    wide = [name for name, ptx in narrow if ".f64" in ptx and not WIDE.search(name)]
    assert wide == [], "a float32 chain computes in float64"


def test_a_chain_rounds_after_every_step(deaf: Deaf, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.kernels.cuda import chain

    monkeypatch.setattr(chain, "PATIENCE", 0)
    for dtype in ("float32", "float64"):
        x = mg.ones(8, dtype=dtype, device="cuda")
        y = x * x + x
        mg.cuda.synchronize()
        bits = 8 * y.dtype.itemsize
        ptx = next(ptx for name, ptx in deaf.loaded.items() if "chain" in name and f"mul_add_{dtype}" in name)
        assert ptx.count(f"mul.rn.f{bits}") == ptx.count(f"add.rn.f{bits}") > 0
        assert not re.search(r"fma|(mul|add|sub)\.f", ptx), "what has no .rn may be contracted later"


@pytest.mark.skipif(tool("ptxas") is None, reason="there is no ptxas")
@pytest.mark.parametrize("keeps", [False, True])
def test_the_longest_chain_stays_in_registers(deaf: Deaf, keeps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.kernels.cuda import chain

    monkeypatch.setattr(chain, "PATIENCE", 0)
    given = [mg.ones(8, device="cuda") for _ in range(chain.ARRAYS)]
    y, kept = given[0], []
    for k in range(chain.STEPS):
        y = y.gelu() if k % 5 == 4 else y * given[k % chain.ARRAYS]
        if keeps:
            kept.append(y)
    mg.cuda.synchronize()
    ptx = next(ptx for name, ptx in deaf.loaded.items() if "chain" in name and "gelu" in name)
    needs, _ = assemble(ptx, deaf.of)
    assert (needs.spilled, needs.stack) == (0, 0)
    assert needs.registers <= (80 if keeps else 64)  # so that 768 or 1024 threads are at work at once


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_added_atomically_on_every_generation(deaf: Deaf, dtype: str) -> None:
    from minigrad.kernels.cuda import gather, loops

    ptx = gather.kernel_of("add", np.dtype(dtype), 1, loops.NARROW).ptx(deaf.of)
    assert f"atom.add.f{dtype[-2:]}" in ptx
    if tool("ptxas") is not None:
        assemble(ptx, deaf.of)


@pytest.mark.parametrize("ndim", [2, 3])
def test_places_are_worked_out_in_32_bits_where_these_suffice(ndim: int) -> None:
    from minigrad.kernels.cuda import functions, loops

    assert [loops.index_type(n) for n in (1, (1 << 32) - 1, 1 << 32)] == [loops.NARROW, loops.NARROW, loops.WIDE]
    dtype = np.dtype(np.float32)
    narrow, wide = (
        functions.add.make(((True, dtype), (True, dtype)), dtype, dtype, ndim, index).ptx((9, 0))
        for index in (loops.NARROW, loops.WIDE)
    )
    inside = narrow[narrow.index("ld.global") :]  # before the loop, its length is worked out
    assert "div.s64" in wide
    assert "div.u32" in inside
    assert not re.search(r"div\.[su]64", inside)
