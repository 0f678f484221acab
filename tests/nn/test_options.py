"""Options of layers and losses: what is wrong is refused when the module is made, not when it is called."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

from minigrad import nn

#: A module's options, and the beginning of the error, which follows its name.
WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (nn.HuberLoss, {"delta": 0}, ValueError, "delta must be above 0, got 0"),
    (nn.SmoothL1Loss, {"beta": -1}, ValueError, "beta must not be below 0, got -1"),
    (nn.GaussianNLLLoss, {"eps": 0.0}, ValueError, "eps must be above 0, got 0"),
    (nn.CrossEntropyLoss, {"label_smoothing": 1.5}, ValueError, "label_smoothing must lie in [0, 1], got 1.5"),
    (nn.CrossEntropyLoss, {"ignore_index": 0.5}, TypeError, "ignore_index must be an int, got 0.5"),
    (nn.NLLLoss, {"ignore_index": "a"}, TypeError, "ignore_index must be an int, got 'a'"),
    (nn.CosineSimilarity, {"dim": 0.5}, TypeError, "expects an int, got 0.5"),
    (nn.CosineSimilarity, {"eps": "a"}, TypeError, "eps must be a number, got 'a'"),
    (nn.CosineEmbeddingLoss, {"margin": None}, TypeError, "margin must be a number, got None"),
    (nn.HingeEmbeddingLoss, {"margin": [1]}, TypeError, "margin must be a number, got [1]"),
    (nn.MarginRankingLoss, {"margin": "1"}, TypeError, "margin must be a number, got '1'"),
    (nn.PairwiseDistance, {"p": None}, TypeError, "p must be a number, got None"),
    (nn.TripletMarginLoss, {"margin": 0}, ValueError, "margin must be above 0, got 0"),
    (nn.TripletMarginLoss, {"margin": math.nan}, ValueError, "margin must be above 0, got nan"),
    (nn.TripletMarginLoss, {"p": "two"}, TypeError, "p must be a number, got 'two'"),
    (nn.LeakyReLU, {"negative_slope": "a"}, TypeError, "negative_slope must be a number, got 'a'"),
    (nn.Threshold, {"threshold": 0, "value": None}, TypeError, "value must be a number, got None"),
    (nn.Hardtanh, {"min_val": 2}, ValueError, "min_val must not be above max_val, got 2 and 1"),
    (nn.ELU, {"alpha": True}, TypeError, "alpha must be a number, got True"),
    (nn.CELU, {"alpha": 0}, ValueError, "alpha is divided by, so it must not be 0"),
    (nn.Softplus, {"beta": 0}, ValueError, "beta is divided by, so it must not be 0"),
    (nn.Softplus, {"threshold": "a"}, TypeError, "threshold must be a number, got 'a'"),
    (nn.GELU, {"approximate": "erf"}, ValueError, "there is no approximation 'erf': use 'none' or 'tanh'"),
    (nn.GLU, {"dim": None}, TypeError, "expects an int, got None"),
    (nn.Softmax, {"dim": "C"}, TypeError, "expects an int, got 'C'"),
    (nn.Hardshrink, {"lambd": "a"}, TypeError, "lambd must be a number, got 'a'"),
    (nn.Softshrink, {"lambd": -1}, ValueError, "lambd must not be below 0, got -1"),
    (
        nn.EmbeddingBag,
        {"num_embeddings": 3, "embedding_dim": 2, "mode": "min"},
        ValueError,
        "there is no mode 'min'",
    ),
    (nn.Flatten, {"start_dim": "C"}, TypeError, "expects an int, got 'C'"),
    (nn.Unflatten, {"dim": 0.5, "unflattened_size": (1, 2)}, TypeError, "expects an int, got 0.5"),
    (nn.BatchNorm1d, {"num_features": 2, "eps": -1}, ValueError, "eps must not be below 0, got -1"),
    (nn.BatchNorm2d, {"num_features": 2, "momentum": 2}, ValueError, "momentum must lie in [0, 1], got 2"),
    (nn.InstanceNorm1d, {"num_features": 2, "eps": None}, TypeError, "eps must be a number, got None"),
    (nn.LayerNorm, {"normalized_shape": 2, "eps": math.nan}, ValueError, "eps must not be below 0, got nan"),
    (nn.RMSNorm, {"normalized_shape": 2, "eps": "a"}, TypeError, "eps must be a number, got 'a'"),
    (nn.GroupNorm, {"num_groups": 1, "num_channels": 2, "eps": -1}, ValueError, "eps must not be below 0, got -1"),
    (nn.MaxPool1d, {"kernel_size": 0}, ValueError, "kernel_size must be at least 1, got 0"),
    (
        nn.MaxPool2d,
        {"kernel_size": 2, "padding": 2},
        ValueError,
        "a padding of 2 is more than half of the",
    ),
    (nn.MaxPool2d, {"kernel_size": (1, 2, 3)}, ValueError, "kernel_size must be one number or 2, got (1, 2, 3)"),
    (nn.AvgPool1d, {"kernel_size": 2, "stride": 0}, ValueError, "stride must be at least 1, got 0"),
    (nn.AvgPool2d, {"kernel_size": 1.5}, TypeError, "kernel_size must be an int or 2 of them, got 1.5"),
    (
        nn.AvgPool2d,
        {"kernel_size": 2, "divisor_override": 0},
        ValueError,
        "divisor_override must be an int",
    ),
    (nn.Upsample, {}, ValueError, "takes either size or scale_factor, got None and None"),
    (nn.Upsample, {"size": 2, "mode": "cubic"}, ValueError, "there is no mode 'cubic': use 'nearest', "),
    (nn.ConstantPad1d, {"padding": 1, "value": "a"}, TypeError, "value must be a number, got 'a'"),
    (nn.PixelShuffle, {"upscale_factor": 0}, ValueError, "the factor must be at least 1, got 0"),
    (nn.PixelUnshuffle, {"downscale_factor": 2.0}, TypeError, "expects an int, got 2.0"),
    (nn.Unfold, {"kernel_size": 0}, ValueError, "kernel_size must be at least 1, got 0"),
    (nn.Fold, {"output_size": 0, "kernel_size": 2}, ValueError, "output_size must be at least 1, got 0"),
]


@pytest.mark.parametrize(("module", "options", "error", "message"), WRONG)
def test_a_wrong_option_is_refused_when_the_module_is_made(
    module: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        module(**options)
    name, _, said = str(caught.value).partition(": " if ": " in str(caught.value)[:25] else "() ")
    assert (name, said[: len(message)]) == (module.__name__, message)


def test_every_loss_that_has_options_is_tried() -> None:
    general = {"self", "reduction", "weight", "pos_weight", "full", "log_target", "swap", "keepdim"}
    having = {
        name
        for name in nn.losses.__all__
        if set(inspect.signature(getattr(nn, name).__init__).parameters) - general
    }
    assert having == {module.__name__ for module, *_ in WRONG} & set(nn.losses.__all__)
