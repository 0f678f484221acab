"""The encoder of a transformer: against PyTorch over ten training steps, its copies, its tables, its errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

RNG = np.random.default_rng(6)

LAYERS: list[dict[str, Any]] = [
    {},
    {"batch_first": True, "norm_first": True},
    {"batch_first": True, "activation": "gelu", "layer_norm_eps": 1e-3},
    {"bias": False, "activation": F.silu},
]


def encoders(options: dict[str, Any], dtype: str, norm: bool) -> tuple[nn.TransformerEncoder, Any]:
    """Ours and PyTorch's, with the same weights."""
    torch = pytest.importorskip("torch")
    theirs_options = dict(options)
    if options.get("activation") is F.silu:
        theirs_options["activation"] = torch.nn.functional.silu
    made = []
    for lib, given in ((mg, options), (torch, theirs_options)):
        kind = getattr(lib, dtype)
        layer = lib.nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, dtype=kind, **given)
        last = lib.nn.LayerNorm(8, dtype=kind) if norm else None
        more = {} if lib is mg else {"enable_nested_tensor": False}
        made.append(lib.nn.TransformerEncoder(layer, 2, last, **more))
    ours, theirs = made
    assert list(ours.state_dict()) == list(theirs.state_dict())
    start = {name: RNG.normal(0, 0.5, t.shape).astype(dtype) for name, t in ours.state_dict().items()}
    ours.load_state_dict({name: mg.tensor(array) for name, array in start.items()})
    theirs.load_state_dict({name: torch.tensor(array) for name, array in start.items()})
    return ours, theirs


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("options", LAYERS, ids=lambda options: ", ".join(map(str, options)))
def test_ten_training_steps_are_pytorchs(options, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours, theirs = encoders(options, dtype, norm="norm_first" in options)
    own = mg.optim.SGD(ours.parameters(), lr=0.02)
    other = torch.optim.SGD(theirs.parameters(), lr=0.02)
    hidden = np.triu(np.ones((5, 5), bool), 1)
    for step in range(10):
        data = RNG.normal(0, 1, (3, 5, 8) if options.get("batch_first") else (5, 3, 8)).astype(dtype)
        mask = {} if step % 2 else {"mask": hidden}
        x, t = mg.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        y = ours(x, **{key: mg.tensor(m) for key, m in mask.items()})
        y_peer = theirs(t, **{key: torch.tensor(m) for key, m in mask.items()})
        for optimizer, loss in ((own, (y * y * y).mean()), (other, (y_peer * y_peer * y_peer).mean())):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        pairs: list[tuple[Any, Any]] = [(y, y_peer), (x.grad, t.grad)]
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            pairs += [(p, q), (p.grad, q.grad)]
        for got, want in pairs:
            wanted = want.detach().numpy()
            scale = max(abs(wanted).max(), 1e-2)
            np.testing.assert_allclose(got.detach().numpy(), wanted, tolerance, 3 * tolerance * scale)


def test_derivatives_of_a_layer_are_those_of_difference_quotients():
    layer = nn.TransformerEncoderLayer(4, 2, 3, dropout=0.0, activation="gelu", batch_first=True, dtype=mg.float64)
    x = mg.tensor(RNG.normal(0, 1, (2, 3, 4)), requires_grad=True)
    assert mg.gradcheck(lambda x: layer(x, is_causal=True), [x])
    assert mg.gradgradcheck(lambda x: layer(x), [x])


def test_causal_is_the_mask_of_what_comes_later():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2).eval()
    x, later = mg.randn(3, 5, 8), mg.tensor(np.triu(np.ones((5, 5), bool), 1))
    want = encoder(x, mask=later).numpy(force=True)
    np.testing.assert_allclose(encoder(x, is_causal=True).numpy(force=True), want, rtol=1e-5, atol=1e-6)


def test_padding_changes_nothing_for_the_others():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2).eval()
    x, padding = mg.randn(2, 5, 8), mg.tensor([[False] * 3 + [True] * 2] * 2)
    got, want = encoder(x, src_key_padding_mask=padding), encoder(x[:, :3])
    np.testing.assert_allclose(got[:, :3].numpy(force=True), want.numpy(force=True), rtol=1e-4, atol=1e-5)


def test_layers_are_copies_that_are_trained_each_for_itself():
    layer = nn.TransformerEncoderLayer(8, 2, 12)
    encoder = nn.TransformerEncoder(layer, 3)
    assert len({id(p) for p in encoder.parameters()}) == 3 * len(list(layer.parameters()))
    encoder.layers[0].linear1.weight.detach().fill_(0)
    assert layer.linear1.weight.abs().max().item() > 0 < encoder.layers[1].linear1.weight.abs().max().item()


def test_a_summary_folds_the_layers_of_an_encoder():
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    lines = [line for _, line in mg.summary(nn.TransformerEncoder(layer, 6), mg.ones(2, 5, 16)).root.walk()]
    folded = next(line for line in lines if line.name == "0 ... 5")
    assert folded.times == 6 and sum(line.name == "self_attn" for line in lines) == 1


def test_weights_of_attention_are_seen_in_a_trace_and_captured():
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self.attention(x, x, x, is_causal=True)[0]

    model, x = Model(), mg.randn(3, 5, 8)
    (weights,) = (event.output for event in mg.trace(model, x).events if event.op.title == "Softmax")
    assert weights.shape == (3, 2, 5, 5)
    with mg.capture(model, "attention") as held:
        model(x)
        _, mean = held["attention"]
    np.testing.assert_allclose(mean.numpy(force=True), weights.numpy(force=True).mean(1), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"nhead": 3}, ValueError, "embed_dim 8 must be a multiple of num_heads 3"),
        ({"dim_feedforward": 0}, ValueError, "sizes of at least 1"),
        ({"dropout": -0.1}, ValueError, "p is a probability"),
        ({"activation": "swish"}, ValueError, "activation is 'relu', 'gelu' or a function, got 'swish'"),
        ({"activation": 3}, TypeError, "3 cannot be called as an activation"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        nn.TransformerEncoderLayer(**{"d_model": 8, "nhead": 2, **options})


def test_an_encoder_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="needs at least one layer, got 0"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 0)
    with pytest.raises(TypeError, match="encoder_layer must be a Module, got function"):
        nn.TransformerEncoder(lambda x: x, 2)
