"""Workers: processes that make batches.

Each worker has a pipe to this process, is told at once which batches it is to make, every n-th of the epoch, and
sends them one after another. A pipe that nobody reads holds the writer up, so a worker is one batch ahead, without
anything being counted or locked; and when this process is gone, however it ended, the worker ends as well.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from minigrad.data.collate import collated
from minigrad.modes import current_mode, use_kernels
from minigrad.random import seeded
from minigrad.threads import set_num_threads

# A worker is forked from a process without threads that has imported this once; Windows spawns it.
START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PRELOADED = [__name__, "minigrad.kernels.cpu"]


class Maker(NamedTuple):
    """What makes batches, here or in a worker: the same number and items give the same batch."""

    dataset: Any
    collate_fn: Callable[[list[Any]], Any] | None
    seed: int

    def __call__(self, number: int, indices: list[int]) -> Any:
        with seeded(self.seed, number):
            if self.collate_fn is None:
                return collated(self.dataset, indices)
            return self.collate_fn([self.dataset[i] for i in indices])


class Task(NamedTuple):
    """What a worker is told after the maker: its number, how it computes, and the batches to make."""

    worker: int
    init: Callable[[int], Any] | None
    kernels: str
    batches: list[tuple[int, list[int]]]


# -- in this process ------------------------------------------------------------------------------------------


def made_by_workers(
    maker: Maker, batches: list[list[int]], count: int, init: Callable[[int], Any] | None
) -> Iterator[Any]:
    """The batches of an epoch, in order, from ``count`` processes; they start with the first batch asked for."""
    numbered = list(enumerate(batches))
    kernels = current_mode().target
    tasks = [Task(i, init, kernels, numbered[i::count]) for i in range(min(count, len(batches)))]
    try:  # the maker once for all, as it has the dataset in it
        pickled, shared = [pickle.dumps(task) for task in tasks], pickle.dumps(maker)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"a DataLoader with workers must pickle the dataset and the functions: {error}") from error
    return _received(shared, pickled, len(batches))


def _received(shared: bytes, tasks: list[bytes], count: int) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(running()) for _ in tasks]
        for (_, pipe), task in zip(workers, tasks, strict=True):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died at once: see received()
                pipe.send_bytes(shared)
                pipe.send_bytes(task)
        del shared  # which may be as large as the dataset
        for number in range(count):
            yield received(*workers[number % len(workers)])


@contextlib.contextmanager
def running() -> Iterator[tuple[Any, Connection[Any, Any]]]:
    """A worker process and the pipe to it; it is ended, and waited for, on leaving."""
    context: Any = multiprocessing.get_context(START)
    if START == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs,), daemon=True)
    try:
        process.start()
        theirs.close()
        yield process, ours
    finally:
        ours.close()
        if process.pid is not None:
            process.kill()
            process.join()


def received(process: Any, pipe: Connection[Any, Any]) -> Any:
    """The next batch of a worker, or its error."""
    try:
        error, batch = pipe.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        raise RuntimeError(
            f"a worker of the DataLoader died with exit code {process.exitcode}; what it printed may say why. If "
            'none can start: a script must begin its work under if __name__ == "__main__":'
        ) from None
    if error is not None:
        raise error
    return batch


# -- in the worker --------------------------------------------------------------------------------------------


def work(pipe: Connection[Any, Any]) -> None:
    """What a worker does: it sends its batches, or the error that kept it from making one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes, but the first one ends the others
    threading.Thread(target=end_with_parent, daemon=True).start()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, EOFError):  # nobody reads any more
        try:
            maker, task = pickle.loads(pipe.recv_bytes()), pickle.loads(pipe.recv_bytes())
            for batch in made(maker, task):
                pipe.send((None, batch))
        except Exception as error:  # whatever the dataset raises is raised again by received()
            pipe.send((portable(error), None))


def made(maker: Maker, task: Task) -> Iterator[Any]:
    """The batches of the task, with the kernels that the first process uses."""
    with use_kernels(task.kernels):
        if task.kernels == "numba":
            set_num_threads(1)  # the others' threads have the other processors
        if task.init is not None:
            task.init(task.worker)
        for number, indices in task.batches:
            yield maker(number, indices)


def portable(error: Exception) -> Exception:
    """An error that can be pickled, with its traceback as a note: pickling leaves the traceback itself behind."""
    trace = "".join(traceback.format_exception(error))
    try:
        copy: Exception = pickle.loads(pickle.dumps(error))
    except (pickle.PicklingError, AttributeError, TypeError):
        copy = RuntimeError(str(error))
    copy.add_note(f"in a worker of the DataLoader:\n{trace}")
    return copy


def end_with_parent() -> None:
    """End this process when its parent does, also if a dataset keeps it from writing to the pipe."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
