"""What cannot be exported."""

from __future__ import annotations

from minikeras.engine.tensor import TraceError


class ExportError(ValueError):
    """A model, or a part of it, that has no form in the other format."""


class UntraceableError(ExportError, TraceError):
    """A model whose results depend on values that a graph does not know."""
