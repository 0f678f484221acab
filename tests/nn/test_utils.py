"""Clipping and vectors: the formulas, PyTorch's numbers, and that nothing is half done."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters
from minigrad.nn.utils.rnn import pad_sequence, unpad_sequence

RNG = np.random.default_rng(0)
GRADIENTS = [RNG.normal(size=shape) for shape in ((3, 4), (5,), (), (0, 2))]


def parameters(dtype: str = "float64", of: object = mg, count: int = 4) -> list:
    """Parameters with gradients, the last of which is empty, and one without."""
    made = []
    for gradient in GRADIENTS[:count]:
        p = of.zeros(gradient.shape, dtype=getattr(of, dtype), requires_grad=True)
        p.grad = of.from_numpy(np.array(gradient, dtype))
        made.append(p)
    return [*made, of.zeros(2, requires_grad=True)]


def arrays(of: list) -> list[np.ndarray]:
    return [p.grad.numpy().copy() for p in of if p.grad is not None]


@pytest.mark.parametrize("target", ["numba", "reference"])
@pytest.mark.parametrize("norm_type", [1, 2.0, 3.5, math.inf])
def test_the_norm_of_all_gradients_is_brought_down_to_the_limit(target, norm_type):
    long = np.concatenate([gradient.ravel() for gradient in GRADIENTS])
    wanted = np.linalg.norm(long, norm_type)
    found = parameters()
    with mg.use_kernels(target):
        norm = clip_grad_norm_(found, 0.5, norm_type)
    assert norm.item() == pytest.approx(wanted, rel=1e-12)
    for got, gradient in zip(arrays(found), GRADIENTS, strict=True):
        np.testing.assert_allclose(got, gradient * 0.5 / (wanted + 1e-6), rtol=1e-12)


def test_gradients_below_the_limit_stay_as_they_are():
    found = parameters("float32")
    before = arrays(found)
    norm = clip_grad_norm_(iter(found), 100.0)
    assert norm.dtype == mg.float32 and 1 < norm.item() < 100
    for got, gradient in zip(arrays(found), before, strict=True):
        np.testing.assert_array_equal(got, gradient)


def test_one_tensor_will_do_and_no_gradients_have_the_norm_0():
    p = mg.zeros(2, requires_grad=True)
    assert clip_grad_norm_(p, 1.0).item() == clip_grad_norm_([], 1.0).item() == 0.0
    p.grad = mg.tensor([6.0, 8.0])
    assert clip_grad_norm_(p, 5.0).item() == 10.0
    assert p.grad.tolist() == pytest.approx([3.0, 4.0], rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_is_refused_where_that_was_asked_for(bad):
    p = mg.zeros(2, requires_grad=True)
    p.grad = mg.tensor([1.0, bad])
    with pytest.raises(RuntimeError, match=f"the norm of the gradients is {bad}, and so they cannot be clipped"):
        clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert p.grad.tolist()[0] == 1.0
    with np.errstate(all="ignore"):
        clip_grad_norm_([p], 1.0)
    assert p.grad.tolist()[0] in (0.0,) if bad == math.inf else math.isnan(p.grad.tolist()[0])


def test_every_element_is_brought_between_the_bounds():
    found = parameters()
    clip_grad_value_(found, 0.25)
    for got, gradient in zip(arrays(found), GRADIENTS, strict=True):
        np.testing.assert_array_equal(got, np.clip(gradient, -0.25, 0.25))


def test_clipping_is_in_place_and_counted_as_a_change():
    x = mg.tensor([3.0, 4.0], requires_grad=True)
    x.grad = mg.tensor([6.0, 8.0], requires_grad=True)
    kept = (x.grad * x.grad).sum()
    array = x.grad.array
    clip_grad_norm_([x], 1.0)
    assert x.grad.array is array
    with pytest.raises(RuntimeError, match="changed in place"):
        kept.backward()


def test_a_vector_goes_into_the_parameters_and_comes_back():
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    vector = mg.arange(11.0)
    vector_to_parameters(vector, net.parameters())
    assert net.state_dict()["0.bias"].tolist() == [6.0, 7.0]
    assert parameters_to_vector(net.parameters()).tolist() == vector.tolist()
    assert parameters_to_vector(net.parameters()).requires_grad


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: clip_grad_norm_(net, 1.0), TypeError, r"not a Linear: use model.parameters\(\)"),
        (lambda net: clip_grad_norm_([1.0], 1.0), TypeError, r"clip_grad_norm_\(\) expects a Tensor, got float"),
        (
            lambda net: clip_grad_norm_(net.parameters(), -1.0),
            ValueError,
            "max_norm must not be negative, got -1.0",
        ),
        (lambda net: clip_grad_norm_(net.parameters(), math.nan), ValueError, "must not be negative, got nan"),
        (
            lambda net: clip_grad_value_(net.parameters(), -1),
            ValueError,
            "clip_value must not be negative, got -1",
        ),
        (
            lambda net: vector_to_parameters(mg.ones(3), net.parameters()),
            ValueError,
            r"4 elements, it has shape \(3,",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, message):
    net = nn.Linear(3, 1)
    before = parameters_to_vector(net.parameters()).tolist()
    with pytest.raises(error, match=message):
        call(net)
    assert parameters_to_vector(net.parameters()).tolist() == before


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, "inf", math.inf, 0.5])
def test_clipped_gradients_and_norms_are_pytorchs(dtype, rtol, norm_type):
    torch = pytest.importorskip("torch")
    ours, theirs = (parameters(dtype, of, count=3) for of in (mg, torch))  # it refuses an empty one
    norm, peer = clip_grad_norm_(ours, 1.5, norm_type), torch.nn.utils.clip_grad_norm_(theirs, 1.5, norm_type)
    assert norm.item() == pytest.approx(peer.item(), rel=rtol)
    for got, wanted in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=rtol)


# -- sequences ------------------------------------------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_sequences_are_pytorchs(batch_first, side):
    torch = pytest.importorskip("torch")
    arrays = [np.random.default_rng(n).normal(size=(n, 2)) for n in (3, 1, 4)]
    found = []
    for library in (mg, torch):
        rnn, parts = library.nn.utils.rnn, [library.tensor(array, requires_grad=True) for array in arrays]
        padded = rnn.pad_sequence(parts, batch_first, 0.5, side)
        (padded * padded).sum().backward()
        values = padded.tolist()  # before PyTorch's unpad_sequence transposes it in place
        apart = rnn.unpad_sequence(padded, library.tensor([3, 1, 4]), batch_first)
        found.append([values, *[t.tolist() for t in (*apart, *[part.grad for part in parts])]])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pad_sequence([]), r"differ in length alone, got \[\]"),
        (lambda: pad_sequence([mg.ones(2, 3), mg.ones(2, 2)]), r"got \[\(2, 3\), \(2, 2\)\]"),
        (lambda: pad_sequence([mg.ones(())]), "differ in length alone"),
        (lambda: pad_sequence([mg.ones(2)], padding_side="top"), "must be 'left' or 'right', got 'top'"),
        (lambda: unpad_sequence(mg.ones(3, 2), mg.tensor([1])), r"2 sequences need as many lengths, got \(1,\)"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
