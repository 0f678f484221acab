"""An operation of a user's own cannot read memory that is not its: what it gives to kernels is checked first."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels
from minigrad.checked import Checked, checked
from minigrad.kernels import reference
from minigrad.kernels.windows import Span, Windows
from minigrad.modes import Switch
from minigrad.nn import functional as F
from ops_table import TABLE, tensors

CPU = checked(kernels.load("numba"))


def ones(*shape: int, dtype: Any = np.float32) -> Any:
    return np.ones(shape, dtype)


def run(forward: Callable[[Any, Any], Any], x: mg.Tensor) -> mg.Tensor:
    """The result of an operation with this forward."""
    mine = type("Mine", (mg.Op,), {"forward": lambda op, kernels, x: forward(kernels, x), "__doc__": "y = f(x)"})
    return mg.record(mine(), x)


# -- what does not fit ----------------------------------------------------------------------------------------

AT = Windows((2,), (1,), (0,), (1,), (3,))
BACKWARDS, STANDING = Windows((2,), (1,), (0,), (-2,), (3,)), Windows((2,), (0,), (0,), (1,), (3,))
SPANS = AT.spans((4,))
PAST = AT.spans((9,))[:1]
NARROW = (Span(np.array([0, 1], np.int32), np.array([3, 4], np.int32), 1),)
PLACES = np.zeros((2, 3), np.int64)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda k: k.add(ones(4096), ones(3)), r"kernels.add: x \(4096,\), y \(3,\) do not broadcast"),
        (lambda k: k.sigmoid_backward(ones(5), ones(4)), "sigmoid_backward: .* do not broadcast"),
        (lambda k: k.where(ones(2, dtype=bool), ones(3), ones(4)), "where: .* do not broadcast"),
        (lambda k: k.elu_backward(ones(5), ones(1), 1.0, 1.0, 1.0), r"elu_backward: da \(5,\), z \(1,\) must"),
        (lambda k: k.softmax_backward(ones(1, 9), ones(9, 9), 1), "softmax_backward: .* must be of one shape"),
        (lambda k: k.matmul(ones(2, 3), ones(5, 2)), r"x \(2, 3\), y \(5, 2\) must be x \(..., M, K\) and y"),
        (lambda k: k.matmul(ones(3), ones(5)), "matmul"),
        (lambda k: k.matmul(ones(2, 4, 3), ones(5, 3, 2)), "matmul"),
        (lambda k: k.linear(ones(4, 5), ones(3, 2), None), r"must be x \(..., K\), W \(N, K\), b \(N\)"),
        (lambda k: k.linear(ones(4, 5), ones(3, 5), ones(2)), "linear"),
        (lambda k: k.cross_entropy(ones(2, 3), np.array([1, 3])), "of classes from 0 to C - 1"),
        (lambda k: k.cross_entropy(ones(2, 3), np.array([1])), "cross_entropy"),
        (lambda k: k.cross_entropy_backward(ones(1), ones(2, 3), np.array([1, 0])), "cross_entropy_backward"),
        (lambda k: k.rnn_tanh(ones(5, 2, 3), ones(2, 4), ones(4, 4)), r"rnn_tanh: z \(5, 2, 3\), h0 \(2, 4\)"),
        (lambda k: k.lstm(ones(5, 2, 6), ones(2, 1), ones(2, 1), ones(4, 1)), r"must be z \(T, B, 4H\), h0"),
        (lambda k: k.gru_backward(ones(4, 2, 3, 1), ones(5, 2, 3, 1), ones(3, 1)), "gru_backward"),
        (lambda k: k.conv(ones(1, 1, 4), ones(2, 1, 3), None, AT, 1), "conv: .* for these windows"),
        (lambda k: k.conv(ones(1, 3, 4), ones(2, 1, 2), None, AT, 2), "conv: .* for these windows"),
        (lambda k: k.conv(ones(1, 1, 4), ones(2, 1, 2), None, BACKWARDS, 1), "conv: "),
        (lambda k: k.conv(ones(1, 1, 4), ones(2, 1, 2), None, STANDING, 1), "conv: "),
        (lambda k: k.topk(ones(3), 0, 9, True, True), "topk: .* of at least k elements along dim"),
        (lambda k: k.topk(ones(3), 0, -1, True, True), "topk: .* of at least k elements along dim"),
        (lambda k: k.argmax_pool(ones(1, 4), NARROW), "argmax_pool: .* as large as the windows say"),
        (lambda k: k.conv_transpose(ones(1, 2, 9), ones(2, 1, 2), None, (4,), AT, 1), "conv_transpose"),
        (lambda k: k.conv_weight(ones(2, 2, 3), ones(1, 1, 4), AT, 1), "conv_weight"),
        (lambda k: k.argmax_pool(ones(1, 3), SPANS), "argmax_pool: .* as large as the windows say"),
        (lambda k: k.avg_pool(ones(1, 4), PAST, (ones(1),)), "avg_pool"),
        (lambda k: k.avg_pool_backward(ones(1, 9), (4,), SPANS, (ones(3),)), "avg_pool_backward"),
        (lambda k: k.max_pool(ones(2, 3), PLACES + 3, 1), "max_pool: .* places in its pooled dims"),
        (lambda k: k.max_pool_backward(ones(2, 3), PLACES, (0,)), "max_pool_backward"),
        (lambda k: k.resample(ones(2, 3), 0, PLACES + 2, np.ones((2, 3))), "resample"),
        (lambda k: k.normalise(ones(4, 3), ones(5), ones(5), (1,), 0.1), "of the shape of x, or repeatable to it"),
        (lambda k: k.normalise_backward(ones(2, 3), ones(4, 3), ones(3), (1,), 0.1), "normalise_backward"),
        (lambda k: k.normalise_sums(ones(4, 3), ones(4, 3), (7,), (1,), 0.1), "normalise_sums"),
        (lambda k: k.recurrence(ones(2), ones(9), 0, False), "recurrence"),
        (lambda k: k.dropout(ones(5), 0.5, 1, 2), "a multiple of `together` elements"),
        (lambda k: k.expand(ones(2), (5,)), "expand: .* repeatable to that shape"),
        (lambda k: k.running_step(ones(2), ones(3), rate=1, scale=1), "running_step: .* one shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(CPU)
    with pytest.raises(ValueError, match=text):
        run(lambda k, x: call(k), mg.ones(1))


@pytest.mark.parametrize("name", [name for name in dir(reference) if not name.startswith("_")])
def test_every_kernel_of_several_arrays_looks_at_their_shapes(name: str) -> None:
    kernel = getattr(reference, name)
    if not inspect.isfunction(kernel) or name in ("put", "put_add"):  # NumPy looks
        return
    given: list[Any] = []
    for i, parameter in enumerate(inspect.signature(kernel).parameters.values()):
        is_array = parameter.annotation.startswith("Array")
        of = {"dims": (0,), "spans": SPANS, "at": AT, "size": (2,), "shape": (2,), "counts": (ones(3),)}
        given.append(ones(7 + i, 3 + i, 5 + i) if is_array else of.get(parameter.name, 1))
    if sum(isinstance(x, np.ndarray) for x in given) > 1:
        with pytest.raises((ValueError, TypeError), match=rf"kernels\.{name}"):
            getattr(CPU, name)(*given)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda k: k.add(ones(3), [1.0]), TypeError, r"kernels.add: y must be an array or a number, got \[1.0\]"),
        (lambda k: k.add(ones(3), mg.ones(3)), TypeError, r"y must be an array or a number, got tensor\("),
        (lambda k: k.exp(2.0), TypeError, "kernels.exp: x must be an array, got the number 2.0"),
        (lambda k: k.add(ones(3), None), TypeError, "y must be an array or a number, got None"),
        (
            lambda k: k.mul(ones(3), np.ones(3)),
            TypeError,
            r"kernels.mul: y is float64, but x float32: change one with kernels.cast\(array, dtype\)",
        ),
        (lambda k: k.mul(ones(3, dtype=np.int64), 0.5), TypeError, "y is float64, but x int64"),
        (lambda k: k.mul(ones(3, dtype=np.uint8), 300), OverflowError, "the number 300 does not fit into uint8"),
        (lambda k: k.where(ones(3), ones(3), ones(3)), TypeError, "condition is float32, but must be bool"),
        (lambda k: k.cross_entropy(ones(2, 3), np.zeros(2, np.int32)), TypeError, "y is int32, but must be int64"),
        (lambda k: k.sum(ones(2, 3), (2,), True), IndexError, r"sum: dims \(2,\) does not fit an array of 2 dim"),
        (lambda k: k.sum(ones(2, 3), (0, -2), True), IndexError, "kernels.sum: dims"),
        (lambda k: k.softmax(ones(2, 3), -3), IndexError, "kernels.softmax: dim -3"),
        (lambda k: k.running_step(ones(3), ones(3)), TypeError, r"running_step\(running, observed, rate, scale\)"),
        (lambda k: k.add(ones(3), np.str_("1")), TypeError, "y is <U1, but x float32"),
        (lambda k: k.softmax(ones(2, 3)), TypeError, r"kernels.softmax\(z, dim\): missing a required argument"),
    ],
)
def test_arguments_that_are_of_no_use_are_named(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        run(lambda k, x: call(k), mg.ones(1))


# -- what fits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forward",
    [
        lambda k, x: k.mul(x, 2),
        lambda k, x: k.mul(2, x),
        lambda k, x: k.mul(x, 2.0),
        lambda k, x: k.mul(x, np.asarray(2.0)),
        lambda k, x: k.mul(x, np.float64(2)),
        lambda k, x: k.mul(y=x, x=2),
        lambda k, x: k.mul(np.sqrt(4), x * 1),
        lambda k, x: k.add(x, x * 1),
    ],
)
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("target", sorted(kernels.TARGETS))
def test_numbers_take_on_the_dtype_of_the_array_beside_them(forward: Any, shape: Any, target: str) -> None:
    with mg.use_kernels(target):
        y = run(forward, mg.full(shape, 1.5))
    assert (y.dtype, y.shape, y.max().item()) == (mg.float32, shape, 3.0)


def test_a_number_of_float64_alone_stays_what_it_is() -> None:
    x = mg.tensor(1.5, dtype=mg.float64)
    assert run(lambda k, x: k.mul(2, x * 1), x).dtype == mg.float64
    assert run(lambda k, x: k.exp(x * 1), x).dtype == mg.float64


def test_dims_may_be_counted_from_the_end() -> None:
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert run(lambda k, x: k.sum(x, -1, False), x).tolist() == [3, 7]
    assert run(lambda k, x: k.sum(x, dims=[-1, 0], keepdim=False), x).item() == 10
    assert run(lambda k, x: k.cumsum(x, dim=-2, reverse=False), x).tolist() == [[1, 2], [4, 6]]


def test_nothing_that_minigrad_does_is_refused() -> None:
    """Every operation, and its derivative."""
    name = "numba, checked"
    kernels.loaded[name] = Checked(kernels.load("numba"))  # type: ignore[assignment]
    with Switch(target=name):
        for row in TABLE:
            for sample in list(row.small_samples())[:2]:
                inputs = tensors(sample, np.float32)
                out = row.function(mg, *inputs)
                if out.requires_grad:
                    mg.grad(out.sum(), inputs, allow_unused=True)
        x, w = mg.rand(4, 6, 5, requires_grad=True), mg.rand(6, requires_grad=True)
        F.batch_norm(x, None, None, w, w, training=True).sum().backward()
        F.group_norm(x, 3, w, w).sum().backward()
        F.layer_norm(x, (5,)).sum().backward()
        F.max_pool1d(x, 2).sum().backward()
        F.avg_pool1d(x, 2).sum().backward()
        F.interpolate(x, scale_factor=2, mode="linear").sum().backward()
        F.cross_entropy(x, mg.zeros(4, 5, dtype=mg.int64)).backward()


def test_a_subclass_may_call_the_forward_of_its_base() -> None:
    class Base(mg.Op):
        """y = x"""

        is_view = True

        def forward(self, kernels: Any, x: Any) -> Any:
            return x

    class Copied(Base):
        """y = 2 x"""

        is_view = False

        def forward(self, kernels: Any, x: Any) -> Any:
            return kernels.mul(super().forward(kernels, x), 2)

    assert Copied.inputs == ("x",)
    assert mg.record(Copied(), mg.ones(2)).tolist() == [2, 2]


# -- memory ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "result", [lambda x: x, lambda x: x.reshape(-1), lambda x: x[:1], lambda x: x.T, lambda x: x.base]
)
def test_memory_of_an_input_is_a_view_or_refused(result: Callable[[Any], Any]) -> None:
    def forward(self: Any, kernels: Any, x: Any) -> Any:
        return result(x)

    mine = type("Mine", (mg.Op,), {"forward": forward, "__doc__": "y = x"})
    text = "the forward of <MineBackward> returned memory of its input x, .* return a copy, or set is_view = True"
    for mode in (mg.enable_grad, mg.no_grad, mg.inference_mode):
        with mode(), pytest.raises(ValueError, match=text):
            mg.record(mine(), mg.ones(3, 2)[1:].requires_grad_())
    view = type("View", (mg.Op,), {"forward": forward, "__doc__": "y = x", "is_view": True})
    z = (mg.ones(3, 2, requires_grad=True) * 1)[1:]
    q = z * z
    mg.record(view(), z).mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        q.sum().backward()


def test_a_view_is_one_of_the_first_input() -> None:
    def forward(self: Any, kernels: Any, x: Any, v: Any) -> Any:
        return v

    mine = type("Mine", (mg.Op,), {"forward": forward, "__doc__": "y = v", "is_view": True})
    with pytest.raises(ValueError, match=r"returned memory of its input v, .*: return a copy$"):
        mg.record(mine(), mg.ones(2), mg.ones(2))
