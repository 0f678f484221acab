"""Losses: values against NumPy, derivatives against differences, extreme logits, and every refusal."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

RNG = np.random.default_rng(0)
LOSSES = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "huber": F.huber_loss,
    "smooth_l1": F.smooth_l1_loss,
    "kl": F.kl_div,
    "bce": F.binary_cross_entropy,
    "bce_logits": F.binary_cross_entropy_with_logits,
    "cross_entropy": F.cross_entropy,
    "nll": F.nll_loss,
}


def inputs_of(loss: str) -> tuple[np.ndarray, np.ndarray]:
    """An input in float64, away from kinks and edges, and a target."""
    if loss == "bce":
        return RNG.uniform(0.1, 0.9, (3, 4)), RNG.uniform(0, 1, (3, 4))
    if loss in ("cross_entropy", "nll"):
        return RNG.normal(size=(3, 4)), np.array([2, 0, 3])
    return RNG.normal(size=(3, 4)), RNG.uniform(0, 1, (3, 4))


def numpy_loss(loss: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The textbook formula, without any care."""
    if loss in ("huber", "smooth_l1"):
        return np.where(abs(x - y) < 1, (x - y) ** 2 / 2, abs(x - y) - 0.5)
    if loss in ("l1", "mse"):
        return abs(x - y) ** (1 if loss == "l1" else 2)
    if loss == "kl":
        return y * (np.log(y) - x)
    if loss in ("bce", "bce_logits"):
        p = x if loss == "bce" else 1 / (1 + np.exp(-x))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))
    log_p = x if loss == "nll" else np.log(np.exp(x) / np.exp(x).sum(1, keepdims=True))
    return np.array([-np.take(row, c, axis=0) for row, c in zip(log_p, y, strict=True)])


# -- values and derivatives -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_its_textbook_formula(loss, reduction):
    x, y = inputs_of(loss)
    wanted = numpy_loss(loss, x, y)
    wanted = {"none": wanted, "sum": wanted.sum(), "mean": wanted.mean()}[reduction]
    found = LOSSES[loss](mg.from_numpy(x), mg.from_numpy(y), reduction=reduction)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-13)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_derivative_of_a_loss_is_the_limit_of_differences(loss, reduction):
    x, y = inputs_of(loss)
    t = mg.tensor(x, requires_grad=True)
    LOSSES[loss](t, mg.from_numpy(y), reduction=reduction).backward()
    h = 1e-6
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        rise = [LOSSES[loss](mg.from_numpy(v), mg.from_numpy(y), reduction=reduction).item() for v in (up, down)]
        assert t.grad.numpy()[i] == pytest.approx((rise[0] - rise[1]) / (2 * h), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("loss", ["mse", "bce", "bce_logits"])
def test_the_derivative_for_the_target_is_the_limit_of_differences(loss):
    x, y = inputs_of(loss)
    y = 0.1 + 0.8 * y
    t = mg.tensor(y, requires_grad=True)
    LOSSES[loss](mg.from_numpy(x), t).backward()
    h = 1e-6
    up, down = y.copy(), y.copy()
    up[1, 2] += h
    down[1, 2] -= h
    rise = [LOSSES[loss](mg.from_numpy(x), mg.from_numpy(v)).item() for v in (up, down)]
    assert t.grad.numpy()[1, 2] == pytest.approx((rise[0] - rise[1]) / (2 * h), rel=1e-7)


@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 5, 3), (2, 5, 3, 4)])
def test_the_classes_of_cross_entropy_lie_along_dimension_one_or_the_only_one(shape):
    x = RNG.normal(size=shape)
    dim = min(1, len(shape) - 1)
    y = np.asarray(RNG.integers(0, 5, shape[:dim] + shape[dim + 1 :]))
    log_p = x - np.log(np.exp(x).sum(dim, keepdims=True))
    wanted = -np.take_along_axis(log_p, np.expand_dims(y, dim), dim).squeeze(dim)
    found = F.cross_entropy(mg.from_numpy(x), mg.from_numpy(y), reduction="none")
    assert found.shape == y.shape
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-13)
    twice = F.nll_loss(F.log_softmax(mg.from_numpy(x), dim), mg.from_numpy(y), reduction="none")
    np.testing.assert_allclose(twice.numpy(), found.numpy(), rtol=1e-14)


@pytest.mark.parametrize("dtype", [mg.int8, mg.int16, mg.int32, mg.int64, mg.uint8])
def test_classes_may_be_of_any_integer_dtype(dtype):
    found = F.cross_entropy(mg.zeros(2, 300), mg.tensor([0, 99], dtype=dtype))
    assert found.item() == pytest.approx(math.log(300), rel=1e-6)


def test_the_gradient_of_cross_entropy_is_softmax_minus_one_hot_and_sums_to_zero():
    z = mg.tensor([[1.0, 2.0, 3.0]], dtype=mg.float64, requires_grad=True)
    F.cross_entropy(z, mg.tensor([2])).backward()
    softmax = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    np.testing.assert_allclose(z.grad.numpy(), [softmax - [0, 0, 1]], rtol=1e-14, atol=1e-16)


def test_changing_the_classes_after_the_forward_pass_is_an_error():
    z = mg.zeros(1, 2, requires_grad=True)
    y = mg.tensor([0])
    loss = F.cross_entropy(z, y)
    y.array[0] = 1
    y.touch()
    with pytest.raises(RuntimeError, match=r"<CrossEntropyBackward>.* needs its y of shape \(1,\)"):
        loss.backward()
    assert z.grad is None


@pytest.mark.parametrize("logit", [1e4, -1e4])
@pytest.mark.parametrize("label", [0, 1])
def test_extreme_logits_give_finite_losses_and_gradients(logit, label):
    z = mg.tensor([logit], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(z, mg.tensor([label]))
    loss.backward()
    right = (logit > 0) == label
    assert loss.item() == (0.0 if right else 1e4)
    assert abs(z.grad.item()) == (0.0 if right else 1.0)

    z = mg.tensor([[logit, 0.0]], requires_grad=True)
    loss = F.cross_entropy(z, mg.tensor([1 - label]))
    loss.backward()
    assert loss.item() == (0.0 if right else 1e4)
    assert np.abs(z.grad.numpy()).max() == (0.0 if right else 1.0)


def test_probabilities_of_zero_and_one_give_finite_losses():
    p = mg.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, mg.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0.0, 0.0, 100.0, 100.0]
    loss.sum().backward()
    assert np.isfinite(p.grad.numpy()).all()


def test_integer_and_bool_targets_take_the_dtype_of_the_input():
    p = mg.tensor([0.25, 0.75])
    wanted = F.binary_cross_entropy(p, mg.tensor([0.0, 1.0]))
    for target in (mg.tensor([0, 1]), mg.tensor([False, True])):
        found = F.binary_cross_entropy(p, target)
        assert found.dtype == mg.float32 and found.item() == wanted.item()


# -- refusals -------------------------------------------------------------------------------------------------

ALIKE = ["l1", "mse", "huber", "smooth_l1", "kl", "bce", "bce_logits"]
CLASSES = ["cross_entropy", "nll"]


def refused(loss, input, target, error=ValueError, **options) -> str:
    """The message of the error, which must come before anything is recorded."""
    seen = []
    with mg.modes.observe(lambda *step: seen.append(step)), pytest.raises(error) as caught:
        LOSSES[loss](input, target, **options)
    assert not seen
    return str(caught.value)


@pytest.mark.parametrize("loss", ALIKE)
def test_shapes_that_would_broadcast_are_refused(loss):
    assert refused(loss, mg.ones(4, 1), mg.ones(4)).endswith(
        ": input (4, 1) and target (4,) must have the same shape: reshape() or squeeze() one of them"
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_an_empty_batch_has_no_mean_but_a_sum(loss):
    target = mg.zeros(0, dtype=mg.int64) if loss in CLASSES else mg.zeros(0, 3)
    message = refused(loss, mg.zeros(0, 3), target)
    assert message.endswith("so its losses have no mean: reduction='sum' gives 0, 'none' an empty tensor")
    x = mg.zeros(0, 3, requires_grad=True)
    assert LOSSES[loss](x, target, reduction="none").numel() == 0
    total = LOSSES[loss](x, target, reduction="sum")
    total.backward()
    assert (total.item(), x.grad.shape) == (0, (0, 3))


@pytest.mark.parametrize("loss", LOSSES)
def test_an_unknown_reduction_is_refused(loss):
    message = refused(loss, mg.ones(2, 3), mg.ones(2, 3), reduction="avg")
    assert message.endswith("'mean', 'sum' or 'none'") and ": there is no reduction 'avg': use " in message


@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_no_tensor_is_refused(loss):
    assert "expects a Tensor, got list" in refused(loss, mg.ones(2), [1.0, 1.0], TypeError)


@pytest.mark.parametrize("bad", [-1, 3])
@pytest.mark.parametrize("loss", CLASSES)
def test_a_class_out_of_range_is_refused_by_its_value(loss, bad):
    message = refused(loss, mg.zeros(2, 3), mg.tensor([0, bad]))
    assert message.endswith(f": class {bad} is out of range for 3 classes, 0 to 2")


@pytest.mark.parametrize("loss", CLASSES)
def test_classes_that_are_not_integers_are_refused(loss):
    message = refused(loss, mg.zeros(2, 3), mg.tensor([0.0, 1.0]), TypeError)
    assert message.endswith(": the target must be classes of an integer dtype, this one is float32")


@pytest.mark.parametrize("loss", CLASSES)
def test_a_target_of_the_wrong_shape_is_refused_with_the_right_one(loss):
    message = refused(loss, mg.zeros(2, 3), mg.zeros(2, 3, dtype=mg.int64))
    assert message.endswith(": an input (2, 3) needs a target (2,), one class for each set of logits, got (2, 3)")
    assert "must have a dimension for the classes" in refused(loss, mg.tensor(0.0), mg.tensor(0))


@pytest.mark.parametrize("bad", [-0.5, 1.5, math.nan])
def test_probabilities_and_targets_outside_zero_to_one_are_refused(bad):
    good, outside = mg.tensor([0.5, 0.5]), mg.tensor([0.5, bad])
    assert "the input must lie in [0, 1], it goes from" in refused("bce", outside, good)
    assert "the target must lie in [0, 1], it goes from" in refused("bce", good, outside)
    assert "the target must lie in [0, 1], it goes from" in refused("bce_logits", good, outside)


def test_the_refusal_of_logits_as_probabilities_names_the_remedy():
    assert refused("bce", mg.tensor([-2.0, 3.0]), mg.tensor([0.0, 1.0])) == (
        "binary_cross_entropy: the input must lie in [0, 1], it goes from -2 to 3: "
        "logits go to binary_cross_entropy_with_logits"
    )


# -- as modules -----------------------------------------------------------------------------------------------

MODULES = {
    "l1": nn.L1Loss,
    "mse": nn.MSELoss,
    "huber": nn.HuberLoss,
    "smooth_l1": nn.SmoothL1Loss,
    "kl": nn.KLDivLoss,
    "bce": nn.BCELoss,
    "bce_logits": nn.BCEWithLogitsLoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "nll": nn.NLLLoss,
}


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("loss", MODULES)
def test_a_loss_module_is_its_function(loss, reduction):
    x, y = map(mg.from_numpy, inputs_of(loss))
    assert MODULES[loss](reduction=reduction)(x, y).tolist() == LOSSES[loss](x, y, reduction=reduction).tolist()


@pytest.mark.parametrize("loss", MODULES)
def test_a_loss_module_checks_its_reduction_when_it_is_made(loss):
    name = MODULES[loss].__name__
    with pytest.raises(ValueError, match=f"{name}: there is no reduction 'avg'"):
        MODULES[loss](reduction="avg")
