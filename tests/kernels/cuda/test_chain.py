"""Chains of elementwise work: one launch, the bits of one launch for each function, and every hazard by name."""

from __future__ import annotations

import gc
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from chains import bits, counted, fill_memory, is_pending, launches, one_by_one, rand
from minigrad import nn
from minigrad.kernels.cuda import chain, device, launch
from minigrad.kernels.cuda.exchange import held
from minigrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("at_sight")


# -- one launch -----------------------------------------------------------------------------------------------


def test_a_chain_is_one_launch_once_it_was_met_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "PATIENCE", 1)
    monkeypatch.setattr(chain, "_met", {})
    monkeypatch.setattr(chain, "_plans", {})
    x = rand(5, 7)
    want = x.cpu().mul(2).add(1).relu()
    for expected in (3, 1, 1):
        y, count = counted(lambda: x.mul(2).add(1).relu())
        assert (count, bits(y)) == (expected, bits(want))


COMPOSITIONS: dict[str, Callable[..., mg.Tensor]] = {
    "affine": lambda x, m, s, b: (x - m) * s + b,
    "gelu": lambda x, *_: 0.5 * x * (1 + ((x + 0.044715 * x * x * x) * 0.7978845608).tanh()),
    "silu": lambda x, *_: x / (1 + (-x).exp()),
    "choice": lambda x, m, s, b: mg.where(x > 0, x.exp() - 1, x * s).clamp(-1, 3),
}


@pytest.mark.parametrize("name", COMPOSITIONS)
@pytest.mark.parametrize("shape", [(7, 10), (1,), (33,), (3, 4, 5)], ids=str)
def test_a_function_written_out_is_one_launch(name: str, shape: tuple[int, ...]) -> None:
    operands = rand(*shape), rand(*shape[-1:], seed=1), rand(*shape[:-1], 1, seed=2), rand(seed=3)
    with mg.no_grad():
        y, count = counted(lambda: COMPOSITIONS[name](*operands))
        assert count == 1
        assert bits(y) == bits(one_by_one(lambda: COMPOSITIONS[name](*operands)))
    np.testing.assert_allclose(y.tolist(), COMPOSITIONS[name](*(t.cpu() for t in operands)).tolist(), rtol=2e-5)


def test_strided_operands_are_read_where_they_are() -> None:
    x, y = rand(6, 8)[1::2, ::-3], rand(3, 3, seed=1).T
    found, count = counted(lambda: (x * y).exp() - x)
    assert (count, bits(found)) == (1, bits(one_by_one(lambda: (x * y).exp() - x)))


def test_a_chain_is_launched_as_one_before_if_its_arrays_lie_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: dict[object, tuple[object, ...]] = {}
    monkeypatch.setattr(chain, "_plans", plans)

    def together() -> int:
        return sum(plan[0] is chain.Chain._start_all for plan in plans.values())

    given = [
        lambda k: rand(4, 8, seed=k),
        lambda k: rand(4, 9, seed=k)[:, 1:],
        lambda k: rand(8, 4, seed=k).T,
        lambda k: rand(33, seed=k)[1:].view(4, 8),
        lambda k: rand(2, 16, seed=k),
        lambda k: rand(4, 1, seed=k).expand(4, 8),
        lambda k: rand(4, 8, seed=k, dtype="float64"),
        lambda k: rand(4, 8, seed=k).to("cuda:1"),
    ]
    for count, make in enumerate(given, 1):
        for k in range(2):
            x = make(k)
            found = bits(x * 2 + k)  # an assert would hold what is between
            assert found == bits(x.cpu() * 2 + k)
        assert together() == count
    x = rand(4, 8)
    z = x * 2
    assert (bits(z + 1), bits(z)) == (bits(x.cpu() * 2 + 1), bits(x.cpu() * 2))  # z is held
    assert together() == len(given) + 1


def test_more_than_fits_into_one_chain_is_several() -> None:
    x = rand(9)

    def long() -> mg.Tensor:
        y = x
        for k in range(2 * chain.STEPS + 1):
            y = y * 0.5 + k
        return y

    found, count = counted(long)
    assert (count, bits(found)) == (5, bits(one_by_one(long)))
    many = [rand(9, seed=k) for k in range(2 * chain.ARRAYS - 1)]
    total, count = counted(lambda: sum(many[1:], many[0]))
    assert (count, bits(total)) == (2, bits(one_by_one(lambda: sum(many[1:], many[0]))))


def test_without_fusing_every_function_is_a_launch() -> None:
    x = rand(4)
    with mg.cuda.fuse(False):
        y, count = counted(lambda: x.mul(2).add(1).relu())
        assert (count, is_pending(y)) == (3, False)
    assert is_pending(x * 2)


def test_the_source_of_a_kernel_is_what_the_docstring_shows() -> None:
    y = rand(4).mul(2).add(1).relu()
    text = y.array.chain.source()
    for line in (
        "def kernel(out2, x0, s0, s1, n):",
        "va0, vb0, vc0, vd0 = load4(x0, i)",
        "ta1, tb1, tc1, td1 = float32(add1(ta0, s1)), float32(add1(tb0, s1)), ",
        "store4(out2, i, ta2, tb2, tc2, td2)",
        "t2 = float32(relu2(t1))",
    ):
        assert line in text
    for line in (chain.__doc__ or "").split("\n"):
        assert not line.startswith("    ") or line.split("...")[0].strip() in text
    assert repr(y.array.chain) == "<Chain of mul, add, relu>"
    y = rand(3, 4) * rand(4)
    assert "x1[i0 * x1_0 + i1 * x1_1]" in (y + 1).array.chain.source()


# -- who is written, and memory -------------------------------------------------------------------------------


def test_what_somebody_holds_is_written_and_the_rest_has_no_memory() -> None:
    x = rand(1000)
    before = mg.cuda.memory_allocated()
    z = x * 2
    a = (z + 1).relu()
    count = launches()
    assert mg.cuda.memory_allocated() == before + 2 * 4096
    assert launches() == count
    assert (bits(z), bits(a)) == (bits(x.cpu() * 2), bits((x.cpu() * 2 + 1).relu()))


def test_what_nobody_holds_is_not_computed() -> None:
    x = rand(10)
    y, count = counted(lambda: x.exp().sin().cos())
    del y
    assert count == 1
    before = launches()
    x.exp().sin()
    assert launches() == before


def test_memory_taken_before_a_chain_runs_is_not_what_it_reads_or_writes() -> None:
    x = rand(1000)
    want = bits(x.cpu() * 2 + 1)
    y = x * 2 + 1
    del x  # the chain holds it
    gc.collect()
    taken = [mg.empty(1000, device="cuda") for _ in range(4)]  # no launch: the chain still waits
    assert is_pending(y)
    addresses = {t.array.address for t in taken}
    assert y.array.chain.arrays and not addresses & {x.address for x in y.array.chain.arrays}
    for t in taken:
        t.fill_(7)
    assert bits(y) == want
    assert y.array.address not in addresses


def test_out_of_memory_in_a_chain_is_told_and_the_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rand(1 << 10)
    y = x * 2 + 1
    with monkeypatch.context() as patched:
        fill_memory(patched)
        with pytest.raises(mg.cuda.OutOfMemoryError, match="no room for"):
            y.cpu()
    with pytest.raises(
        RuntimeError, match="by <Chain of mul, add>, which has failed: OutOfMemoryError: cuda:0 has"
    ):
        y.cpu()
    with pytest.raises(RuntimeError, match="has failed"):
        y + 1
    assert bits(x * 2 + 1) == bits(x.cpu() * 2 + 1)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Sets how many bytes more tensors may take."""
    mg.cuda.synchronize()
    memory, limit = device.device(0).memory, [1 << 60]
    take = memory.take

    def scarce(size: int, stream: int) -> object:
        if memory.allocated + size > limit[0]:
            raise mg.cuda.OutOfMemoryError("no room")
        return take(size, stream)

    monkeypatch.setattr(memory, "take", scarce)
    yield lambda more: limit.__setitem__(0, memory.allocated + more)


def test_what_a_chain_alone_holds_is_let_go_before_memory_is_short(room: Callable[[int], None]) -> None:
    x = rand(1000)
    x * 2 + 1  # whose result nobody holds
    room(0)
    del x
    assert mg.empty(1000, device="cuda").numel() == 1000


def test_a_chain_that_has_no_room_at_once_runs_one_by_one(room: Callable[[int], None]) -> None:
    x, y = rand(1000), rand(1000, seed=1)
    want = x.cpu() * 2, x.cpu() * 2 + y.cpu()
    z = x * 2
    a = z + y
    room(4096)
    del x, y  # as nobody else holds x, z + y can be where it was
    assert (bits(z), bits(a)) == tuple(map(bits, want))


# -- the same bits --------------------------------------------------------------------------------------------

STEPS: list[Callable[[mg.Tensor, mg.Tensor], mg.Tensor]] = [
    lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x - 2.5, lambda x, y: x / y, lambda x, y: (-x).exp(),
    lambda x, y: x.relu(), lambda x, y: x.sigmoid(), lambda x, y: mg.maximum(x, y), lambda x, y: (x > y).float(),
    lambda x, y: mg.where(x > 0, y, x), lambda x, y: x.double().sqrt().float(), lambda x, y: (x * 7).int() / 3,
    lambda x, y: x.pow(2), lambda x, y: x.isnan().logical_not() * y, lambda x, y: x.clone(),
    lambda x, y: (x * 300).to(mg.uint8).float(), lambda x, y: x.lerp(y, 0.3), lambda x, y: F.gelu(y),
]  # fmt: skip
OPERANDS = [(3, 5), (5,), (3, 1), (), (1, 1)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, len(OPERANDS) - 1)), min_size=1, max_size=24
    ),
    st.sets(st.integers(0, 24)),
)
def test_a_chain_gives_the_bits_of_its_functions_one_by_one(plan: list[tuple[int, int]], kept: set[int]) -> None:
    operands = [rand(*shape, seed=k) for k, shape in enumerate(OPERANDS)]
    operands[1].copy_(mg.tensor([0.0, -0.0, float("inf"), float("nan"), -1e30]))

    def run() -> list[mg.Tensor]:
        y, found = operands[0], []
        for place, (which, operand) in enumerate(plan):
            y = STEPS[which](y, operands[operand])
            if place in kept:
                found.append(y)
        return [*found, y]

    fused = run()
    with mg.cuda.fuse(False):
        plain = run()
    assert [bits(t) for t in fused] == [bits(t) for t in plain]
    assert [t.dtype for t in fused] == [t.dtype for t in plain]


def test_values_between_steps_have_the_dtype_that_memory_would_give_them() -> None:
    x = mg.tensor([100, 200, 255, 3], dtype=mg.uint8, device="cuda")
    y, count = counted(lambda: (x + x) * x)  # 8 bits wrap around after each step
    assert (count, y.tolist()) == (1, ((x.cpu() + x.cpu()) * x.cpu()).tolist())


def test_elementwise_kernels_are_not_contracted() -> None:
    (rand(8) * 2).tolist()
    (rand(8) * 2 + 1).tolist()
    names = {name: kernel.contract for kernel in launch.made for name in [kernel.name.split("_")[0]]}
    assert not names["mul"]
    assert not any(found for name, found in names.items() if name.startswith("chain"))


def test_backward_through_a_chain() -> None:
    def gradients() -> list[mg.Tensor]:
        x, w = rand(4, 6).requires_grad_(), rand(6, seed=1).requires_grad_()
        y = (0.5 * x * (1 + (w * x).tanh())).exp()
        return list(mg.grad((y * y).sum(), [x, w], create_graph=True))

    fused = gradients()
    assert [bits(t) for t in fused] == [bits(t) for t in gradients()]
    with mg.cuda.fuse(False):
        assert [bits(t) for t in fused] == [bits(t) for t in gradients()]


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_a_training_step_is_the_same_in_fewer_launches(optimizer: str) -> None:
    def train() -> tuple[list[bytes], int]:
        mg.manual_seed(0)
        net = nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.LayerNorm(9), nn.Linear(9, 3)).cuda()
        step = getattr(mg.optim, optimizer)(net.parameters(), lr=0.05)
        x, y = mg.randn(8, 6, device="cuda"), mg.randn(8, 3, device="cuda")
        before = launches()
        for _ in range(3):
            step.zero_grad()
            ((net(x) - y) ** 2).mean().backward()
            step.step()
        return [bits(p) for p in net.parameters()], launches() - before

    fused, count = train()
    with mg.cuda.fuse(False):
        plain, more = train()
    assert fused == plain
    assert count < more


def test_an_optimiser_takes_a_pending_gradient() -> None:
    p, x = mg.ones(5, device="cuda", requires_grad=True), rand(5)
    p.grad = x * 2 + 1
    assert is_pending(p.grad)
    mg.optim.SGD([p], lr=0.1).step()
    np.testing.assert_allclose(p.tolist(), 1 - 0.1 * (x.cpu().numpy() * 2 + 1), rtol=1e-6)


def test_an_optimiser_changes_what_a_chain_reads() -> None:
    p = rand(5).requires_grad_()
    p.grad = mg.ones(5, device="cuda")
    want = bits(p.detach().cpu() * 0.9 + 1)
    with mg.no_grad():
        average = p * 0.9 + 1
    mg.optim.SGD([p], lr=0.1).step()
    assert bits(average) == want


# -- changes in place -----------------------------------------------------------------------------------------


def test_a_number_that_is_changed_after_the_chain_was_put_off() -> None:
    x, number = rand(6), mg.tensor(2.0)
    y = x * number
    number.fill_(100)
    assert bits(y) == bits(x.cpu() * 2)


@pytest.mark.parametrize("change", [
    lambda x: x.fill_(9), lambda x: x.add_(1), lambda x: x.view(2, 3).mul_(3),
    lambda x: x.__setitem__(slice(2, 4), 5.0), lambda x: x.copy_(mg.zeros(6)),
    lambda x: x.__setitem__(mg.tensor([1, 1], device="cuda"), 3.0), lambda x: x[::2].sub_(1),
])  # fmt: skip
def test_an_operand_that_is_changed_after_the_chain_was_put_off(change: Callable[[mg.Tensor], object]) -> None:
    x = rand(6)
    want = bits(x.cpu() * 2 + 1)
    y = x * 2 + 1
    assert is_pending(y)
    change(x)
    assert bits(y) == want


def test_a_pending_result_is_changed_in_place() -> None:
    x = rand(6)
    z = x * 2
    y = z + 1
    z.mul_(10)
    z[2:] += 1
    want = x.cpu() * 2 * 10
    want[2:] += 1
    assert (bits(z), bits(y)) == (bits(want), bits(x.cpu() * 2 + 1))


def test_a_chain_that_ends_in_place_is_one_launch_at_once() -> None:
    w, g = rand(7, 3), rand(7, 3, seed=1)
    want = w.cpu() - 0.1 * g.cpu()
    before = launches()
    w -= 0.1 * g
    assert not device.chains()  # nothing is left that a process that ends now would lose
    assert (launches() - before, bits(w)) == (1, bits(want))


def test_what_overlaps_with_the_result_is_not_read_while_it_is_written() -> None:
    for operation in (
        lambda x: x[4:].add_(2 * x[:8]),
        lambda x: x[:8].mul_(x[4:] + x[:8]),
        lambda x: x[::2].add_(x[6:] * 3),
        lambda x: x[1:].add_(2 * x[:-1]),
        lambda x: x.view(3, 4).add_(x[:4] * mg.ones(3, 4, device=x.device)),
        lambda x: x.view(3, 4).add_((x.view(4, 3) * 2).view(3, 4)),
        lambda x: x.view(3, 4).add_(x[:4] + 1),
    ):
        x = rand(12)
        want = x.cpu()
        operation(want)
        operation(x)
        assert bits(x) == bits(want)


def test_in_place_with_another_dtype() -> None:
    x = mg.arange(5, device="cuda")
    b = mg.ones(5, dtype=mg.bool_, device="cuda")
    x += x * 2
    b.copy_(x - 3)
    x[:] = x.float() * 0.5 + 1
    assert (x.tolist(), b.tolist()) == ([1, 2, 4, 5, 7], [True, False, True, True, True])


# -- other libraries ------------------------------------------------------------------------------------------


def test_another_library_may_write_into_what_it_was_shown() -> None:
    for show in (
        lambda x: x.array.__cuda_array_interface__,
        lambda x: x.__dlpack__(),
        lambda x: x.data_ptr(),
    ):
        x = rand(4)
        y = x + 1
        want = bits(x.cpu() + 1)
        seen = show(x)
        assert not is_pending(y)
        assert not is_pending(x + 1)  # from here on, nothing is put off that reads it
        device.driver().upload(0, x.array.address, np.zeros(4, np.float32), 0)  # as the other library does
        assert (bits(y), (x + 1).tolist()) == (want, [1, 1, 1, 1])
        del seen
    assert not held


def test_memory_of_another_library_is_never_an_operand_that_waits() -> None:
    mine = rand(4)

    class Theirs:
        __cuda_array_interface__ = mine.array.__cuda_array_interface__

        def __dlpack__(self) -> None: ...

    theirs = mg.from_dlpack(Theirs())
    y = theirs * 2
    assert not is_pending(y)
    assert is_pending(y + 1)


def test_what_is_shown_has_been_computed() -> None:
    y = rand(4) * 2 + 1
    address = y.array.__cuda_array_interface__["data"][0]
    assert device.driver().bytes_at(address, 16).tobytes() == bits(y)


# -- streams, graphs, faults ----------------------------------------------------------------------------------


def test_two_streams_have_chains_of_their_own() -> None:
    side, x = mg.cuda.Stream(), rand(6)
    y = x * 2
    with mg.cuda.stream(side):
        assert not is_pending(y)  # it was launched where it belongs, before the stream changed
        z = y + 1
        assert z.array.chain.stream == side.handle
    assert not is_pending(z)
    assert z.array.memory.block.stream == side.handle
    assert y.array.memory.block.stream == 0
    assert bits(z) == bits(x.cpu() * 2 + 1)


@pytest.mark.parametrize("ask", [
    lambda side, event: mg.cuda.synchronize(), lambda side, event: side.synchronize(),
    lambda side, event: side.query(), lambda side, event: event.record(), lambda side, event: event.wait(side),
    lambda side, event: mg.cuda.empty_cache(), lambda side, event: mg.cuda.memory_summary(),
])  # fmt: skip
def test_who_asks_how_far_the_device_is_finds_nothing_put_off(
    ask: Callable[[mg.cuda.Stream, mg.cuda.Event], object],
) -> None:
    side, event = mg.cuda.Stream(), mg.cuda.Event()
    event.record()
    y = rand(6) * 2 + 1
    assert is_pending(y)
    ask(side, event)
    assert not is_pending(y)


def test_a_copy_to_another_device_waits_for_the_chain() -> None:
    x = rand(6)
    y = (x * 2 + 1).to("cuda:1")
    z = y + 1
    assert z.array.chain.device == 1
    assert bits(z) == bits(x.cpu() * 2 + 1 + 1)


def test_a_graph_repeats_chains() -> None:
    x, total = rand(6), mg.zeros(6, device="cuda")

    def work(x: mg.Tensor) -> mg.Tensor:
        y = x * 2 + 1
        total.add_(y * 3)
        return y.exp() - x  # still put off when the capture ends

    repeat = mg.cuda.graph(work, x, warmup=2)
    started = total.cpu()
    for seed in (1, 2):
        new = rand(6, seed=seed)
        waits = total + 1  # reads what the graph is about to change
        assert is_pending(waits)
        want = bits(total.cpu() + 1)
        found = repeat(new)
        assert bits(waits) == want
        assert bits(found) == bits(one_by_one(lambda new=new: (new * 2 + 1).exp() - new))
        started = started + (new.cpu() * 2 + 1) * 3
        assert bits(total) == bits(started)


def test_a_graph_changes_what_a_chain_reads() -> None:
    total = mg.zeros(6, device="cuda")
    repeat = mg.cuda.graph(lambda: total.add_(1))
    y = total * 2
    repeat()
    assert (y.tolist(), total.tolist()) == ([4.0] * 6, [3.0] * 6)


def test_a_chain_does_not_hide_a_fault() -> None:
    table = mg.ones(4, 2, device="cuda")
    y = F.embedding(mg.tensor([1, 9], device="cuda"), table) * 2 + 1
    with pytest.raises(IndexError, match="index 9 is out of range for a size of 4"):
        y.cpu()
    assert (table * 2).sum().item() == 16


def test_a_kernel_that_cannot_be_compiled_is_told_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rand(6)
    y, z = x * 2 + 1, x  # y has a chain
    with monkeypatch.context() as patched:
        patched.setattr(
            launch.Kernel, "start", lambda *_: (_ for _ in ()).throw(ValueError("no such instruction"))
        )
        with pytest.raises(ValueError, match="no such instruction"):
            mg.cuda.synchronize()
    mg.cuda.synchronize()  # told once
    with pytest.raises(RuntimeError, match="which has failed: ValueError: no such instruction"):
        y.tolist()
    assert bits(z + 1) == bits(x.cpu() + 1)


# -- threads --------------------------------------------------------------------------------------------------


def elsewhere(function: Callable[[], object]) -> object:
    """What the function gives in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_threads_have_chains_of_their_own() -> None:
    x = rand(20)
    wanted = [bits(x.cpu() * k + k) for k in range(8)]
    together = threading.Barrier(8, timeout=30)

    def work(k: int) -> bool:
        found = []
        for _ in range(20):
            together.wait()
            y = x * k
            together.wait()
            mine = y.array.chain
            found.append((y + k).array.chain is mine and bits(y + k) == wanted[k])
        return all(found)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_a_thread_finds_what_another_one_has_put_off() -> None:
    x, asked, answers = rand(6), queue.Queue(), queue.Queue()

    def work() -> None:
        y = x * 2
        answers.put((y, y + 1))
        asked.get(timeout=30)
        answers.put(y + 2)  # its chain was launched by the other thread: a new one begins

    thread = threading.Thread(target=work)
    thread.start()
    y, z = answers.get(timeout=30)
    assert is_pending(z)
    assert bits(z * y) == bits((x.cpu() * 2 + 1) * (x.cpu() * 2))
    asked.put(None)
    thread.join()
    assert bits(answers.get(timeout=30)) == bits(x.cpu() * 2 + 2)


def test_a_thread_changes_what_another_ones_chain_reads() -> None:
    x, pending, changed = rand(6), threading.Event(), threading.Event()
    want = bits(x.cpu() * 2 + 1)

    def work() -> bytes:
        y = x * 2 + 1
        assert is_pending(y)
        pending.set()
        assert changed.wait(30)
        return bits(y)

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(work)
        assert pending.wait(30)
        w = mg.zeros(6, device="cuda") + 5
        x.copy_(w * 2)  # the last step of this thread's chain
        changed.set()
        assert found.result() == want
    assert x.tolist() == [10.0] * 6


def test_a_thread_that_has_ended_leaves_its_results() -> None:
    x = rand(6)
    y = elsewhere(lambda: x * 2 + 1)
    assert isinstance(y, mg.Tensor)
    assert is_pending(y)
    want = bits(x.cpu() * 2 + 1)
    x.fill_(0)
    assert bits(y) == want
    elsewhere(lambda: x * 2 + 1)  # nobody holds what this gives
    gc.collect()
    assert not device.chains()


def test_a_result_of_another_threads_stream_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    x, side, waits = rand(6), mg.cuda.Stream(), []

    def work() -> mg.Tensor:
        device.current.streams[0] = side.handle  # the thread ends inside a `with`
        return x * 2 + 1

    y = elsewhere(work)
    assert isinstance(y, mg.Tensor)
    monkeypatch.setattr(device.driver(), "synchronize", lambda *asked: waits.append(asked))
    z = y * 1
    assert (waits, y.array.memory.block.stream, z.array.chain.stream) == ([(0, side.handle)], side.handle, 0)


def test_waiting_for_the_device_is_waiting_for_all_threads() -> None:
    y = elsewhere(lambda: rand(6) * 2)
    assert isinstance(y, mg.Tensor)
    assert is_pending(y)
    mg.cuda.synchronize()
    assert not is_pending(y)
