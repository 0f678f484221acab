"""Losses with weights, ignored classes, smoothing, margins: what each option means, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.ops.loss import CrossEntropy
from minigrad.ops.reduction import Mean


def operations(function) -> list[type]:
    """The classes of the operations that ``function`` runs."""
    seen = []
    with mg.modes.observe(lambda op, *rest: seen.append(type(op))):
        function()
    return seen


def refused(error, function, *args, **options) -> str:
    """The message of the error, which must come before any operation runs."""

    def attempt():
        with pytest.raises(error) as caught:
            function(*args, **options)
        message.append(str(caught.value))

    message: list[str] = []
    assert operations(attempt) == []
    return message[0]


# -- classes --------------------------------------------------------------------------------------------------


def test_plain_cross_entropy_is_one_kernel_and_a_mean():
    z, y = mg.randn(4, 3), mg.tensor([0, 2, 1, 1])
    assert operations(lambda: F.cross_entropy(z, y)) == [CrossEntropy, Mean]


def test_the_weighted_mean_divides_by_the_weights_of_the_targets():
    z, y, weight = mg.randn(3, 2, dtype=mg.float64), mg.tensor([0, 1, 1]), mg.tensor([1.0, 3.0])
    losses = F.cross_entropy(z, y, reduction="none").numpy()
    found = F.cross_entropy(z, y, weight)
    assert found.item() == pytest.approx((losses * [1, 3, 3]).sum() / 7, rel=1e-14)
    assert found.dtype == mg.float64


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("ignored", [-100, 1, 7])
def test_an_ignored_target_costs_nothing_has_no_gradient_and_is_not_counted(loss, ignored):
    z = mg.tensor([[1.0, 2.0], [-math.inf, 3.0], [0.5, 0.25]], requires_grad=True)
    y = mg.tensor([0, ignored, 0])
    losses = loss(z, y, ignore_index=ignored, reduction="none")
    assert losses.tolist()[1] == 0
    mean = loss(z, y, ignore_index=ignored)
    assert mean.item() == losses.sum().item() / 2
    mean.backward()
    assert z.grad.tolist()[1] == [0, 0]
    assert all(row[0] != 0 for row in z.grad.tolist()[::2])


@pytest.mark.parametrize("dtype", [mg.uint8, mg.int8, mg.int64])
def test_the_ignored_index_may_be_beyond_the_dtype_of_the_target(dtype):
    y = mg.tensor([0, 1], dtype=dtype)
    assert F.cross_entropy(mg.zeros(2, 2), y, ignore_index=-100).item() == pytest.approx(math.log(2))


def test_nothing_but_ignored_targets_has_a_sum_but_no_mean():
    z, y = mg.zeros(2, 3), mg.tensor([-100, -100])
    assert F.cross_entropy(z, y, reduction="sum").item() == 0
    message = refused(ValueError, F.cross_entropy, z, y)
    assert message == "cross_entropy: every target is -100, to be ignored: there is nothing to take the mean of"


def test_one_hot_probabilities_are_classes():
    z, y = mg.randn(3, 4, dtype=mg.float64), mg.tensor([0, 3, 2])
    one_hot = mg.tensor(np.eye(4)[[0, 3, 2]])
    for options in ({}, {"label_smoothing": 0.2}):
        found, wanted = F.cross_entropy(z, one_hot, **options), F.cross_entropy(z, y, **options)
        assert found.item() == pytest.approx(wanted.item(), rel=1e-14)


def test_smoothed_labels_are_probabilities():
    z, y = mg.randn(3, 4, dtype=mg.float64), mg.tensor([0, 3, 2])
    smooth = mg.tensor(0.7 * np.eye(4)[[0, 3, 2]] + 0.3 / 4)
    found, wanted = F.cross_entropy(z, y, label_smoothing=0.3), F.cross_entropy(z, smooth)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-14)


def test_options_of_classes_that_make_no_sense_are_refused():
    z, y = mg.zeros(2, 3), mg.tensor([0, 2])
    q = mg.full((2, 3), 1 / 3)
    for smoothing in (-0.1, 1.5, math.nan):
        assert "label_smoothing must lie in [0, 1]" in refused(
            ValueError, F.cross_entropy, z, y, label_smoothing=smoothing
        )
    assert "label_smoothing must be a number, got 'a'" in refused(
        TypeError, F.cross_entropy, z, y, label_smoothing="a"
    )
    assert "ignore_index must be an int, got 0.5" in refused(TypeError, F.nll_loss, z, y, ignore_index=0.5)
    assert refused(ValueError, F.nll_loss, z, y, mg.ones(2)) == (
        "nll_loss: an input (2, 3) has 3 classes and needs as many weights, got a weight (2,)"
    )
    assert "has 3 classes and needs as many weights" in refused(ValueError, F.cross_entropy, z, q, mg.ones(1))
    assert "expects a Tensor, got list" in refused(TypeError, F.cross_entropy, z, y, [1.0, 1.0, 1.0])
    assert refused(ValueError, F.cross_entropy, z, q, ignore_index=1) == (
        "cross_entropy: ignore_index=1 is a class, this target is probabilities"
    )
    assert "the target must lie in [0, 1]" in refused(ValueError, F.cross_entropy, z, q * 4)
    assert "class -1 is out of range for 3 classes" in refused(ValueError, F.cross_entropy, z, mg.tensor([0, -1]))


@pytest.mark.parametrize("target", ["numba", "reference"])
@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3), (4,)])
def test_derivatives_with_weights_and_ignored_targets_are_difference_quotients(shape, loss, target):
    z, weight = mg.randn(shape, dtype=mg.float64).requires_grad_(), mg.tensor([0.5, 2.0, 1.0, 3.0])
    y = mg.tensor(np.arange(z.numel() // 4).reshape(shape[:1] * (len(shape) > 1) + shape[2:]) % 4)
    smoothings = [{}, {"label_smoothing": 0.3}] if loss is F.cross_entropy else [{}]
    with mg.use_kernels(target):
        for options in smoothings:
            for ignored in (-100, 1):

                def total(z, options=options, ignored=ignored):
                    return loss(z, y, weight, ignore_index=ignored, **options)

                assert mg.gradcheck(total, z)
                assert mg.gradgradcheck(total, z)


# -- two classes ----------------------------------------------------------------------------------------------


def test_pos_weight_scales_the_positive_part_without_overflow():
    z, y = mg.tensor([1e4, -1e4, 0.0, 0.0]), mg.tensor([1, 1, 1, 0])
    losses = F.binary_cross_entropy_with_logits(z, y, pos_weight=mg.tensor([2.0]), reduction="none")
    assert losses.tolist() == pytest.approx([0, 2e4, 2 * math.log(2), math.log(2)], rel=1e-6)


@pytest.mark.parametrize("shape", [(4, 1), (2, 3, 4), (5,), (3, 4, 1)])
@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_a_weight_must_be_repeatable_to_the_input_and_no_larger(name, shape):
    options = {name: mg.ones(shape)}
    message = refused(ValueError, F.binary_cross_entropy_with_logits, mg.zeros(3, 4), mg.zeros(3, 4), **options)
    assert message.endswith(f": a {name} {shape} cannot be repeated to the shape (3, 4) of the input")


def test_a_weight_does_not_change_the_dtype_of_a_loss():
    weight = mg.ones(3, dtype=mg.float64)
    assert F.binary_cross_entropy(mg.full((3,), 0.5), mg.ones(3), weight).dtype == mg.float32


# -- numbers --------------------------------------------------------------------------------------------------


def test_huber_goes_over_from_a_parabola_into_lines_with_the_same_slope():
    x = mg.tensor([-3.0, -0.5, 0.0, 0.5, 3.0], dtype=mg.float64, requires_grad=True)
    loss = F.huber_loss(x, mg.zeros(5, dtype=mg.float64), reduction="none", delta=0.5)
    assert loss.tolist() == [1.375, 0.125, 0.0, 0.125, 1.375]
    loss.sum().backward()
    assert x.grad.tolist() == [-0.5, -0.5, 0.0, 0.5, 0.5]


def test_smooth_l1_without_a_parabola_is_l1():
    x, y = mg.randn(5), mg.randn(5)
    assert F.smooth_l1_loss(x, y, beta=0).item() == F.l1_loss(x, y).item()


def test_parameters_of_losses_of_numbers_are_checked():
    x = mg.zeros(2)
    for delta in (0, -1.0, math.nan):
        assert "delta must be above 0" in refused(ValueError, F.huber_loss, x, x, delta=delta)
    for beta in (-1.0, math.nan):
        assert "beta must not be below 0" in refused(ValueError, F.smooth_l1_loss, x, x, beta=beta)
    assert "delta must be a number, got None" in refused(TypeError, F.huber_loss, x, x, delta=None)


# -- distributions and vectors --------------------------------------------------------------------------------


def test_a_probability_of_zero_adds_nothing_to_the_divergence_and_has_a_finite_gradient():
    log_p = mg.tensor([[0.5, 0.5]]).log().requires_grad_()
    q = mg.tensor([[0.0, 1.0]], requires_grad=True)
    loss = F.kl_div(log_p, q, reduction="batchmean")
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert log_p.grad.tolist() == [[0.0, -1.0]]
    assert np.isfinite(q.grad.numpy()).all()


def test_the_divergence_refuses_what_are_no_probabilities():
    p = mg.tensor([[-1.0, 0.5]])
    assert "logarithms need log_target=True" in refused(ValueError, F.kl_div, p, p)
    assert "logarithms need log_target=True" in refused(ValueError, F.kl_div, p, mg.tensor([[math.nan, 0.5]]))
    assert "there is no batch" in refused(
        ValueError, F.kl_div, mg.tensor(0.5), mg.tensor(0.5), reduction="batchmean"
    )
    message = refused(ValueError, F.kl_div, p, p, reduction="avg")
    assert message == "kl_div: there is no reduction 'avg': use 'batchmean', 'mean', 'sum' or 'none'"


def test_a_vector_of_zeros_has_cosine_zero_and_a_finite_gradient():
    x, y = mg.zeros(1, 3, requires_grad=True), mg.ones(1, 3)
    c = F.cosine_similarity(x, y)
    c.sum().backward()
    assert c.tolist() == [0.0]
    assert np.isfinite(x.grad.numpy()).all()


def test_cosine_similarity_gives_all_pairs_by_broadcasting():
    x = mg.randn(4, 3, dtype=mg.float64)
    c = F.cosine_similarity(x.unsqueeze(1), x.unsqueeze(0), dim=-1)
    assert c.shape == (4, 4)
    np.testing.assert_allclose(np.diag(c.numpy()), 1, rtol=1e-14)


def test_losses_of_vectors_refuse_what_does_not_belong_together():
    x, y = mg.ones(4, 3), mg.ones(4)
    assert "do not broadcast" in refused(ValueError, F.cosine_similarity, x, mg.ones(3, 4))
    assert "dim 2 is out of range" in refused(IndexError, F.cosine_similarity, x, x, dim=2)
    assert "no vectors along dim 0" in refused(
        ValueError, F.cosine_similarity, mg.tensor(1.0), mg.tensor(1.0), dim=0
    )
    loss = F.cosine_embedding_loss
    assert "input (4, 3) and input2 (4, 2)" in refused(ValueError, loss, x, mg.ones(4, 2), y)
    assert "got (4, 3) and (3,)" in refused(ValueError, loss, x, x, mg.ones(3))
    assert "got (4, 3) and (4, 1)" in refused(ValueError, loss, x, x, mg.ones(4, 1))
    assert "a target is 1 (alike) or -1 (different), there is a 0" in refused(ValueError, loss, x, x, y * 0)
    assert "there is a 2" in refused(ValueError, F.hinge_embedding_loss, y, y * 2)
    assert "must have the same shape" in refused(ValueError, F.hinge_embedding_loss, x, y)
    assert "margin must be a number" in refused(TypeError, F.hinge_embedding_loss, y, y, margin="a")


# -- modules --------------------------------------------------------------------------------------------------


def test_the_weight_of_a_loss_is_saved_with_it_and_not_trained():
    loss = nn.CrossEntropyLoss(mg.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"]
    assert list(loss.parameters()) == []
    assert list(nn.CrossEntropyLoss().state_dict()) == []


def test_modules_of_vectors_are_their_functions_with_their_options():
    x, y, target = mg.randn(3, 4), mg.randn(3, 4), mg.tensor([1, -1, -1])
    pairs = [
        (nn.CosineSimilarity(dim=0, eps=0.5)(x, y), F.cosine_similarity(x, y, dim=0, eps=0.5)),
        (nn.CosineEmbeddingLoss(0.2)(x, y, target), F.cosine_embedding_loss(x, y, target, 0.2)),
        (nn.HingeEmbeddingLoss(2.0)(x[:, 0], target), F.hinge_embedding_loss(x[:, 0], target, 2.0)),
    ]
    for found, wanted in pairs:
        assert found.tolist() == wanted.tolist()


def test_every_loss_is_a_module_and_a_function():
    for name in nn.losses.__all__:
        module = getattr(nn, name)
        assert issubclass(module, nn.Module)
        assert name == "Loss" or "nn.functional." in (module.__doc__ or "")


def test_losses_of_pairs_and_triplets_say_what_does_not_fit():
    x, y = mg.ones(2, 3), mg.ones(2)
    assert "input (2, 3) and input2 (2,)" in refused(ValueError, F.margin_ranking_loss, x, y, y)
    assert "a target is 1 (the first should be larger)" in refused(ValueError, F.margin_ranking_loss, y, y, y * 2)
    assert "input (2, 3) and negative (2,)" in refused(ValueError, F.triplet_margin_loss, x, x, y)
    assert "margin must be above 0, got 0" in refused(ValueError, F.triplet_margin_loss, x, x, x, 0)
    assert "needs variances of that shape" in refused(ValueError, F.gaussian_nll_loss, x, x, mg.ones(3))
    assert "variances must not be negative" in refused(ValueError, F.gaussian_nll_loss, x, x, -y)
    assert "var must be a number, got True" in refused(TypeError, F.gaussian_nll_loss, x, x, True)
    assert "there is no reduction 'max'" in refused(ValueError, nn.TripletMarginLoss, reduction="max")


def test_one_variance_is_that_of_all_and_a_small_one_counts_as_eps():
    x, y = mg.tensor([1.0, 2.0]), mg.tensor([0.0, 4.0])
    assert F.gaussian_nll_loss(x, y, 4.0).item() == F.gaussian_nll_loss(x, y, mg.full((2,), 4.0)).item()
    v = mg.tensor([0.0, 4.0], requires_grad=True)
    F.gaussian_nll_loss(x, y, v, eps=1.0, reduction="sum").backward()
    assert v.grad.tolist() == [0.0, 0.0]  # (1 - d^2 / v) / 2 v, with v = 1 for the first
