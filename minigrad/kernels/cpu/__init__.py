"""The kernels compiled by Numba for the CPU: the functions listed in ``minigrad.kernels``, and where each is.

================  ===========================================================================================
elementwise.py    arithmetic, comparisons, activations and losses: a scalar rule and a loop around it
reduce.py         sum, mean, extremes and where they are, mean with variance
softmax.py        softmax, logsumexp, cross-entropy
matmul.py         matmul and linear, on the register tiles of ``tile.py``
optimise.py       the optimiser steps
../reference/     what only moves elements: NumPy does that at the speed of memory already
================  ===========================================================================================

Below them, in the order of reading: ``compile.py`` turns a function into machine code and keeps that on disk,
``math.py`` is exp, log and the like in a form that becomes vector code, ``threads.py`` shares the work among
threads, ``memory.py`` and ``transpose.py`` are how arrays are seen and turned.
Importing this package compiles nothing: a kernel is compiled when it is first called with a dtype.
"""

from minigrad.kernels.reference import *  # isort: skip
from minigrad.kernels.cpu.elementwise import *
from minigrad.kernels.cpu.matmul import *
from minigrad.kernels.cpu.optimise import *
from minigrad.kernels.cpu.reduce import *
from minigrad.kernels.cpu.softmax import *
