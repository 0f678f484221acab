"""Which package compiles for the GPU, and what is said where there is none, or one that cannot do it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import numba
import pytest

import minigrad as mg
from minigrad.kernels.cuda import device, shim

REMEDY = re.escape("install one with pip install 'numba-cuda[cu12]' or 'numba-cuda[cu13]'")

# A process in which nothing takes the place of the numba.cuda inside Numba, and with a driver and a device
BUILT_IN = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "numba_cuda" not in type(finder).__module__]
from minigrad.kernels.cuda import shim
assert shim.cuda.implementation == "Built-in", shim.cuda.__file__
assert hasattr(shim.types, "CPointer")
import numpy as np
from minigrad.kernels.cuda import device, functions, math
assert math.names(np.dtype(np.float32))["round"] is shim.cuda.libdevice.rintf
class Driver:
    def count(self):
        return 1
device.driver = Driver
import minigrad as mg
said = mg.cuda.missing()
print(said)
if said is None:
    f = np.dtype(np.float32)
    assert ".entry" in functions.add.make(((True, f), (True, f)), f, f).ptx((8, 0))
else:
    assert not mg.cuda.is_available() and mg.cuda.device_count() == 0
    try:
        mg.tensor(1.0, device="cuda")
    except RuntimeError as error:
        assert str(error) == f"CUDA cannot be used here. What is missing is the {said}"
    else:
        raise AssertionError("it did not fail")
"""

NO_PACKAGE = """
import sys
sys.modules["numba.cuda"] = None
import minigrad as mg
said = mg.cuda.missing()
print(said)
assert not mg.cuda.is_available() and mg.cuda.device_count() == 0
try:
    mg.tensor(1.0, device="cuda")
except ImportError as error:
    assert str(error) == said
else:
    raise AssertionError("it did not fail")
assert (mg.tensor(1.0) + 1).item() == 2
"""


def said_by(program: str) -> str:
    """What the program prints, in a process without the simulator."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_package_inside_numba_is_taken_where_there_is_no_other_and_tried() -> None:
    pytest.importorskip("numba.cuda.cudadrv")  # as long as Numba has one
    said = said_by(BUILT_IN)
    none, fails = (
        "Numba finds no CUDA compiler",
        f"numba-cuda is not installed, and the compiler inside {numba_is()}",
    )
    assert said == "None" or re.match(rf"package: ({none}|{fails} fails) \(.*\); {REMEDY}$", said), said


def numba_is() -> str:
    return re.escape(f"Numba {numba.__version__}")


def test_a_numba_without_any_package_for_the_gpu_is_told() -> None:
    assert re.fullmatch(f"package: {numba_is()} has no numba.cuda of its own; {REMEDY}", said_by(NO_PACKAGE))


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """As without the simulator, with NVIDIA's compiler."""
    device.driver()  # the simulated one, from here on
    monkeypatch.setattr(shim, "SIMULATED", False)
    monkeypatch.setattr(shim.importlib, "import_module", lambda name: type("nvvm", (), {"NVVM": object}))
    shim.built_in_failure.cache_clear()
    yield monkeypatch
    shim.built_in_failure.cache_clear()


def test_a_compiler_inside_numba_that_fails_is_told_from_one_that_does_not(real: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> str:
        raise TypeError("Signature mismatch:\n2 argument types given, but the function takes only one of them")

    real.setattr(shim, "compile_ptx", fails)
    real.setattr(shim.cuda, "implementation", "NVIDIA", raising=False)
    assert shim.missing_compiler() is None  # it is not even tried
    real.setattr(shim.cuda, "implementation", "Built-in", raising=False)
    shim.built_in_failure.cache_clear()
    said = str(mg.cuda.missing())
    assert said.startswith(
        f"package: numba-cuda is not installed, and the compiler inside Numba {numba.__version__}"
    )
    assert "fails (TypeError: Signature mismatch: 2 argument types given" in said
    assert "pip install 'numba-cuda[cu12]'" in said
    assert "\n" not in said
    shim.built_in_failure.cache_clear()
    real.setattr(shim, "compile_ptx", lambda *_, **__: ".entry")
    assert mg.cuda.missing() is None


def test_what_is_missing_is_told_in_the_order_in_which_it_is_needed(real: pytest.MonkeyPatch) -> None:
    real.setattr(shim, "missing_compiler", lambda: "package: none")
    real.setattr(device.driver(), "devices", 1)
    assert mg.cuda.missing() == "package: none"
    real.setattr(device.driver(), "devices", 0)
    assert str(mg.cuda.missing()).startswith("device: the driver finds no NVIDIA GPU")

    def no_driver() -> None:
        raise RuntimeError("driver: none")

    real.setattr(device, "driver", no_driver)
    assert mg.cuda.missing() == "driver: none"
