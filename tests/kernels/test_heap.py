"""Memory that a step frees is there for the next one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from minigrad.kernels.cpu import heap

needs_glibc = pytest.mark.skipif(not heap.keeps_freed_memory(), reason="the C library has no mallopt, or is set")

#: A step whose arrays lie at the end of the heap; how many page faults each of the later ones has.
STEPS = """
import resource
import minigrad as mg
net = mg.nn.Sequential(mg.nn.Linear(8, 512), mg.nn.ReLU(), mg.nn.Linear(512, 512), mg.nn.ReLU())
x, faults = mg.ones(1024, 8), []
for _ in range(6):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    net.zero_grad()
    net(x).sum().backward()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(max(faults[3:]))
"""


def faults(**variables: str) -> int:
    environment = os.environ | variables
    done = subprocess.run(
        [sys.executable, "-c", STEPS], env=environment, capture_output=True, text=True, check=True
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.compiled
@needs_glibc
def test_a_step_has_no_page_faults_after_the_first() -> None:
    assert faults() < 50


@pytest.mark.compiled
@needs_glibc
def test_glibcs_own_variables_are_left_alone() -> None:
    assert faults(MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072") > 1000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MALLOC_TRIM_THRESHOLD_", "1"),
        ("MALLOC_TOP_PAD_", "1"),
        ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1"),
    ],
)
def test_whoever_sets_a_variable_is_obeyed(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not heap.keeps_freed_memory()


def test_other_c_libraries_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in heap.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delattr(os, "confstr_names")
    assert not heap.keeps_freed_memory()
