"""A user's own operation: a dozen lines, and everything works with it; typical mistakes are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import leaf
from minigrad.checkpoint import checkpoint
from minigrad.derivatives import hessian, jvp


class Cube(mg.Op):
    """y = x^3"""

    x = mg.Kept()

    def forward(self, kernels: Any, x: Any) -> Any:
        return kernels.mul(kernels.mul(x, x), x)

    def backward(self, dy: mg.Tensor) -> tuple[mg.Tensor]:
        return (dy * 3 * self.x * self.x,)


class Spring(mg.Op):
    """E = k (x - y)^2        k a number"""

    x = mg.Kept()
    y = mg.Kept()
    output = "E"

    def __init__(self, k: float) -> None:
        self.k = k

    def forward(self, kernels: Any, x: Any, y: Any) -> Any:
        return self.k * (x - y) ** 2  # NumPy does as well as a kernel

    def backward(self, dE: mg.Tensor) -> tuple[mg.Tensor | None, ...]:
        dx = dE * (self.x - self.y) * (2 * self.k)
        return dx, -dx if self.wants("y") else None


def cube(x: mg.Tensor) -> mg.Tensor:
    return mg.record(Cube(), x)


# -- what works with it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast_mode", [False, True])
def test_its_derivatives_of_both_orders_are_checked(fast_mode: bool) -> None:
    x, y = leaf(0.5, -2.0), leaf(1.5)
    assert mg.gradcheck(lambda x: cube(x).exp(), x, fast_mode=fast_mode)
    assert mg.gradgradcheck(lambda x: cube(x) * x, x, fast_mode=fast_mode)
    assert mg.gradcheck(lambda x, y: mg.record(Spring(3.0), x, y), [x, y], fast_mode=fast_mode)
    assert mg.gradgradcheck(lambda x, y: mg.record(Spring(3.0), x, y), [x, y], fast_mode=fast_mode)


def test_derivatives_of_any_order_and_in_forward_mode() -> None:
    x = leaf(2.0)
    assert jvp(cube, x, mg.ones(1, dtype=mg.float64))[1].tolist() == [12]
    assert hessian(lambda x: cube(x).sum(), x).tolist() == [[12]]
    y = cube(x).sum()
    for expected in (12, 12, 6):
        (slope,) = mg.grad(y, x, create_graph=True)
        assert slope.item() == expected
        y = slope.sum()


def test_broadcasting_is_undone_for_it() -> None:
    x, y = mg.ones(2, 3, requires_grad=True), mg.zeros(3, requires_grad=True)
    mg.record(Spring(1.0), x, y).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([[2] * 3] * 2, [-4] * 3)


def test_it_works_with_numbers_of_no_dimensions_and_both_kernels() -> None:
    for target in ("numba", "reference"):
        with mg.use_kernels(target):
            x = mg.tensor(2.0, requires_grad=True)
            y = mg.record(Spring(2.0), x, mg.tensor(1.0))
            y.backward()
            assert (y.item(), y.shape, x.grad.item()) == (2, (), 4)


def test_it_is_drawn_and_traced_like_the_built_in_ones() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = mg.record(Spring(2.0), x, mg.tensor([0.0, 0.0])).sum()
    assert "Spring" in mg.draw(y).dot
    step = mg.trace(lambda x: cube(x), x)["cube"]
    assert (step.formula, step.y.tolist(), step.kept_bytes) == ("y = x^3", [1, 8], 0)
    assert repr(y.grad_fn.next_functions[0][0]) == "<SpringBackward>"


def test_checkpoint_no_grad_and_changes_in_place() -> None:
    x = leaf(2.0)
    assert mg.grad(checkpoint(cube, x), x)[0].item() == 12
    with mg.no_grad():
        assert cube(x).grad_fn is None
    y = x * 1
    z = cube(y)
    y.mul_(2)
    with pytest.raises(
        RuntimeError, match=r"<CubeBackward>, recorded at test_custom_op.py:\d+, .* needs its x of"
    ):
        z.sum().backward()


def test_kept_values_carry_on_the_graph() -> None:
    class Product(mg.Op):
        """y = u v"""

        u = mg.Kept()
        v = mg.Kept()
        y = mg.Kept(seen_only=True)

        def forward(self, kernels: Any, u: Any, v: Any) -> Any:
            return kernels.mul(u, v)

        def backward(self, dy: mg.Tensor) -> tuple[mg.Tensor, ...]:
            return dy * self.v, dy * self.u

    x = leaf(3.0)
    y = mg.record(Product(), x, x * x)
    assert {name: t.item() for name, t in y.grad_fn.kept.items()} == {"u": 3, "v": 9, "y": 27}
    assert mg.gradgradcheck(lambda x: mg.record(Product(), x, x * x), x)


# -- mistakes -------------------------------------------------------------------------------------------------


class Double(mg.Op):
    """y = 2 x"""

    def forward(self, kernels: Any, x: Any) -> Any:
        return x * 2

    def backward(self, dy: Any) -> Any:
        return (dy * 2,)


def with_rule(rule: Callable[[Any, mg.Tensor], Any], **declared: mg.Kept) -> type[mg.Op]:
    """``Double`` with another ``backward``."""
    return type("Mine", (Double,), {"backward": rule, **declared})


def with_forward(forward: Callable[..., Any], **declared: mg.Kept) -> type[mg.Op]:
    return type("Mine", (Double,), {"forward": forward, **declared})


def assigns(self: Any, kernels: Any, x: Any) -> Any:
    self.x = x
    return x * 2


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        (
            lambda op, dy: dy * 2,
            TypeError,
            r"<MineBackward> must return a tuple with a gradient for each of its 1",
        ),
        (lambda op, dy: [dy * 2], TypeError, r"must return a tuple with .* 1 inputs, it returned \[tensor\("),
        (lambda op, dy: (dy, dy), TypeError, r"for each of its 1 inputs, it returned \(tensor"),
        (lambda op, dy: None, TypeError, "it returned None"),
        (
            lambda op, dy: (dy.array,),
            TypeError,
            r"<MineBackward> must return tensors or None as gradients, not array",
        ),
        (
            lambda op, dy: (dy.sum(),),
            ValueError,
            r"returned a gradient of shape \(\) for an input of shape \(2,\)",
        ),
        (
            lambda op, dy: (mg.ones(3),),
            ValueError,
            r"returned a gradient of shape \(3,\) for an input of shape \(2,\)",
        ),
        (lambda op, dy: (dy.double(),), TypeError, "a gradient of dtype float64 for an input of dtype float32"),
        (lambda op, dy: (dy * op.x,), AttributeError, r"Mine keeps no x: what .* class body, x = mg.Kept\(\)"),
        (lambda op, dy: (dy * op.y,), AttributeError, r"Mine keeps no y: what .* class body, y = mg.Kept\(\)"),
        (lambda op, dy: (dy * op.kk,), AttributeError, "'Mine' object has no attribute 'kk'"),
    ],
)
def test_a_rule_that_returns_something_unfit_is_named(rule: Any, error: type[Exception], text: str) -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    for into in (x, x * 1):
        y = mg.record(with_rule(rule)(), into)
        with pytest.raises(error, match=text):
            y.sum().backward()
        assert x.grad is None


@pytest.mark.parametrize("result", [None, [1.0, 2.0], (1.0, 2.0), 1.0, mg.ones(2)], ids=str)
def test_a_forward_that_returns_no_array_is_named(result: Any) -> None:
    with pytest.raises(TypeError, match="the forward of <MineBackward> must return an array, it returned"):
        mg.record(with_forward(lambda op, kernels, x: result)(), mg.ones(2))


def test_a_number_of_numpys_is_an_array_without_dimensions() -> None:
    y = mg.record(with_forward(lambda op, kernels, x: np.float32(5))(), mg.ones(2))
    assert (y.shape, y.item()) == ((), 5)


def test_assigning_a_kept_value_is_refused() -> None:
    with pytest.raises(
        AttributeError, match=r"Mine.x is kept for you, from what forward takes and returns: do not"
    ):
        mg.record(with_forward(assigns, x=mg.Kept())(), mg.ones(2))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            (Cube, mg.ones(1)),
            r"record\(\) expects an operation, got <class '.*Cube'>: give it an instance, Cube\(\)",
        ),
        ((cube, mg.ones(1)), r"record\(\) expects an operation, got <function cube at"),
        ((Cube(), 2.0), r"record\(\) expects tensors after the operation; number 0 for <CubeBackward> is 2.0"),
        ((Spring(1), mg.ones(1), np.ones(1)), r"number 1 for <SpringBackward> is array\(\[1.\]\)"),
        (
            (Cube(),),
            r"record\(\) got 0 tensors for Cube.forward\(kernels.*, x.*\).*: missing a required argument: 'x'",
        ),
        ((Cube(), mg.ones(1), mg.ones(1)), r"record\(\) got 2 tensors for Cube.forward.*: too many positional"),
    ],
)
def test_a_call_of_record_that_cannot_work_says_why(arguments: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        mg.record(*arguments)


def test_an_error_of_the_users_own_in_forward_arrives_as_it_is() -> None:
    def wrong(op: Any, kernels: Any, x: Any) -> Any:
        return x.no_such_thing

    with pytest.raises(AttributeError, match=r"'numpy.ndarray' object has no attribute 'no_such_thing'"):
        mg.record(with_forward(wrong)(), mg.ones(2))


def test_one_instance_is_one_node() -> None:
    x = leaf(2.0)
    op = Cube()
    y = mg.record(op, x)
    with pytest.raises(RuntimeError, match="<CubeBackward> is a node already: record a new Cube for each call"):
        mg.record(op, x)
    assert mg.grad(y, x)[0].item() == 12


class Square(mg.Op):
    """y = x^2"""

    def forward(self, kernels: Any, x: Any) -> Any:
        return kernels.mul(x, x)


def test_a_kept_name_that_is_nothing_is_refused() -> None:
    text = (
        r"Mine keeps `inp`, which is neither an input of forward \(x\) nor the output \(y\): if it is the output, "
        r"write output = 'inp' in the class body"
    )
    with pytest.raises(TypeError, match=text):
        type("Mine", (Square,), {"inp": mg.Kept()})
    with pytest.raises(TypeError, match=r"keeps `y`, .* nor the output \(out\)"):
        type("Mine", (Square,), {"y": mg.Kept(), "output": "out"})
    with pytest.raises(TypeError, match=r"keeps `s`, .* nor the output \(y\)"):
        type("Mine", (Square,), {"y": mg.Kept(), "s": mg.Kept()})
    with pytest.raises(TypeError, match=r"keeps `y`, .* nor the output \(E\)"):
        type("Mine", (Square,), {"y": mg.Kept(), "__doc__": "E = x^2        an energy"})


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("y", "y = x^2"),
        ("y", "y_k = x_k^2"),
        ("y_k", "y_k = x_k^2"),
        ("y", "y[i, j] = x[i, j]^2"),
        ("y", "y(x) = x^2"),
        ("out", "out=x*x"),
        ("y", "The square of x"),
        ("y", None),
    ],
)
def test_the_output_is_named_by_the_left_side_of_the_formula(name: str, formula: str | None) -> None:
    mine = type("Mine", (mg.Op,), {"forward": vars(Square)["forward"], "__doc__": formula, name: mg.Kept()})
    y = mg.record(mine(), leaf(3.0))
    assert y.grad_fn is not None
    assert y.grad_fn.kept[name].item() == 9


def test_the_output_may_be_named_by_the_class() -> None:
    mine = type("Mine", (Square,), {"output": "energy", "energy": mg.Kept()})
    assert mg.record(mine(), leaf(3.0)).grad_fn.kept["energy"].item() == 9


def test_a_class_without_a_docstring_has_no_formula() -> None:
    mine = type("Mine", (mg.Op,), {"forward": vars(Square)["forward"]})
    assert (mine().formula, Square().formula) == ("", "y = x^2")


def test_gradcheck_names_an_operation_of_minigrads_own_that_hands_on_its_inputs_memory() -> None:
    text = "<MineBackward> returns memory of its input: copy it, or say is_view = True"
    for forward in (lambda op, kernels, x: x, lambda op, kernels, x: x[::-1]):
        own = type("Mine", (Double,), {"forward": forward, "__module__": "minigrad.ops"})
        with pytest.raises(mg.GradcheckError, match=text):
            mg.gradcheck(lambda x, own=own: mg.record(own(), x), leaf(1.0, 2.0))
