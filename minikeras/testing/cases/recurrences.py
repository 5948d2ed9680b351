"""Cases of the recurrent rows; references are plain loops over single sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.testing.cases.case import FLOATS, WIDE, Arg, Case

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}
_MASK = [[1, 1, 0, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]]


def _logistic(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return 1 / (1 + np.exp(-x))


def _order(time: int, reverse: bool) -> list[int]:
    return list(range(time))[:: -1 if reverse else 1]


def _lstm(reverse: bool) -> Callable[..., Any]:
    def reference(
        x: np.ndarray[Any, Any],
        h0: np.ndarray[Any, Any],
        c0: np.ndarray[Any, Any],
        w: np.ndarray[Any, Any],
        mask: np.ndarray[Any, Any] | None = None,
    ) -> tuple[np.ndarray[Any, Any], ...]:
        batch, time, _ = x.shape
        units = h0.shape[1]
        hs, cs = np.zeros((batch, time, units)), np.zeros((time, batch, units))
        gates, last = np.zeros((time, batch, 4 * units)), c0.copy()
        for b in range(batch):
            h = h0[b]
            for step, t in enumerate(_order(time, reverse)):
                if mask is None or mask[b, t]:
                    z = (x[b, t] + h @ w).reshape(4, units)
                    i, f, o = (_logistic(z[k]) for k in (0, 1, 3))
                    last[b] = f * last[b] + i * np.tanh(z[2])
                    h = o * np.tanh(last[b])
                    gates[step, b] = np.concatenate([i, f, np.tanh(z[2]), o])
                hs[b, step], cs[step, b] = h, last[b]
        return hs, last, cs, gates

    return reference


def _gru(reverse: bool) -> Callable[..., Any]:
    def reference(
        x: np.ndarray[Any, Any],
        h0: np.ndarray[Any, Any],
        w: np.ndarray[Any, Any],
        bias: np.ndarray[Any, Any],
        mask: np.ndarray[Any, Any] | None = None,
    ) -> tuple[np.ndarray[Any, Any], ...]:
        batch, time, _ = x.shape
        units = h0.shape[1]
        hs, saved = np.zeros((batch, time, units)), np.zeros((time, batch, 4 * units))
        for b in range(batch):
            h = h0[b]
            for step, t in enumerate(_order(time, reverse)):
                if mask is None or mask[b, t]:
                    a, n = x[b, t].reshape(3, units), (h @ w + bias).reshape(3, units)
                    z, r = _logistic(a[0] + n[0]), _logistic(a[1] + n[1])
                    new = np.tanh(a[2] + r * n[2])
                    h = z * h + (1 - z) * new
                    saved[step, b] = np.concatenate([z, r, n[2], new])
                hs[b, step] = h
        return hs, saved

    return reference


def _simple_rnn(reverse: bool, activation: str) -> Callable[..., Any]:
    act: dict[str, Any] = {
        "tanh": np.tanh,
        "relu": lambda x: np.maximum(x, 0),
        "linear": lambda x: x,
    }

    def reference(
        x: np.ndarray[Any, Any],
        h0: np.ndarray[Any, Any],
        w: np.ndarray[Any, Any],
        mask: np.ndarray[Any, Any] | None = None,
    ) -> np.ndarray[Any, Any]:
        batch, time, units = x.shape
        hs = np.zeros((batch, time, units))
        for b in range(batch):
            h = h0[b]
            for step, t in enumerate(_order(time, reverse)):
                if mask is None or mask[b, t]:
                    h = act[activation](x[b, t] + h @ w)
                hs[b, step] = h
        return hs

    return reference


def _args(
    name: str, sizes: tuple[int, int, int], mask: ArrayLike | None
) -> tuple[Arg, ...]:
    batch, time, units = sizes
    width = _GATES[name] * units
    state, w = Arg((batch, units), -1, 1), Arg((units, width), -0.5, 0.5)
    states = (state, state) if name == "lstm" else (state,)
    bias = (Arg((width,), -0.5, 0.5),) if name == "gru" else ()
    masks = () if mask is None else (Arg((batch, time), dtype="bool", values=mask),)
    return (Arg((batch, time, width)), *states, w, *bias, *masks)


def _grad_args(
    name: str, sizes: tuple[int, int, int], mask: ArrayLike | None
) -> tuple[Arg, ...]:
    batch, time, units = sizes
    state, g = Arg((batch, units), -1, 1), Arg((batch, time, units))
    gates, cells = Arg((time, batch, 4 * units), 0, 1), Arg((time, batch, units))
    w = Arg((units, _GATES[name] * units), -0.5, 0.5)
    masks = () if mask is None else (Arg((batch, time), dtype="bool", values=mask),)
    if name == "lstm":
        return (g, state, cells, gates, state, w, *masks)
    if name == "gru":
        return (g, g, gates, state, w, *masks)
    return (g, g, w, *masks)


def _static(name: str, reverse: bool, activation: str) -> dict[str, Any]:
    more = {"activation": activation} if name == "simple_rnn" else {}
    return {"reverse": reverse, **more}


def recurrent() -> Iterator[Case]:
    """Every row with and without mask, both ways; widths that no vector divides."""
    references = {"lstm": _lstm, "gru": _gru}
    for name in _GATES:
        for number, (sizes, mask, dtypes) in enumerate((
            ((3, 5, 2), None, FLOATS),
            ((3, 5, 2), _MASK, FLOATS),
            ((1, 2, 17), None, WIDE),
            ((19, 3, 33), None, WIDE),
            ((2, 0, 3), None, WIDE),
            ((0, 2, 3), None, WIDE),
            ((4, 2, 1), None, WIDE),
        )):  # fmt: skip
            for reverse in (False, True):
                activation = ("tanh", "tanh", "relu", "linear")[number % 4]
                made = (
                    _simple_rnn(reverse, activation)
                    if name == "simple_rnn"
                    else references[name](reverse)
                )
                static = _static(name, reverse, activation)
                args = _args(name, sizes, mask)
                smooth = tuple(range(len(args) - (mask is not None)))
                label = f"{reverse}" + ("-masked" if mask else "")
                yield Case(
                    name,
                    args,
                    static,
                    dtypes,
                    made,
                    smooth if number < 2 and activation != "relu" else (),
                    tolerance=4,
                    label=label,
                )
                grad = _grad_args(name, sizes, mask)
                yield Case(
                    f"{name}_grad", grad, static, dtypes, tolerance=8, label=label
                )
