"""Scopes of Keras that only have to exist here: devices and rematerialization."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from minikeras.engine import backend as registry

F = TypeVar("F", bound=Callable[..., Any])

REMAT_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """Block whose tensors live on a device: the one the backend runs on.

    There is one device for each backend, so nothing changes inside.

    Args:
        device_name: `"cpu"`, `"cpu:0"`, or with the `cupy` backend `"gpu"`, `"gpu:0"`.

    Raises:
        ValueError: If the backend in use does not run on it.

    Example:
        >>> with keras.device("cpu:0"):
        ...     x = keras.ops.ones((2,))
    """
    here = registry.active().processor
    name = device_name.lower() if isinstance(device_name, str) else device_name
    names = {"gpu": ("gpu", "gpu:0", "cuda", "cuda:0"), "cpu": ("cpu", "cpu:0")}[here]
    if name not in names:
        raise ValueError(
            f"device: {device_name!r}; the {registry.current_name()!r} backend runs on "
            f"{names[1]!r} only. keras.config.set_backend() changes the backend."
        )
    yield


def remat(f: F) -> F:
    """`f` itself.

    Keras recomputes what is inside in the backward pass, to save memory. Here all that
    a gradient needs is kept; values and gradients are the same either way.

    Args:
        f: A function or layer.

    Returns:
        `f`.

    Example:
        >>> remat(abs)(-2)
        2
    """
    if not callable(f):
        raise ValueError(f"remat: got {f!r}; expected a function or a layer.")
    return f


class RematScope:
    """Block for layers to recompute; like `remat`, it changes nothing here.

    Args:
        mode: `"full"`, `"activations"`, `"larger_than"`, `"list_of_layers"` or None.
        output_size_threshold: Belongs to `"larger_than"`.
        layer_names: Belongs to `"list_of_layers"`.

    Raises:
        ValueError: If the mode is unknown.

    Example:
        >>> with keras.RematScope("full"):
        ...     layer = keras.layers.Dense(3)
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        if mode not in REMAT_MODES:
            raise ValueError(
                f"RematScope: mode={mode!r}; expected one of {', '.join(map(repr, REMAT_MODES))}."
            )
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing was changed."""
