"""The eager interpreter: run the active backend's kernel now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from minikeras.engine import backend as registry
from minikeras.engine import interpret
from minikeras.engine.origins import LOGARITHMS, REMEMBERED, origin, stable
from minikeras.engine.tensor import Tensor, adopt
from minikeras.engine.user_rows import UserRow

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive
    from minikeras.engine.recipes import Recipe
    from minikeras.engine.state import State


class Eager(interpret.Interpreter):
    """Kernels at once; states read and assigned directly.

    Args:
        backend: Whose kernels. Default: the active one's.
    """

    eager = True

    def __init__(self, backend: registry.Backend | None = None) -> None:
        self._backend = backend

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        if prim in LOGARITHMS and arrays[0].origin is not None:
            better = stable(prim, arrays, static)
            if better is not None:
                prim, arrays, static = better.prim, better.inputs, better.static
        backend = self._backend or registry.active()
        kernel = backend.eager_kernel(prim.name)
        if kernel is None and isinstance(prim, UserRow):
            kernel = partial(_by_user, backend, prim)
        if kernel is None:
            if prim.composition is None:
                raise NotImplementedError(
                    f"backend {backend.name!r} has no kernel for {prim.name!r}."
                )
            return prim.composition(*arrays, **static)
        wanted = backend.array_type
        values = [a.value for a in arrays]
        for i, v in enumerate(values):
            if type(v) is not wanted:
                values[i] = adopt(v, backend)
        # The shape rule first: it raises every shape error, in the words that staged
        # and symbolic calls use, and it knows the result's shape and dtype.
        avals: Any = prim.infer(*[a.aval for a in arrays], **static)
        out = kernel(*values, **static)
        if prim.multi:
            return tuple(Tensor(v, aval) for v, aval in zip(out, avals, strict=True))
        result = Tensor(out, avals)
        if prim in REMEMBERED:
            result.origin = origin(prim, arrays, static)
        return result

    def follow(
        self, recipe: Recipe, tensors: Sequence[Tensor], arrays: list[Any] | None = None
    ) -> Any:
        if self._backend is not None or not recipe.fits(tensors):
            return interpret.MISS
        if arrays is None:
            return recipe.made(tensors)
        return recipe.whole(tensors, recipe.found(tensors, arrays))

    def read(self, state: State) -> Tensor:
        return state.eager_value()

    def assign(self, state: State, value: Tensor) -> None:
        state.eager_assign(value)


def _by_user(
    backend: registry.Backend, row: UserRow, *arrays: object, **static: object
) -> Any:
    return backend.run_user(row, arrays, static)


interpret.set_base(Eager())
