"""NASNetMobile, NASNetLarge: `keras.applications.nasnet`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from minikeras import layers
from minikeras.applications.blocks import (
    Unit,
    channels_of,
    halved,
    joined,
    sides_of,
)
from minikeras.applications.build import Network, dense_top
from minikeras.applications.common import introduce
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.options import Options
from minikeras.applications.pretrained import Files
from minikeras.engine.symbolic import KerasTensor
from minikeras.models.functional import Functional
from minikeras.naming import name_scope
from minikeras.types import Identifier

_UNIT = Unit("{}", "{}", "{}", momentum=0.9997, padding="same", kernel="he_normal")
_REFERENCE = """\
Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image
    Recognition; 2018. https://arxiv.org/abs/1707.07012"""


@dataclass(frozen=True)
class _Cells:
    """The body of a network.

    Attributes:
        filters: Channels of the first normal cells.
        repeats: Normal cells between two reductions.
        stem: Channels of the first convolution.
        skip: Whether the cell after a reduction looks past it.
    """

    filters: int
    repeats: int
    stem: int
    skip: bool

    def __call__(self, x: KerasTensor) -> KerasTensor:
        x = _UNIT.convolved(x, self.stem, 3, 2, "stem_conv1", padding="valid")
        x = _UNIT.normalized(x, "stem_bn1")
        filters, n = self.filters, self.repeats
        x, before = _reduction(x, None, filters // 4, "stem_1"), x
        x, before = _reduction(x, before, filters // 2, "stem_2", halve=True), x
        for stack in range(3):
            if stack:
                filters *= 2
                x, passed = _reduction(x, before, filters, f"reduce_{stack * n}"), x
                before = before if self.skip else passed
            first = stack * n + min(stack, 1)
            for number in range(first, first + n):
                halve = (
                    number == first
                )  # what came before the reduction is twice as large
                x, before = _normal(x, before, filters, str(number), halve), x
        return _UNIT.activated(x)


def _separable(
    x: KerasTensor, filters: int, size: int, name: str, strides: int = 1
) -> KerasTensor:
    """Two separable convolutions, each behind an activation."""
    with name_scope(f"separable_conv_block_{name}"):
        x = _UNIT.activated(x)
        padding = "same"
        if strides == 2:
            border = halved(size, sides_of(x))
            x = layers.ZeroPadding2D(border, name=f"separable_conv_1_pad_{name}")(x)
            padding = "valid"
        for number in (1, 2):
            if number == 2:
                x, strides, padding = _UNIT.activated(x), 1, "same"
            x = layers.SeparableConv2D(
                filters, size, strides, padding=padding, use_bias=False,
                name=f"separable_conv_{number}_{name}",
            )(x)  # fmt: skip
            x = _UNIT.normalized(x, f"separable_conv_{number}_bn_{name}")
    return x


def _squeezed(x: KerasTensor, filters: int, kind: str, name: str) -> KerasTensor:
    """The input of a cell, with as many channels as the cell has filters."""
    x = _UNIT.convolved(_UNIT.activated(x), filters, 1, 1, f"{kind}_conv_1_{name}")
    return _UNIT.normalized(x, f"{kind}_bn_1_{name}")


def _adjusted(
    before: KerasTensor | None, x: KerasTensor, filters: int, name: str, halve: bool
) -> KerasTensor:
    """The input of the cell before, in the size of this cell's input."""
    if before is None:
        return x
    with name_scope("adjust_block"):
        if halve:
            with name_scope(f"adjust_reduction_block_{name}"):
                parts = _shifted_halves(before, filters // 2, name)
                return _UNIT.normalized(joined(parts), f"adjust_bn_{name}")
        if channels_of(before) != filters:
            with name_scope(f"adjust_projection_block_{name}"):
                conv = f"adjust_conv_projection_{name}"
                before = _UNIT.convolved(_UNIT.activated(before), filters, 1, 1, conv)
                return _UNIT.normalized(before, f"adjust_bn_{name}")
    return before


def _shifted_halves(x: KerasTensor, filters: int, name: str) -> list[KerasTensor]:
    """Every other pixel, from the first on and from the second on."""
    x = _UNIT.activated(x, f"adjust_relu_1_{name}")
    moved = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    moved = layers.Cropping2D(((1, 0), (1, 0)))(moved)
    halves = []
    for number, part in enumerate((x, moved), 1):
        pool = layers.AveragePooling2D(1, 2, name=f"adjust_avg_pool_{number}_{name}")
        conv = f"adjust_conv_{number}_{name}"
        halves.append(_UNIT.convolved(pool(part), filters, 1, 1, conv))
    return halves


def _normal(
    x: KerasTensor, before: KerasTensor, filters: int, name: str, halve: bool
) -> KerasTensor:
    """A cell that keeps the size."""

    def mean(part: KerasTensor, side: str) -> KerasTensor:
        pool = layers.AveragePooling2D(
            3, 1, padding="same", name=f"normal_{side}_{name}"
        )
        return pool(part)

    def separable(part: KerasTensor, size: int, side: str) -> KerasTensor:
        with name_scope(f"block_{side[-1]}"):
            return _separable(part, filters, size, f"normal_{side}_{name}")

    with name_scope(f"normal_A_block_{name}"):
        p = _adjusted(before, x, filters, name, halve)
        h = _squeezed(x, filters, "normal", name)
        pairs = [
            [separable(h, 5, "left1"), separable(p, 3, "right1")],
            [separable(p, 5, "left2"), separable(p, 3, "right2")],
            [mean(h, "left3"), p],
            [mean(p, "left4"), mean(p, "right4")],
            [separable(h, 3, "left5"), h],
        ]
        sums = [
            layers.Add(name=f"normal_add_{i}_{name}")(pair)
            for i, pair in enumerate(pairs, 1)
        ]
        return joined([p, *sums], f"normal_concat_{name}")


def _reduction(
    x: KerasTensor,
    before: KerasTensor | None,
    filters: int,
    name: str,
    halve: bool = False,
) -> KerasTensor:
    """A cell that halves the size."""

    def separable(
        part: KerasTensor, size: int, side: str, block: int, strides: int = 2
    ) -> KerasTensor:
        with name_scope(f"block_{block}"):
            return _separable(part, filters, size, f"reduction_{side}_{name}", strides)

    def added(parts: list[KerasTensor], which: str) -> KerasTensor:
        return layers.Add(name=f"reduction_add{which}_{name}")(parts)

    def named(side: str) -> str:
        return f"reduction_{side}_{name}"

    with name_scope(f"reduction_A_block_{name}"):
        p = _adjusted(before, x, filters, name, halve)
        h = _squeezed(x, filters, "reduction", name)
        border = halved(3, sides_of(h))
        wide = layers.ZeroPadding2D(border, name=named("pad_1"))(h)
        one = [separable(h, 5, "left1", 1), separable(p, 7, "right1", 1)]
        x1 = added(one, "_1")
        largest = layers.MaxPooling2D(3, 2, name=named("left2"))(wide)
        x2 = added([largest, separable(p, 7, "right2", 2)], "_2")
        mean = layers.AveragePooling2D(3, 2, name=named("left3"))(wide)
        x3 = added([mean, separable(p, 5, "right3", 3)], "3")
        mean = layers.AveragePooling2D(3, 1, padding="same", name=named("left4"))(x1)
        x4 = layers.Add()([x2, mean])
        new = separable(x1, 3, "left4", 5, strides=1)
        largest = layers.MaxPooling2D(3, 2, name=named("right5"))(wide)
        x5 = added([new, largest], "4")
        return joined([x2, x3, x4, x5], named("concat"))


def _top(x: KerasTensor, options: Options) -> KerasTensor:
    return dense_top(x, options, pool=None)


def _network(kind: str, size: int, cells: _Cells, *hashes: str) -> Network:
    files = Files(
        "nasnet",
        (f"NASNet-{kind}.h5", f"NASNet-{kind}-no-top.h5"),
        (hashes[0], hashes[1]),
        kept=(f"nasnet_{kind}.h5", f"nasnet_{kind}_no_top.h5"),
    )
    return Network(
        f"nasnet_{kind}", size, cells, files,
        top=_top, pools=(None, None), fixed=True,
    )  # fmt: skip


def _made(function: str, network: Network, about: str) -> Callable[..., Any]:
    """The function of a network; its arguments come in an order of their own."""

    def made(
        input_shape: Sequence[int | None] | None = None,
        include_top: bool = True,
        weights: str | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Identifier = "softmax",
        name: str | None = network.name,
    ) -> Functional:
        return network.model(
            Options(
                function, include_top, weights, input_tensor, input_shape, pooling,
                classes, classifier_activation, name,
            )
        )  # fmt: skip

    introduce(made, function, __name__, network, about, _REFERENCE)
    return made


NASNetMobile = _made(
    "NASNetMobile",
    _network(
        "mobile", 224, _Cells(44, 4, 32, False),
        "020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63",
    ),
    "16 cells whose wiring was found by search, 5 million weights",
)  # fmt: skip
NASNetLarge = _made(
    "NASNetLarge",
    _network("large", 331, _Cells(168, 6, 96, True),
        "11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5",
    ),
    "22 cells whose wiring was found by search, 89 million weights",
)  # fmt: skip
preprocess_input = preprocessing(__name__, "tf")

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]
