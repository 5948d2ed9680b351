"""`tf.distribute` on one device: scripts that open a strategy's scope run as they do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from minikeras.types import ArrayLike, Axis


class Strategy:
    """One replica on the device that the backend in use computes on."""

    num_replicas_in_sync = 1

    @contextmanager
    def scope(self) -> Iterator[Strategy]:
        """A block in which nothing is different."""
        yield self

    def run(
        self,
        fn: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: object = None,
    ) -> Any:
        """What `fn` gives, run once."""
        return fn(*args, **(kwargs or {}))

    def reduce(self, reduce_op: object, value: ArrayLike, axis: Axis = None) -> Any:
        """The value: there is one replica."""
        return value

    def experimental_distribute_dataset(
        self, dataset: object, options: object = None
    ) -> Any:
        """The data set: there is one replica."""
        return dataset


class MirroredStrategy(Strategy):
    """One replica, whatever devices are named.

    Args:
        devices: One name at most.
        cross_device_ops: Accepted and ignored.

    Raises:
        NotImplementedError: If several devices are named.
    """

    def __init__(
        self, devices: Sequence[str] | None = None, cross_device_ops: object = None
    ) -> None:
        if devices is not None and not isinstance(devices, str) and len(devices) > 1:
            raise NotImplementedError(
                f"tf.distribute.MirroredStrategy: devices={devices!r}; expected one: a backend "
                "computes on one device."
            )


class OneDeviceStrategy(Strategy):
    """One replica on one device."""

    def __init__(self, device: str) -> None:
        self.device = device


class ReduceOp:
    """Names of reductions."""

    SUM = "sum"
    MEAN = "mean"


_only = Strategy()


def get_strategy() -> Strategy:
    """The one strategy there is."""
    return _only


def has_strategy() -> bool:
    """Whether a strategy's scope is open: it makes no difference here."""
    return False


def in_cross_replica_context() -> bool:
    """True: there is one replica."""
    return True


__all__ = [
    "MirroredStrategy", "OneDeviceStrategy", "ReduceOp", "Strategy", "get_strategy",
    "has_strategy", "in_cross_replica_context",
]  # fmt: skip
