"""The product of an equation such as `"abc,cde->abde"`, for weights in integers."""

from __future__ import annotations

import math
import string
from functools import cache, partial
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.core.quantized.products import Contraction
from minikeras.layers.core.quantized.stored import View


@cache
def _terms(equation: str) -> tuple[str, str, str]:
    """Inputs, kernel and result; `...` stays where it is."""
    terms, _, result = equation.replace(" ", "").partition("->")
    inputs, _, kernel = terms.partition(",")
    return inputs, kernel, result


def _written_out(equation: str, rank: int) -> tuple[str, str, str]:
    """The same with letters for `...`, where the inputs have `rank` axes."""
    inputs, kernel, result = _terms(equation)
    free = [c for c in string.ascii_letters if c not in equation]
    others = "".join(free[: rank - len(inputs.replace("...", ""))])
    return inputs.replace("...", others), kernel, result.replace("...", others)


@cache
def view(equation: str, shape: tuple[int, ...]) -> View:
    """How the kernel of an equation lies."""
    _, kernel, result = _terms(equation)
    plain = result.replace("...", "")
    summed = tuple(i for i, c in enumerate(kernel) if c not in result)
    inputs = math.prod(shape[a] for a in summed)
    return View(
        shape,
        summed,
        rows=(inputs, math.prod(shape) // inputs),
        scale=partial(_aligned, given=kernel, wanted=plain),
        scaled=partial(_aligned, given=plain, wanted=kernel),
    )


@cache
def contraction(equation: str) -> Contraction:
    """The product of an equation."""
    inputs, kernel, result = _terms(equation)
    back = f"{result},{kernel}->{inputs}"

    def summed(rank: int) -> tuple[int, ...]:
        full = _written_out(equation, rank)[0]
        return tuple(full.index(c) for c in kernel if c not in result)

    def scale(s: Tensor, rank: int) -> Tensor:
        more = rank - s.ndim if result.endswith("...") else 0
        return ops.reshape(s, [*s.shape, *[1] * more]) if more else s

    def inputs_scale(s: Tensor) -> Tensor:
        full, _, wanted = _written_out(equation, s.ndim)
        return _aligned(s, full, wanted)

    return Contraction(
        product=lambda x, w: ops.einsum(equation, x, w),
        back=lambda g, w: ops.einsum(back, g, w),
        summed=summed,
        scale=scale,
        inputs_scale=inputs_scale,
    )


def _aligned(s: Tensor | np.ndarray[Any, Any], given: str, wanted: str) -> Any:
    """An axis for each letter of `wanted`, of size 1 where `given` has none.

    Letters that are not wanted have size 1.
    """
    xp: Any = np if isinstance(s, np.ndarray) else ops
    kept = [c for c in given if c in wanted]
    sizes = {c: s.shape[given.index(c)] for c in kept}
    last = sorted(kept, key=wanted.index)
    s = xp.reshape(s, [sizes[c] for c in kept])
    s = xp.transpose(s, [kept.index(c) for c in last])
    return xp.reshape(s, [sizes.get(c, 1) for c in wanted])
