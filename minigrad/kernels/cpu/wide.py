"""Vectors as wide as the registers: what Numba's compiler is told for every function of the kernels.

For Intel's processors with AVX-512, LLVM makes vectors of half a register unless it is told otherwise, since the
first of them lowered their clock for wide ones. The later ones do not, and are up to 1.5 times as fast with whole
registers. What a function prefers is an attribute of its LLVM code, so nobody else's functions are concerned.
"""

from __future__ import annotations

from numba.core.compiler import Compiler
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

BITS = 512  # at most; what a processor does not have it is not asked for


class WideLower(Lower):
    """Writes the LLVM code of a function, and what it prefers."""

    def pre_lower(self) -> None:
        super().pre_lower()
        set.add(self.builder.function.attributes, f'"prefer-vector-width"="{BITS}"')  # llvmlite has no name for it


@register_pass(mutates_CFG=True, analysis_only=False)
class WideLowering(NativeLowering):
    """The step from typed code to LLVM's."""

    _name = "minigrad_wide_lowering"
    lowering_class = WideLower


class WideCompiler(Compiler):
    """Numba's compiler, with that step in the place of its own."""

    def define_pipelines(self) -> list[PassManager]:
        pipelines = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [
                (WideLowering if each is NativeLowering else each, why) for each, why in pipeline.passes
            ]
            pipeline.finalize()
        return pipelines
