"""The discrete Fourier transform, on pairs of real and imaginary parts.

`fft` goes over the last axis and is not normalised, so that its transpose is itself in
the other direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.primitive import Context, primitive
from minikeras.engine.prims.create import zeros
from minikeras.engine.prims.helpers import (
    agree,
    check_dtype,
    check_rank,
    check_same_dtype,
)

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _infer_fft(real: Aval, imag: Aval, *, inverse: bool) -> tuple[Aval, Aval]:
    check_dtype("fft", "real", real, "float")
    check_same_dtype("fft", ("real", "imag"), (real, imag))
    check_rank("fft", "real", real, 1, None)
    same = real.ndim == imag.ndim and all(map(agree, real.shape, imag.shape))
    if not same:
        raise ShapeError(
            f"fft: argument `imag` has shape {imag.shape}; expected {real.shape}, the "
            f"shape of `real`."
        )
    if real.shape[-1] == 0:
        raise ShapeError(
            f"fft: `real` of shape {real.shape} has an empty last axis; expected at "
            f"least one element."
        )
    return real, real


def _fft_vjp(ctx: Context, re: Tensor | None, im: Tensor | None) -> tuple[Any, ...]:
    x = ctx.inputs[0]
    re = zeros(x.shape, x.dtype) if re is None else re
    im = zeros(x.shape, x.dtype) if im is None else im
    # The matrix W of the transform is symmetric; on real and imaginary parts its
    # transpose is conj(W), the other direction.
    result: tuple[Any, ...] = fft(re, im, inverse=not ctx.static["inverse"])
    return result


fft = primitive("fft", kind="opaque", infer=_infer_fft, vjp=_fft_vjp, multi=True)
