"""NVIDIA's assembler and disassembler: what a kernel needs on a device, told without one.

``ptxas`` comes with the wheel ``nvidia-cuda-nvcc`` (extra ``cuda12`` or ``cuda13``) and with every CUDA toolkit,
``nvdisasm`` with toolkits only.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

REGISTERS, THREADS, BLOCKS, UNIT = 65536, 2048, 32, 256  # of a multiprocessor; registers are given out in units
SHARED = {(7, 5): 64 << 10, (8, 0): 164 << 10, (9, 0): 228 << 10}  # bytes of a multiprocessor
SYSTEM = 1 << 10  # bytes of shared memory that the system takes for each block, from 8.0 on


def tool(name: str) -> str | None:
    """The path of ``ptxas`` or ``nvdisasm``, or None."""
    package = importlib.util.find_spec("nvidia")
    for place in package.submodule_search_locations or () if package else ():
        for path in (*Path(place).glob(f"*/bin/{name}"), *Path(place).glob(f"*/*/bin/{name}")):
            return str(path)
    return shutil.which(name)


@dataclass(frozen=True)
class Needs:
    """What one thread, or one block, of a kernel takes.

    Attributes:
        registers: of 32 bits, for a thread.
        shared: bytes of shared memory, for a block.
        stack: bytes of local memory for arrays, for a thread.
        spilled: bytes that are written to local memory for want of registers, and read again.
    """

    registers: int
    shared: int
    stack: int
    spilled: int

    def blocks(self, threads: int, capability: tuple[int, int]) -> int:
        """How many blocks of so many threads a multiprocessor holds at once."""
        for_a_warp = -(-self.registers * 32 // UNIT) * UNIT
        shared = self.shared + SYSTEM * (capability >= (8, 0))
        most = THREADS // (2 if capability == (7, 5) else 1)
        return min(
            REGISTERS // (for_a_warp * threads // 32), SHARED[capability] // shared, most // threads, BLOCKS
        )


def assemble(ptx: str, capability: tuple[int, int]) -> tuple[Needs, bytes]:
    """The needs of the kernel in ``ptx``, and its machine code."""
    assembler = tool("ptxas")
    assert assembler is not None
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder, "kernel.cubin")
        done = subprocess.run(
            [assembler, "-v", f"-arch=sm_{capability[0]}{capability[1]}", "-o", code, "-"],
            input=ptx.encode(),
            capture_output=True,
            check=False,
        )
        said = done.stderr.decode() + done.stdout.decode()
        assert done.returncode == 0, said

        def number(pattern: str) -> int:
            found = re.search(pattern, said)
            return int(found[1]) if found else 0

        spilled = number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads")
        needs = Needs(
            number(r"Used (\d+) registers"),
            number(r"(\d+) bytes smem"),
            number(r"(\d+) bytes stack frame"),
            spilled,
        )
        return needs, code.read_bytes()


def loop(code: bytes, what: str) -> Counter[str]:
    """How often each instruction stands in the block of machine code that has most of ``what``, such as FFMA."""
    disassembler = tool("nvdisasm")
    assert disassembler is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(code)
        done = subprocess.run([disassembler, "-c", path], capture_output=True, text=True, check=True)
    blocks: list[Counter[str]] = [Counter()]
    for line in done.stdout.splitlines():
        if line.startswith(".L_"):
            blocks.append(Counter())
        found = re.search(r"/\*[0-9a-f]{4,5}\*/\s+(@!?U?P\w+\s+)?([A-Z0-9.]+)", line)
        if found:
            blocks[-1][found[2]] += 1
            if found[2] == "BRA":
                blocks.append(Counter())
    return max(blocks, key=lambda block: sum(n for name, n in block.items() if name.startswith(what)))
