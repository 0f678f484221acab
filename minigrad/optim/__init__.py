"""Optimisers: they change parameters in place, from the gradients that ``backward`` left in ``.grad``."""

from minigrad.optim.adam import Adam
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
