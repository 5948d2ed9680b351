"""Arguments of callbacks, regularizers and losses, and the names in logs."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras.alias.old_arguments.passing import Change, Words, say
from minikeras.engine.warn import warn_user

if TYPE_CHECKING:
    from collections.abc import Mapping


def checkpoint(
    self: Any, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    """`period=`, and files of any name, which are written under that name."""
    kwargs = dict(kwargs)
    for word in ("period", "options", "load_weights_on_restart"):
        if word in kwargs:
            value = kwargs.pop(word)
            say("ModelCheckpoint", [word])
            self._every = int(value) if word == "period" else 1
    return args, kwargs


def every_period(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(self: Any, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        every = getattr(self, "_every", 1)
        if (epoch + 1) % every == 0:
            method(self, epoch, logs)

    return called


def any_ending(self: Any) -> None:
    """Any name of a file: Keras 2 had no rule for it."""
    known = (".weights.h5", ".keras", ".h5", ".hdf5")
    if not self.filepath.endswith(known) or (
        self.save_weights_only and not self.filepath.endswith(known[0])
    ):
        today = ".weights.h5" if self.save_weights_only else ".keras"
        warn_user(
            f"ModelCheckpoint: {os.path.basename(self.filepath)!r} is a name of an older "
            f"Keras; today names end in {today}."
        )


# What the metric "accuracy" was called in logs until Keras 2.3.
_IN_LOGS = {"acc": "accuracy", "val_acc": "val_accuracy"}


def _note_log(old: str) -> str:
    now = _IN_LOGS[old]
    warn_user(f"{old!r} in logs is of an older Keras; today it is {now!r}.")
    return now


def monitored(method: Callable[..., Any]) -> Callable[..., Any]:
    """`monitor="val_acc"`, where only `val_accuracy` is logged."""

    @functools.wraps(method)
    def called(self: Any, logs: Mapping[str, Any] | None) -> Any:
        logs = logs or {}
        if self.monitor not in logs and _IN_LOGS.get(self.monitor) in logs:
            self.monitor = _note_log(self.monitor)
        return method(self, logs)

    return called


def named_by_logs(method: Callable[..., Any]) -> Callable[..., Any]:
    """Names of files with `{val_acc:.2f}`."""

    @functools.wraps(method)
    def called(self: Any, epoch: int, logs: Words, batch: int | None) -> Any:
        old = {word: logs[now] for word, now in _IN_LOGS.items() if now in logs}
        return method(self, epoch, {**old, **logs}, batch)

    return called


class OldNames(dict[str, Any]):
    """A history that is asked for `"acc"` and has `"accuracy"`."""

    def __missing__(self, key: str) -> Any:
        if _IN_LOGS.get(key) not in self:
            raise KeyError(key)
        return self[_note_log(key)]


def with_old_names(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(self: Any, logs: Mapping[str, Any] | None = None) -> None:
        method(self, logs)
        self.history = OldNames(self.history)

    return called


def without(owner: str, *dead: str) -> Change:
    """Leaves out arguments that mean nothing any more."""

    def change(
        self: object, args: tuple[Any, ...], kwargs: Words
    ) -> tuple[tuple[Any, ...], Words]:
        gone = [word for word in dead if word in kwargs]
        if gone:
            say(owner, gone)
        return args, {word: kwargs[word] for word in kwargs if word not in gone}

    return change


def factor(name: str) -> Change:
    """`L2(l=0.01)`, whose argument is `l2` today."""

    def change(
        self: object, args: tuple[Any, ...], kwargs: Words
    ) -> tuple[tuple[Any, ...], Words]:
        if "l" in kwargs:
            say(name.upper(), ["l"], [name])
            kwargs = {name if word == "l" else word: kwargs[word] for word in kwargs}
        return args, kwargs

    return change


def reduction(
    self: object, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    if kwargs.get("reduction") == "auto":
        kwargs = {**kwargs, "reduction": "sum_over_batch_size"}
    return args, kwargs
