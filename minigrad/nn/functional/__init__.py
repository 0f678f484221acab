"""Layers, activations and losses as functions, ``from minigrad.nn import functional as F``, by PyTorch's names.

A loss checks everything before it computes anything, and it refuses what PyTorch only warns about: shapes that
differ are never broadcast, since a (B, 1) beside a (B,) would quietly become (B, B). Losses are in ``numbers.py``
(of numbers), ``binary.py`` (of the probabilities of two classes), ``classes.py`` (of many) and ``distance.py``
(of vectors).
"""

from typing import TYPE_CHECKING

from minigrad import mistakes
from minigrad.creation import one_hot
from minigrad.nn.functional import (
    activations,
    attention,
    binary,
    classes,
    convolution,
    distance,
    layers,
    normalisation,
    numbers,
    pooling,
    recurrent,
    resampling,
)
from minigrad.nn.functional.activations import *
from minigrad.nn.functional.attention import *
from minigrad.nn.functional.binary import *
from minigrad.nn.functional.classes import *
from minigrad.nn.functional.convolution import *
from minigrad.nn.functional.distance import *
from minigrad.nn.functional.layers import *
from minigrad.nn.functional.normalisation import *
from minigrad.nn.functional.numbers import *
from minigrad.nn.functional.pooling import *
from minigrad.nn.functional.recurrent import *
from minigrad.nn.functional.resampling import *
from minigrad.ops import (
    celu,
    elu,
    gelu,
    glu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    linear,
    log_softmax,
    logsigmoid,
    mish,
    pad,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        raise mistakes.no_such_name(__name__, name)


__all__ = [
    *activations.__all__,
    *attention.__all__,
    *binary.__all__,
    *classes.__all__,
    *convolution.__all__,
    *distance.__all__,
    *layers.__all__,
    *normalisation.__all__,
    *numbers.__all__,
    *recurrent.__all__,
    *pooling.__all__,
    *resampling.__all__,
    "celu",
    "elu",
    "gelu",
    "glu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "one_hot",
    "pad",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]
