"""`tf.summary`: events for TensorBoard, by its own package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.callbacks.event_writer import EventWriter

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_writer: ContextVar[EventWriter | None] = ContextVar("writer", default=None)
_step: ContextVar[Any] = ContextVar("step", default=None)


class SummaryWriter:
    """Writes a run's events into a folder."""

    def __init__(self, logdir: str | os.PathLike[str]) -> None:
        self._writer = EventWriter(os.fspath(logdir))

    @contextmanager
    def as_default(self, step: ArrayLike | None = None) -> Iterator[SummaryWriter]:
        """A block in which `tf.summary`'s functions write here."""
        token, at = _writer.set(self._writer), _step.set(step)
        try:
            yield self
        finally:
            _step.reset(at)
            _writer.reset(token)
            self.flush()

    def flush(self) -> None:
        """Lets readers see what there is."""
        self._writer.flush()

    def close(self) -> None:
        """Writes everything and closes the file."""
        self._writer.close()


def create_file_writer(
    logdir: str | os.PathLike[str], **options: object
) -> SummaryWriter:
    """A writer of events into a folder."""
    return SummaryWriter(logdir)


def _at(step: Any) -> int:
    step = _step.get() if step is None else step
    if step is None:
        raise ValueError("tf.summary: no step is set; pass step=.")
    return int(step)


def scalar(
    name: str, data: object, step: object = None, description: str | None = None
) -> bool:
    """One number."""
    writer = _writer.get()
    if writer is not None:
        writer.scalar(name, float(np.asarray(data)), _at(step))
    return writer is not None


def histogram(
    name: str,
    data: object,
    step: object = None,
    buckets: int | None = None,
    description: str | None = None,
) -> bool:
    """How values are spread."""
    writer = _writer.get()
    if writer is not None:
        writer.histogram(name, np.asarray(data), _at(step))
    return writer is not None


def image(
    name: str,
    data: object,
    step: object = None,
    max_outputs: int = 3,
    description: str | None = None,
) -> bool:
    """The first few pictures `(pictures, height, width, channels)`."""
    writer = _writer.get()
    if writer is not None:
        pictures = np.asarray(data)[:max_outputs]
        for i, picture in enumerate(pictures):
            tag = name if len(pictures) == 1 else f"{name}/{i}"
            writer.picture(tag, picture, _at(step))
    return writer is not None


def text(
    name: str, data: object, step: object = None, description: str | None = None
) -> bool:
    """A text, in Markdown."""
    writer = _writer.get()
    if writer is not None:
        writer.text(name, str(getattr(data, "numpy", lambda: data)()), _at(step))
    return writer is not None


def trace_on(*args: object, **options: object) -> None:
    """Accepted and ignored: `keras.utils.profile` measures here."""


trace_export = trace_on


def record_if(condition: ArrayLike) -> nullcontext[None]:
    """Accepted and ignored."""
    return nullcontext()


__all__ = [
    "SummaryWriter", "create_file_writer", "histogram", "image", "record_if", "scalar",
    "text", "trace_export", "trace_on",
]  # fmt: skip
