"""Attention and positions: against PyTorch from the same weights, their derivatives, their masks, their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from ops_table import every_target

RNG = np.random.default_rng(5)
Array = np.ndarray[Any, Any]
SDPA = F.scaled_dot_product_attention
PRECISIONS = [("float64", 1e-10), ("float32", 1e-5)]


def normal(*shape: int, dtype: str = "float64") -> Array:
    return RNG.normal(0, 1, shape).astype(dtype)


def agree(got: Any, want: Any, tolerance: float) -> None:
    """Whether a tensor of ours is PyTorch's, relative to the largest number in it."""
    wanted = want.detach().numpy()
    np.testing.assert_allclose(got.detach().numpy(), wanted, tolerance, tolerance * max(abs(wanted).max(), 1e-3))


# -- queries, keys and values ---------------------------------------------------------------------------------

BOOLS = RNG.random((4, 5)) < 0.6
BOOLS[:, 0] = True
HIDDEN = BOOLS.copy()
HIDDEN[2] = False  # a query that sees nothing

CALLS: list[tuple[str, list[tuple[int, ...]], dict[str, Any]]] = [
    ("plain", [(2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 7)], {}),
    ("without a batch", [(4, 6), (5, 6), (5, 6)], {}),
    ("a batch that broadcasts", [(2, 3, 4, 6), (1, 3, 5, 6), (2, 1, 5, 6)], {}),
    ("scale", [(2, 4, 6), (2, 5, 6), (2, 5, 6)], {"scale": 0.7}),
    ("causal", [(2, 5, 6)] * 3, {"is_causal": True}),
    ("causal with more keys", [(2, 4, 6), (2, 5, 6), (2, 5, 6)], {"is_causal": True}),
    ("bools", [(2, 4, 6), (2, 5, 6), (2, 5, 6)], {"attn_mask": BOOLS}),
    ("bools that hide all", [(2, 4, 6), (2, 5, 6), (2, 5, 6)], {"attn_mask": HIDDEN}),
    ("floats", [(2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 6)], {"attn_mask": normal(2, 1, 4, 5)}),
    ("floats that hide all", [(4, 6), (5, 6), (5, 6)], {"attn_mask": np.where(HIDDEN, 0.5, -np.inf)}),
    ("shared heads", [(2, 6, 4, 8), (2, 2, 5, 8), (2, 2, 5, 8)], {"enable_gqa": True}),
]


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("name", "shapes", "options"), CALLS, ids=[call[0] for call in CALLS])
def test_attention_is_pytorchs(name, shapes, options, dtype, tolerance):
    torch = pytest.importorskip("torch")
    data = [normal(*shape, dtype=dtype) for shape in shapes]
    ours, theirs = dict(options), dict(options)
    if "attn_mask" in options:
        mask = options["attn_mask"]
        mask = mask if mask.dtype == bool else mask.astype(dtype)
        ours["attn_mask"], theirs["attn_mask"] = mg.tensor(mask), torch.tensor(mask)
    x = [mg.tensor(d, requires_grad=True) for d in data]
    t = [torch.tensor(d, requires_grad=True) for d in data]
    y, y_peer = SDPA(*x, **ours), torch.nn.functional.scaled_dot_product_attention(*t, **theirs)
    weights = normal(*y.shape, dtype=dtype)
    y.backward(mg.tensor(weights))
    y_peer.backward(torch.tensor(weights))
    agree(y, y_peer, tolerance)
    for own, other in zip(x, t, strict=True):
        agree(own.grad, other.grad, tolerance)


@every_target
@pytest.mark.parametrize(("name", "shapes", "options"), CALLS, ids=[call[0] for call in CALLS])
def test_derivatives_of_first_and_second_order_are_those_of_difference_quotients(name, shapes, options, target):
    options = {key: mg.tensor(o) if isinstance(o, np.ndarray) else o for key, o in options.items()}
    inputs = [mg.tensor(normal(*shape[:-2], shape[-2], 2), requires_grad=True) for shape in shapes]
    with mg.use_kernels(target):
        assert mg.gradcheck(lambda *x: SDPA(*x, **options), inputs)
        assert mg.gradgradcheck(lambda *x: SDPA(*x, **options), inputs)


def test_a_mask_of_floats_has_a_gradient():
    q, k, mask = (mg.tensor(normal(*shape), requires_grad=True) for shape in ((2, 3, 2), (2, 4, 2), (3, 4)))
    assert mg.gradcheck(lambda *x: SDPA(x[0], x[1], x[1], x[2]), [q, k, mask])
    assert mg.gradgradcheck(lambda *x: SDPA(x[0], x[1], x[1], x[2]), [q, k, mask])


def test_a_query_that_sees_nothing_gets_nothing_and_sends_no_gradient_back():
    q, k = mg.randn(2, 3, requires_grad=True), mg.randn(4, 3, requires_grad=True)
    y = SDPA(q, k, k, mg.tensor([[True] * 4, [False] * 4]))
    y.sum().backward()
    assert y[1].tolist() == [0, 0, 0] and q.grad is not None and q.grad[1].tolist() == [0, 0, 0]
    assert k.grad is not None and np.isfinite(k.grad.numpy()).all()


def test_dropout_takes_weights_away_and_keeps_their_mean():
    mg.manual_seed(3)
    q, v = mg.zeros(200, 4), mg.ones(500, 1)
    y = SDPA(q, mg.zeros(500, 4), v, dropout_p=0.5).numpy()
    assert y.std() > 0.02 and abs(y.mean() - 1) < 0.02
    assert SDPA(q, mg.zeros(500, 4), v, dropout_p=1.0).abs().max().item() == 0


@pytest.mark.parametrize(
    ("shapes", "options", "error", "message"),
    [
        ([(4,), (5, 4), (5, 4)], {}, ValueError, r"query \(4,\), key \(5, 4\) and value \(5, 4\) must be"),
        ([(3, 4), (5, 3), (5, 4)], {}, ValueError, r"must be \(..., L, E\), \(..., S, E\) and \(..., S, Ev\)"),
        ([(3, 4), (5, 4), (6, 4)], {}, ValueError, r"value \(6, 4\)"),
        ([(2, 3, 4), (3, 5, 4), (3, 5, 4)], {}, ValueError, "batch dimensions of query, key and value"),
        ([(3, 4)] * 3, {"dropout_p": 2}, ValueError, r"p is a probability in \[0, 1\], got 2"),
        ([(3, 4)] * 3, {"scale": "large"}, TypeError, "scale must be a number, got 'large'"),
        (
            [(3, 4)] * 3,
            {"attn_mask": mg.ones(3, 2)},
            ValueError,
            r"\(3, 2\) must broadcast to \(3, 3\), \(..., qu",
        ),
        ([(3, 4)] * 3, {"attn_mask": mg.ones(2, 3, 3)}, ValueError, r"must broadcast to \(3, 3\)"),
        ([(3, 4)] * 3, {"attn_mask": mg.ones(3, 3).double()}, TypeError, "must be bool, or float32 as the query"),
        ([(3, 4)] * 3, {"attn_mask": mg.ones(3, 3), "is_causal": True}, ValueError, "is_causal is a mask of its"),
        ([(3, 4)] * 3, {"enable_gqa": True}, ValueError, "have heads, dim -3"),
        ([(3, 2, 4), (2, 2, 4), (2, 2, 4)], {"enable_gqa": True}, ValueError, "a multiple of that of queries"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, options, error, message):
    with pytest.raises(error, match=message):
        SDPA(*(mg.ones(*shape) for shape in shapes), **options)


@pytest.mark.parametrize("wrong", [mg.ones(3, 4).double(), mg.ones(3, 4, dtype=mg.int64), [[1.0]]])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_no_tensor_of_one_float_dtype_is_refused(wrong, place):
    given: list[Any] = [mg.ones(3, 4)] * 3
    given[place] = wrong
    with pytest.raises(TypeError, match="scaled_dot_product_attention"):
        SDPA(*given)


# -- several heads --------------------------------------------------------------------------------------------

PADDING = np.array([[False, False, True, False, True], [False] * 5])
UNSEEN = np.triu(np.ones((4, 5), bool), 2)
BY_HEAD = np.where(RNG.random((6, 4, 5)) < 0.2, -np.inf, RNG.normal(0, 1, (6, 4, 5)))
BY_HEAD[..., 0] = 0

MODULES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("defaults", {}, {}),
    ("batch first", {"batch_first": True}, {}),
    ("no biases", {"bias": False, "batch_first": True}, {"need_weights": False}),
    ("weights by head", {"add_zero_attn": True}, {"average_attn_weights": False}),
    ("learnt key and value", {"add_bias_kv": True, "add_zero_attn": True}, {"key_padding_mask": PADDING}),
    ("other sizes", {"kdim": 5, "vdim": 7, "batch_first": True}, {"attn_mask": UNSEEN}),
    ("padding", {"batch_first": True}, {"key_padding_mask": PADDING, "attn_mask": UNSEEN}),
    ("a mask for each head", {"add_bias_kv": True}, {"attn_mask": BY_HEAD, "need_weights": False}),
    ("both of floats", {}, {"attn_mask": BY_HEAD[0], "key_padding_mask": np.where(PADDING, -np.inf, 0.0)}),
]


def modules(options: dict[str, Any], dtype: str) -> tuple[nn.MultiheadAttention, Any]:
    """Ours and PyTorch's, with the same weights."""
    torch = pytest.importorskip("torch")
    ours = nn.MultiheadAttention(6, 3, **options, dtype=dtype)
    theirs = torch.nn.MultiheadAttention(6, 3, **options, dtype=getattr(torch, dtype))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    start = {name: normal(*t.shape, dtype=dtype) for name, t in ours.state_dict().items()}
    ours.load_state_dict({name: mg.tensor(array) for name, array in start.items()})
    theirs.load_state_dict({name: torch.tensor(array) for name, array in start.items()})
    return ours, theirs


@pytest.mark.peer
@pytest.mark.parametrize("has_batch", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("name", "options", "call"), MODULES, ids=[m[0] for m in MODULES])
def test_attention_in_heads_is_pytorchs(name, options, call, dtype, tolerance, has_batch):
    torch = pytest.importorskip("torch")
    ours, theirs = modules(options, dtype)
    sizes = [(4, 6), (5, options.get("kdim", 6)), (5, options.get("vdim", 6))]
    data = [normal(2, *size, dtype=dtype) for size in sizes]
    masks = {key: m for key, m in call.items() if isinstance(m, np.ndarray)}
    masks = {key: m if m.dtype == bool else m.astype(dtype) for key, m in masks.items()}
    if not options.get("batch_first"):
        data = [d.swapaxes(0, 1).copy() for d in data]
    if not has_batch:
        data = [d[0] if options.get("batch_first") else d[:, 0].copy() for d in data]
        masks = {
            key: m[0] if key == "key_padding_mask" else m[: 3 if m.ndim == 3 else 4] for key, m in masks.items()
        }
    x = [mg.tensor(d, requires_grad=True) for d in data]
    t = [torch.tensor(d, requires_grad=True) for d in data]
    y, a = ours(*x, **{**call, **{key: mg.tensor(m) for key, m in masks.items()}})
    y_peer, a_peer = theirs(*t, **{**call, **{key: torch.tensor(m) for key, m in masks.items()}})
    agree(y, y_peer, tolerance)
    if a_peer is None:
        assert a is None
    else:
        agree(a, a_peer, tolerance)
    weights = normal(*y.shape, dtype=dtype)
    (y * mg.tensor(weights)).sum().backward()
    (y_peer * torch.tensor(weights)).sum().backward()
    pairs = [*zip(x, t, strict=True), *zip(ours.parameters(), theirs.parameters(), strict=True)]
    for own, other in pairs:
        agree(own.grad, other.grad, tolerance)


@pytest.mark.peer
def test_first_values_are_drawn_as_pytorch_draws_them():
    torch = pytest.importorskip("torch")
    options: dict[str, Any] = {"kdim": 300, "add_bias_kv": True}
    ours, theirs = nn.MultiheadAttention(200, 4, **options), torch.nn.MultiheadAttention(200, 4, **options)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        spread = (0, 0) if "bias" in name and "_k" not in name and "_v" not in name else (0.9, 1.1)
        low, high = (q.std().item() * factor for factor in spread)
        assert low * 0.8 <= p.numpy(force=True).std() <= high * 1.2, name


def test_a_causal_query_sees_no_later_key():
    attention, x = nn.MultiheadAttention(8, 2, batch_first=True), mg.randn(3, 5, 8)
    y, a = attention(x, x, x, is_causal=True)
    later = x.detach().clone()
    later[:, 3:] = 7.0
    z, _ = attention(later, later, later, is_causal=True)
    np.testing.assert_allclose(z[:, :3].numpy(force=True), y[:, :3].numpy(force=True), rtol=1e-6)
    assert a is not None and np.triu(a.numpy(force=True), 1).max() == 0
    np.testing.assert_allclose(a.numpy(force=True).sum(-1), 1, rtol=1e-6)


def test_dropout_is_for_training_alone():
    attention, x = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True), mg.randn(3, 5, 8)
    (one, _), (other, _) = attention(x, x, x), attention(x, x, x)
    assert not np.array_equal(one.numpy(force=True), other.numpy(force=True))
    attention.eval()
    (one, _), (other, _) = attention(x, x, x), attention(x, x, x)
    np.testing.assert_array_equal(one.numpy(force=True), other.numpy(force=True))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"embed_dim": 6, "num_heads": 4}, ValueError, "embed_dim 6 must be a multiple of num_heads 4"),
        ({"embed_dim": 0, "num_heads": 1}, ValueError, "no size below 1"),
        ({"embed_dim": 6, "num_heads": 0}, ValueError, "num_heads 0"),
        ({"embed_dim": 6, "num_heads": 2, "kdim": -1}, ValueError, "no size below 1"),
        ({"embed_dim": 6.5, "num_heads": 2}, TypeError, "sizes must be ints"),
        ({"embed_dim": 6, "num_heads": 2, "dropout": 1.5}, ValueError, "p is a probability"),
    ],
)
def test_a_module_that_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        nn.MultiheadAttention(**options)


@pytest.mark.parametrize(
    ("shapes", "options", "error", "message"),
    [
        ([(4, 2, 5)] * 3, {}, ValueError, r"must be \(L, N, E\) or \(L, E\) with E = 6"),
        ([(4, 2, 6), (5, 3, 6), (5, 3, 6)], {}, ValueError, "have one batch"),
        ([(4, 2, 6), (5, 2, 6), (4, 2, 6)], {}, ValueError, "keys and values are as many"),
        ([(4, 2, 6), (5, 6), (5, 6)], {}, ValueError, r"key \(5, 6\)"),
        ([(6,)] * 3, {}, ValueError, r"query \(6,\)"),
        ([(4, 2, 6)] * 3, {"attn_mask": mg.ones(4, 5)}, ValueError, r"attn_mask must be \(4, 4\) or \(6, 4, 4\)"),
        (
            [(4, 2, 6)] * 3,
            {"attn_mask": mg.ones(4, 4, dtype=mg.int64)},
            TypeError,
            "attn_mask must be bool, or flo",
        ),
        ([(4, 2, 6)] * 3, {"key_padding_mask": mg.ones(4, 2)}, ValueError, r"must be \(2, 4\), \(batch, keys\)"),
        (
            [(4, 2, 6)] * 3,
            {"key_padding_mask": mg.ones(2, 4).double()},
            TypeError,
            "key_padding_mask must be bool",
        ),
    ],
)
def test_what_heads_cannot_take_is_refused(shapes, options, error, message):
    attention = nn.MultiheadAttention(6, 3)
    with pytest.raises(error, match=message):
        attention(*(mg.ones(*shape) for shape in shapes), **options)


def test_the_function_needs_weights_and_pairs():
    x, W = mg.ones(4, 2, 6), mg.ones(6, 6)
    call = F.multi_head_attention_forward
    with pytest.raises(ValueError, match="needs in_proj_weight, or use_separate_proj_weight"):
        call(x, x, x, 6, 3, None, None, None, None, False, 0.0, W, None)
    with pytest.raises(ValueError, match="bias_k and bias_v come together"):
        call(x, x, x, 6, 3, mg.ones(18, 6), None, mg.ones(1, 1, 6), None, False, 0.0, W, None)
    with pytest.raises(ValueError, match="6 numbers cannot be divided into 4 heads"):
        call(x, x, x, 6, 4, mg.ones(18, 6), None, None, None, False, 0.0, W, None)


# -- positions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "size"), [(7, 6), (5, 5), (3, 1)])
def test_positions_are_the_formula_of_vaswani_and_others(length, size):
    found = F.sinusoidal_positions(length, size, mg.float64).numpy()
    for t in range(length):
        for j in range(size):
            angle = t / 10000 ** (2 * (j // 2) / size)
            np.testing.assert_allclose(found[t, j], np.cos(angle) if j % 2 else np.sin(angle), rtol=1e-12)


def test_positions_are_added_and_not_trained():
    module, x = nn.SinusoidalPositions(6, max_len=4), mg.randn(2, 3, 6)
    np.testing.assert_allclose(
        module(x).numpy() - x.numpy(), np.broadcast_to(module.positions[:3], x.shape), atol=1e-6
    )
    assert not module.state_dict() and not list(module.parameters())
    with pytest.raises(ValueError, match=r"expects x \(..., T, 6\) with T up to 4, got \(2, 5, 6\)"):
        module(mg.ones(2, 5, 6))
    with pytest.raises(ValueError, match=r"got \(2, 3, 5\)"):
        module(mg.ones(2, 3, 5))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 4), ValueError, "sizes of at least 1"),
        ((4, 2.5), TypeError, "sizes must be ints"),
        ((4, 2, mg.int64), TypeError, "waves are floats"),
    ],
)
def test_positions_that_cannot_be_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        F.sinusoidal_positions(*arguments)
