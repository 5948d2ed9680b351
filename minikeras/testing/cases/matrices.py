"""Cases of linear algebra and of the Fourier transform.

Factors that are unique up to signs are compared with NumPy's, which chooses as we do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minikeras.testing.cases.case import Arg, Case

_SPREAD = np.array([[5.0, 1.0, 0.5], [0.2, 3.0, -0.7], [-0.4, 0.3, 1.5]])
_DEFINITE = _SPREAD @ _SPREAD.T
_TALL = np.array([[2.0, 0.3], [-0.4, 1.0], [0.7, 0.2]])


def _batch(*matrices: np.ndarray[Any, Any]) -> Arg:
    values = np.stack(matrices)
    return Arg(values.shape, values=values)


def _one(matrix: np.ndarray[Any, Any]) -> Arg:
    return Arg(matrix.shape, values=matrix)


def linalg() -> Iterator[Case]:
    two = _batch(_SPREAD, _SPREAD.T + np.eye(3))
    definite = _batch(_DEFINITE, _DEFINITE + np.eye(3))
    b = Arg((2, 3, 2))
    yield Case(
        "cholesky", (definite,), reference=np.linalg.cholesky, smooth=(0,), tolerance=4
    )
    yield Case("cholesky", (Arg((0, 3, 3)),))
    yield Case("solve", (two, b), reference=np.linalg.solve, smooth=(0, 1), tolerance=4)
    for lower in (True, False):
        for flipped in (True, False):
            static = {"lower": lower, "transpose_a": flipped}
            check = _triangular(lower, flipped)
            yield Case(
                "triangular_solve",
                (two, b),
                static,
                reference=check,
                smooth=(0, 1),
                tolerance=4,
                label=f"{lower}{flipped}",
            )
    large = Arg((100, 100), values=np.tri(100) * 0.01 + np.eye(100))
    static = {"lower": True, "transpose_a": False}
    yield Case(
        "triangular_solve",
        (large, Arg((100, 1))),
        static,
        reference=_triangular(True, False),
        tolerance=8,
    )
    yield Case("lu", (two,), smooth=(0,))
    yield Case("lu", (Arg((4, 2)),))
    yield Case("qr", (_one(_TALL),), {"full": False}, smooth=(0,), reference=_qr(False))
    yield Case("qr", (_one(_TALL),), {"full": True}, reference=_qr(True))
    yield Case("qr", (Arg((2, 2, 3)),), {"full": False}, reference=_qr(False))
    yield Case("svd", (_one(_TALL),), {"full": False}, smooth=(0,), tolerance=4)
    yield Case("svd", (_one(_TALL.T),), {"full": False}, smooth=(0,), tolerance=4)
    yield Case("svd", (two,), {"full": True}, smooth=(0,), tolerance=4)
    yield Case("svd", (_one(_TALL),), {"full": True}, tolerance=4)
    yield Case(
        "eigh",
        (definite,),
        reference=_eigh,
        smooth=(0,),
        tolerance=8,
    )
    yield Case("eig", (_one(_SPREAD),), reference=_eig, tolerance=8)
    yield Case("eig", (_one(np.array([[0.0, -1.0], [1.0, 0.0]])),), reference=_eig)


def spectral() -> Iterator[Case]:
    pair = (Arg((2, 6)), Arg((2, 6)))
    for inverse in (False, True):
        yield Case(
            "fft",
            pair,
            {"inverse": inverse},
            ("float32", "float64", "float16"),
            _fft(inverse),
            (0, 1),
            label=str(inverse),
        )
    yield Case("fft", (Arg((1,)), Arg((1,))), {"inverse": False}, reference=_fft(False))


def _triangular(lower: bool, flipped: bool) -> Callable[..., Any]:
    def reference(
        a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        a = np.tril(a) if lower else np.triu(a)
        return np.linalg.solve(np.swapaxes(a, -1, -2) if flipped else a, b)

    return reference


def _qr(full: bool) -> Callable[..., Any]:
    return lambda x: tuple(np.linalg.qr(x, "complete" if full else "reduced"))


def _eigh(x: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    return tuple(np.linalg.eigh(x))


def _eig(x: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
    w, v = np.linalg.eig(x)
    return w.real, w.imag, v.real, v.imag


def _fft(inverse: bool) -> Callable[..., Any]:
    def reference(real: object, imag: Any) -> tuple[np.ndarray[Any, Any], ...]:
        z = real + 1j * imag
        out = np.fft.ifft(z, norm="forward") if inverse else np.fft.fft(z)
        return out.real, out.imag

    return reference
