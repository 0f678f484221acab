"""Embedding and Bilinear against PyTorch; Flatten, Unflatten, Identity; conversions and lookups of modules."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

RNG = np.random.default_rng(4)


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("padding", [None, 2, -1])
def test_an_embedding_does_what_pytorchs_does(padding, dtype, tolerance):
    torch = pytest.importorskip("torch")
    W, weights = RNG.normal(0, 1, (7, 3)).astype(dtype), RNG.normal(0, 1, (4, 5, 3)).astype(dtype)
    i = RNG.integers(0, 7, (4, 5))
    results = []
    for framework in (mg, torch):
        layer = framework.nn.Embedding(7, 3, padding_idx=padding)
        assert layer.padding_idx in (None, 2, 6)
        layer = framework.nn.Embedding.from_pretrained(framework.tensor(W), freeze=False, padding_idx=padding)
        y = layer(framework.tensor(i))
        (y * y * framework.tensor(weights)).sum().backward()
        results.append((repr(layer), y.detach().numpy(), layer.weight.grad.numpy()))
    (text, y, dW), (text_peer, y_peer, dW_peer) = results
    assert text == text_peer
    np.testing.assert_array_equal(y, y_peer)
    np.testing.assert_allclose(dW, dW_peer, tolerance, tolerance)


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_bilinear_layer_does_what_pytorchs_does(bias, dtype, tolerance):
    torch = pytest.importorskip("torch")
    start, x1, x2 = (RNG.normal(0, 1, s).astype(dtype) for s in [(4, 2, 3), (5, 6, 2), (5, 6, 3)])
    results = []
    for framework in (mg, torch):
        layer = framework.nn.Bilinear(2, 3, 4, bias=bias, dtype=getattr(framework, dtype))
        state = {"weight": framework.tensor(start)}
        if bias:
            state["bias"] = framework.tensor(start[:, 0, 0].copy())
        layer.load_state_dict(state)
        inputs = [framework.tensor(x, requires_grad=True) for x in (x1, x2)]
        y = layer(*inputs)
        (y * y).sum().backward()
        found = [y.detach(), *(x.grad for x in inputs), *(p.grad for p in layer.parameters())]
        results.append((repr(layer), [t.numpy() for t in found]))
    (text, ours), (text_peer, theirs) = results
    assert text == text_peer
    for got, want in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, want, tolerance, tolerance * abs(want).max())


def test_first_values_of_embedding_and_bilinear():
    table = nn.Embedding(1000, 20, padding_idx=3)
    assert table.weight[3].tolist() == [0.0] * 20
    assert abs(float(table.weight.detach().std()) - 1) < 0.05
    layer = nn.Bilinear(16, 3, 50)
    assert 0.2 < float(layer.weight.detach().abs().amax()) <= 0.25


def test_the_second_derivative_of_an_embedding_is_exact():
    W = mg.tensor(RNG.normal(0, 1, (4, 2)), requires_grad=True)
    i = mg.tensor([[0, 3], [3, 1]])
    assert mg.gradcheck(lambda W: F.embedding(i, W) ** 2, [W])
    assert mg.gradgradcheck(lambda W: F.embedding(i, W) ** 3, [W])


def test_a_frozen_table_has_no_gradient():
    table = nn.Embedding.from_pretrained(mg.ones(3, 2))
    assert not table.weight.requires_grad and table(mg.tensor(1)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.embedding(mg.tensor([3]), mg.ones(3, 2)), IndexError, "3 is out of range for 3 rows, 0 to 2"),
        (lambda: F.embedding(mg.tensor([-1]), mg.ones(3, 2)), IndexError, "-1 is out of range"),
        (lambda: F.embedding(mg.ones(1), mg.ones(3, 2)), TypeError, "must be integers, rows of the weight"),
        (lambda: F.embedding(mg.tensor([0]), mg.ones(3)), ValueError, r"the weight must be \(V, D\), got \(3,\)"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx 3 is out of range for 3 rows"),
        (lambda: nn.Embedding(0, 2), ValueError, "needs sizes of at least 1"),
        (lambda: nn.Embedding.from_pretrained(mg.ones(3)), ValueError, r"\(num_embeddings, embedding_dim\)"),
        (lambda: nn.Bilinear(0, 1, 2), ValueError, r"needs sizes of at least 1, got \(0, 1, 2\)"),
        (lambda: nn.Bilinear(2, 3, 4)(mg.ones(5, 2), mg.ones(5, 2)), ValueError, r"x1 \(5, 2\) and x2 \(5, 2\)"),
        (lambda: F.bilinear(mg.ones(1), mg.ones(1).double(), mg.ones(1, 1, 1)), TypeError, "must be equal"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.peer
def test_layers_of_shape_are_pytorchs():
    torch = pytest.importorskip("torch")
    for framework in (mg, torch):
        unflatten, x = framework.nn.Unflatten(1, (3, 4)), framework.ones(2, 12)
        assert tuple(unflatten(x).shape) == (2, 3, 4)
        assert tuple(framework.nn.Flatten()(unflatten(x)).shape) == (2, 12)
        assert framework.nn.Identity(3, anything=True)(x) is x
        assert repr(framework.nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
        assert repr(unflatten) == "Unflatten(dim=1, unflattened_size=(3, 4))"


# -- modules as a whole ---------------------------------------------------------------------------------------


def test_to_converts_floats_in_place_with_their_gradients():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight = net[0].weight
    net(mg.randn(4, 2)).sum().backward()
    values = weight.tolist()
    assert net.to(mg.float64, "cpu") is net
    assert net[0].weight is weight and weight.tolist() == values
    assert weight.dtype == weight.grad.dtype == net[1].running_var.dtype == mg.float64
    assert net[1].num_batches_tracked.dtype == mg.int64
    assert net(mg.randn(4, 2).double()).dtype == mg.float64
    assert net.float().to(dtype=mg.float64)[0].bias.dtype == mg.float64
    with pytest.raises(TypeError, match="parameters are floats, they cannot be int64"):
        net.to(mg.int64)
    with pytest.raises(ValueError, match="there is no device 'gpu'"):
        net.to("gpu")


def test_a_graph_recorded_before_a_conversion_is_not_walked():
    layer = nn.Linear(2, 1)
    x = mg.ones(1, 2, requires_grad=True)
    y = layer(x)
    layer.double()
    with pytest.raises(RuntimeError, match=r"changed|new array"):
        y.backward()


def test_buffers_that_are_not_persistent_are_no_part_of_the_state():
    module = nn.Module()
    module.register_buffer("a", mg.ones(1), persistent=False)
    module.register_buffer("b", mg.ones(1))
    assert list(module.state_dict()) == ["b"]
    assert [name for name, _ in module.named_buffers()] == ["a", "b"]
    with pytest.raises(TypeError, match="persistent must be True or False"):
        module.register_buffer("c", mg.ones(1), persistent=1)


def test_parts_are_found_by_their_dotted_names():
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2)), nn.BatchNorm1d(2))
    assert net.get_submodule("") is net and net.get_submodule("0.0") is net[0][0]
    assert net.get_parameter("0.0.weight") is net[0][0].weight
    assert net.get_buffer("1.running_mean") is net[1].running_mean
    wrong = [("get_submodule", "0.1"), ("get_parameter", "1.running_mean"), ("get_buffer", "1.weight")]
    for method, name in wrong:
        with pytest.raises(AttributeError, match="has no"):
            getattr(net, method)(name)


def test_requires_grad_freezes_every_parameter():
    net = nn.Linear(2, 2)
    assert net.requires_grad_(False) is net and not any(p.requires_grad for p in net.parameters())
    with pytest.raises(TypeError, match="expects True or False"):
        net.requires_grad_(1)


# -- bags -----------------------------------------------------------------------------------------------------

FLAT, STARTS = np.array([2, 0, 1, 1, 3, 0]), np.array([0, 2, 2, 5])


@pytest.mark.peer
@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
@pytest.mark.parametrize("padding", [None, 1, -4])
@pytest.mark.parametrize("form", ["matrix", "offsets", "with the last"])
def test_bags_are_pytorchs(mode, padding, form):
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        options = {"mode": mode, "padding_idx": padding, "include_last_offset": form == "with the last"}
        layer = library.nn.EmbeddingBag(4, 3, dtype=library.float64, **options)
        with library.no_grad():
            layer.weight.copy_(library.tensor(np.sin(np.arange(12.0)).reshape(4, 3)))
        starts = [*STARTS, 6] if form == "with the last" else STARTS
        given = [FLAT.reshape(2, 3)] if form == "matrix" else [FLAT, np.array(starts)]
        y = layer(*map(library.tensor, given))
        (y * y * y).sum().backward()
        found.append([repr(layer), y.detach().numpy(), layer.weight.grad.numpy()])
    assert found[0][0].replace(", padding_idx=3", "") == found[1][0].replace(", padding_idx=3", "")
    for ours, theirs in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.peer
def test_weights_of_a_bag_are_pytorchs_and_have_a_gradient():
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        W = library.tensor(np.cos(np.arange(12.0)).reshape(4, 3), requires_grad=True)
        w = library.tensor(np.arange(1.0, 7.0), requires_grad=True)
        bag = library.nn.functional.embedding_bag
        y = bag(library.tensor(FLAT), W, library.tensor(STARTS), mode="sum", per_sample_weights=w)
        (y * y).sum().backward()
        found.append([y.tolist(), W.grad.tolist(), w.grad.tolist()])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_derivatives_of_bags_are_those_of_difference_quotients():
    W = mg.tensor(np.sin(np.arange(12.0)).reshape(4, 3), requires_grad=True)
    for mode in ("mean", "max"):
        bags = lambda W, mode=mode: F.embedding_bag(mg.tensor(FLAT), W, mg.tensor(STARTS), mode=mode) ** 2  # noqa: E731
        assert mg.gradcheck(bags, [W]) and mg.gradgradcheck(bags, [W])


@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
def test_a_bag_without_anything_is_zero(mode):
    empty = F.embedding_bag(mg.zeros(0, dtype=mg.int64), mg.ones(4, 3), mg.tensor([0, 0]), mode=mode)
    assert empty.tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i, W: F.embedding_bag(i, W), r"takes \(B, N\), or \(n,\) and offsets \(B,\), got \(3,\) and no"),
        (lambda i, W: F.embedding_bag(i, W, mg.tensor([1])), r"offsets rise from 0 to at most 3, got \[1\]"),
        (lambda i, W: F.embedding_bag(i, W, mg.tensor([0, 2, 1])), r"got \[0, 2, 1\]"),
        (lambda i, W: F.embedding_bag(i, W, mg.tensor([0, 4])), r"got \[0, 4\]"),
        (lambda i, W: F.embedding_bag(i, W, mg.tensor([0]), mode="min"), "there is no mode 'min'"),
        (
            lambda i, W: F.embedding_bag(i, W, mg.tensor([0]), per_sample_weights=mg.ones(3)),
            "per_sample_weights are for mode 'sum'",
        ),
    ],
)
def test_bags_that_cannot_be_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(mg.tensor([0, 1, 2]), mg.ones(4, 3))
