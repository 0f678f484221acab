"""Transformers: against PyTorch over ten training steps, its copies, its tables, its errors."""

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


# -- the decoder, and both together ---------------------------------------------------------------------------


def copied(ours: nn.Module, theirs: Any) -> None:
    """Give both the same random weights, by the same names."""
    torch = pytest.importorskip("torch")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    start = {name: RNG.normal(0, 0.5, t.shape) for name, t in ours.state_dict().items()}
    ours.load_state_dict({name: mg.tensor(array) for name, array in start.items()})
    theirs.load_state_dict({name: torch.tensor(array) for name, array in start.items()})


def assert_same_values_and_gradients(modules: tuple[Any, Any], arrays: list[Any], masks: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library, module in zip((mg, torch), modules, strict=True):
        inputs = [library.tensor(array, requires_grad=True) for array in arrays]
        y = module(*inputs, **{name: library.tensor(mask) for name, mask in masks.items()})
        (y * y * y).mean().backward()
        found.append([y, *[t.grad for t in (*inputs, *module.parameters())]])
    for got, want in zip(*found, strict=True):
        wanted = want.detach().numpy()
        np.testing.assert_allclose(got.detach().numpy(), wanted, 1e-8, 1e-9 * max(abs(wanted).max(), 1e-2))


@pytest.mark.peer
@pytest.mark.parametrize("options", LAYERS, ids=lambda options: ", ".join(map(str, options)))
@pytest.mark.parametrize("masked", [False, True])
def test_a_decoder_is_pytorchs(options: dict[str, Any], masked: bool) -> None:
    torch = pytest.importorskip("torch")
    made = []
    for library in (mg, torch):
        given = {**options, "dtype": library.float64, "dropout": 0.0}
        if "activation" in options and callable(options["activation"]):
            given["activation"] = library.nn.functional.silu
        layer = library.nn.TransformerDecoderLayer(8, 2, 12, **given)
        made.append(library.nn.TransformerDecoder(layer, 2, library.nn.LayerNorm(8, dtype=library.float64)))
    copied(*made)
    data = [RNG.normal(size=(4, 3, 8)), RNG.normal(size=(5, 3, 8))]
    if options.get("batch_first"):
        data = [np.swapaxes(array, 0, 1).copy() for array in data]
    masks = {
        "tgt_mask": np.triu(np.ones((4, 4), bool), 1),
        "memory_mask": np.eye(4, 5, dtype=bool),
        "tgt_key_padding_mask": np.array([[False] * 4, [False] * 3 + [True], [False] * 4]),
        "memory_key_padding_mask": np.array([[False] * 4 + [True]] * 3),
    }
    assert_same_values_and_gradients((made[0], made[1]), data, masks if masked else {})


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")  # PyTorch's, of its own choice
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_transformer_is_pytorchs(batch_first: bool) -> None:
    torch = pytest.importorskip("torch")
    options = {"dropout": 0.0, "batch_first": batch_first, "norm_first": batch_first}
    ours = nn.Transformer(8, 2, 2, 1, 12, dtype=mg.float64, **options)
    theirs = torch.nn.Transformer(8, 2, 2, 1, 12, dtype=torch.float64, **options)
    copied(ours, theirs)
    shapes = [(3, 5, 8), (3, 4, 8)] if batch_first else [(5, 3, 8), (4, 3, 8)]
    mask = ours.generate_square_subsequent_mask(4, dtype=mg.float64).numpy()
    np.testing.assert_array_equal(mask, theirs.generate_square_subsequent_mask(4, dtype=torch.float64).numpy())
    assert_same_values_and_gradients((ours, theirs), [RNG.normal(size=s) for s in shapes], {"tgt_mask": mask})


def test_derivatives_of_a_decoders_layer_are_those_of_difference_quotients() -> None:
    layer = nn.TransformerDecoderLayer(4, 2, 3, dropout=0.0, activation="gelu", dtype=mg.float64)
    x, memory = (mg.tensor(RNG.normal(0, 1, (n, 2, 4)), requires_grad=True) for n in (3, 2))
    assert mg.gradcheck(lambda x, m: layer(x, m, tgt_is_causal=True), [x, memory])
    assert mg.gradgradcheck(lambda x, m: layer(x, m), [x, memory], fast_mode=True)


def test_the_weights_of_a_transformer_differ_from_layer_to_layer() -> None:
    net = nn.Transformer(8, 2, 2, 2, 12)
    for stack in (net.encoder, net.decoder):
        first, second = (layer.linear1.weight.tolist() for layer in stack.layers)
        assert first != second


def test_dropout_of_a_decoder_ends_with_eval() -> None:
    layer = nn.TransformerDecoderLayer(8, 2, 12, dropout=0.5)
    x, memory = mg.randn(4, 3, 8), mg.randn(5, 3, 8)
    assert layer(x, memory).tolist() != layer(x, memory).tolist()
    layer.eval()
    assert layer(x, memory).tolist() == layer(x, memory).tolist()


def test_a_decoder_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="TransformerDecoder: needs at least one layer, got 0"):
        nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2), 0)
    with pytest.raises(TypeError, match="decoder_layer must be a Module, got int"):
        nn.TransformerDecoder(3, 2)
    with pytest.raises(ValueError, match="TransformerDecoderLayer: activation is 'relu', 'gelu' or a function"):
        nn.TransformerDecoderLayer(8, 2, activation="swish")
