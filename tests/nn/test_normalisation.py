"""Norm layers: against PyTorch from the same weights, their derivatives, their statistics, their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels import cpu, reference
from minigrad.nn import functional as F

RNG = np.random.default_rng(3)
Array = np.ndarray[Any, Any]

LAYERS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("BatchNorm1d", {"num_features": 5}, (8, 5)),
    ("BatchNorm1d", {"num_features": 5, "momentum": None}, (8, 5, 3)),
    ("BatchNorm1d", {"num_features": 5, "momentum": 0.3, "affine": False}, (6, 5)),
    ("BatchNorm1d", {"num_features": 5, "track_running_stats": False}, (8, 5)),
    ("BatchNorm2d", {"num_features": 3, "eps": 1e-3}, (4, 3, 5, 2)),
    ("InstanceNorm1d", {"num_features": 3}, (2, 3, 7)),
    ("InstanceNorm1d", {"num_features": 3, "affine": True}, (3, 7)),
    ("InstanceNorm2d", {"num_features": 3, "affine": True, "track_running_stats": True}, (4, 3, 5, 2)),
    ("LayerNorm", {"normalized_shape": 6}, (4, 6)),
    ("LayerNorm", {"normalized_shape": (3, 6), "bias": False}, (4, 3, 6)),
    ("LayerNorm", {"normalized_shape": [6], "elementwise_affine": False}, (6,)),
    ("GroupNorm", {"num_groups": 2, "num_channels": 6}, (4, 6, 5)),
    ("GroupNorm", {"num_groups": 3, "num_channels": 6, "affine": False}, (4, 6, 2, 2)),
    ("RMSNorm", {"normalized_shape": 6}, (4, 3, 6)),
    ("RMSNorm", {"normalized_shape": (3, 6), "eps": 1e-2}, (4, 3, 6)),
]


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (2, 3, 0)])
def test_an_empty_batch_is_normalised_and_moves_no_statistics(shape: tuple[int, ...]) -> None:
    norm = nn.BatchNorm1d(3)
    x = mg.ones(shape, requires_grad=True)
    y = norm(x)
    y.sum().backward()
    assert (y.shape, x.grad.shape) == (shape, shape)
    assert (norm.running_mean.tolist(), norm.running_var.tolist()) == ([0] * 3, [1] * 3)
    assert (norm.weight.grad.tolist(), norm.bias.grad.tolist()) == ([0] * 3, [0] * 3)
    assert norm.eval()(x).shape == shape


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize(("name", "options", "shape"), LAYERS)
def test_a_norm_layer_does_what_pytorchs_does(name, options, shape, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours = getattr(nn, name)(**options, dtype=dtype)
    theirs = getattr(torch.nn, name)(**options, dtype=getattr(torch, dtype))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs).replace(", bias=True", "").replace(", bias=False", "")
    for (_, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        start = RNG.normal(0, 1, p.shape).astype(dtype)
        p.array[...] = start
        q.data = torch.from_numpy(start.copy())
    for step in range(5):
        if step == 4:
            ours.eval(), theirs.eval()
        data, weights = (RNG.normal(1, 3, shape).astype(dtype) for _ in range(2))
        x, x_peer = mg.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        y, y_peer = ours(x), theirs(x_peer)
        (y * mg.tensor(weights)).sum().backward()
        (y_peer * torch.tensor(weights)).sum().backward()
        pairs = [(y, y_peer), (x.grad, x_peer.grad)]
        pairs += [(p.grad, q.grad) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True)]
        pairs += list(zip(ours.buffers(), theirs.buffers(), strict=True))
        for got, want in pairs:
            wanted = want.detach().numpy()
            np.testing.assert_allclose(got.detach().numpy(), wanted, tolerance, tolerance * abs(wanted).max())


@pytest.mark.parametrize(
    ("shapes", "function"),
    [
        ([(3, 2, 2), (2,), (2,)], lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
        ([(3, 2), (2,), (2,)], lambda x, w, b: F.batch_norm(x, mg.zeros(2).double(), mg.ones(2).double(), w, b)),
        ([(2, 2, 3), (2,)], lambda x, b: F.batch_norm(x, mg.ones(2).double(), mg.ones(2).double(), None, b)),
        ([(2, 2, 3), (2,), (2,)], lambda x, w, b: F.instance_norm(x, weight=w, bias=b)),
        ([(2, 4, 2), (4,)], lambda x, w: F.group_norm(x, 2, w)),
        ([(2, 4)], lambda x: F.layer_norm(x, [4], eps=0.1)),
        ([(2, 3, 2), (3, 2)], lambda x, w: F.rms_norm(x, [3, 2], w)),
    ],
)
@pytest.mark.parametrize("target", ["numba", "reference"])
def test_derivatives_of_first_and_second_order_are_those_of_difference_quotients(shapes, function, target):
    inputs = [mg.tensor(RNG.normal(0, 1, shape), requires_grad=True) for shape in shapes]
    with mg.use_kernels(target):
        assert mg.gradcheck(function, inputs)
        assert mg.gradgradcheck(function, inputs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "dims", "of_weight"),
    [
        ((7, 5), (0,), (5,)), ((7, 5), (0,), (1,)), ((7, 5), (0,), (7, 1)), ((7, 5), (1,), (5,)),
        ((7, 5), (1,), (7, 1)), ((7, 5), (0, 1), (1,)), ((7, 5), (0, 1), (7, 5)), ((7, 5), (), (5,)),
        ((3, 4, 5, 2), (0, 2, 3), (4, 1, 1)), ((3, 4, 5, 2), (1, 2), (2,)), ((3, 4, 5, 2), (2, 3), (5, 2)),
        ((3, 4, 5, 2), (2, 3), (4, 5, 1)), ((3, 4, 5, 2), (1, 3), (1,)), ((3, 4, 5, 2), (2, 3), (4, 1, 2)),
        ((3, 2, 3, 4), (2, 3), (2, 3, 1)), ((2, 9000), (1,), (9000,)), ((300, 8), (1,), (8,)),
        ((0, 3), (1,), (3,)), ((4, 2, 2, 2), (2, 3), (2, 2, 1)),
    ],
)  # fmt: skip
def test_compiled_kernels_agree_with_the_reference(shape, dims, of_weight, dtype):
    x, dy = (RNG.normal(2, 3, shape).astype(dtype) for _ in range(2))
    w, b = (RNG.normal(0, 1, of_weight).astype(dtype) for _ in range(2))
    tolerance = 50 * np.finfo(dtype).eps
    for x_, dy_, w_, b_ in ((x, dy, w, b), (x[::-1], dy[::-1], w[::-1], b[:1])):
        for got, want in zip(
            cpu.normalise(x_, w_, b_, dims, 1e-5), reference.normalise(x_, w_, b_, dims, 1e-5), strict=True
        ):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            np.testing.assert_allclose(got, want, tolerance, tolerance)
        got = cpu.normalise_backward(dy_, x_, w_, dims, 1e-5)
        want = reference.normalise_backward(dy_, x_, w_, dims, 1e-5)
        np.testing.assert_allclose(got, want, tolerance, 1e2 * tolerance)
        got = cpu.normalise_sums(dy_, x_, of_weight, dims, 1e-5)
        want = reference.normalise_sums(dy_, x_, of_weight, dims, 1e-5)
        np.testing.assert_allclose(got, want, tolerance, tolerance * max(1, x.size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "of_weight"),
    [
        ((7, 5), (5,)),
        ((7, 5), (7, 1)),
        ((3, 4, 5, 2), (4, 1, 1)),
        ((3, 4, 5), (3, 1, 5)),
        ((0, 3), (3,)),
        ((3,), ()),
    ],
)
def test_compiled_kernels_agree_on_moments_that_are_given(shape, of_weight, dtype):
    x = RNG.normal(2, 3, shape).astype(dtype)
    vectors = [RNG.normal(0, 1, of_weight).astype(dtype) for _ in range(4)]
    for operands in ([x, *vectors], [x[::-1], *vectors[:3], np.zeros((), dtype)]):
        got, want = cpu.normalise_by(*operands), reference.normalise_by(*operands)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, 20 * np.finfo(dtype).eps, 20 * np.finfo(dtype).eps)


def test_a_variance_far_from_zero_mean_loses_nothing_to_the_first_element():
    x = RNG.normal(1e4, 1, (2, 500))
    x[0, 0] = -1e6  # an outlier, from which all deviations are taken
    for got, want in zip(
        cpu.normalise(x, np.ones(1), np.zeros(1), (1,), 0.0),
        reference.normalise(x, *np.eye(2)[:, :1], (1,), 0.0),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, 1e-10, 1e-10)


@pytest.mark.compiled
def test_sums_for_the_weight_do_not_depend_on_the_number_of_threads():
    x, dy = (RNG.normal(2, 3, (4096, 128)).astype("float32") for _ in range(2))
    before, found = mg.get_num_threads(), []
    try:
        for threads in (1, before):
            mg.set_num_threads(threads)
            found.append(cpu.normalise_sums(dy, x, (128,), (1,), 1e-5))
    finally:
        mg.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_a_norm_is_one_node_that_keeps_what_comes_out_to_be_seen():
    x, w, b = mg.randn(4, 3, requires_grad=True), mg.ones(3, requires_grad=True), mg.zeros(3, requires_grad=True)
    y = F.layer_norm(x, [3], w, b)
    assert y.grad_fn.edges == (x, w, b)
    np.testing.assert_array_equal(y.grad_fn.kept["y"].numpy(), y.detach().numpy())


def test_nothing_has_changed_after_an_error():
    norm = nn.BatchNorm1d(3)
    before = {name: t.numpy().copy() for name, t in norm.state_dict().items()}
    wrong: list[tuple[mg.Tensor, type[Exception], str]] = [
        (mg.ones(1, 3), ValueError, r"x \(1, 3\) has one value for each channel"),
        (mg.ones(4, 2), ValueError, r"expects x \(N, C\) or \(N, C, L\) with C = 3, got \(4, 2\)"),
        (mg.ones(4, 3).double(), TypeError, "the dtypes float64, float32 must be equal"),
        (mg.ones(4, 3, dtype=mg.int64), TypeError, "x must be of floats, it is int64"),
    ]
    for x, error, message in wrong:
        with pytest.raises(error, match=message):
            norm(x)
    norm.running_var = mg.ones(2)
    with pytest.raises(ValueError, match=r"needs running_var of shape \(3,\), got \(2,\)"):
        norm(mg.ones(4, 3))
    norm.running_var = mg.ones(3)
    for name, t in norm.state_dict().items():
        np.testing.assert_array_equal(t.numpy(), before[name])


def test_statistics_move_under_no_grad_too_and_are_forgotten_on_request():
    norm = nn.BatchNorm2d(2)
    with mg.no_grad():
        norm(mg.randn(4, 2, 3, 3) + 5)
    assert norm.num_batches_tracked.item() == 1 and norm.running_mean.numpy().min() > 0.1
    norm.reset_parameters()
    assert [b.tolist() for b in norm.buffers()] == [[0.0, 0.0], [1.0, 1.0], 0]


def test_a_graph_recorded_in_eval_is_not_walked_with_statistics_that_have_moved_since():
    norm = nn.BatchNorm1d(2).eval()
    x = mg.randn(4, 2, requires_grad=True)
    y = norm(x).sum()
    norm.train()(mg.randn(4, 2) + 3)
    (dx,) = mg.grad(y, x)
    np.testing.assert_allclose(dx.numpy(), np.full((4, 2), 1 / np.sqrt(1 + 1e-5)), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.layer_norm(mg.ones(2, 3), [2]), r"x \(2, 3\) must end in the normalized_shape \(2,\)"),
        (lambda: F.layer_norm(mg.ones(2, 3), [3], mg.ones(2)), "weight must have the normalized_shape"),
        (lambda: F.layer_norm(mg.ones(2, 3), [3], eps=-1), "eps must not be below 0"),
        (lambda: F.group_norm(mg.ones(2, 3), 2), "3 channels cannot be divided into 2 groups"),
        (lambda: nn.GroupNorm(2, 3), "3 channels cannot be divided into 2 groups"),
        (lambda: nn.GroupNorm(2, 4)(mg.ones(2, 6)), "with C = 4"),
        (lambda: F.batch_norm(mg.ones(2, 3), None, None), "needs running_mean and running_var"),
        (lambda: F.batch_norm(mg.ones(2, 3), mg.ones(3), None), "come together"),
        (lambda: F.batch_norm(mg.ones(3), None, None), r"expects x of shape \(N, C, ...\)"),
        (lambda: F.batch_norm(mg.ones(2, 3), None, None, training=True, momentum=2), "momentum must lie in"),
        (lambda: F.instance_norm(mg.ones(2, 3, 1)), "one value for each channel of an example"),
        (lambda: nn.LayerNorm(()), "needs sizes of at least 1"),
        (lambda: nn.BatchNorm1d(0), "needs sizes of at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-25, 1e-18, 1.0, 1e18, 1e30])
def test_norms_are_right_at_every_size_of_float32(scale: float) -> None:
    x = np.random.default_rng(0).normal(size=(64, 48)).astype(np.float32) * np.float32(scale)
    for norm in (
        lambda t: F.layer_norm(t, 48, eps=0.0),
        lambda t: F.batch_norm(t, None, None, training=True, eps=0.0),
    ):
        expected = norm(mg.from_numpy(x.astype(np.float64))).numpy()
        np.testing.assert_allclose(norm(mg.from_numpy(x)).numpy(), expected, atol=2e-6)


def test_norms_are_right_where_the_first_element_is_far_from_all_others() -> None:
    x = np.random.default_rng(0).normal(0.3, 0.1, (3, 20_000)).astype(np.float32)
    x[:, 0] = 1e6
    exact = F.layer_norm(mg.from_numpy(x.astype(np.float64)), 20_000).numpy()
    np.testing.assert_allclose(F.layer_norm(mg.from_numpy(x), 20_000).numpy(), exact, rtol=2e-6, atol=2e-7)
    columns = F.batch_norm(mg.from_numpy(np.ascontiguousarray(x.T)), None, None, training=True).numpy()
    np.testing.assert_allclose(columns.T, exact, rtol=2e-6, atol=2e-7)
