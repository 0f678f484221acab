"""Tensors on a GPU (the simulator's, where there is none): where they are, what moves, and what does not."""

from __future__ import annotations

import copy
import ctypes
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels.cuda.device import driver
from minigrad.nn import functional as F

X = mg.tensor([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]])


# -- where they are -------------------------------------------------------------------------------------------


def test_memory_that_another_device_still_reads_is_not_used_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream that gave the memory waits for the copy, which is on a stream of the other device."""
    x, found = X.cuda(), driver()
    told: list[tuple[str, int]] = []
    for name in ("copy", "record", "wait"):
        function = getattr(found, name)

        def call(device: int, *rest: int, name: str = name, function: Callable[..., None] = function) -> None:
            told.append((name, device))
            function(device, *rest)

        monkeypatch.setattr(found, name, call)
    assert mg.equal(x.to("cuda:1").cpu(), X)
    assert told == [("copy", 1), ("record", 1), ("wait", 0)]


def test_the_driver_gets_the_handles_of_events_back(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(driver(), "end_event", lambda device, event: given.append(event))
    event = mg.cuda.Event()
    del event  # it was never recorded
    event = mg.cuda.Event()
    event.record()
    assert event.place is not None
    handle = event.place[1]
    assert given == []
    del event
    assert given == [handle]


def test_a_tensor_goes_there_and_back() -> None:
    x = X.cuda()
    assert (x.device, x.cpu().device, x.to("cpu").to("cuda:1").device) == ("cuda:0", "cpu", "cuda:1")
    assert mg.equal(x.cpu(), X)
    assert x.cuda() is x
    assert x.to(mg.float64, "cpu").dtype == mg.float64
    assert x.to(mg.zeros(1, dtype="float64")).device == "cpu"
    there = X.to(device="cuda", dtype=mg.float64, non_blocking=True)
    assert (there.device, there.dtype, there.to(dtype=mg.float32).device) == ("cuda:0", mg.float64, "cuda:0")
    assert x.to(device="cuda", copy=True) is not x
    assert nn.Linear(2, 1).to(device="cuda", non_blocking=True).weight.device == "cuda:0"


def test_a_deep_copy_is_in_memory_of_its_own_on_the_same_device() -> None:
    net = nn.Linear(2, 1, device="cuda")
    net.tied = net.weight
    net(mg.ones(1, 2, device="cuda")).sum().backward()
    twin = copy.deepcopy(net)
    assert (twin.weight.device, twin.weight.grad.tolist()) == ("cuda:0", [[1.0, 1.0]])
    assert twin.tied is twin.weight
    with mg.no_grad():
        twin.weight.zero_()
    assert net.weight.abs().min().item() > 0


def test_a_device_is_its_whole_name() -> None:
    assert [mg.device("cuda"), mg.device("cuda:1"), mg.device("cuda", 1)] == ["cuda:0", "cuda:1", "cuda:1"]
    assert mg.ones(2, device=mg.device("cuda")).device == mg.device("cuda")
    with pytest.raises(ValueError, match="there is no device 'gpu:2'"):
        mg.device("gpu", 2)


def test_creation_and_random_functions_take_a_device() -> None:
    made = [
        mg.tensor([1.0], device="cuda"), mg.zeros(2, device="cuda"), mg.full((2,), 3.0, device="cuda"),
        mg.arange(3, device="cuda"), mg.eye(2, device="cuda"), mg.empty(2, device="cuda"),
        mg.linspace(0, 1, 3, device="cuda"), mg.rand(2, device="cuda"), mg.randn(2, device="cuda"),
        mg.randint(5, size=(2,), device="cuda"), mg.randperm(3, device="cuda"), mg.ones_like(X.cuda()),
        mg.rand_like(X.cuda()), mg.empty_like(X.cuda()), mg.as_tensor([1.0], device="cuda"),
        X.cuda().new_zeros(2), X.cuda().new_tensor([1.0]), X.new_ones(2, device="cuda"),
    ]  # fmt: skip
    assert {t.device for t in made} == {"cuda:0"}
    assert made[2].tolist() == [3.0, 3.0]


def test_the_same_seed_gives_the_same_numbers_on_both() -> None:
    both = []
    for device in ("cpu", "cuda"):
        mg.manual_seed(3)
        both.append((mg.randn(5, device=device), F.dropout(mg.ones(40, device=device), 0.3)))
    for a, b in zip(*both, strict=True):
        assert mg.equal(a, b.cpu())


def test_it_prints_its_device() -> None:
    assert repr(mg.ones(2, device="cuda")) == "tensor([1., 1.], device='cuda:0')"


def test_numpy_says_to_copy_first() -> None:
    with pytest.raises(
        TypeError, match=r"numpy\(\) needs a tensor on the CPU, this one is on cuda:0: use t.cpu\(\)"
    ):
        X.cuda().numpy()
    with pytest.raises(TypeError, match="needs a tensor on the CPU"):
        np.asarray(X.cuda())
    assert np.array_equal(X.cuda().numpy(force=True), X.numpy())


def test_operands_on_two_devices_are_refused() -> None:
    with pytest.raises(RuntimeError, match=r"Add: its operands are on different devices, \(2, 3\) on cuda:0, "):
        X.cuda() + X
    with pytest.raises(RuntimeError, match="on different devices"):
        X.cuda() + X.to("cuda:1")
    with pytest.raises(RuntimeError, match="on different devices"):
        F.linear(X.cuda(), mg.ones(2, 3))


def test_a_number_is_at_home_everywhere() -> None:
    x = X.cuda()
    assert mg.equal((2 * x + mg.tensor(1.0)).cpu(), 2 * X + 1)
    with pytest.raises(RuntimeError, match="on different devices"):  # its gradient would have to move
        x * mg.tensor(2.0, requires_grad=True)


def test_gradients_flow_through_a_move() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    (x.cuda() ** 2).sum().backward()
    assert x.grad is not None
    assert (x.grad.device, x.grad.tolist()) == ("cpu", [2.0, 4.0])


def test_devices_that_there_are_not() -> None:
    with pytest.raises(ValueError, match="there is no device 'cuda:7': this machine has 2, numbered from 0"):
        mg.ones(1, device="cuda:7")
    with pytest.raises(ValueError, match="there is no device 'gpu'"):
        X.to("gpu")


# -- changes in place and indices -----------------------------------------------------------------------------


def test_changes_in_place_are_seen_by_views_and_gradients() -> None:
    for device in ("cpu", "cuda"):
        base = X.to(device).clone().requires_grad_()
        x = base * 1
        x[0] *= 2
        x[:, 1] = 7.0
        x.add_(1.0)
        x.sum().backward()
        assert base.grad is not None
        assert x.tolist() == [[3.0, 8.0, 7.0], [1.5, 8.0, 0.0]]
        assert base.grad.tolist() == [[2.0, 0.0, 2.0], [1.0, 0.0, 1.0]]


def test_an_index_out_of_range_is_told_when_the_device_is_waited_for() -> None:
    table = mg.ones(4, 2, device="cuda")
    F.embedding(mg.tensor([1, 9], device="cuda"), table)
    with pytest.raises(IndexError, match="index 9 is out of range for a size of 4, on cuda:0, in one of"):
        mg.cuda.synchronize()
    mg.cuda.synchronize()  # told once
    assert table.sum().item() == 8


def test_an_index_on_the_cpu_is_refused_at_once() -> None:
    with pytest.raises(IndexError, match="index: 5 is out of range for dim 0, of size 2"):
        X.cuda()[mg.tensor([5])]


def test_what_an_operation_of_the_users_own_gives_to_kernels_is_checked() -> None:
    class Doubled(mg.Op):
        """y = 2 x"""

        def forward(self, kernels: Any, x: Any) -> Any:
            return kernels.mul(x, self.by)

    def doubled(by: Any) -> mg.Tensor:
        op = Doubled()
        op.by = by
        return mg.record(op, X.cuda())

    assert doubled(2).tolist() == (X * 2).tolist()
    with pytest.raises(ValueError, match=r"kernels.mul: x \(2, 3\), y \(4,\) do not broadcast"):
        doubled(mg.ones(4).cuda().array)
    with pytest.raises(
        RuntimeError, match=r"kernels.mul: its arrays are on different devices, x on cuda:0, y on cpu"
    ):
        doubled(np.ones(3, np.float32))


def test_places_named_by_an_array_are_changed_in_place() -> None:
    for device in ("cpu", "cuda"):
        x = mg.zeros(4, device=device)
        x[mg.tensor([1, -1], device=device)] = 3.0
        x[mg.tensor([True, False, False, False], device=device)] = mg.tensor(5, device=device)
        assert x.tolist() == [5.0, 3.0, 0.0, 3.0]


def test_what_no_integer_can_be_becomes_some_integer() -> None:
    x = mg.tensor([float("nan"), float("inf"), -1e30, 2.5], device="cuda")
    assert x.int().tolist()[3] == x.to(mg.uint8).tolist()[3] == 2  # as for the others, a GPU decides


def test_the_gradient_of_a_weight_is_not_copied() -> None:
    net, x = nn.Linear(3, 2).cuda(), X.cuda()
    for _ in range(2):
        net.zero_grad()
        loss = net(x).sum()
        before = mg.cuda.kernel_launches()
        loss.backward()
    assert mg.cuda.kernel_launches() - before == 4  # the 1 from which it starts, dW, db, and dz whole for db


# -- models ---------------------------------------------------------------------------------------------------


def train(device: str, steps: int = 3, optimizer: str = "Adam") -> tuple[nn.Module, list[float]]:
    """A small classifier, from the same start and on the same data wherever it is."""
    mg.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.LayerNorm(9), nn.Dropout(0.2), nn.Linear(9, 3)).to(device)
    step = getattr(mg.optim, optimizer)(net.parameters(), lr=0.05)
    x, y = mg.randn(8, 6, device=device), mg.randint(3, size=(8,), device=device)
    losses = []
    for _ in range(steps):
        step.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        step.step()
        losses.append(loss.item())
    return net, losses


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam"])
def test_training_gives_what_it_gives_on_the_cpu(optimizer: str) -> None:
    (here, losses), (there, other) = train("cpu", optimizer=optimizer), train("cuda", optimizer=optimizer)
    np.testing.assert_allclose(other, losses, rtol=1e-5)
    for p, q in zip(here.parameters(), there.parameters(), strict=True):
        assert q.device == "cuda:0"
        np.testing.assert_allclose(q.detach().cpu().numpy(), p.detach().numpy(), rtol=1e-3, atol=1e-5)


def test_a_step_after_the_first_asks_the_driver_for_no_memory() -> None:
    train("cuda", 2)
    before = driver().allocations
    train("cuda", 3)
    assert driver().allocations == before


def test_a_state_goes_from_one_device_to_the_other() -> None:
    net = nn.Linear(3, 2).cuda()
    twin = nn.Linear(3, 2)
    twin.load_state_dict(net.state_dict())
    assert mg.equal(twin.weight.detach(), net.weight.detach().cpu())
    assert net.cpu().weight.device == "cpu"


def test_a_gradient_left_behind_is_refused() -> None:
    p = nn.Parameter(mg.ones(2))
    step = mg.optim.SGD([p], lr=0.1)
    p.grad = mg.ones(2, device="cuda")
    with pytest.raises(RuntimeError, match="SGD: a parameter is on cpu, its gradient on cuda:0"):
        step.step()


# -- mg.cuda --------------------------------------------------------------------------------------------------


def test_what_there_is_to_say_about_the_devices() -> None:
    assert mg.cuda.is_available()
    assert (mg.cuda.missing(), mg.cuda.device_count(), mg.cuda.current_device()) == (None, 2, 0)
    assert mg.cuda.get_device_name() == "Numba's CUDA simulator"
    mg.cuda.set_device(1)
    assert mg.ones(1, device="cuda").device == "cuda:1"
    mg.cuda.set_device("cuda:0")


def test_memory_is_counted() -> None:
    before = mg.cuda.memory_allocated()
    x = mg.zeros(1000, device="cuda")
    assert mg.cuda.memory_allocated() == before + 4096
    assert mg.cuda.max_memory_allocated() >= before + 4096
    del x
    assert mg.cuda.memory_allocated() == before <= mg.cuda.memory_reserved()
    assert "asked of the driver" in mg.cuda.memory_summary()


def test_out_of_memory_leaves_the_process_usable() -> None:
    with pytest.raises(mg.cuda.OutOfMemoryError, match=r"no room for 4\.0 GiB"):
        mg.zeros(1 << 30, device="cuda")
    assert mg.ones(2, device="cuda").sum().item() == 2


def test_streams_and_events() -> None:
    side = mg.cuda.Stream()
    start, end = mg.cuda.Event(enable_timing=True), mg.cuda.Event(enable_timing=True)
    start.record()
    with mg.cuda.stream(side):
        x = X.cuda() * 2
    end.record(side)
    mg.cuda.current_stream().wait_stream(side)
    assert mg.equal(x.cpu(), 2 * X)
    assert start.elapsed_time(end) >= 0
    assert side.query()


def test_a_graph_repeats_a_training_step() -> None:
    mg.manual_seed(1)
    nets = [nn.Linear(4, 2).cuda() for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    steps = [mg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9) for net in nets]
    batches = [(mg.randn(5, 4, device="cuda"), mg.randn(5, 2, device="cuda")) for _ in range(3)]

    def step_of(k: int, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
        steps[k].zero_grad()
        loss = ((nets[k](x) - y) ** 2).mean()
        loss.backward()
        steps[k].step()
        return loss.detach()

    captured = mg.cuda.graph(lambda x, y: step_of(1, x, y), *batches[0])
    for _ in range(2):  # as the capture did to warm up
        step_of(0, *batches[0])
    for batch in batches:
        np.testing.assert_allclose(captured(*batch).item(), step_of(0, *batch).item(), rtol=1e-5)
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        np.testing.assert_allclose(q.tolist(), p.tolist(), rtol=1e-5)


def test_what_a_graph_could_not_repeat_is_refused() -> None:
    x = X.cuda()
    with pytest.raises(RuntimeError, match="copies to the host"):
        mg.cuda.graph(lambda t: t.sum().item(), x)
    with pytest.raises(ValueError, match="was captured with inputs"):
        mg.cuda.graph(lambda t: t * 2, x)(mg.ones(3, device="cuda"))
    assert (x * 2).sum().item() == 3


def test_the_memory_interface_names_address_strides_and_dtype() -> None:
    x = X.cuda()[:, 1:]
    told = x.array.__cuda_array_interface__
    assert (told["shape"], told["typestr"], told["strides"]) == ((2, 2), "<f4", (12, 4))
    assert told["data"] == (x.data_ptr(), False)


def test_memory_of_another_library_is_shared_and_not_copied() -> None:
    mine = mg.arange(6, device="cuda").reshape(2, 3)

    class Theirs:
        __cuda_array_interface__ = mine.T.array.__cuda_array_interface__

        def __dlpack__(self) -> None: ...

    theirs = mg.from_dlpack(Theirs())
    assert theirs.tolist() == [[0, 3], [1, 4], [2, 5]]
    mine[0, 0] = 7
    assert theirs[0, 0].item() == 7


def test_dlpack_says_where_the_memory_is_and_holds_it_until_it_is_let_go() -> None:
    from minigrad.kernels.cuda.exchange import Managed, capsules, held

    x = mg.arange(6, dtype="float32", device="cuda").reshape(2, 3).T
    assert x.__dlpack_device__() == (2, 0)
    capsule = x.__dlpack__(stream=1)
    address = capsules().PyCapsule_GetPointer(id(capsule), b"dltensor")
    view = Managed.from_address(address).view
    assert (view.data, view.device_type, view.device_id, view.ndim) == (x.data_ptr(), 2, 0, 2)
    assert (view.code, view.bits, view.lanes, view.byte_offset) == (2, 32, 1, 0)
    assert (view.shape[:2], view.strides[:2]) == ([3, 2], [1, 3])
    before = mg.cuda.memory_allocated()
    del x
    gc.collect()
    assert (address in held, mg.cuda.memory_allocated()) == (True, before)
    Managed.from_address(address).deleter(address)  # as the other library does
    assert (address in held, mg.cuda.memory_allocated()) == (False, before - 512)
    ctypes.pythonapi.PyCapsule_SetName(ctypes.py_object(capsule), b"used_dltensor")


def test_a_capsule_that_nobody_takes_lets_go() -> None:
    from minigrad.kernels.cuda.exchange import held

    count = len(held)
    capsule = mg.ones(3, device="cuda").__dlpack__()
    assert len(held) == count + 1
    del capsule
    assert len(held) == count


RECURRENT = [nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell]


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layers_start_from_zeros_on_the_device(kind: type[nn.Module]) -> None:
    layer, x = kind(3, 2), mg.randn(2, 3)
    want, found = layer(x), layer.cuda()(x.cuda())
    for a, b in zip(flat(want), flat(found), strict=True):
        assert b.device == "cuda:0"
        np.testing.assert_allclose(b.detach().cpu().numpy(), a.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_masks_of_attention_work_on_the_device() -> None:
    q, mask = mg.randn(1, 2, 2), mg.tensor([[True, False], [True, True]])
    want = F.scaled_dot_product_attention(q, q, q, attn_mask=mask)
    found = F.scaled_dot_product_attention(q.cuda(), q.cuda(), q.cuda(), attn_mask=mask.cuda())
    np.testing.assert_allclose(found.cpu().numpy(), want.numpy(), rtol=1e-5, atol=1e-6)


def flat(found: Any) -> list[mg.Tensor]:
    """The tensors of a result, which may hold others."""
    return [found] if isinstance(found, mg.Tensor) else [t for part in found for t in flat(part)]
