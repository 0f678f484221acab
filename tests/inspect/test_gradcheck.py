"""gradcheck finds wrong derivatives, and says where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.inspect.complex_step import NotAnalyticError, Run
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


class SlightlyWrong(WrongSquare):
    """y = x^2, with a derivative that is wrong in the tenth digit"""

    def backward(self, dy: Any) -> Any:
        return (dy * self.x * (2 + 2e-10),)


class Outside(mg.Op):
    """y = |x|, by a function that has no meaning for complex numbers"""

    x = mg.Kept()

    def forward(self, kernels: Any, x: Any) -> Any:
        return np.hypot(x, 0)

    def backward(self, dy: Any) -> Any:
        return (dy * self.x / self.x.abs(),)


class SlightlyWrongOutside(Outside):
    """y = |x|, with a derivative that is wrong in the seventh digit"""

    def backward(self, dy: Any) -> Any:
        return (dy * self.x / self.x.abs() * (1 + 3e-7),)


every_mode = pytest.mark.parametrize("fast_mode", [False, True])

# -- what is right --------------------------------------------------------------------------------------------


@every_mode
def test_right_derivative_passes(fast_mode: bool) -> None:
    x, y = leaf(0.5, 2.0), leaf(3.0)
    assert gradcheck(lambda x, y: (x * y).exp(), [x, y], fast_mode=fast_mode) is True
    assert gradgradcheck(lambda x, y: (x * y).exp(), [x, y], fast_mode=fast_mode) is True
    assert x.grad is None


@every_mode
def test_right_derivative_passes_where_only_differences_can_tell(fast_mode: bool) -> None:
    x = leaf(0.5, -2.0)
    assert gradcheck(lambda x: mg.record(Outside(), x).exp(), x, fast_mode=fast_mode)
    assert gradgradcheck(lambda x: mg.record(Outside(), x) * x, x, fast_mode=fast_mode)
    assert gradcheck(lambda x: mg.tensor(x.detach().numpy() * 0) + x, x, fast_mode=fast_mode)


def test_fast_mode_takes_inputs_for_which_every_element_would_be_too_much() -> None:
    x, W = (mg.randn(*shape, dtype=mg.float64, requires_grad=True) for shape in [(20, 50), (30, 50)])
    assert gradcheck(lambda x, W: mg.linear(x, W).tanh().softmax(1), [x, W], fast_mode=True)
    assert gradgradcheck(lambda x, W: mg.linear(x, W).tanh().softmax(1), [x, W], fast_mode=True)


def test_kinks_are_no_obstacle_beside_them() -> None:
    x = leaf(-1.5, 0.25, 2.0)
    for f in (mg.relu, mg.abs, mg.sigmoid, lambda x: x.max(), lambda x: x.softmax(0), lambda x: x * (x > 0)):
        assert gradcheck(f, x)
        assert gradgradcheck(f, x)


def test_the_complex_step_is_exact_to_the_last_digits() -> None:
    run = Run(lambda x: ((x * 3).sigmoid().log() / x**3).tanh(), [leaf(0.7)])
    (found,) = run.derivatives([run.value], {0: np.ones(1)})
    (expected,) = mg.grad(run.value.sum(), run.inputs[0])
    assert found == pytest.approx(expected.array, rel=4e-16)


def test_a_kernel_that_cannot_carry_a_complex_step_says_so() -> None:
    run = Run(lambda x: mg.record(Outside(), x), [leaf(0.7)])
    with pytest.raises(NotAnalyticError, match="<OutsideBackward>: ufunc 'hypot' not supported"):
        run.derivatives([run.value], {0: np.ones(1)})


# -- what is wrong --------------------------------------------------------------------------------------------


def test_wrong_derivative_is_named_with_its_place_both_values_the_operation_and_its_line() -> None:
    x = mg.tensor([[0.5, 0.5], [0.5, 2.0]], dtype=mg.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda y, x: mg.record(WrongSquare(), x * 1).sum(0), [leaf(1.0), x])
    text = str(caught.value)
    assert text.startswith(
        "the derivative of output 0 at (1,) for input 1 at (1, 1) is 6 in the backward pass, 4 by the complex "
        "step (1 of 8 are off); the first operation that is wrong by itself is <WrongSquareBackward>, "
        "test_gradcheck.py:"
    )
    assert "mg.record(WrongSquare(), x * 1)" in text


def test_in_fast_mode_the_wrong_operation_is_named_too() -> None:
    text = (
        r"the derivative of output 0 for input 0, along random directions, is \S+ in the backward pass, \S+ by "
        r"the complex step \(1 of 1 are off\); the first operation that is wrong by itself is <WrongSquare"
    )
    with pytest.raises(GradcheckError, match=text):
        gradcheck(lambda x: mg.record(WrongSquare(), x.exp()).tanh(), leaf(0.5, 0.2), fast_mode=True)


@every_mode
def test_an_error_in_the_tenth_digit_is_found_by_the_complex_step(fast_mode: bool) -> None:
    with pytest.raises(GradcheckError, match=r"by the complex step .* <SlightlyWrongBackward>"):
        gradcheck(lambda x: mg.record(SlightlyWrong(), x), leaf(1.5), fast_mode=fast_mode)
    assert gradcheck(lambda x: mg.record(SlightlyWrong(), x), leaf(1.5), rtol=1e-9, fast_mode=fast_mode)


@every_mode
def test_an_error_in_the_seventh_digit_is_found_by_differences(fast_mode: bool) -> None:
    with pytest.raises(GradcheckError, match=r"by differences .* <SlightlyWrongOutsideBackward>"):
        gradcheck(lambda x: mg.record(SlightlyWrongOutside(), x), leaf(1.5), fast_mode=fast_mode)
    assert gradcheck(lambda x: mg.record(SlightlyWrongOutside(), x), leaf(1.5), rtol=1e-6, fast_mode=fast_mode)


@every_mode
def test_wrong_second_derivative_is_found_where_the_first_is_right(fast_mode: bool) -> None:
    def f(x: mg.Tensor) -> mg.Tensor:
        return mg.record(Discontinued(), x * 1)

    assert gradcheck(f, leaf(0.5, 2.0), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match=r"for input 0.*wrong by itself is <DiscontinuedBackward>"):
        gradgradcheck(f, leaf(0.5, 2.0), fast_mode=fast_mode)


def test_nan_in_the_backward_pass_is_found() -> None:
    with pytest.raises(GradcheckError, match="nan in the backward pass"):
        gradcheck(lambda x: x * float("inf") * 0, leaf(1.0))


@every_mode
def test_missing_path_is_found_and_no_operation_blamed(fast_mode: bool) -> None:
    with pytest.raises(GradcheckError, match="every operation is right by itself: a path is cut"):
        gradcheck(lambda x: x.detach() * 2 + x * 0, leaf(1.0), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match=r"is 0 in the backward pass, 2(\.\d+)? by differences"):
        gradcheck(lambda x: mg.tensor(x.detach().numpy() * 2) + x * 0, leaf(1.0))


def test_a_function_with_random_numbers_is_refused() -> None:
    with pytest.raises(GradcheckError, match="the function gives other values when it is called again"):
        gradcheck(lambda x: x * mg.rand(1, dtype=mg.float64), leaf(1.0))


# -- inputs and outputs ---------------------------------------------------------------------------------------


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
