"""The kernels for NVIDIA GPUs: the functions that ``../reference/`` lists, and where each is.

================  ===========================================================================================
elementwise.py    a scalar rule and a loop around it (``loops.py``), for any operands that broadcast
chain.py          elementwise work that is put off for a moment, and what belongs together as one kernel
waiting.py        how a function becomes a part of it
steps.py          the text of such a kernel, and of what a matrix product does with its sums
functions.py      arithmetic, functions of one number, comparisons, choices, logic: the rules
activation.py     activations and losses of one element, by the rules that the CPU has as well
move.py           views, copies, arrays put together and taken apart
gather.py         indexing by arrays, and the way back
reduce.py         sums, extremes, norms, over any dims
sweeps.py         softmax, logsumexp, cross-entropy, where the extremes are
normalisation.py  mean and variance, and what they normalise
cumulative.py     cumsum, cumprod, linear recurrences
order.py          argsort, topk, medians
products.py       matrix products, each by a recipe (``recipe.py``); their kernels are in
                  ``product_kernels.py``, made of ``tile.py``, and, for tensor cores, in ``tensor_core.py``,
                  made of ``fragments.py``; ``shared.py`` and ``places.py`` serve both
chance.py         dropout
optimise.py       the optimiser steps, those of many arrays in one launch by ``foreach.py``
convolution.py    convolutions and their derivatives, as matrix products
pooling.py        the largest or the mean of each window, and resampling
recurrent.py      recurrent layers, step by step
attention.py      attention, of products and a softmax
================  ===========================================================================================

Below them, in the order of reading: ``shim.py`` finds Numba's compiler for the GPU, ``driver.py`` talks to
NVIDIA's driver and ``simulator.py`` stands for both where there is no GPU; ``device.py`` knows on which device and
stream a thread works, ``memory.py`` keeps memory for the next user, ``array.py`` is an array in it, ``launch.py``
starts a kernel, ``transfer.py`` copies to and from the host, ``exchange.py`` shares memory with other libraries,
``faults.py`` tells of mistakes that only the device sees, ``notes.py`` has the numbers that are new at each replay
of a graph. ``intrinsics.py``, ``shared.py`` and ``math.py`` are what kernels are made of besides Python,
``team.py`` is how threads share lines and ``walk.py`` how they go along them, ``tile.py`` how they share a matrix
product.

Importing this package compiles nothing: a kernel is compiled when it is first called with a dtype.
"""

from typing import Any

from minigrad.kernels import reference
from minigrad.kernels.cuda.activation import *
from minigrad.kernels.cuda.attention import *
from minigrad.kernels.cuda.chance import *
from minigrad.kernels.cuda.convolution import *
from minigrad.kernels.cuda.cumulative import *
from minigrad.kernels.cuda.device import *
from minigrad.kernels.cuda.exchange import *
from minigrad.kernels.cuda.foreach import *
from minigrad.kernels.cuda.functions import *
from minigrad.kernels.cuda.gather import *
from minigrad.kernels.cuda.move import *
from minigrad.kernels.cuda.normalisation import *
from minigrad.kernels.cuda.optimise import *
from minigrad.kernels.cuda.order import *
from minigrad.kernels.cuda.pooling import *
from minigrad.kernels.cuda.products import *
from minigrad.kernels.cuda.recurrent import *
from minigrad.kernels.cuda.reduce import *
from minigrad.kernels.cuda.sweeps import *
from minigrad.kernels.cuda.transfer import *


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and hasattr(reference, name):
        raise NotImplementedError(f"{name} has no kernel for CUDA yet: take its operands to the CPU, with t.cpu()")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
