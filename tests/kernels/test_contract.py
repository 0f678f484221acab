"""Every target has the functions of the reference, with the same parameters."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import FunctionType, ModuleType

import numpy as np
import pytest

from minigrad import kernels
from minigrad.kernels import cpu, reference

COMPILED = [target for target in kernels.TARGETS if target != "reference"]


def functions(module: ModuleType) -> dict[str, list[tuple[str, bool]]]:
    """Name -> (parameter, whether it is keyword-only), of the public functions."""
    return {
        name: [(p.name, p.kind is p.KEYWORD_ONLY) for p in inspect.signature(value).parameters.values()]
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and not name.startswith("_")
    }


@pytest.mark.parametrize("target", COMPILED)
def test_target_has_exactly_the_functions_of_the_reference(target: str) -> None:
    assert functions(kernels.load(target)) == functions(reference)


def test_contract_table_names_every_function() -> None:
    table = (reference.__doc__ or "").replace("(", " ").split()
    table = [word.strip("`,") for word in table]
    assert set(functions(reference)) <= set(table)


def test_loading_a_target_twice_gives_the_same_module() -> None:
    assert kernels.load("numba") is kernels.load("numba")


def test_importing_the_kernels_compiles_nothing_and_prints_nothing() -> None:
    code = """
import numba.core.compiler as compiler
def refuse(*args, **kwargs): raise AssertionError("something was compiled")
compiler.compile_extra = compiler.CompilerBase.compile_extra = refuse
import minigrad.kernels.cpu
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.compiled
def test_operands_of_two_dtypes_of_one_size_are_refused_or_right() -> None:
    x, i = np.full((4, 3), 0.5), np.ones((4, 3), np.int64)
    for function, given in (
        (cpu.sigmoid_backward, (x, i)),
        (cpu.relu_backward, (x, i)),
        (cpu.linear, (x, i, None)),
        (cpu.linear, (x, x, np.ones(4, np.int64))),
        (cpu.matmul, (x, i.T)),
    ):
        np.testing.assert_allclose(function(*given), getattr(reference, function.__name__)(*given))
    for function, given in ((cpu.softmax_backward, (x, i, 1)), (cpu.leaky_relu_backward, (x, i, 0.1))):
        with pytest.raises(BufferError, match="does not fit"):
            function(*given)
