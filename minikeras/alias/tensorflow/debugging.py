"""`tf.debugging`: checks of values, which say nothing while a function is traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike


def _known(*values: object) -> bool:
    return not any(isinstance(v, Tensor) and v.staged for v in values)


def _pair(what: str, holds: Callable[[Any, Any], Any]) -> Callable[..., None]:
    def check(
        x: ArrayLike, y: ArrayLike, message: str | None = None, **options: object
    ) -> None:
        if _known(x, y) and not np.all(holds(np.asarray(x), np.asarray(y))):
            raise ValueError(
                f"{message or ''} expected x {what} y: x={x}, y={y}.".strip()
            )

    check.__name__ = check.__qualname__ = f"assert_{what.replace(' ', '_')}"
    check.__doc__ = f"Refuses values that are not {what} others, by a ValueError."
    return check


assert_equal = _pair("equal", np.equal)
assert_none_equal = _pair("none equal", np.not_equal)
assert_less = _pair("less", np.less)
assert_less_equal = _pair("less equal", np.less_equal)
assert_greater = _pair("greater", np.greater)
assert_greater_equal = _pair("greater equal", np.greater_equal)


def assert_near(
    x: ArrayLike,
    y: ArrayLike,
    rtol: float | None = None,
    atol: float | None = None,
    message: str | None = None,
    **options: object,
) -> None:
    """Refuses values that differ by more than a few roundings.

    Raises:
        ValueError: If they do.
    """
    if not _known(x, y):
        return
    a, b = (ops.convert_to_numpy(ops.convert_to_tensor(v)) for v in (x, y))
    step = 10 * float(np.finfo(np.result_type(a, b)).eps)
    rtol, atol = (step if t is None else t for t in (rtol, atol))
    if not np.all(np.abs(a - b) <= atol + rtol * np.abs(b)):
        raise ValueError(f"{message or ''} expected x near y: x={x}, y={y}.".strip())


def assert_rank(
    x: ArrayLike, rank: int, message: str | None = None, **options: object
) -> None:
    """Refuses arrays with another number of axes, by a ValueError."""
    if len(ops.shape(x)) != rank:
        raise ValueError(
            f"{message or ''} expected rank {rank}, got shape {ops.shape(x)}.".strip()
        )


def assert_shapes(shapes: Any, message: str | None = None, **options: object) -> None:
    """Refuses arrays whose shapes are not those given; letters stand for sizes.

    Raises:
        ValueError: If one differs, or a letter would mean two sizes.
    """
    pairs = shapes.items() if isinstance(shapes, dict) else shapes
    sizes: dict[Any, Any] = {}
    for x, wanted in pairs:
        shape = tuple(ops.shape(x))
        fits = len(shape) == len(wanted) and all(
            want is None
            or have == (want if isinstance(want, int) else sizes.setdefault(want, have))
            for have, want in zip(shape, wanted, strict=False)
        )
        if not fits:
            raise ValueError(
                f"{message or ''} expected shape {tuple(wanted)}, got {shape}.".strip()
            )


def assert_type(
    tensor: ArrayLike, tf_type: object, message: str | None = None, **options: object
) -> None:
    """Refuses arrays of another dtype, by a TypeError."""
    found = ops.convert_to_tensor(tensor).dtype
    if found != tf_type:
        raise TypeError(f"{message or ''} expected {tf_type}, got {found}.".strip())


def check_numerics(tensor: ArrayLike, message: str, name: str | None = None) -> Any:
    """The tensor; NaN and infinities in it are refused by a ValueError."""
    if _known(tensor) and not np.isfinite(np.asarray(tensor)).all():
        raise ValueError(f"{message}: the tensor has NaN or infinities.")
    return tensor


def assert_all_finite(x: ArrayLike, message: str = "") -> None:
    """Refuses NaN and infinities, by a ValueError."""
    check_numerics(x, message)


def Assert(
    condition: ArrayLike,
    data: object,
    summarize: object = None,
    name: str | None = None,
) -> None:
    """Refuses a condition that does not hold, by a ValueError that shows `data`."""
    if _known(condition) and not np.all(np.asarray(condition)):
        raise ValueError(f"assertion failed: {data}")


def set_log_device_placement(enabled: bool) -> None:
    """Accepted and ignored."""


def enable_check_numerics(*args: object, **options: object) -> None:
    """Accepted and ignored: the callback `TerminateOnNaN(debug=True)` finds what made NaN."""


__all__ = [
    "Assert", "assert_all_finite", "assert_equal", "assert_greater",
    "assert_greater_equal", "assert_less", "assert_less_equal", "assert_near",
    "assert_none_equal", "assert_rank", "assert_shapes", "assert_type", "check_numerics",
    "enable_check_numerics", "set_log_device_placement",
]  # fmt: skip
