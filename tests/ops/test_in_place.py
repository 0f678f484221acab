"""Changes in place: right gradients through them, views and bases that follow each other, or a clear error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.inspect.gradcheck import gradcheck, gradgradcheck
from minigrad.methods import Operations

# Programs on a leaf w of shape (4,), in words that minigrad and PyTorch share. Each changes something in place.


def change_and_use_again(m: Any, w: Any) -> Any:
    x = w * 3
    x.add_(w)
    x.mul_(w)
    return x * x


def change_by_an_operator(m: Any, w: Any) -> Any:
    x = y = w * 2
    x += 1
    x -= w
    x *= w
    x /= 3
    x **= 2
    return x + y


def assign_to_items(m: Any, w: Any) -> Any:
    b = m.zeros(5, dtype=m.float64)
    b[1:] = w
    b[0] = w[1] * 2
    b[-1] = 7.0
    return b * b


def assign_by_arrays(m: Any, w: Any) -> Any:
    x = w * 2
    x[m.tensor([3, 0])] = w[:2] * 3
    x[m.tensor([True, False, False, True])] = 5.0
    return x * w


def change_a_view(m: Any, w: Any) -> Any:
    x = w * 2
    v, u = x[1:3], x.reshape(2, 2)
    v.mul_(10)
    return (u * u).sum() + x[2] * v[0]


def change_a_base(m: Any, w: Any) -> Any:
    x = w * 2
    v = x[1:3]
    x.mul_(5)
    return v * v


def change_an_element(m: Any, w: Any) -> Any:
    x = w * 2
    v = x[1]
    v.mul_(10)
    return x * x


def fill_a_buffer_by_rows(m: Any, w: Any) -> Any:
    b = m.zeros(2, 4, dtype=m.float64)
    row = b[0]
    row.add_(w)
    row *= w
    b[1] = row * 2
    return b * b


def change_a_view_of_a_view(m: Any, w: Any) -> Any:
    x = w * 1
    turned = x.reshape(2, 2).transpose(0, 1)
    turned[1].copy_(w[:2] * 7)
    return x * x + turned.reshape(4)


def overwrite_everything(m: Any, w: Any) -> Any:
    x = w * 2
    y = x * 1
    x.zero_()
    z = w * 5
    z.fill_(3.0)
    return x * w + y + z * w


def copy_with_broadcasting(m: Any, w: Any) -> Any:
    b = m.ones(3, 4, dtype=m.float64)
    b.copy_(w)
    return b * w


PROGRAMS = [
    change_and_use_again, change_by_an_operator, assign_to_items, assign_by_arrays, change_a_view, change_a_base,
    change_an_element, fill_a_buffer_by_rows, change_a_view_of_a_view, overwrite_everything,
    copy_with_broadcasting,
]  # fmt: skip
every_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
START = [1.0, 2.0, 3.0, 4.0]


@every_program
def test_gradients_through_changes_are_the_difference_quotients(program: Callable[..., Any]) -> None:
    w = mg.tensor(START, dtype=mg.float64, requires_grad=True)
    gradcheck(lambda w: program(mg, w), w)
    gradgradcheck(lambda w: program(mg, w), w)


@every_program
def test_values_are_the_same_without_recording(program: Callable[..., Any]) -> None:
    recorded = program(mg, mg.tensor(START, dtype=mg.float64, requires_grad=True))
    with mg.no_grad():
        plain = program(mg, mg.tensor(START, dtype=mg.float64))
    np.testing.assert_array_equal(recorded.array, plain.array)


@pytest.mark.peer
@every_program
def test_peer_gives_the_same_values_and_gradients(program: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for m in (mg, torch):
        w = m.tensor(START, dtype=m.float64, requires_grad=True)
        out = program(m, w)
        out.sum().backward()
        found.append((out.tolist(), w.grad.tolist()))
    assert found[0] == found[1]


# -- beyond what PyTorch allows -------------------------------------------------------------------------------


def test_a_tensor_can_be_multiplied_by_itself_in_place() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    x = w * 3
    x *= x
    x.sum().backward()
    assert w.grad.tolist() == [18, 36]


def test_a_result_that_was_kept_may_be_changed_by_the_very_next_operation() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    x = w * 1
    x.pow_(3)
    x.mul_(2)
    x.sum().backward()
    assert w.grad.tolist() == [6, 24]


# -- every method ---------------------------------------------------------------------------------------------

INDEX = mg.tensor([2, 0])
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys("add_ sub_ mul_ div_ pow_ floor_divide_ remainder_ fmod_".split(), (2.5,)),
    "clamp_": (1.5, 2.5),
    **dict.fromkeys(["clamp_min_", "clamp_max_"], (2.5,)),
    "lerp_": (mg.tensor([4.0, 5.0, 6.0]), 0.25),
    "masked_fill_": (mg.tensor([True, False, True]), 7.0),
    "scatter_": (0, INDEX, mg.tensor([8.0, 9.0])),
    "scatter_add_": (0, INDEX, mg.tensor([8.0, 9.0])),
    "index_add_": (0, INDEX, mg.tensor([8.0, 9.0])),
    "copy_": (mg.tensor([4.0, 5.0, 6.0]),),
    "fill_": (4.0,),
}
METHODS = [name for name in vars(Operations) if name.endswith("_") and not name.startswith("__")]
METHODS = [name for name in METHODS if name not in ("detach_", "fill_diagonal_")]  # tests/ops/test_search.py


def test_operations_that_learners_change_tensors_with_are_there() -> None:
    assert {"add_", "mul_", "zero_", "copy_", "fill_", "clamp_"} <= set(METHODS)
    assert len(METHODS) >= 35


@pytest.mark.parametrize("name", METHODS)
def test_method_gives_what_its_function_gives(name: str) -> None:
    x = mg.tensor([1.0, 2.0, 3.0])
    changed = getattr(x, name)(*ARGUMENTS.get(name, ()))
    assert changed is x
    if name not in ("copy_", "fill_", "normal_", "uniform_", "zero_"):  # which change nothing, but begin anew
        expected = getattr(mg.tensor([1.0, 2.0, 3.0]), name[:-1])(*ARGUMENTS.get(name, ()))
        assert x.tolist() == expected.tolist()
    assert x.version.value == 1


# -- memory and versions --------------------------------------------------------------------------------------


def test_change_writes_into_the_same_memory_and_gives_the_tensor_itself() -> None:
    x = mg.zeros(3)
    array = x.array
    assert x.add_(1) is x
    assert x.array is array
    assert array.tolist() == [1, 1, 1]


def test_plus_equals_changes_every_name_of_the_tensor() -> None:
    x = y = mg.zeros(2)
    x += 1
    assert y.tolist() == [1, 1]


def test_change_keeps_the_dtype() -> None:
    x = mg.ones(2)
    x += mg.ones(2, dtype=mg.float64)
    assert x.dtype == mg.float32
    n = mg.ones(2, dtype=mg.int64)
    n *= 3
    assert n.dtype == mg.int64


def test_parameter_is_updated_in_place_under_no_grad() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    with mg.no_grad():
        w -= 0.5 * w.grad
    assert (w.tolist(), w.is_leaf, w.requires_grad) == ([0, 0], True, True)


def test_retained_gradient_follows_the_tensor() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    x = w * 2
    x.retain_grad()
    x.mul_(3)
    (x * x).sum().backward()
    assert x.grad.tolist() == [12, 24]


def test_hook_sees_the_gradient_of_the_value_it_was_registered_on() -> None:
    w = mg.tensor(2.0, requires_grad=True)
    x = w * 2
    seen = []
    x.register_hook(lambda gradient: seen.append(gradient.item()))
    x.mul_(10)
    x.backward()
    assert seen == [10]


def test_reshape_that_had_to_copy_does_not_follow() -> None:
    w = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    x = w * 1
    copied = x.transpose(0, 1).reshape(4)
    y = copied.exp()
    x.zero_()
    copied.mul_(2)
    (y + copied).sum().backward()
    assert copied.tolist() == [2, 6, 4, 8]
    np.testing.assert_allclose(w.grad.array, np.exp(w.array) + 2, rtol=1e-6)


def test_view_that_nobody_holds_any_more_costs_nothing() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True) * 1
    for _ in range(1000):
        x[0:1]
    assert len(x.version.views) <= 64


# -- errors ---------------------------------------------------------------------------------------------------


def test_older_node_that_needs_the_old_value_is_named_with_both_lines() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True) * 1
    y = x.exp()  # the node
    y.add_(1)  # the change
    text = (
        r"<ExpBackward>, recorded at test_in_place\.py:\d+, 'y = x\.exp\(\)  # the node', needs its y .* "
        r"changed in place since at test_in_place\.py:\d+, 'y\.add_\(1\)  # the change' and is at version 1"
    )
    with pytest.raises(RuntimeError, match=text):
        y.sum().backward()


def under_no_grad(t: mg.Tensor) -> mg.Tensor:
    with mg.no_grad():
        return t[:1]


def in_inference(t: mg.Tensor) -> mg.Tensor:
    with mg.inference_mode():
        return t * 2


def read_only() -> mg.Tensor:
    array = np.zeros(2)
    array.flags.writeable = False
    return mg.from_numpy(array)


LEAF = mg.tensor([1.0, 2.0], requires_grad=True)
NODE = LEAF * 1
MISTAKES: list[tuple[mg.Tensor, Callable[[mg.Tensor], Any], type[Exception], str]] = [
    (LEAF, lambda t: t.add_(1), RuntimeError,
     "add_: a leaf that requires a gradient cannot be changed while operations are recorded: use no_grad()"),
    (LEAF[:1], lambda t: t.zero_(), RuntimeError, "x[key] = value: a view of a leaf that requires a gradient"),
    (under_no_grad(NODE), lambda t: t.mul_(LEAF[:1]), RuntimeError, "mul_: this view was taken under no_grad()"),
    (in_inference(NODE), lambda t: t.add_(1), RuntimeError,
     "add_: a tensor made in inference_mode() is not changed outside it: use a clone()"),
    (mg.ones(1).expand(3), lambda t: t.add_(1), RuntimeError, "add_: this tensor shows one element in several"),
    (read_only(), lambda t: t.add_(1), RuntimeError, "add_: this tensor is read-only: use a clone()"),
    (mg.ones(2), lambda t: t.add_(mg.ones(2, 2)), ValueError,
     "add_: the result of shape (2, 2) does not fit into the shape (2,)"),
    (mg.ones(2, dtype=mg.int64), lambda t: t.mul_(0.5), TypeError,
     "mul_: the result is float32, which does not fit into int64"),
    (mg.ones(2), lambda t: t.fill_(mg.ones(2)), ValueError, "fill_: the value must be a number or a"),
    (mg.ones(2), lambda t: t.copy_(mg.ones(3)), ValueError, "x[key] = v: v of shape (3,) does not broadcast"),
    (mg.ones(2), lambda t: t.__setitem__(5, 1), IndexError, "index: 5 is out of range for dim 0, of size 2"),
    (mg.ones(2), lambda t: t.__setitem__(0, "a"), TypeError, "a tensor is made of numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("t", "mistake", "error", "text"), MISTAKES, ids=[text[:40] for *_, text in MISTAKES])
def test_mistake_is_refused_and_nothing_is_changed(
    t: mg.Tensor, mistake: Callable[[mg.Tensor], Any], error: type[Exception], text: str
) -> None:
    before, version, node = t.tolist(), t.version.value, t.grad_fn
    with pytest.raises(error) as caught:
        mistake(t)
    assert str(caught.value).startswith(text)
    assert (t.tolist(), t.version.value, t.grad_fn) == (before, version, node)


# -- where the gradient might be lost without a word ------------------------------------------------------------


def test_a_change_of_a_reshaped_view_takes_gradients_in_any_layout() -> None:
    w = mg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    x = w * 1
    x.view(6)[1:3].mul_(2)
    (x.T * mg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).sum().backward()  # the gradient of x is transposed
    assert w.grad.tolist() == [[1, 6, 10], [2, 4, 6]]


def test_a_change_of_a_view_of_a_transposed_base_goes_to_the_right_elements() -> None:
    w = mg.arange(1.0, 7.0).double().reshape(2, 3).requires_grad_()

    def program(w: mg.Tensor) -> mg.Tensor:
        array = np.asfortranarray(np.zeros((2, 3)))
        x = mg.from_numpy(array).add_(w)
        x.T.view(6)[1:4].mul_(w.flatten()[:3])
        return x * x

    assert gradcheck(program, w)
    assert gradgradcheck(program, w)


def test_an_operand_that_is_a_leaf_and_shares_the_memory_has_its_gradient() -> None:
    w = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    d = w.detach()
    d.mul_(w)
    d.sum().backward()
    assert w.grad.tolist() == [1, 2, 3]


def test_a_view_taken_under_no_grad_is_not_changed_by_what_requires_a_gradient() -> None:
    w, base = mg.ones(2, requires_grad=True), mg.ones(3)
    with mg.no_grad():
        v = base[:2]
    u = v[:1]
    for t, operand in ((v, w), (u, w[:1])):
        with pytest.raises(RuntimeError, match=r"mul_: this view was taken under no_grad\(\), so its base cannot"):
            t.mul_(operand)
    v.mul_(3)  # by a number it may
    assert (base.tolist(), base.version.value) == ([3, 3, 1], 1)


def test_a_view_that_is_a_leaf_of_its_own_is_not_changed() -> None:
    v = mg.ones(3)[:2].requires_grad_()
    with pytest.raises(RuntimeError, match=r"mul_: a leaf that requires a gradient cannot be changed"):
        v.mul_(3)


def test_a_change_in_inference_mode_by_way_of_a_view_is_noticed() -> None:
    w, b = mg.ones(3, requires_grad=True), mg.ones(3)
    y = (w * b).sum()
    with mg.inference_mode():
        b[:2].add_(1)
    with pytest.raises(RuntimeError, match="needs its y of shape"):
        y.backward()


@pytest.mark.parametrize(("dtype", "number"), [(mg.uint8, 300), (mg.int8, -129), (mg.int64, float("nan"))])
def test_a_number_that_an_integer_tensor_cannot_hold_is_not_assigned(dtype: Any, number: float) -> None:
    t = mg.ones(2, dtype=dtype)
    with pytest.raises(OverflowError, match=f"the number {number} does not fit into {dtype}"):
        t[0] = number
    assert t.tolist() == [1, 1]
