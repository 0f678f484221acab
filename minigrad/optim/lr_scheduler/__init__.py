"""Schedulers: they change the learning rates of an optimiser from epoch to epoch, or from step to step.

Read ``scheduler.py`` first; each of the others is a formula. Several may work on one optimiser, as in PyTorch:
those that multiply then multiply what the others left.
"""

from minigrad.optim.lr_scheduler.annealing import CosineAnnealingLR, OneCycleLR
from minigrad.optim.lr_scheduler.cyclic import CosineAnnealingWarmRestarts, CyclicLR
from minigrad.optim.lr_scheduler.decay import ExponentialLR, LambdaLR, MultiStepLR, PolynomialLR, StepLR
from minigrad.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minigrad.optim.lr_scheduler.scheduler import LRScheduler
from minigrad.optim.lr_scheduler.sequence import SequentialLR
from minigrad.optim.lr_scheduler.warmup import ConstantLR, LinearLR

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
