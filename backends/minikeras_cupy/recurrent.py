"""Whole sequences of recurrent cells: each step is a product and one kernel.

The inputs' share of the gates comes in ready, one product for all steps. A step then
multiplies the state by the recurrent kernel, and the cell makes gates and state of it;
backwards the cell comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras_kernels.cells import BLOCKS, KINDS, SIZES, StepKernel, step_arrays

from minikeras.extend import Node, numpy_dtype
from minikeras_cupy.conv import Multiply
from minikeras_cupy.launch import Launcher
from minikeras_cupy.render import WARP, source

Array = Any
Run = Callable[..., None]
# Where the recurrent kernel stands among a row's operands.
KERNEL = {
    "lstm": 3,
    "lstm_grad": 5,
    "gru": 2,
    "gru_grad": 4,
    "simple_rnn": 2,
    "simple_rnn_grad": 2,
}


class Walk:
    """The run of a recurrent row.

    Args:
        launch: Compiles and starts kernels.
        multiply: `multiply(a, b, out)`, a product of matrices.
        node: The row, with operands of float32 or float64 that are not empty.
    """

    def __init__(self, launch: Launcher, multiply: Multiply, node: Node) -> None:
        self.cp, self.start = launch.cp, launch.driver.start
        self.multiply = multiply
        self.name = node.prim.name
        self.row, self.back = self.name.removesuffix("_grad"), "_grad" in self.name
        self.count, self.at = len(node.inputs), KERNEL[self.name]
        first = node.inputs[0].aval
        batch, self.time = first.shape[:2]
        units = node.inputs[self.at].aval.shape[0]
        self.reverse = node.static["reverse"]
        masked = node.inputs[-1].aval.dtype == "bool"
        how = node.static.get("activation", "")
        code = StepKernel(WARP, self.name, first.dtype, masked, how).write()
        names = step_arrays(self.name)
        sizes = [batch, self.time, units, 0, 0]
        words = [*sizes, *[0] * (len(names) + masked)]
        made = source(code, len(words))
        self.call = launch.warps(made.name, made.text, words, batch)
        self.masked = masked
        wide, narrow = (batch, BLOCKS[self.row] * units), (batch, units)
        kind = numpy_dtype(first.dtype)
        self.space = self.cp.empty(wide if self.back else narrow, dtype=kind)
        self.product = self.cp.empty(narrow if self.back else wide, dtype=kind)
        self.call.words[len(SIZES) : len(SIZES) + 2] = (
            self.space.data.ptr,
            self.product.data.ptr,
        )
        self.names = names[2:]

    def __call__(self, *arrays: Array) -> None:
        given, made = list(arrays[: self.count]), arrays[self.count :]
        kernel = given.pop(self.at)
        mask = [given.pop()] if self.masked else []
        operands = [*given, *made, *mask]
        for i, array in enumerate(operands, len(SIZES) + 2):
            self.call.words[i] = array.data.ptr
        named = dict(zip(self.names, operands, strict=False))
        if self.back:
            self._backward(named, kernel)
        else:
            self._forward(named, kernel)

    def _step(self, step: int) -> None:
        place = self.time - 1 - step if self.reverse else step
        self.call.words[3:5] = step, place
        self.start(self.call)

    def _forward(self, named: dict[str, Array], kernel: Array) -> None:
        self.space[...] = named["h0"]
        for step in range(self.time):
            self.multiply(self.space, kernel, self.product)
            self._step(step)
        if self.row == "lstm":
            named["last"][...] = named["cs"][self.time - 1]

    def _backward(self, named: dict[str, Array], kernel: Array) -> None:
        named["dh"].fill(0)
        self.product.fill(0)
        if self.row == "lstm":
            named["dc"][...] = named["gc"]
        turned = kernel.swapaxes(0, 1)
        for step in reversed(range(self.time)):
            self._step(step)
            self.multiply(self.space, turned, self.product)
        self.cp.add(named["dh"], self.product, out=named["dh"])


def walk(launch: Launcher, multiply: Multiply, node: Node) -> Run | None:
    """The run of a recurrent row, or None where the generic kernel does it."""
    first = node.inputs[0].aval
    if first.dtype not in KINDS or not first.size:
        return None
    return Walk(launch, multiply, node)
