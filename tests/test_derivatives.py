"""vjp, jvp, jacobian and hessian: right values in every form of inputs and outputs, and clear refusals."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import leaf, scalar
from minigrad.derivatives import STRATEGIES, hessian, jacobian, jvp, vjp
from minigrad.modes import observe
from ops_table import DIFFERENTIABLE, Row, tensors

every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


def double(*values: float) -> mg.Tensor:
    return mg.tensor(values, dtype=mg.float64)


def network(x: mg.Tensor, W: mg.Tensor) -> tuple[mg.Tensor, mg.Tensor]:
    """Fan-out, a view, a constant and a broadcast; two outputs, the second without x's last element."""
    a = (x @ W).tanh()
    return a * a.sum() + 1.5, (x[:-1] * 2).exp().reshape(-1, 1) * W[0]


def random_inputs() -> tuple[mg.Tensor, mg.Tensor]:
    return mg.randn(3, dtype=mg.float64), mg.randn(3, 2, dtype=mg.float64)


def assert_close(got: mg.Tensor, want: Any, rtol: float = 1e-12) -> None:
    array = want.detach().array if isinstance(want, mg.Tensor) else want
    np.testing.assert_allclose(got.detach().array, array, rtol=rtol, atol=1e-13)


# -- values ---------------------------------------------------------------------------------------------------


def test_vjp_is_the_walk_back_with_weights() -> None:
    x, W = random_inputs()
    weights = mg.randn(2, dtype=mg.float64), mg.randn(2, 2, dtype=mg.float64)
    outputs, found = vjp(network, (x, W), weights)
    own = x.clone().requires_grad_(), W.clone().requires_grad_()
    expected = mg.grad(network(*own), own, weights)
    for got, want in zip(found, expected, strict=True):
        assert_close(got, want, rtol=0)
    assert_close(outputs[0], network(x, W)[0], rtol=0)


def test_jvp_is_the_difference_quotient_along_the_direction() -> None:
    (x, W), (dx, dW) = random_inputs(), random_inputs()
    outputs, tangents = jvp(network, (x, W), (dx, dW))
    eps = 1e-6
    above, below = network(x + dx * eps, W + dW * eps), network(x - dx * eps, W - dW * eps)
    for out, t, up, down in zip(outputs, tangents, above, below, strict=True):
        assert (t.shape, t.dtype) == (out.shape, out.dtype)
        assert_close(t, (up - down) / (2 * eps), rtol=1e-8)


def test_jvp_and_vjp_are_transposes_of_each_other() -> None:
    inputs, directions = random_inputs(), random_inputs()
    weights = mg.randn(2, dtype=mg.float64), mg.randn(2, 2, dtype=mg.float64)
    _, tangents = jvp(network, inputs, directions)
    _, gradients = vjp(network, inputs, weights)
    forward = sum((v * t).sum().item() for v, t in zip(weights, tangents, strict=True))
    reverse = sum((g * d).sum().item() for g, d in zip(gradients, directions, strict=True))
    assert forward == pytest.approx(reverse, rel=1e-13)


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)
def test_every_operation_has_the_same_jacobian_forward_and_reverse(row: Row) -> None:
    with mg.use_kernels("reference"):
        for sample in row.small_samples():
            inputs = tuple(tensors(sample, requires_grad=False))
            reverse, forward = (jacobian(lambda *x: row.function(mg, *x), inputs, strategy=s) for s in STRATEGIES)
            for got, want in zip(forward, reverse, strict=True):
                assert got.shape == want.shape
                assert_close(got, want)


@every_strategy
def test_jacobian_has_the_shape_of_output_and_input_together(strategy: str) -> None:
    x, W = random_inputs()
    blocks = jacobian(network, (x, W), strategy=strategy)
    assert [[J.shape for J in row] for row in blocks] == [[(2, 3), (2, 3, 2)], [(2, 2, 3), (2, 2, 3, 2)]]
    both = jacobian(lambda x: x * 2, (double(1, 2),), strategy=strategy)
    assert (type(both), both[0].tolist()) == (tuple, [[2, 0], [0, 2]])
    alone = jacobian(lambda x: (x.sum(),), double(1, 2), strategy=strategy)
    assert (type(alone), alone[0].tolist()) == (tuple, [1, 1])
    assert jacobian(lambda x: x**2, mg.tensor(3.0), strategy=strategy).tolist() == 6


@every_strategy
def test_jacobian_of_nothing_is_empty(strategy: str) -> None:
    empty = mg.zeros(0, 2)
    assert jacobian(lambda x: x.sum(0), empty, strategy=strategy).shape == (2, 0, 2)
    assert jacobian(lambda x: x.expand(0, 2), mg.ones(2), strategy=strategy).shape == (0, 2, 2)


@every_strategy
def test_hessian_of_several_inputs(strategy: str) -> None:
    A = mg.tensor([[2.0, 1.0], [0.5, 3.0]], dtype=mg.float64)

    def f(x: mg.Tensor, s: mg.Tensor) -> mg.Tensor:
        return x @ A @ x * s + s**3

    x, s = double(1, 2), mg.tensor(5.0, dtype=mg.float64)
    (xx, xs), (sx, ss) = hessian(f, (x, s), outer_jacobian_strategy=strategy)
    both = A.array + A.array.T
    assert_close(xx, 5 * both)
    assert_close(xs, both @ x.array)
    assert_close(sx, both @ x.array)
    assert_close(ss, np.float64(30))


@every_strategy
def test_outputs_that_are_inputs_constants_or_integers(strategy: str) -> None:
    def f(x: mg.Tensor) -> tuple[mg.Tensor, ...]:
        return x, x.detach() * 2, mg.ones(1), x.argmax()

    blocks = jacobian(f, double(1, 2), strategy=strategy)
    assert [J.tolist() for J in blocks] == [[[1, 0], [0, 1]], [[0, 0], [0, 0]], [[0, 0]], [0, 0]]
    assert [t.tolist() for t in jvp(f, double(1, 2), double(3, 4))[1]] == [[3, 4], [0, 0], [0], 0]


def test_only_paths_through_the_arguments_count() -> None:
    x = leaf(1.0, 2.0)
    assert jacobian(lambda own: own * x, x).tolist() == [[1, 0], [0, 2]]
    assert jvp(lambda own: own * x, x, double(1, 1))[1].tolist() == [1, 2]
    assert x.grad is None


def test_they_record_for_themselves_under_no_grad_and_give_nothing_recorded() -> None:
    x = leaf(1.0, 2.0)
    with mg.no_grad():
        assert jacobian(lambda x: x * x, x).tolist() == [[2, 0], [0, 4]]
    for found in (vjp(mg.sum, x), jvp(mg.exp, x, double(1, 1)), (jacobian(mg.exp, x), hessian(mg.sum, x))):
        assert not any(t.requires_grad for t in found)


def test_float32_stays_float32_and_mixed_dtypes_have_their_own() -> None:
    x, y = mg.tensor([1.0, 2.0]), double(3, 4)
    (out, (dx, dy)) = vjp(lambda x, y: x * y, (x, y), double(1, 1))
    assert (out.dtype, dx.dtype, dy.dtype) == (mg.float64, mg.float32, mg.float64)
    assert jvp(lambda x: x.double().exp(), x, mg.ones(2))[1].dtype == mg.float64


# -- derivatives of derivatives -------------------------------------------------------------------------------


def test_jvp_with_create_graph_is_differentiated_for_inputs_and_direction() -> None:
    x, v = leaf(0.5, 2.0), leaf(3.0, 5.0)
    out, tangent = jvp(lambda x: x**3 * x.sum(), x, v, create_graph=True)
    dx, dv = mg.grad(tangent.sum(), [x, v], retain_graph=True)
    expected = hessian(lambda x: (x**3 * x.sum()).sum(), x)
    assert_close(dx, (expected @ v).detach())
    assert_close(dv, jacobian(lambda x: (x**3 * x.sum()).sum(), x))
    assert_close(mg.grad(out.sum(), x)[0], dv)
    assert mg.gradcheck(lambda x, v: jvp(mg.tanh, x, v, create_graph=True)[1], [x, v])


def test_vjp_and_jacobian_with_create_graph_are_differentiated() -> None:
    x, v = leaf(0.5, 2.0), leaf(3.0, 5.0)
    assert mg.gradcheck(lambda x, v: vjp(mg.tanh, x, v, create_graph=True)[1], [x, v])
    for strategy in STRATEGIES:
        assert mg.gradcheck(lambda x, s=strategy: jacobian(lambda x: x * x.exp(), x, True, strategy=s), x)


def test_jvp_of_jvp_gives_higher_derivatives() -> None:
    one, x = mg.tensor(1.0, dtype=mg.float64), scalar(0.7)

    def slope(f: Callable[[mg.Tensor], mg.Tensor]) -> Callable[[mg.Tensor], mg.Tensor]:
        return lambda x: jvp(f, x, one, create_graph=True)[1]

    t = np.tanh(0.7)
    assert slope(slope(mg.tanh))(x).item() == pytest.approx(-2 * t * (1 - t * t), rel=1e-13)
    assert slope(slope(slope(lambda x: x**4)))(x).item() == pytest.approx(24 * 0.7, rel=1e-13)


def test_hessian_vector_product_is_forward_over_reverse() -> None:
    x, v = mg.randn(4, dtype=mg.float64), mg.randn(4, dtype=mg.float64)

    def f(x: mg.Tensor) -> mg.Tensor:
        return (x.exp() * x.sum()).sum()

    product = jvp(lambda x: vjp(f, x, create_graph=True)[1], x, v)[1]
    assert_close(product, hessian(f, x) @ v)


# -- cost and memory ------------------------------------------------------------------------------------------


def test_jvp_runs_a_fixed_number_of_operations_for_each_node() -> None:
    def count(depth: int, product: Callable[..., Any]) -> int:
        seen: list[str] = []

        def chain(x: mg.Tensor) -> mg.Tensor:
            for _ in range(depth):
                x = x.sigmoid()
            return x

        with observe(lambda op, inputs, out, seconds: seen.append(op.title)):
            product(chain, mg.ones(3), mg.ones(3))
        return len(seen)

    assert count(20, jvp) - count(10, jvp) == 40  # forward, a view of the gradient, the rule, and its rule
    assert count(20, vjp) - count(10, vjp) == 20


def test_tangents_and_nodes_are_freed_on_the_way() -> None:
    alive: list[int] = []
    born: list[weakref.ref[Any]] = []

    class Counted(mg.Op):
        """y = x, and counts which arrays that its kind made are still there"""

        def forward(self, kernels: Any, x: Any) -> Any:
            y = kernels.copy(x)
            born.append(weakref.ref(y))
            return y

        def backward(self, dy: mg.Tensor) -> tuple[mg.Tensor]:
            alive.append(sum(ref() is not None for ref in born))
            return (mg.record(Counted(), dy),)

    def chain(x: mg.Tensor) -> mg.Tensor:
        for _ in range(30):
            x = mg.record(Counted(), x)
        return x

    gc.disable()
    try:
        jvp(chain, mg.ones(5), mg.ones(5))
    finally:
        gc.enable()
    assert len(alive) == 60  # each node's rule, and the rule of that rule
    assert max(alive) <= 4


# -- refusals -------------------------------------------------------------------------------------------------


def test_strict_refuses_what_would_be_zero_for_want_of_a_path() -> None:
    x, y = double(1, 2), double(3)
    text = r"{}: no output depends on input 1, of shape \(1,\); strict=False gives zeros"
    with pytest.raises(RuntimeError, match=text.format("vjp")):
        vjp(lambda x, y: x.sum(), (x, y), strict=True)
    with pytest.raises(RuntimeError, match=text.format("jvp")):
        jvp(lambda x, y: x.sum(), (x, y), (x, y), strict=True)
    with pytest.raises(RuntimeError, match=text.format("hessian")):
        hessian(lambda x, y: (x * x).sum(), (x, y), strict=True)
    for function in (vjp, jvp):
        with pytest.raises(RuntimeError, match=r"output 1, of shape \(1,\), depends on no input"):
            v = (x[0], mg.ones(1)) if function is vjp else x
            function(lambda x: (x.sum(), mg.ones(1)), x, v, strict=True)
    for strategy in STRATEGIES:
        with pytest.raises(RuntimeError, match=r"jacobian: output 1 does not depend on input 0, of shape \(2,\)"):
            jacobian(lambda x, y: (x + y, y * 2), (x, y), strict=True, strategy=strategy)
        with pytest.raises(RuntimeError, match=r"hessian: output 0 does not depend on input 0"):
            hessian(lambda x: x.sum(), x, strict=True, outer_jacobian_strategy=strategy)


def test_strict_passes_where_every_path_is_there() -> None:
    x = double(1, 2)
    assert vjp(mg.sum, x, strict=True)[1].tolist() == [1, 1]
    assert jvp(lambda x: (x, x * 2), x, x, strict=True)[1][1].tolist() == [2, 4]
    assert jacobian(lambda x: x * 0, x, strict=True).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: vjp(mg.exp, [x]), TypeError, "vjp: the inputs must be a tensor or a tuple of tensors, got"),
        (lambda x: vjp(lambda x: 3, x), TypeError, "vjp: the outputs of the function must be a tensor or a tuple"),
        (lambda x: jvp(mg.exp, x, 1.0), TypeError, "jvp: the v must be a tensor or a tuple of tensors, got float"),
        (lambda x: jvp(mg.neg, mg.arange(2), x), TypeError, "jvp: input 0 is int64: only floats have derivatives"),
        (lambda x: vjp(mg.exp, x), ValueError, r"v may only be left out for a single number, not for \(2,\)"),
        (lambda x: jvp(mg.sum, x), ValueError, r"v may only be left out for a single number, not for \(2,\)"),
        (
            lambda x: vjp(mg.sum, x, x),
            ValueError,
            r"vjp: v must have the shape and dtype of \(\) float64; it has \(2,\) float64",
        ),
        (lambda x: jvp(mg.sum, x, mg.ones(2)), ValueError, r"of \(2,\) float64; it has \(2,\) float32"),
        (lambda x: jvp(mg.sum, x, (x, x)), ValueError, r"of \(2,\) float64; it has \(2,\) float64, \(2,\)"),
        (lambda x: jacobian(mg.exp, x, strategy="both"), ValueError, "jacobian: there is no strategy 'both': use"),
        (lambda x: hessian(mg.exp, x), ValueError, r"hessian: the function must give one number, it gave \(2,\)"),
    ],
)
def test_unfit_arguments_are_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(double(1, 2))


def test_inference_mode_is_refused_as_nothing_would_be_recorded() -> None:
    with mg.inference_mode(), pytest.raises(RuntimeError, match=r"jvp: nothing is recorded inside inference_mode"):
        jvp(mg.exp, mg.ones(2), mg.ones(2))


def test_a_rule_with_too_few_gradients_is_named() -> None:
    class Forgetful(mg.Op):
        """out = x + y"""

        def forward(self, kernels: Any, x: Any, y: Any) -> Any:
            return kernels.add(x, y)

        def backward(self, dout: mg.Tensor) -> tuple[mg.Tensor]:
            return (dout,)

    with pytest.raises(TypeError, match="<ForgetfulBackward> must return a tuple with a gradient for each of"):
        jvp(lambda x: mg.record(Forgetful(), x, x), mg.ones(2), mg.ones(2))


# -- PyTorch as the oracle ------------------------------------------------------------------------------------


@pytest.mark.peer
def test_peer_gives_the_same_values_in_the_same_form() -> None:
    torch = pytest.importorskip("torch")
    F = torch.autograd.functional
    (x, W), (dx, dW) = random_inputs(), random_inputs()
    theirs = tuple(torch.from_numpy(t.array) for t in (x, W))
    directions = tuple(torch.from_numpy(t.array) for t in (dx, dW))

    def scalar_of(x: Any, W: Any) -> Any:
        return network(x, W)[0].sum()

    def compare(got: Any, want: Any) -> None:
        assert isinstance(got, tuple) == isinstance(want, tuple)
        if isinstance(got, tuple):
            for g, w in zip(got, want, strict=True):
                compare(g, w)
        else:
            assert_close(got, want.numpy())

    compare(jvp(network, (x, W), (dx, dW)), F.jvp(network, theirs, directions))
    compare(vjp(scalar_of, (x, W)), F.vjp(scalar_of, theirs))
    compare(jacobian(network, (x, W)), F.jacobian(network, theirs))
    compare(hessian(scalar_of, (x, W)), F.hessian(scalar_of, theirs))
    compare(jacobian(lambda x: x.exp(), x), F.jacobian(torch.exp, theirs[0]))
    compare(jacobian(lambda x: (x,), x), F.jacobian(lambda x: (x,), theirs[0]))
