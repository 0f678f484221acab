"""gradcheck finds wrong derivatives, and says where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.inspect.gradcheck import GradcheckError, gradcheck, gradgradcheck


class WrongSquare(mg.Op):
    """y = x^2, with a derivative that is wrong for x > 1"""

    x = mg.Kept()

    def forward(self, kernels: Any, x: Any) -> Any:
        return kernels.mul(x, x)

    def backward(self, dy: Any) -> Any:
        slope = self.x * 2
        return (dy * slope * ((self.x > 1) * 0.5 + 1),)


class Discontinued(mg.Op):
    """y = x^3, whose derivative is right but recorded as if it were constant"""

    x = mg.Kept()

    def forward(self, kernels: Any, x: Any) -> Any:
        return kernels.mul(kernels.mul(x, x), x)

    def backward(self, dy: Any) -> Any:
        x = self.x.detach()
        return (dy * x * x * 3,)


def leaf(*values: float) -> mg.Tensor:
    return mg.tensor(values, dtype=mg.float64, requires_grad=True)


def test_right_derivative_passes() -> None:
    x, y = leaf(0.5, 2.0), leaf(3.0)
    assert gradcheck(lambda x, y: (x * y).exp(), [x, y]) is True
    assert gradgradcheck(lambda x, y: (x * y).exp(), [x, y]) is True
    assert x.grad is None


def test_wrong_derivative_is_named_with_its_place_and_both_values() -> None:
    x = mg.tensor([[0.5, 0.5], [0.5, 2.0]], dtype=mg.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda y, x: mg.record(WrongSquare(), x), [leaf(1.0), x])
    assert str(caught.value) == (
        "the derivative of output 0 at (1, 1) for input 1 at (1, 1) is 6 in the backward pass, 4 by differences "
        "(1 of 16 are off)"
    )


def test_wrong_second_derivative_is_found_where_the_first_is_right() -> None:
    def f(x: mg.Tensor) -> mg.Tensor:
        return mg.record(Discontinued(), x)

    assert gradcheck(f, leaf(0.5, 2.0))
    with pytest.raises(GradcheckError, match=r"for input 0 at \(1,\)"):
        gradgradcheck(f, leaf(0.5, 2.0))


def test_nan_in_the_backward_pass_is_found() -> None:
    with pytest.raises(GradcheckError, match="nan in the backward pass"):
        gradcheck(lambda x: x * float("inf") * 0, leaf(1.0))


def test_missing_path_is_found() -> None:
    with pytest.raises(GradcheckError, match="is 0 in the backward pass, 2 by differences"):
        gradcheck(lambda x: x.detach() * 2 + x * 0, leaf(1.0))


def test_several_outputs_and_inputs_without_gradient() -> None:
    y = mg.tensor([3.0], dtype=mg.float64)
    assert gradcheck(lambda x, y: (x * y, x + y, y * 2), [leaf(1.0, 2.0), y])
    assert y.grad is None


def test_it_works_inside_no_grad() -> None:
    with mg.no_grad():
        assert gradcheck(lambda x: x * x, leaf(1.0))


def test_strange_layouts_and_empty_inputs() -> None:
    x = mg.from_numpy(np.arange(6.0).reshape(2, 3).T[::-1]).requires_grad_()
    assert gradcheck(lambda x: x * x, x)
    assert gradcheck(lambda x: x.sum(), mg.zeros(0, 3, dtype=mg.float64, requires_grad=True))


@pytest.mark.parametrize(
    ("inputs", "error", "text"),
    [
        (mg.tensor([1.0], requires_grad=True), TypeError, "gradcheck: input 0 is float32: difference"),
        ([1.0], TypeError, "gradcheck: input 0 is float: difference quotients need float64"),
        (mg.tensor([1.0], dtype=mg.float64), ValueError, "gradcheck: no input requires a gradient"),
    ],
)
def test_unfit_inputs_are_refused(inputs: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        gradcheck(lambda x: x * 2, inputs)
