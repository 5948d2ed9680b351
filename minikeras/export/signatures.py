"""What a function takes, from what users say of it: tensors, specs, shapes of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.engine import tree
from minikeras.engine.dtypes import floatx, standardize
from minikeras.export.errors import ExportError
from minikeras.export.probing import Spec


def specs_of(signature: object) -> list[Spec]:
    """A `Spec` for each leaf of a signature.

    Args:
        signature: Tensors, KerasTensors, arrays or `InputSpec`s in any structure; what has
            a `shape`. A None on the first axis is the batch, elsewhere a size of its own.

    Raises:
        ExportError: If a leaf has no shape.
    """
    leaves = tree.flatten(signature)
    keys = _keys(signature, len(leaves))
    return [_spec(leaf, key, i) for i, (leaf, key) in enumerate(zip(leaves, keys))]


def _keys(signature: object, count: int) -> Sequence[str | None]:
    if isinstance(signature, (list, tuple)) and len(signature) == 1:
        return _keys(signature[0], count)
    if isinstance(signature, dict) and len(signature) == count:
        return [str(key) for key in sorted(signature)]
    return [None] * count


def _spec(leaf: object, key: str | None, place: int) -> Spec:
    shape = getattr(leaf, "shape", None)
    if shape is None:
        raise ExportError(
            f"export: input {place} of the signature is {leaf!r}; expected something with a "
            "shape, such as keras.InputSpec(shape=(None, 28, 28, 1), dtype='float32')."
        )
    name = key or getattr(leaf, "name", None) or f"input_{place}"
    dtype = standardize(getattr(leaf, "dtype", None) or floatx())
    dims = tuple(
        int(d) if d is not None else ("batch" if axis == 0 else f"{name}_axis_{axis}")
        for axis, d in enumerate(shape)
    )
    return Spec(name, dtype, dims)


def signature_of(resource: object) -> list[Any]:
    """The arguments with which a model or layer is called, if it was built.

    Raises:
        ExportError: If it was never built, so that its inputs are not known.
    """
    struct = getattr(resource, "_inputs_struct", None)
    if struct is None:
        graph = getattr(resource, "_graph", None)  # a Sequential's
        struct = getattr(graph, "_inputs_struct", None)
    if struct is not None:
        return [struct]
    shapes = getattr(resource, "_build_shapes", None)
    if not shapes:
        raise ExportError(
            f"export: {getattr(resource, 'name', resource)!r} was not built, so the shapes "
            "of its inputs are not known. Call it once, or give input_signature."
        )
    dtype = getattr(resource, "input_dtype", None) or floatx()
    return [_from_shape(shape, dtype) for shape in shapes.values()]


class _Leaf:
    """A shape and a dtype."""

    def __init__(self, shape: tuple[int | None, ...], dtype: str) -> None:
        self.shape = shape
        self.dtype = dtype


def _from_shape(shape: Sequence[int | None], dtype: str) -> Any:
    if isinstance(shape, dict):
        return {key: _from_shape(value, dtype) for key, value in shape.items()}
    if isinstance(shape, (list, tuple)) and any(
        isinstance(part, (list, tuple)) for part in shape
    ):
        return [_from_shape(part, dtype) for part in shape]
    return _Leaf((None, *shape[1:]), dtype)
