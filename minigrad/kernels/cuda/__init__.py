"""The kernels for NVIDIA GPUs: the functions listed in ``minigrad.kernels``, and where each is.

================  ===========================================================================================
elementwise.py    a scalar rule and a loop around it, for any operands that broadcast
functions.py      arithmetic, functions of one number, comparisons, choices, logic: the rules
activation.py     activations and losses of one element, by the rules that the CPU has as well
move.py           views, copies, arrays put together and taken apart
products.py       matrix products; their kernels are in ``product_kernels.py``, made of ``tile.py``, and, for
                  tensor cores, in ``tensor_core.py``, made of ``fragments.py``; ``shared.py`` and ``places.py``
                  serve both
================  ===========================================================================================

Below them, in the order of reading: ``shim.py`` finds Numba's compiler for the GPU, ``driver.py`` talks to
NVIDIA's driver and ``simulator.py`` stands for both where there is no GPU; ``device.py`` knows on which device and
stream a thread works, ``memory.py`` keeps memory for the next user, ``array.py`` is an array in it, ``launch.py``
starts a kernel, ``transfer.py`` copies to and from the host. ``intrinsics.py`` and ``math.py`` are what kernels
are made of besides Python.

Importing this package compiles nothing: a kernel is compiled when it is first called with a dtype.
"""

from minigrad.kernels.cuda.activation import *
from minigrad.kernels.cuda.device import *
from minigrad.kernels.cuda.functions import *
from minigrad.kernels.cuda.move import *
from minigrad.kernels.cuda.products import *
from minigrad.kernels.cuda.transfer import *
