"""Worker processes: the same batches, errors that arrive, and no process that is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, TensorDataset
from worker_datasets import Broken, Fatal, Noisy, Process, mark, threaded, total

pytestmark = [
    pytest.mark.compiled,  # a product large enough for several threads takes minutes in plain Python
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def plain(batch: Any) -> Any:
    """A batch without tensors, to compare."""
    if isinstance(batch, dict):
        return {key: plain(part) for key, part in batch.items()}
    if isinstance(batch, (list, tuple)):
        return [plain(part) for part in batch]
    return (str(batch.dtype), batch.tolist()) if isinstance(batch, mg.Tensor) else batch


def epochs(dataset: Any, **options: Any) -> list[Any]:
    """The batches of two epochs."""
    mg.manual_seed(7)
    loader = DataLoader(dataset, **options)
    return [plain(batch) for _ in range(2) for batch in loader]


def state(pid: int) -> list[str]:
    """What the system says of a process: its state, parent, group, session; "Z" alone of one that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except (FileNotFoundError, ProcessLookupError):
        return ["Z"]


def alive(pid: int) -> bool:
    return state(pid)[0] != "Z"


def session(pid: int) -> list[int]:
    """The processes that run in the session that a process began."""
    found = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [each for each in found if state(each)[-1] == str(pid) and alive(each)]


def gone(pids: list[int], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, pids))


def with_workers(dataset: Any) -> tuple[Any, list[int]]:
    """An iterator over a dataset of :class:`Process` and the processes of its two workers."""
    iterator = iter(DataLoader(dataset, num_workers=2))
    return iterator, [next(iterator)[1].item() for _ in range(2)]


# -- the same batches -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3])
def test_workers_make_the_same_batches_in_the_same_order(count):
    threaded()  # kernels in threads do not disturb them
    options = {"batch_size": 4, "shuffle": True}
    for data in (TensorDataset(mg.randn(21, 3), mg.arange(21)), Noisy(21)):
        assert epochs(data, num_workers=count, **options) == epochs(data, **options)


def test_more_workers_than_batches_an_empty_epoch_and_a_collate_fn():
    assert epochs(range(3), num_workers=5) == epochs(range(3))
    assert epochs([], num_workers=2) == []
    found = list(DataLoader(range(5), 2, num_workers=2, collate_fn=total))
    assert [batch.tolist() for batch in found] == [[1], [5], [4]]


def test_each_worker_makes_every_nth_batch_and_is_told_its_number():
    found = [
        (index.item(), pid.item(), marked.item())
        for index, pid, marked in DataLoader(Process(6), num_workers=2, worker_init_fn=mark)
    ]
    assert [index for index, _, _ in found] == list(range(6))
    assert [marked for _, _, marked in found] == [100, 101] * 3
    assert found[0][1] == found[2][1] != found[1][1] and os.getpid() not in {pid for _, pid, _ in found}


def test_workers_compute_with_the_kernels_that_are_in_force():
    x = np.random.default_rng(0).normal(size=(50, 1000)).astype(np.float32)
    with mg.use_kernels("reference"):
        assert epochs(TensorDataset(mg.from_numpy(x)), num_workers=2) == epochs(TensorDataset(mg.from_numpy(x)))


# -- errors ---------------------------------------------------------------------------------------------------


def test_an_error_in_a_worker_is_raised_here_with_its_traceback_after_the_batches_before_it():
    found = []
    with pytest.raises(KeyError, match="no such item") as caught:
        for batch in DataLoader(Broken(9, 5, KeyError("no such item")), num_workers=2):
            found.append(batch.item())
    assert found == [0, 1, 2, 3, 4]
    (note,) = caught.value.__notes__
    assert note.startswith("in a worker of the DataLoader:\nTraceback") and "raise self.error" in note


def test_an_error_that_cannot_be_pickled_arrives_with_its_text():
    with pytest.raises(RuntimeError, match="item 1: it is odd") as caught:
        list(DataLoader(Broken(3, 1, None), num_workers=1))
    assert "Odd: item 1: it is odd" in caught.value.__notes__[0]


def test_a_worker_that_dies_is_an_error_here():
    with pytest.raises(RuntimeError, match="a worker of the DataLoader died with exit code -9"):
        list(DataLoader(Fatal(6), num_workers=2))


@pytest.mark.parametrize("what", ["dataset", "collate_fn", "worker_init_fn"])
def test_what_cannot_be_pickled_is_refused_before_anything_starts(what):
    options = {"dataset": range(3), what: [lambda: None] if what == "dataset" else lambda items: items}
    with pytest.raises(TypeError, match="a DataLoader with workers must pickle the dataset and the functions"):
        iter(DataLoader(**options, num_workers=1))


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import minigrad as mg\nprint(list(mg.data.DataLoader([1, 2], num_workers=1)))\n")
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert 'a script must begin its work under if __name__ == "__main__":' in ran.stderr.splitlines()[-1]


# -- no process is left behind --------------------------------------------------------------------------------


def test_workers_end_with_the_epoch_and_when_the_iterator_is_dropped_or_closed():
    iterator, pids = with_workers(Process(4))
    list(iterator)
    assert gone(pids, 0)
    iterator, pids = with_workers(Process(400))
    assert all(map(alive, pids))
    del iterator
    assert gone(pids, 0)
    iterator, pids = with_workers(Process(400))
    iterator.close()
    assert gone(pids, 0)


def test_workers_end_when_the_loop_is_left_by_an_error():
    pids = []
    with pytest.raises(ZeroDivisionError):
        for _, pid, _ in DataLoader(Process(400), num_workers=2):
            pids.append(pid.item())
            1 / (2 - len(pids))
    assert gone(pids, 0)


SCRIPT = """
import signal, sys
import minigrad as mg
from worker_datasets import Slow
signal.signal(signal.SIGINT, signal.default_int_handler)  # which jobs in the background are told to ignore
if __name__ == "__main__":
    for batch in mg.data.DataLoader(Slow(20, sys.argv[1]), num_workers=2):
        print(batch.item(), flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_an_interrupt_or_a_kill_in_the_middle_of_an_item_leaves_no_process(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    folder = tmp_path / "pids"
    folder.mkdir()
    path = os.pathsep.join(str(Path(__file__).parents[i]) for i in (1, 2))
    ran = subprocess.Popen(
        [sys.executable, script, folder],
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        while len(os.listdir(folder)) < 2 and ran.poll() is None:
            time.sleep(0.02)
        workers = {int(name) for name in os.listdir(folder)}
        pids = session(ran.pid)
        assert len(workers) == 2 and {ran.pid, *workers} < set(pids)
        if how == signal.SIGINT:
            os.killpg(ran.pid, how)  # as a terminal does
        else:
            ran.send_signal(how)
        out, err = ran.communicate(timeout=30)
    finally:
        ran.kill()
    assert gone(pids)
    assert out.split() == ["0", "1", "2", "3"][: len(out.split())]
    assert err.count("Traceback") == (1 if how == signal.SIGINT else 0)
