"""Kernels under several Python threads and after a fork, on each threading layer, in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minigrad.kernels.cpu import threads

LAYERS = ["omp", "workqueue", "tbb"]  # tbb needs the library, which `pip install tbb` puts into .venv/lib

SETUP = """
import os, sys, threading
import numba
import numpy as np
try:
    numba.config.THREADING_LAYER = LAYER
    numba.njit(parallel=True)(lambda x: x + x)(np.ones(9))
except ValueError:
    sys.exit(77)
from minigrad.kernels import cpu
from minigrad.kernels.cpu import threads as settings
assert settings.get_num_threads() == 4

x = np.random.default_rng(0).standard_normal((256, 600), dtype=np.float32)
settings.set_num_threads(1)
want = [cpu.sigmoid(x), cpu.matmul(x, x.T), cpu.softmax(x, 1)]
settings.set_num_threads(4)

def check():
    for got, right in zip([cpu.sigmoid(x), cpu.matmul(x, x.T), cpu.softmax(x, 1)], want):
        assert (got == right).all()
"""


def run(layer: str, program: str) -> None:
    """Run ``program`` after the set-up; where the layer is missing, skip."""
    environment = os.environ | {"NUMBA_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", f"LAYER = {layer!r}{SETUP}{program}"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip(f"Numba cannot load the library of the threading layer {layer}")
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.compiled
@pytest.mark.parametrize("layer", LAYERS)
def test_eight_python_threads_at_once_get_right_answers(layer: str) -> None:
    run(
        layer,
        """
failures = []
def work():
    try:
        for _ in range(30):
            check()
    except BaseException as error:
        failures.append(error)
workers = [threading.Thread(target=work) for _ in range(8)]
for worker in workers: worker.start()
for worker in workers: worker.join()
assert failures == []
assert settings._entered
print("done")
""",
    )


@pytest.mark.compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("layer", LAYERS)
def test_a_forked_child_works_after_its_parent_ran_in_parallel(layer: str) -> None:
    run(
        layer,
        """
check()
assert settings._entered
settings._busy.acquire()  # as if another thread were in a parallel loop at the moment of the fork
child = os.fork()
if child == 0:
    check()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
settings._busy.release()
check()
print("done")
""",
    )


@pytest.mark.compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_before_any_parallel_loop_may_use_threads() -> None:
    run(
        "workqueue",
        """
child = os.fork()
if child == 0:
    check()
    os._exit(0 if settings._entered else 1)
assert os.waitpid(child, 0)[1] == 0
print("done")
""",
    )


@pytest.mark.compiled
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_of_processes_works_after_its_parent_ran_in_parallel(
    layer: str, method: str, tmp_path: Path
) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    (tmp_path / "pooled.py").write_text(f"LAYER = {layer!r}{SETUP}")
    run(
        layer,
        f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
sys.path.insert(0, {str(tmp_path)!r})
import pooled
pooled.check()
assert settings._entered
with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r})) as pool:
    assert [job.result(60) for job in [pool.submit(pooled.check) for _ in range(4)]] == [None] * 4
print("done")
""",
    )


def test_number_of_threads_can_be_read_and_set() -> None:
    before = threads.get_num_threads()
    try:
        threads.set_num_threads(1)
        assert threads.get_num_threads() == 1
    finally:
        threads.set_num_threads(before)


def test_wrong_numbers_of_threads_are_refused_and_change_nothing() -> None:
    before = threads.get_num_threads()
    for wrong in (0, -1, before + 1000):
        with pytest.raises(ValueError, match=rf"set_num_threads expects 1 to \d+ threads, got {wrong}$"):
            threads.set_num_threads(wrong)
    for odd in (2.0, "2", None, True):
        with pytest.raises(TypeError, match="set_num_threads expects an int, got"):
            threads.set_num_threads(odd)  # type: ignore[arg-type]
    assert threads.get_num_threads() == before
