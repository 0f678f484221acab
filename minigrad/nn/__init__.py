"""Layers, losses and models. Read ``module.py`` first, then ``layers.py``, ``functional/`` and ``losses.py``."""

from typing import TYPE_CHECKING

from minigrad import mistakes
from minigrad.nn import (
    activations,
    attention,
    cells,
    containers,
    convolution,
    dropout,
    functional,
    init,
    layers,
    losses,
    normalisation,
    pooling,
    rearranging,
    recurrent,
    transformer,
    transformer_layers,
    utils,
)
from minigrad.nn.activations import *
from minigrad.nn.attention import *
from minigrad.nn.cells import *
from minigrad.nn.containers import *
from minigrad.nn.convolution import *
from minigrad.nn.dropout import *
from minigrad.nn.layers import *
from minigrad.nn.losses import *
from minigrad.nn.module import IncompatibleKeys, Module
from minigrad.nn.normalisation import *
from minigrad.nn.parameter import Parameter
from minigrad.nn.pooling import *
from minigrad.nn.rearranging import *
from minigrad.nn.recurrent import *
from minigrad.nn.transformer import *
from minigrad.nn.transformer_layers import *

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        raise mistakes.no_such_name(__name__, name)


__all__ = [
    *activations.__all__,
    *attention.__all__,
    *cells.__all__,
    *containers.__all__,
    *convolution.__all__,
    *dropout.__all__,
    *layers.__all__,
    *losses.__all__,
    *normalisation.__all__,
    *pooling.__all__,
    *rearranging.__all__,
    *recurrent.__all__,
    *transformer.__all__,
    *transformer_layers.__all__,
    "IncompatibleKeys",
    "Module",
    "Parameter",
    "functional",
    "init",
    "utils",
]
