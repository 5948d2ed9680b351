"""What cannot be exported."""

from __future__ import annotations


class ExportError(ValueError):
    """A model, or a part of it, that has no form in the other format."""
