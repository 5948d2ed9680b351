"""Errors of tensors that stand for values not yet known, and how errors name a page."""

from __future__ import annotations


class TraceError(TypeError):
    """A staged tensor was asked for its values; the function cannot be compiled."""


class ValueShapeError(TraceError):
    """The shape of a staged result would depend on values.

    No warning and no eager run instead, as with Python control flow on values: a function
    that does this cannot have been meant to be compiled.
    """


class NumPyCallError(TraceError):
    """NumPy was called on a tensor whose way a tape or a compiled function follows.

    Raised to the caller: an eager run instead would lose gradients without a word.
    """


def see(page: str) -> str:
    """The end of a message: where the documentation says more.

    Args:
        page: A page below `docs`, with the anchor of a heading. `minikeras docs` shows it
            wherever the package is installed.

    >>> see("index.md#choosing-a-backend")
    ' More: `minikeras docs index#choosing-a-backend`.'
    """
    return f" More: `minikeras docs {page.replace('.md', '', 1)}`."
