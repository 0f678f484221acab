"""A node: its names, edges and kept values; how it is recorded; what stays in memory, and for how long."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import nodes_of
from minigrad.graph import AccumulateGrad, Constant, Op
from minigrad.modes import observe
from minigrad.ops.activation import Activation, Relu, Sigmoid
from minigrad.versions import Version


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Reference counting alone."""
    x = mg.randn(3, 2, requires_grad=True)  # compiling a kernel leaves cycles behind: do it before
    mg.grad(layer(layer(x)).softmax(1).log().mean(), x, create_graph=True)
    layer(x).sum().backward()
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def layer(x: mg.Tensor, d_out: int = 3) -> mg.Tensor:
    W = mg.randn(d_out, x.shape[-1], requires_grad=True)
    return mg.linear(x, W, mg.zeros(d_out, requires_grad=True)).sigmoid()


# -- a node ---------------------------------------------------------------------------------------------------


def test_node_has_torchs_name_and_repr() -> None:
    x = mg.tensor(2.0, requires_grad=True)
    assert repr((x**2).grad_fn) == "<PowBackward>"
    assert (2**x).grad_fn.name() == "PowBackward"
    assert (x**2).grad_fn.title == "Pow"
    assert (x * x).grad_fn.formula == "out = x * y"


def test_next_functions_lead_to_nodes_leaves_and_constants() -> None:
    x, c = mg.tensor(2.0, requires_grad=True), mg.tensor(3.0)
    y = (x * 2) + c
    (first, zero), second = y.grad_fn.next_functions
    assert (repr(first), zero, second) == ("<MulBackward>", 0, (None, 0))
    (end, _), _ = first.next_functions
    assert isinstance(end, AccumulateGrad)
    assert (end.variable, end.name(), repr(end)) == (x, "AccumulateGrad", "<AccumulateGrad>")
    assert end.next_functions == ()


def test_constant_edge_knows_shape_dtype_and_value_without_keeping_the_tensor() -> None:
    x, c = mg.ones(2, requires_grad=True), mg.tensor([1.0, 2.0])
    edge = (x + c).grad_fn.edges[1]
    assert isinstance(edge, Constant)
    assert (edge.shape, edge.dtype, edge.value, edge.tensor()) == ((2,), mg.float32, None, c)
    assert (x + 5).grad_fn.edges[1].value == 5.0
    assert (x + c).grad_fn.edges[1] is edge
    del c
    assert edge.tensor() is None


def test_kept_values_are_there_by_name_and_detached() -> None:
    z = mg.tensor([-1.0, 2.0], requires_grad=True)
    kept = z.relu().grad_fn.kept
    assert list(kept) == ["z", "a"]
    assert (kept["z"].tolist(), kept["a"].tolist()) == ([-1.0, 2.0], [0.0, 2.0])
    assert not kept["a"].requires_grad


@pytest.mark.parametrize("lean", [False, True])
def test_dir_lists_the_values_that_can_be_read(lean: bool) -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with mg.lean_mode() if lean else nullcontext():
        y = (x * x).sigmoid()
    names = {"x", "y", "z", "a", "out"}
    sigmoid, product = y.grad_fn, y.grad_fn.edges[0]
    assert names & set(dir(sigmoid)) == ({"a"} if lean else {"z", "a"})
    assert names & set(dir(product)) == {"x", "y"}
    assert all(hasattr(sigmoid, name) for name in dir(sigmoid))
    y.sum().backward()
    assert not names & set(dir(sigmoid))
    assert "formula" in dir(sigmoid)


def test_linear_keeps_x_and_W_and_gives_z() -> None:
    x, W = mg.ones(1, 2), mg.ones(3, 2, requires_grad=True)
    node = mg.linear(x, W).grad_fn
    assert list(node.kept) == ["x", "W"]
    assert (node.inputs, node.output) == (("x", "W", "b"), "z")


def test_kept_is_empty_after_the_walk_and_the_structure_stays() -> None:
    x = mg.tensor(2.0, requires_grad=True)
    y = (x * x).exp()
    node = y.grad_fn
    y.backward()
    assert (node.freed, node.kept) == (True, {})
    assert repr(node.next_functions[0][0]) == "<MulBackward>"


def test_nodes_are_numbered_in_the_order_of_recording() -> None:
    x = mg.tensor(2.0, requires_grad=True)
    y = (x * x).exp() + x
    for node in nodes_of(y):
        assert all(edge.order < node.order for edge in node.edges if isinstance(edge, Op))


# -- recording ------------------------------------------------------------------------------------------------


def test_nothing_is_recorded_where_no_input_wants_a_gradient() -> None:
    y = mg.ones(2) * 3
    assert (y.grad_fn, y.requires_grad, y.is_leaf) == (None, False, True)


def test_one_node_object_cannot_be_recorded_twice() -> None:
    x = mg.tensor(2.0, requires_grad=True)
    op = Relu()
    y = mg.record(op, x)
    with pytest.raises(RuntimeError, match="<ReluBackward> is a node already: record a new Relu for each call"):
        mg.record(op, y * 2)
    y.backward()
    assert x.grad.item() == 1


class Scaled(mg.Op):
    """y = k x^2        k a number"""

    x = mg.Kept()

    def __init__(self, k: float) -> None:
        self.k = k

    def forward(self, kernels: Any, x: Any) -> Any:
        return kernels.mul(kernels.mul(x, x), np.asarray(self.k, x.dtype))

    def backward(self, dy: mg.Tensor) -> tuple[mg.Tensor]:
        return (dy * self.x * (2 * self.k),)


def test_custom_op_works_to_any_order() -> None:
    x = mg.tensor(3.0, requires_grad=True)
    y = mg.record(Scaled(5), x)
    (dy,) = mg.grad(y, x, create_graph=True)
    (ddy,) = mg.grad(dy, x)
    assert (y.item(), dy.item(), ddy.item()) == (45, 30, 10)
    assert (y.grad_fn.name(), list(y.grad_fn.kept)) == ("ScaledBackward", ["x"])


def test_subclass_of_an_activation_leaves_the_others_as_they_were() -> None:
    class Swish(Activation):
        """a = z / (1 + e^-beta z)"""

        beta = mg.Kept()

        def forward(self, kernels: Any, beta: Any, z: Any) -> Any:
            return kernels.mul(z, kernels.sigmoid(kernels.mul(beta, z)))

    class Unfinished(Activation):
        """no forward of its own"""

    assert [(kept.name, kept.source) for kept in Swish.keeps] == [("z", 1), ("a", None), ("beta", 0)]
    assert [(kept.name, kept.source, kept.slot) for kept in Relu.keeps] == [("z", 0, 0), ("a", None, 1)]
    assert Unfinished.keeps[0] is not Sigmoid.keeps[0]
    z = mg.tensor([-1.0, 2.0], requires_grad=True)
    a = z.relu()
    a.sum().backward()
    assert z.grad.tolist() == [0, 1]


def test_op_without_a_rule_says_so() -> None:
    class Half(mg.Op):
        """y = x / 2"""

        def forward(self, kernels: Any, x: Any) -> Any:
            return kernels.div(x, np.asarray(2, x.dtype))

    y = mg.record(Half(), mg.tensor(2.0, requires_grad=True))
    with pytest.raises(TypeError, match="Half has no backward"):
        y.backward()


def test_rule_with_too_few_gradients_is_named() -> None:
    class Forgetful(mg.Op):
        """out = x + y"""

        def forward(self, kernels: Any, x: Any, y: Any) -> Any:
            return kernels.add(x, y)

        def backward(self, dout: mg.Tensor) -> tuple[mg.Tensor]:
            return (dout,)

    x = mg.tensor(1.0, requires_grad=True)
    with pytest.raises(TypeError, match="<ForgetfulBackward> must return a tuple with a gradient for each of"):
        mg.record(Forgetful(), x, x).backward()
    assert x.grad is None


def test_observer_sees_every_operation_recorded_or_not() -> None:
    seen: list[tuple[str, tuple[int, ...], bool]] = []

    def note(op: Op, inputs: tuple[mg.Tensor, ...], out: mg.Tensor, seconds: float) -> None:
        assert seconds >= 0
        seen.append((op.title, out.shape, out.requires_grad))

    x = mg.ones(2, 3, requires_grad=True)
    with observe(note):
        (x * x).sum()
        with mg.no_grad():
            x.T.exp()
        x > 0  # noqa: B015
    assert seen == [
        ("Mul", (2, 3), True),
        ("Sum", (), True),
        ("Permute", (3, 2), False),
        ("Exp", (3, 2), False),
        ("Compare", (2, 3), False),
    ]
    x.exp()
    assert len(seen) == 5


def test_tensors_made_in_inference_mode_are_refused_where_they_would_be_kept() -> None:
    w = mg.tensor(2.0, requires_grad=True)
    with mg.inference_mode():
        x = mg.tensor(3.0) * 1
    text = r"<MulBackward> must keep its x, a tensor made in inference_mode\(\), which counts no changes: use a"
    with pytest.raises(RuntimeError, match=text):
        x * w
    y = x.clone() * w
    y.backward()
    assert w.grad.item() == 3


# -- versions -------------------------------------------------------------------------------------------------


def test_a_tensor_and_its_views_share_a_version_and_a_copy_does_not() -> None:
    x = mg.arange(6.0)
    assert x.view(2, 3).T[0].version is x.version
    assert x.detach().version is x.version
    assert x[[0, 1]].version is not x.version
    assert x.clone().version is not x.version
    x[1:].touch()
    assert x.version.value == 1
    assert isinstance(x.version, Version)


def test_changing_a_kept_value_in_place_is_found() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    x = mg.tensor([3.0, 4.0])
    other = mg.tensor([1.0, 1.0], requires_grad=True)
    loss = (w * x).sum() + other.sum()
    x.array[0] = 9
    x.touch()
    text = (
        r"<MulBackward>, recorded at test_graph\.py:\d+, '.*', needs its y of shape \(2,\) as it was in the "
        r"forward pass, version 0, but it has been changed in place since at test_graph\.py:\d+, 'x\.touch\(\)' "
        r"and is at version 1: change a clone\(\), or change it after backward\(\)"
    )
    with pytest.raises(RuntimeError, match=text):
        loss.backward()
    assert (w.grad, other.grad) == (None, None)


def test_changing_a_view_of_a_kept_value_is_found() -> None:
    x = mg.tensor([3.0, 4.0], requires_grad=True)
    y = x.exp()
    y.detach()[0:1].touch()
    with pytest.raises(RuntimeError, match=r"<ExpBackward>, recorded at .* needs its y"):
        y.sum().backward()


def test_changing_what_nobody_kept_does_no_harm() -> None:
    x, c = mg.tensor([3.0], requires_grad=True), mg.tensor([1.0])
    y = x + c
    c.array[0] = 7
    c.touch()
    y.sum().backward()
    assert x.grad.tolist() == [1]


# -- memory ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_collector")
def test_dropping_the_loss_frees_every_array_of_the_graph() -> None:
    x = mg.randn(4, 5)
    loss = layer(layer(x)).softmax(1).log().mean()
    mine = {id(array) for t in (x, loss) for array in [t.array]}
    arrays = [a for node in nodes_of(loss) for a in node.arrays if id(a) not in mine]
    watched = [weakref.ref(a) for a in arrays] + [weakref.ref(loss.array)]
    watched += [weakref.ref(node) for node in nodes_of(loss)]
    assert len(watched) > 15
    del arrays, loss
    assert [ref() for ref in watched] == [None] * len(watched)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("create_graph", [False, True])
def test_dropping_everything_after_grad_frees_it_too(create_graph: bool) -> None:
    x = mg.randn(3, 2, requires_grad=True)
    loss = layer(x).sum()
    watched = [weakref.ref(node) for node in nodes_of(loss)] + [weakref.ref(x.array)]
    (dx,) = mg.grad(loss, x, create_graph=create_graph)
    watched += [weakref.ref(node) for node in nodes_of(dx)] + [weakref.ref(dx.array)]
    del loss, dx, x
    assert [ref() for ref in watched] == [None] * len(watched)


@pytest.mark.usefixtures("no_collector")
def test_backward_frees_what_was_kept_while_the_loss_lives() -> None:
    x = mg.randn(4, 5)
    loss = layer(layer(x)).sum()
    watched = [weakref.ref(node.kept["a"].array) for node in nodes_of(loss) if "a" in node.kept]
    assert len(watched) == 2
    loss.backward()
    assert [ref() for ref in watched] == [None, None]
    assert loss.item() != 0


@pytest.mark.usefixtures("no_collector")
def test_tensors_that_nobody_needs_are_freed_during_the_forward_pass() -> None:
    x = mg.randn(100, requires_grad=True)
    y = x + 1
    watched = weakref.ref(y.array)
    y = y + 2
    assert watched() is None
    y = y.exp()
    assert weakref.ref(y.array)() is y.array
    kept = weakref.ref(y.array)
    y = y.sum()
    assert kept() is not None  # exp's rule reads its result


@pytest.mark.usefixtures("no_collector")
def test_failed_operation_leaves_nothing_behind() -> None:
    x = mg.randn(2, 3, requires_grad=True)
    before = len(gc.get_objects())
    for _ in range(50):
        with pytest.raises(ValueError, match="matmul"):
            x @ x
    gc.collect()
    assert len(gc.get_objects()) - before < 500


def kept_bytes(t: mg.Tensor) -> int:
    """The bytes that the graph holds, each array counted once."""
    arrays = {id(a): a for node in nodes_of(t) for a in node.arrays if a is not None}
    return sum(a.nbytes for a in arrays.values())


def test_lean_mode_keeps_only_what_backward_reads_and_gives_the_same_gradients() -> None:
    x, W = mg.randn(8, 16), mg.randn(16, 16, requires_grad=True)

    def net() -> mg.Tensor:
        a = mg.linear(x, W).relu()
        return mg.linear(a, W).tanh().sum()

    full = net()
    with mg.lean_mode():
        lean = net()
    layer_bytes, weight_bytes = 8 * 16 * 4, 16 * 16 * 4
    assert kept_bytes(full) == weight_bytes + 5 * layer_bytes  # W; x z a z a
    assert kept_bytes(lean) == weight_bytes + 3 * layer_bytes  # W; x a a
    assert full.item() == lean.item()
    np.testing.assert_array_equal(mg.grad(full, W)[0].array, mg.grad(lean, W)[0].array)


def test_lean_mode_says_why_a_value_is_missing() -> None:
    z = mg.tensor([1.0], requires_grad=True)
    with mg.lean_mode():
        node = z.relu().grad_fn
    assert list(node.kept) == ["a"]
    with pytest.raises(RuntimeError, match=r"<ReluBackward> kept no z: it was recorded in lean_mode\(\)"):
        node.z  # noqa: B018
