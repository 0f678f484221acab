"""detect_anomaly: the first NaN or Inf, told with its operation, shapes and the user's line."""

from __future__ import annotations

import pytest

import minigrad as mg


def test_first_operation_that_makes_nan_is_told_with_shapes_and_line() -> None:
    x = mg.tensor([[1.0, -4.0]], requires_grad=True)
    text = (
        r"Sqrt made nan at \(0, 1\), 1 of 2 elements, from x \(1, 2\): y = x\^\(1/2\) "
        r"\(test_anomaly\.py:\d+, 'y = x\.sqrt\(\)  # here'\)"
    )
    with mg.detect_anomaly(), pytest.raises(mg.AnomalyError, match=text):
        y = x.sqrt()  # here
        y.sum()


def test_input_that_holds_it_already_is_told() -> None:
    x = mg.tensor([1.0, float("inf")])
    with mg.detect_anomaly(), pytest.raises(mg.AnomalyError, match=r"x \(2,\), which holds inf at \(1,\)"):
        x * 2


def test_gradient_is_told_with_the_line_that_recorded_its_node() -> None:
    x = mg.tensor([0.0, 1.0], requires_grad=True)
    text = (
        r"the backward of Sqrt made inf at \(0,\), 1 of 2 elements in the gradient for x, .* "
        r"\(recorded at test_anomaly\.py:\d+, 'loss = x\.sqrt\(\)\.sum\(\)  # recorded'\)"
    )
    with mg.detect_anomaly():
        loss = x.sqrt().sum()  # recorded
        with pytest.raises(mg.AnomalyError, match=text):
            loss.backward()
    assert x.grad is None


def test_inf_can_be_allowed() -> None:
    with mg.detect_anomaly(inf=False):
        assert mg.tensor([0.0]).log().tolist() == [-float("inf")]
        with pytest.raises(mg.AnomalyError):
            mg.tensor([-1.0]).log()


def test_nan_can_be_allowed() -> None:
    with mg.detect_anomaly(nan=False):
        mg.tensor([-1.0]).log()
        with pytest.raises(mg.AnomalyError):
            mg.tensor([0.0]).log()


def test_large_finite_numbers_and_integers_are_no_anomaly() -> None:
    with mg.detect_anomaly():
        mg.full((4,), 3e38) * 1
        mg.arange(3) * 2


def test_nothing_is_looked_for_outside() -> None:
    with mg.detect_anomaly():
        pass
    mg.tensor([-1.0]).log()


def test_it_decorates_a_function() -> None:
    @mg.detect_anomaly()
    def careless() -> mg.Tensor:
        return mg.tensor([0.0]).log()

    with pytest.raises(mg.AnomalyError):
        careless()


@pytest.mark.parametrize(("arguments", "error"), [((1, True), TypeError), ((False, False), ValueError)])
def test_meaningless_arguments_are_refused(arguments: tuple[bool, bool], error: type[Exception]) -> None:
    with pytest.raises(error, match="detect_anomaly: "):
        mg.detect_anomaly(*arguments)
