"""Optimisers: they change parameters in place, from the gradients that ``backward`` left in ``.grad``.

Read ``optimizer.py`` first, then ``sgd.py``. ``lr_scheduler/`` changes their learning rates from epoch to epoch.
"""

from typing import TYPE_CHECKING

from minigrad import mistakes
from minigrad.optim import lr_scheduler
from minigrad.optim.adagrad import Adagrad
from minigrad.optim.adam import Adam, AdamW
from minigrad.optim.composed import Adadelta, NAdam, RAdam
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.rmsprop import RMSprop
from minigrad.optim.sgd import SGD

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        raise mistakes.no_such_name(__name__, name)


__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "NAdam", "Optimizer", "RAdam", "RMSprop"]
__all__ += ["lr_scheduler"]
