"""What surrounds `build`: names, undoing a failure, remembering shapes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.layers.base.call_info import build_names
from minikeras.layers.base.quantizing import check_built


def bookkept(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build` in the layer's name scope, undone if it fails, and remembered."""

    @functools.wraps(build)
    def wrapped(self: Any, *args: object, **kwargs: object) -> None:
        if self._building:  # super().build() inside build()
            build(self, *args, **kwargs)
            return
        mark = self._tracker.mark()
        before = dict(self.__dict__)
        try:
            self.__dict__["_building"] = True
            with self._scopes():
                build(self, *args, **kwargs)
            if self.dtype_policy.quantization_mode is not None:
                check_built(self)
        except BaseException:
            self._tracker.rollback(mark)
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        finally:
            self.__dict__["_building"] = False
        self.built = True
        names = build_names(wrapped)[0]
        self.__dict__["_build_shapes"] = {**dict(zip(names, args)), **kwargs}
        self._lock_state()

    return wrapped


def as_tuples(shapes: Any) -> Any:
    """Shapes read from JSON, where tuples have become lists."""
    if isinstance(shapes, dict):
        return {key: as_tuples(s) for key, s in shapes.items()}
    if all(d is None or isinstance(d, int) for d in shapes):
        return tuple(shapes)
    return [as_tuples(s) for s in shapes]


def batch_shape(given: dict[str, Any]) -> tuple[int | None, ...] | None:
    """What the arguments of Keras 2 say of the input: `input_shape=` and its kin."""
    if given.get("batch_input_shape") is not None:
        return tuple(given["batch_input_shape"])
    shape = given.get("input_shape")
    if shape is None and given.get("input_dim") is not None:
        shape = given["input_dim"]
    if shape is None:
        return None
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return (given.get("batch_size"), *sizes)


def is_plain(value: object) -> bool:
    """Whether JSON and Keras's own forms can hold the value as it is."""
    if isinstance(value, (list, tuple, set)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    plain = (str, int, float, bool, bytes, type(None), np.ndarray, np.generic, np.dtype)
    return isinstance(value, plain)
