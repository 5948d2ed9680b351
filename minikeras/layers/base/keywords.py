"""The keyword arguments that layers take as `**kwargs`, for editors and type checkers.

A constructor takes what it does not name by itself, so there is a class for each such
rest: `LayerOptions` is all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict


class WholeShapes(TypedDict, total=False):
    """The input's shape, as a first layer had it in Keras 2."""

    input_shape: Sequence[int | None] | int
    batch_input_shape: Sequence[int | None]


class PlainOptions(WholeShapes, total=False):
    """What no constructor names."""

    trainable: bool
    autocast: bool


class NameOptions(TypedDict, total=False):
    """How it is called, what it computes in."""

    name: str | None
    dtype: Any


class SizeOptions(TypedDict, total=False):
    """Sizes of the input, as in Keras 2."""

    input_dim: int
    batch_size: int | None


class ShapeOptions(WholeShapes, SizeOptions, total=False):
    """What Keras 2 had for shapes; `Layer` names the rest."""


class PenaltyOptions(TypedDict, total=False):
    """The penalty on the output."""

    activity_regularizer: Any


class CommonOptions(PlainOptions, NameOptions, SizeOptions, total=False):
    """For layers that name `activity_regularizer` by themselves."""


class LayerOptions(CommonOptions, PenaltyOptions, total=False):
    """For all others."""
