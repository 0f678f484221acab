"""Every target has the functions of the reference, with the same parameters."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import FunctionType, ModuleType

import pytest

from minigrad import kernels
from minigrad.kernels import reference

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
    table = (kernels.__doc__ or "").replace("(", " ").split()
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
