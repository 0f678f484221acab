"""Layers, losses and models. Read ``module.py`` first, then ``layers.py`` and ``functional.py``."""

from minigrad.nn import functional, init
from minigrad.nn.layers import GELU, Linear, LogSoftmax, ReLU, Sequential, Sigmoid, Softmax, Tanh
from minigrad.nn.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, Loss, MSELoss
from minigrad.nn.module import IncompatibleKeys, Module
from minigrad.nn.parameter import Parameter

__all__ = [
    "GELU",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "IncompatibleKeys",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]
