"""The cache of machine code: hits, edits, damage, read-only places, several processes; and specialised rules."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import types
from numba.np.numpy_support import from_dtype

from minigrad import kernels
from minigrad.kernels import cpu, rules
from minigrad.kernels.cpu.compile import specialise
from minigrad.kernels.cpu.math import MATHS

pytestmark = pytest.mark.compiled

PROGRAM = """
import numpy as np
from minigrad.kernels import cpu
x = np.array([0.0, 0.5, -1.0], np.float32)
print(cpu.sigmoid(x).tolist(), cpu.relu(x).tolist())
"""
RIGHT = [1 / (1 + np.exp(-x)) for x in (0.0, 0.5, -1.0)]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the kernels that a test may edit, and of the dtypes, all that they need of the rest."""
    source = Path(kernels.__file__).parent
    shutil.copytree(source, tmp_path / "minigrad" / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source.parent / "dtypes.py", tmp_path / "minigrad")
    (tmp_path / "minigrad" / "__init__.py").touch()
    return tmp_path / "minigrad" / "kernels"


def start(package: Path, program: str = PROGRAM, **environment: str) -> subprocess.Popen[str]:
    root = package.parent.parent
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        cwd=root,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean | {"PYTHONPATH": str(root)} | environment,
    )


def finish(process: subprocess.Popen[str]) -> tuple[list[float], list[float], str]:
    """(sigmoids, relus, stderr)."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    numbers = [float(word.strip("[],")) for word in out.split()]
    assert len(numbers) == 6, out
    return numbers[:3], numbers[3:], err


def run(package: Path, program: str = PROGRAM, **environment: str) -> tuple[list[float], list[float], str]:
    return finish(start(package, program, **environment))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def cached(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.kernel"))


def test_first_run_says_that_it_compiles_and_the_second_loads(package: Path) -> None:
    *_, err = run(package)
    folder = package / "cpu" / "__pycache__"
    assert err == f"minigrad: compiling kernels for this machine, once; they are kept in {folder}\n"
    assert len(cached(package)) == 2
    sigmoids, relus, err = run(package)
    assert err == ""
    assert sigmoids == pytest.approx(RIGHT, rel=1e-6)
    assert relus == [0.0, 0.5, 0.0]


def test_message_can_be_silenced(package: Path) -> None:
    silence = "import logging; logging.getLogger('minigrad').setLevel('ERROR')\n"
    *_, err = run(package, silence + PROGRAM)
    assert err == ""


def test_an_edited_rule_takes_effect_on_the_next_run(package: Path) -> None:
    run(package)
    edit(package / "rules.py", "return 0.0 if z <= 0.0 else z\n", "return 0.25 if z <= 0.0 else z\n")
    _, relus, err = run(package)
    assert relus == [0.25, 0.5, 0.25]
    assert "compiling" in err
    assert len(cached(package)) == 2  # stale files are written over, not left


def test_a_rule_edited_while_a_process_runs_takes_effect_on_the_next_run(package: Path) -> None:
    change = """
from pathlib import Path
import minigrad.kernels.cpu, minigrad.kernels.rules as rules
path = Path(rules.__file__)
path.write_text(path.read_text().replace("return 0.0 if z <= 0.0 else z\\n", "return 0.25 if z <= 0.0 else z\\n"))
"""
    _, relus, _ = run(package, change + PROGRAM)
    assert relus == [0.0, 0.5, 0.0]
    _, relus, _ = run(package)
    assert relus == [0.25, 0.5, 0.25]


def test_what_is_on_disk_needs_no_compiler(package: Path) -> None:
    run(package)
    check = "import sys\nassert 'numba.np.linalg' not in sys.modules, 'all that can be compiled was loaded'\n"
    run(package, PROGRAM + check)


def test_vectors_are_as_wide_as_the_registers_and_only_in_functions_of_ours() -> None:
    kernel = cpu.elementwise.Kernel("wide", lambda x, part, parts: None, (types.float64,)).compiled
    assert '"prefer-vector-width"="512"' in "".join(kernel.inspect_llvm().values())
    other = numba.njit(types.void(types.float64))(lambda x: None)
    assert "prefer-vector-width" not in "".join(other.inspect_llvm().values())


def test_an_edited_helper_in_another_file_takes_effect_on_the_next_run(package: Path) -> None:
    run(package)
    edit(
        package / "cpu" / "exponential.py",
        "return (lifted + lifted * (f * slope(f))) * per_lift",
        "return real(3) * (lifted + lifted * (f * slope(f))) * per_lift",
    )
    sigmoids, *_ = run(package)
    assert sigmoids[0] == pytest.approx(1 / 4)


@pytest.mark.parametrize("damage", ["empty", "short", "flipped"])
def test_damaged_files_are_compiled_anew(package: Path, damage: str) -> None:
    run(package)
    for path in cached(package):
        data = bytearray(path.read_bytes())
        if damage == "flipped":
            data[len(data) // 2] ^= 1
        path.write_bytes(data if damage == "flipped" else data[: 100 if damage == "short" else 0])
    sigmoids, _, err = run(package)
    assert sigmoids == pytest.approx(RIGHT, rel=1e-6)
    assert "compiling" in err
    *_, err = run(package)
    assert err == ""


def block_folder(package: Path) -> None:
    """Make it impossible to write beside the sources, also for an administrator."""
    (package / "cpu" / "__pycache__").touch()


def test_a_read_only_package_is_cached_in_the_home_directory(package: Path, tmp_path: Path) -> None:
    block_folder(package)
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / ".cache")}
    if sys.platform == "win32":
        pytest.skip("the user's cache has no environment variable here")
    run(package, **home)
    assert len(cached(tmp_path / "home")) == 2
    *_, err = run(package, **home)
    assert err == ""


def test_a_read_only_package_and_home_work_without_a_cache(package: Path, tmp_path: Path) -> None:
    block_folder(package)
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "home")
    for _ in range(2):
        sigmoids, _, err = run(package, HOME=nowhere, XDG_CACHE_HOME=nowhere, LOCALAPPDATA=nowhere)
        assert sigmoids == pytest.approx(RIGHT, rel=1e-6)
        assert err.endswith("no directory to keep them in\n")


def test_another_processor_has_files_of_its_own(package: Path) -> None:
    other = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    for environment, files in ((other, 2), ({}, 4)):
        sigmoids, _, err = run(package, **environment)
        assert sigmoids == pytest.approx(RIGHT, rel=1e-6)
        assert "compiling" in err
        assert len(cached(package)) == files
    for environment in (other, {}):
        assert run(package, **environment)[-1] == ""


@pytest.mark.parametrize("library", ["numba", "llvmlite", "numpy"])
def test_files_from_another_version_are_compiled_anew(package: Path, library: str) -> None:
    run(package, f"import numba, {library}; {library}.__version__ += '.post1'\n{PROGRAM}")
    for text in ("compiling", ""):
        sigmoids, _, err = run(package)
        assert sigmoids == pytest.approx(RIGHT, rel=1e-6)
        assert text in err and bool(text) == bool(err)
        assert len(cached(package)) == 2  # written over


def test_a_folder_that_can_no_longer_be_written_to_is_only_read(package: Path) -> None:
    run(package)
    for path in cached(package):
        path.unlink()
        path.mkdir()  # nothing can be renamed to it, also by an administrator
    for _ in range(2):
        sigmoids, _, err = run(package)
        assert sigmoids == pytest.approx(RIGHT, rel=1e-6)
        assert "compiling" in err
    left = [path for path in (package / "cpu" / "__pycache__").iterdir() if path.suffix != ".pyc"]
    assert sorted(left) == cached(package)


def test_the_cache_can_be_kept_elsewhere(package: Path, tmp_path: Path) -> None:
    elsewhere = {"NUMBA_CACHE_DIR": str(tmp_path / "elsewhere")}
    for text in ("compiling", ""):
        assert text in run(package, **elsewhere)[-1]
    assert len(cached(tmp_path / "elsewhere")) == len(cached(tmp_path)) == 2


def test_four_processes_compile_at_once(package: Path) -> None:
    for process in [start(package) for _ in range(4)]:
        sigmoids, relus, _ = finish(process)
        assert sigmoids == pytest.approx(RIGHT, rel=1e-6)
        assert relus == [0.0, 0.5, 0.0]
    assert sorted(
        path.suffix for path in (package / "cpu" / "__pycache__").iterdir() if path.suffix != ".pyc"
    ) == [
        ".kernel",
        ".kernel",
    ]
    *_, err = run(package)
    assert err == ""


@pytest.mark.parametrize("name", rules.__all__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_rule_computes_in_the_dtype_of_its_kernel_alone(name: str, dtype: type) -> None:
    count = len(inspect.signature(getattr(rules, name)).parameters)
    number = from_dtype(np.dtype(dtype))
    rule = MATHS[np.dtype(dtype)]["tanh"] if name == "tanh" else None
    rule = rule or specialise(getattr(rules, name), np.dtype(dtype), MATHS[np.dtype(dtype)])
    rule.compile((number,) * count)
    (signature,) = rule.overloads
    kinds = set(rule.overloads[signature].type_annotation.typemap.values())
    assert {kind for kind in kinds if isinstance(kind, types.Float)} == {number}


def test_processes_number_functions_from_different_starts(package: Path) -> None:
    """A symbol is a name and this number. Where it began at 1, one kernel on disk was taken for another."""
    program = """
from numba.core.bytecode import FunctionIdentity
from minigrad.kernels import cpu
print(FunctionIdentity.from_function(lambda x: x).unique_id)
"""
    numbers = [int(start(package, program).communicate()[0]) for _ in range(3)]
    assert len({number >> 20 for number in numbers}) == 3


def test_a_kernel_is_named_in_profiles_and_symbols() -> None:
    assert cpu.elementwise.Kernel("log", lambda x, part, parts: None).piece.__name__ == "log"
