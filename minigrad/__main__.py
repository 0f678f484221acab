"""``python -m minigrad``: what a bug report needs, and the compiled kernels on disk."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path


def main(arguments: list[str] | None = None) -> None:
    """Print what the command line asks for."""
    options = argparse.ArgumentParser(prog="python -m minigrad", description="Facts about this minigrad.")
    commands = options.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="versions, processor, threads, kernels, Graphviz: what a bug report needs")
    cache = commands.add_parser("cache", help="the compiled kernels on disk")
    cache.add_argument("action", nargs="?", choices=("show", "fill", "clear"), default="show")
    chosen = options.parse_args(arguments)
    for line in info() if chosen.command == "info" else ACTIONS[chosen.action]():
        print(line, flush=True)


# -- info -----------------------------------------------------------------------------------------------------


def info() -> Iterator[str]:
    """A fact a line."""
    import minigrad
    from minigrad.dtypes import FLOATS
    from minigrad.kernels.cpu import heap, threads
    from minigrad.kernels.cpu.tile import host_registers

    yield f"minigrad    {minigrad.__version__}, {Path(minigrad.__file__).parent}"
    yield f"Python      {platform.python_version()}, {platform.platform()}"
    yield f"packages    {', '.join(_version(name) for name in ('numpy', 'numba', 'llvmlite', 'safetensors'))}"
    registers = host_registers()
    tiles = ", ".join("{} × {} {}".format(*registers.tile(dtype), dtype) for dtype in FLOATS)
    yield f"processor   {_processor()}, {os.cpu_count()} cores"
    multiply_add = "fused multiply-add" if registers.fused else "no fused multiply-add"
    yield f"vectors     {registers.bytes} bytes, {multiply_add}; tiles {tiles}"
    yield f"threads     {threads.get_num_threads()}, layers that can be loaded: {', '.join(_layers()) or 'none'}"
    kept = f"up to {heap.KEPT >> 20} MB that are freed stay with the process"
    yield f"memory      {kept if heap.keeps_freed_memory() else 'freed as the C library decides'}"
    yield f"kernels     {_summary()}"
    yield f"CUDA        {_cuda()}"
    program = shutil.which("dot")
    yield f"Graphviz    {program or 'no dot program'}, {_version('pygraphviz')}, {_version('graphviz')}"


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"no {package}"


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _layers() -> list[str]:
    modules = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}
    found = []
    for layer, module in modules.items():
        try:
            importlib.import_module(f"numba.np.ufunc.{module}")
        except ImportError:
            continue
        found.append(layer)
    return found


def _cuda() -> str:
    from minigrad import cuda

    lacking = cuda.missing()
    if lacking:
        return f"cannot be used; what is missing is the {lacking}"
    names = [
        f"{cuda.get_device_name(i)} ({'.'.join(map(str, cuda.get_device_capability(i)))})"
        for i in range(cuda.device_count())
    ]
    return ", ".join(names)


def _summary() -> str:
    from minigrad.kernels import stock

    files, here = stock.stored(), stock.directory()
    if here is None:
        return "compiled anew in each process: no folder to keep them in can be written to"
    megabytes = sum(file.bytes for file in files) / 1e6
    old = sum(not file.is_current for file in files)
    return f"{len(files)} compiled ({old} of them from other sources), {megabytes:.1f} MB in {here}"


# -- cache ----------------------------------------------------------------------------------------------------


def show() -> Iterator[str]:
    """The files and their sizes."""
    from minigrad.kernels import stock

    for file in stock.stored():
        yield f"{file.bytes / 1e3:8.1f} kB  {'' if file.is_current else '(from other sources) '}{file.path.name}"
    yield _summary()


def fill() -> Iterator[str]:
    """Compile everything, telling how far it is."""
    from minigrad.kernels import stock

    for name, number, total in stock.fill():
        print(f"\r{number:4} of {total}  {name:<40}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    yield _summary()


def clear() -> Iterator[str]:
    """Delete the files."""
    from minigrad.kernels import stock

    yield f"{stock.clear()} compiled kernels deleted"


ACTIONS = {"show": show, "fill": fill, "clear": clear}


if __name__ == "__main__":
    main()
