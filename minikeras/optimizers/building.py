"""`build` of optimizers: all of the state is made, or none of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikeras.optimizers.optimizer import Optimizer


def undone_if_it_fails(build: Callable[..., None]) -> Callable[..., None]:
    """`build`, after which, failed or interrupted, the optimizer is as it was before."""

    @functools.wraps(build)
    def wrapped(self: Optimizer, *args: object, **kwargs: object) -> None:
        before = {name: _copied(value) for name, value in self.__dict__.items()}
        try:
            build(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return wrapped


def _copied(value: Any) -> Any:
    return value.copy() if type(value) in (list, dict) else value
