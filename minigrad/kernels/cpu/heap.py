"""Freed memory stays with the process, so that the next training step need not ask the system for it again.

A step frees as much as it took. By default glibc gives that back to the system as soon as the end of its heap is
free, and the next step gets it page by page: each 4 KiB are a page fault of 1.5 us, in which the system fills them
with zeros. That took a fifth of the time of a transformer's step, or none, by what happened to lie at the end.

Up to ``KEPT`` bytes are kept now. Arrays from ``MAPPED`` bytes on, the most that glibc allows, have pages of their
own as before, huge ones if the system has them. Whoever has set glibc's own variables, such as
``MALLOC_TRIM_THRESHOLD_``, knows better; and other C libraries have no such switch.
"""

import ctypes
import os

KEPT, MAPPED = 1 << 30, 1 << 25

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt(), from malloc.h
VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_")


def keeps_freed_memory() -> bool:
    """Whether the C library can be asked to, and nobody has asked it for something else."""
    name = "CS_GNU_LIBC_VERSION"
    is_glibc = name in getattr(os, "confstr_names", {}) and os.confstr(name)
    is_set = any(v in os.environ for v in VARIABLES) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    return bool(is_glibc) and not is_set


def keep_freed_memory() -> None:
    """Ask it to."""
    if keeps_freed_memory():
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
