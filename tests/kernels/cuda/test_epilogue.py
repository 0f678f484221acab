"""A matrix product at the head of a chain: what follows is done before the sums are written, to the same bits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from chains import bits, counted, fill_memory, is_pending, launches, one_by_one, rand
from minigrad import nn
from minigrad.kernels.cuda import chain, device, launch, products
from minigrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("at_sight")


def layer(rows: int = 5, dtype: str = "float32") -> tuple[mg.Tensor, mg.Tensor, mg.Tensor]:
    """x, W and b."""
    return rand(rows, 6, dtype=dtype), rand(7, 6, seed=1, dtype=dtype), rand(7, seed=2, dtype=dtype)


# -- one launch -----------------------------------------------------------------------------------------------


def perceptron() -> nn.Module:
    mg.manual_seed(0)
    return nn.Sequential(
        nn.Linear(196, 128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    ).cuda()


def test_a_perceptron_is_a_launch_for_each_layer_once_it_was_met(
    parts: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "PATIENCE", 1)
    monkeypatch.setattr(chain, "_met", {})
    monkeypatch.setattr(chain, "_plans", {})
    net, x = perceptron(), rand(2, 196)
    with mg.no_grad():
        want = bits(one_by_one(lambda: net(x)))
        for expected in (5, 3, 3):
            found, count = counted(lambda: net(x))
            assert (count - parts(), bits(found)) == (expected, want)


@pytest.fixture
def parts(recipes_anew: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many second kernels were launched since the last call, for products whose k is cut in parts."""
    count, gather = [0], products.gather

    def counting(*arguments: object) -> launch.Kernel:
        count[0] += 1
        return gather(*arguments)

    def since() -> int:
        found, count[0] = count[0], 0
        return found

    monkeypatch.setattr(products, "gather", counting)
    return since


def test_a_training_step_is_launched_as_before_and_a_lean_one_saves_the_activations(
    parts: Callable[[], int],
) -> None:
    x = rand(2, 196)

    def forward(lean: bool) -> tuple[int, list[bytes]]:
        net = perceptron()
        with mg.lean_mode() if lean else contextlib.nullcontext():
            parts()
            z, count = counted(lambda: net(x))
            count -= parts()
            assert isinstance(z, mg.Tensor)
            (z * z).sum().backward()
        return count, [bits(z), *(bits(p.grad) for p in net.parameters())]

    (ordinary, found), (lean, same) = forward(False), forward(True)
    assert (ordinary, lean) == (5, 3)
    assert found == same
    with mg.cuda.fuse(False):
        assert forward(False) == (5, found)


FUNCTIONS: dict[str, Callable[[mg.Tensor], mg.Tensor]] = {
    "relu": F.relu, "gelu": F.gelu, "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"), "tanh": mg.tanh,
    "sigmoid": F.sigmoid, "silu": F.silu, "mish": F.mish, "leaky_relu": lambda z: F.leaky_relu(z, 0.1),
    "elu": lambda z: F.elu(z, 1.3), "affine": lambda z: z * 0.3 + 0.7, "clamp": lambda z: z.clamp(-0.5, 0.5),
    "square": lambda z: z * z, "several": lambda z: (-z).exp().log1p() * 0.5, "power": lambda z: z**4,
    "cube": lambda z: z**3, "written out": lambda z: z * (z * 0.5).tanh() + z,
    "hardtanh": F.hardtanh, "softplus": F.softplus, "logsigmoid": F.logsigmoid,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_a_product_is_part_of_its_kernel(name: str, dtype: str) -> None:
    x, W, b = layer(dtype=dtype)
    for product in (lambda: F.linear(x, W, b), lambda: F.linear(x, W), lambda: x @ W.T, lambda: x[0] @ W.T):
        a, count = counted(lambda product=product: FUNCTIONS[name](product()))
        assert (count, bits(a)) == (1, bits(one_by_one(lambda product=product: FUNCTIONS[name](product()))))


def test_a_batch_of_any_shape_has_an_epilogue() -> None:
    _, W, b = layer()
    for shape in ((6,), (2, 3, 6), (2, 1, 3, 6)):
        x = rand(*shape)
        a, count = counted(lambda x=x: F.linear(x, W, b).relu())
        assert (count, bits(a)) == (1, bits(one_by_one(lambda x=x: F.linear(x, W, b).relu())))
        assert isinstance(a, mg.Tensor)
        assert a.shape == (*shape[:-1], 7)
    x = rand(0, 6)
    assert F.linear(x, W, b).relu().shape == (0, 7)


def test_a_product_whose_k_is_cut_in_parts_has_its_epilogue_after_the_sum() -> None:
    x, W, b = rand(3, 600), rand(4, 600, seed=1), rand(4, seed=2)
    assert products.plan(3, 4, 600, 1, device.device(0).processors, True, 4).parts > 1
    a, count = counted(lambda: F.linear(x, W, b).relu().mul(2))
    assert (count, bits(a)) == (2, bits(one_by_one(lambda: F.linear(x, W, b).relu().mul(2))))


# -- who is written -------------------------------------------------------------------------------------------


def test_what_somebody_holds_ends_the_epilogue() -> None:
    x, W, b = layer()
    before = launches()
    z = F.linear(x, W, b)
    a = z.relu()
    assert is_pending(z)
    assert launches() - before == 2
    assert (bits(z), bits(a)) == (bits(one_by_one(lambda: F.linear(x, W, b))), bits(one_by_one(lambda: z.relu())))
    before = launches()
    h = F.linear(x, W, b).relu()
    y = (h * 2 + 1).exp()
    assert launches() - before == 2
    assert (bits(h), bits(y)) == (bits(a), bits(one_by_one(lambda: (a * 2 + 1).exp())))


@pytest.mark.parametrize(("follow", "count"), [
    (lambda z, y: z + y, 2), (lambda z, y: (z * 2 + y).relu(), 2), (lambda z, y: z > 0, 2),
    (lambda z, y: z.double(), 2), (lambda z, y: z.relu().double() + 1, 2), (lambda z, y: z * (z + 1), 1),
    (lambda z, y: z * 2 + 1 - 3 + 4, 2), (lambda z, y: z * mg.tensor([2.0], device="cuda"), 2),
    (lambda z, y: mg.where(z > 0, z, y), 2), (lambda z, y: z, 1), (lambda z, y: z * 2 + z.exp(), 1),
    (lambda z, y: z * (z + 1) * y * z, 2),
    (lambda z, y: z.relu() @ y.T, 3), (lambda z, y: z * mg.tensor(2.0), 1), (lambda z, y: z.clone(), 1),
    (lambda z, y: z.mul(2).view(7, 5), 2), (lambda z, y: z.T.relu(), 2), (lambda z, y: z * rand(7, seed=9), 2),
])  # fmt: skip
def test_what_cannot_be_an_epilogue_is_what_a_chain_is(
    follow: Callable[[mg.Tensor, mg.Tensor], mg.Tensor], count: int
) -> None:
    (x, W, b), y = layer(), rand(5, 7, seed=3)
    with mg.no_grad():
        found, launched = counted(lambda: follow(F.linear(x, W, b), y))
        assert (launched, bits(found)) == (count, bits(one_by_one(lambda: follow(F.linear(x, W, b), y))))


def test_what_nobody_holds_is_not_computed() -> None:
    x, W, b = layer()
    y = rand(5, 7)
    found, count = counted(lambda: (F.linear(x, W, b).relu(), y * 2)[1])
    assert (count, bits(found)) == (1, bits(one_by_one(lambda: y * 2)))
    with mg.no_grad():
        assert counted(lambda: [F.linear(x, W, b).relu()].clear())[1] == 0
        before = launches()
        z = F.linear(x, W, b)
        z * 3  # whose result nobody holds
        a, z = z.relu(), None
        assert launches() - before == 1
        assert bits(a) == bits(one_by_one(lambda: F.linear(x, W, b).relu()))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=6), st.sets(st.integers(0, 6)), st.sampled_from([1, 3, 18])
)
def test_any_chain_gives_the_bits_of_its_functions_one_by_one(plan: list[int], kept: set[int], rows: int) -> None:
    (x, W, b), y = layer(rows), rand(rows, 7, seed=3)
    steps: list[Callable[[mg.Tensor], mg.Tensor]] = [
        F.relu, lambda z: z * 1.5, lambda z: z - 0.25, lambda z: z * z, lambda z: z + y, F.gelu,
        lambda z: (z > 0).float(), lambda z: z.double().exp().float(), lambda z: z / (z * z + 1),
    ]  # fmt: skip

    def run() -> list[mg.Tensor]:
        z = F.linear(x, W, b)
        found = [z] if 6 in kept else []
        for place, which in enumerate(plan):
            z = steps[which](z)
            if place in kept:
                found.append(z)
        return [*found, z]

    with mg.no_grad():
        fused = run()
        with mg.cuda.fuse(False):
            plain = run()
    assert [bits(t) for t in fused] == [bits(t) for t in plain]
    assert [t.dtype for t in fused] == [t.dtype for t in plain]


def test_the_source_is_the_rule_of_the_sums() -> None:
    x, W, b = layer()
    a = F.leaky_relu(F.linear(x, W, b), 0.2) + 1
    assert repr(a.array.chain) == "<Chain of linear, leaky_relu, add>"
    assert a.array.chain.source() == (
        "def rule(t0, s0, s1, s2):\n"
        "    t1 = float32(leaky_relu1(t0, s0))\n"
        "    t2 = float32(add2(t1, s1))\n"
        "    return t2"
    )


def test_no_kernel_that_can_have_an_epilogue_is_contracted() -> None:
    x, W, b = layer()
    bits(F.linear(x, W, b).relu())
    found = [kernel for kernel in launch.made if kernel.name.startswith(("matmul_float", "matmul_gather_float"))]
    assert any("relu" in kernel.name for kernel in found)
    assert not any(kernel.contract for kernel in found)


# -- hazards --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.fill_(9),
        lambda t: t.add_(1),
        lambda t: t.copy_(t * 3 + 1),
        lambda t: t[1:].mul_(2),
        lambda t: mg.cuda.graph(lambda: t.add_(1)),
    ],
)
def test_an_operand_that_is_changed_afterwards(which: int, change: Callable[[mg.Tensor], object]) -> None:
    given = layer()
    want = bits(one_by_one(lambda: F.linear(*given).relu()))
    a = F.linear(*given).relu()
    assert is_pending(a)
    change(given[which])
    assert bits(a) == want


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_operand_that_another_thread_changes(which: int) -> None:
    given = layer()
    want = bits(one_by_one(lambda: F.linear(*given).relu()))
    a = F.linear(*given).relu()

    def change() -> None:
        given[which].mul_(mg.ones(1, device="cuda") * 2)  # the last step of a chain

    with ThreadPoolExecutor(1) as pool:
        pool.submit(change).result()
    assert bits(a) == want


def test_an_operand_over_which_the_result_is_written() -> None:
    x, W, b = rand(17, 7), rand(7, 7, seed=1), rand(7, seed=2)
    wanted = F.linear(x.cpu(), W.cpu(), b.cpu()).relu().tolist()
    same = bits(one_by_one(lambda: F.linear(x, W, b).relu()))
    rows = x[1:]
    x.copy_(F.linear(x, W, b).relu())
    assert (bits(x), bits(rows)) == (same, same[7 * 4 :])
    np.testing.assert_allclose(x.tolist(), wanted, rtol=1e-5, atol=1e-6)
    g = rand(17, 7, seed=4)
    want = bits(one_by_one(lambda: W - 0.1 * (g.T @ x)))
    _, count = counted(lambda: W.sub_(0.1 * (g.T @ x)))
    assert (count, bits(W)) == (2, want)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_another_library_may_write_into_what_it_was_shown(which: int) -> None:
    given = layer()
    want = bits(one_by_one(lambda: F.linear(*given).relu()))
    a = F.linear(*given).relu()
    given[which].data_ptr()
    assert not is_pending(a)
    assert bits(a) == want
    assert not is_pending(F.linear(*given))  # from here on, nothing is put off that reads it


def test_operands_that_are_let_go_are_held_until_the_launch() -> None:
    x, W, b = layer()
    with mg.no_grad():
        want = bits(one_by_one(lambda: F.linear(*layer()).relu()))
        a = F.linear(x, W, b).relu()
    del x, W, b
    taken = [mg.empty(5, 7, device="cuda") for _ in range(4)]
    assert is_pending(a)
    for t in taken:
        t.fill_(7)
    assert bits(a) == want


def test_operands_that_are_pending_are_computed_before() -> None:
    x, W, b = layer()
    a, count = counted(lambda: F.linear(x * 2 + 1, W * 0.5, b - 1).relu())
    assert (count, bits(a)) == (4, bits(one_by_one(lambda: F.linear(x * 2 + 1, W * 0.5, b - 1).relu())))
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(lambda: b - 1).result()
    assert is_pending(theirs)
    assert bits(F.linear(x * 2 + 1, W * 0.5, theirs).relu()) == bits(a)


def test_a_product_belongs_to_the_stream_on_which_it_was_called() -> None:
    (x, W, b), side = layer(), mg.cuda.Stream()
    want = bits(one_by_one(lambda: F.linear(x, W, b).relu()))
    with mg.cuda.stream(side):
        a = F.linear(x, W, b).relu()
        assert a.array.chain.stream == side.handle
    assert not is_pending(a)
    assert (a.array.memory.block.stream, bits(a)) == (side.handle, want)


def test_a_graph_repeats_it() -> None:
    x, W, b = layer()
    repeat = mg.cuda.graph(lambda x: F.linear(x, W, b).relu(), x, warmup=2)
    for seed in (5, 6):
        new = rand(5, 6, seed=seed)
        assert bits(repeat(new)) == bits(one_by_one(lambda new=new: F.linear(new, W, b).relu()))


def test_out_of_memory_is_told_and_the_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    x, W, b = layer()
    want = bits(one_by_one(lambda: F.linear(x, W, b).relu()))
    a = F.linear(x, W, b).relu()
    with monkeypatch.context() as patched:
        fill_memory(patched)
        with pytest.raises(mg.cuda.OutOfMemoryError, match="no room for"):
            a.cpu()
    with pytest.raises(RuntimeError, match="by <Chain of linear, relu>, which has failed: OutOfMemoryError"):
        a.cpu()
    assert bits(F.linear(x, W, b).relu()) == want


def test_a_failed_launch_is_told_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    x, W, b = layer()
    want = bits(one_by_one(lambda: F.linear(x, W, b).relu()))
    a = F.linear(x, W, b).relu()
    with monkeypatch.context() as patched:
        patched.setattr(
            launch.Kernel, "start", lambda *_: (_ for _ in ()).throw(ValueError("no such instruction"))
        )
        with pytest.raises(ValueError, match="no such instruction"):
            mg.cuda.synchronize()
    with pytest.raises(RuntimeError, match="which has failed: ValueError: no such instruction"):
        a.tolist()
    assert bits(F.linear(x, W, b).relu()) == want


def test_a_step_of_a_chain_may_be_written_over_what_the_product_has_read() -> None:
    x, W = rand(6, 6), rand(6, 6, seed=1)
    want = bits(one_by_one(lambda: x + (x @ W) * 2))
    x += (x @ W) * 2
    assert bits(x) == want
