"""The kernels compiled by Numba for the CPU: the functions that ``../reference/`` lists, and where each is.

================  ===========================================================================================
elementwise.py    a scalar rule and a loop around it, for one operand and for two
functions.py      arithmetic, functions of one number, comparisons, logic: the rules
choice.py         clamp, lerp, where: three operands
activation.py     activations and losses of one element: the same, with parameters
chance.py         dropout
reduce.py         sum, mean, product, length, extremes
search.py         where the extremes are
moments.py        mean with variance
cumulative.py     cumsum, cumprod, linear recurrences
order.py          topk
gather.py         indexing by arrays of integers, and the way back
softmax.py        softmax, logsumexp
cross_entropy.py  cross-entropy of classes
normalisation.py  to mean 0 and variance 1, forward and backward, with ``norm_groups.py``, ``norm_columns.py``
matmul.py         matmul and linear, on the register tiles of ``tile.py``
recurrent.py      plain, LSTM and GRU sequences, on the same tiles
attention.py      attention, a few queries at a time, on the same tiles
convolution.py    convolution, its transpose and the gradient of its weight, on the same tiles
pooling.py        the largest of windows, their mean, numbers between elements
optimise.py       the optimiser steps
move.py           copies that transpose, reversed and rolled ones, triangles; a view that NumPy is slow to make
../reference/     what else only moves elements: whole rows, as NumPy does at the speed of memory
================  ===========================================================================================

Below them, in the order of reading: ``compile.py`` turns a function into machine code and keeps that on disk,
``math.py`` has exp, log, sin and the like in a form that becomes vector code, ``row_sums.py`` and ``extremes.py``
make one number of a row, ``threads.py`` shares the work among threads, ``memory.py``, ``transpose.py``,
``lines.py`` and ``layout.py`` are how arrays are seen, turned, copied and laid out, ``vectors.py`` is what their
LLVM code is made of. ``heap.py`` keeps the memory that they leave.
Importing this package compiles nothing: a kernel is compiled when it is first called with a dtype.
"""

from minigrad.kernels.reference import *  # isort: skip
from minigrad.kernels.cpu import heap
from minigrad.kernels.cpu.activation import *
from minigrad.kernels.cpu.attention import *
from minigrad.kernels.cpu.chance import *
from minigrad.kernels.cpu.choice import *
from minigrad.kernels.cpu.convolution import *
from minigrad.kernels.cpu.cross_entropy import *
from minigrad.kernels.cpu.cumulative import *
from minigrad.kernels.cpu.functions import *
from minigrad.kernels.cpu.gather import *
from minigrad.kernels.cpu.matmul import *
from minigrad.kernels.cpu.moments import *
from minigrad.kernels.cpu.move import *
from minigrad.kernels.cpu.normalisation import *
from minigrad.kernels.cpu.optimise import *
from minigrad.kernels.cpu.order import *
from minigrad.kernels.cpu.pooling import *
from minigrad.kernels.cpu.recurrent import *
from minigrad.kernels.cpu.reduce import *
from minigrad.kernels.cpu.search import *
from minigrad.kernels.cpu.softmax import *

heap.keep_freed_memory()
