"""Jacobians, by one backward pass for each value of the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.dtypes import numpy_dtype
from minikeras.engine.prims import concat, full, reshape, transpose
from minikeras.engine.tensor import Tensor, from_numpy


class Jacobians:
    """What `GradientTape` has beside `gradient`."""

    _persistent: bool
    _tape: Any

    def gradient(
        self, target: object, sources: object, output_gradients: object = None
    ) -> Any:
        """Derivatives of the sum of `target`; the tape has it."""
        raise NotImplementedError

    def jacobian(
        self,
        target: Tensor,
        sources: object,
        unconnected_gradients: str = "none",
        **options: object,
    ) -> Any:
        """Derivatives of each value of `target` with respect to each of `sources`.

        Args:
            target: Tensor `(*target_shape)`.
            sources: Tensor, variable, or structure of them.
            unconnected_gradients: `"none"` gives None, `"zero"` zeros, where the target
                does not depend on a source.
            **options: `parallel_iterations` and the like are taken, without effect.

        Returns:
            `(*target_shape, *source_shape)`, in the structure of `sources`.

        >>> x = keras.ops.convert_to_tensor([1.0, 2.0])
        >>> with keras.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> tape.jacobian(y, x).numpy().tolist()
        [[2.0, 0.0], [0.0, 4.0]]
        """
        shape, size = tuple(target.shape), math.prod(target.shape)
        rows = np.eye(size).reshape(size, *shape)
        return self._stacked(target, rows, shape, sources, unconnected_gradients)

    def batch_jacobian(
        self,
        target: Tensor,
        source: Tensor,
        unconnected_gradients: str = "none",
        **options: object,
    ) -> Any:
        """`jacobian` of each sample by itself, where samples do not touch each other.

        Args:
            target: Tensor `(batch, *target_shape)`.
            source: Tensor `(batch, *source_shape)`.
            unconnected_gradients: As in `jacobian`.
            **options: `parallel_iterations` and the like are taken, without effect.

        Returns:
            `(batch, *target_shape, *source_shape)`.

        Raises:
            ValueError: If the first axes differ.

        >>> x = keras.ops.convert_to_tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> with keras.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = keras.ops.sum(x * x, axis=1, keepdims=True)
        >>> tape.batch_jacobian(y, x).numpy().tolist()
        [[[2.0, 4.0]], [[6.0, 8.0]]]
        """
        if not target.shape or tuple(target.shape[:1]) != tuple(source.shape[:1]):
            raise ValueError(
                f"GradientTape.batch_jacobian: shapes {target.shape} and {source.shape}; "
                "expected the same first axis."
            )
        batch, *shape = target.shape
        own = tuple(source.shape[1:])
        size = math.prod(shape)
        rows = np.eye(size).reshape(size, 1, *shape).repeat(batch, 1)
        found = self._stacked(target, rows, (size,), source, unconnected_gradients)
        if found is None:
            return None
        found = transpose(found, perm=(1, 0, *range(2, 2 + len(own))))
        return reshape(found, shape=(batch, *shape, *own))

    def _stacked(
        self,
        target: Tensor,
        rows: Any,
        shape: tuple[int, ...],
        sources: object,
        unconnected: str,
    ) -> Any:
        """The gradients for each of several cotangents, along leading axes of a shape."""
        kept, self._persistent = self._persistent, True
        dtype = numpy_dtype(target.dtype)
        try:
            found = [
                self.gradient(target, sources, from_numpy(row.astype(dtype)))
                for row in rows
            ]
        finally:
            self._persistent = kept
            if not kept:
                self._tape = None
        leaves, spec = tree.flatten_spec(sources)
        columns: Any = zip(*map(tree.flatten, found), strict=True)
        columns = columns if found else [()] * len(leaves)
        parts = [
            _stack(column, leaf, shape, unconnected == "zero")
            for leaf, column in zip(leaves, columns, strict=True)
        ]
        return tree.unflatten(spec, parts)


def _stack(
    parts: Sequence[Tensor | None], like: Tensor, shape: tuple[int, ...], zeros: bool
) -> Any:
    """Gradients along leading axes of a shape; zeros, or None, where nothing depends."""
    own = tuple(like.shape)
    if all(part is None for part in parts):
        empty = full(shape=(*shape, *own), dtype=str(like.dtype), value=0)
        return empty if zeros or not parts else None
    none = full(shape=(1, *own), dtype=str(like.dtype), value=0)
    rows = [none if p is None else reshape(p, shape=(1, *own)) for p in parts]
    return reshape(concat(*rows, axis=0), shape=(*shape, *own))
