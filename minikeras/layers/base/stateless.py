"""`stateless_call`: values in place of variables, results in place of assignments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine.interpret import Block, current, within
from minikeras.engine.overlay import Overlay
from minikeras.engine.state import State
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import to_tensor
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer
    from minikeras.types import ArrayLike


class _Inside(Overlay):
    """The interpreter inside a `StatelessScope`, which can be asked for it."""

    scope: StatelessScope


def call(
    layer: Layer,
    trainable_values: Sequence[ArrayLike],
    non_trainable_values: Sequence[ArrayLike],
    args: tuple[Any, ...],
    return_losses: bool,
    kwargs: dict[str, Any],
) -> tuple[Any, ...]:
    """See `Layer.stateless_call`."""
    if not layer.built:
        raise ValueError(
            f"stateless_call on {layer._label()}: it is not built, so its variables do not "
            "exist yet. Call it on data, or layer.build(input_shape), first."
        )
    values: dict[State, Tensor] = {}
    for what, given in (
        ("trainable_variables", trainable_values),
        ("non_trainable_variables", non_trainable_values),
    ):
        variables = getattr(layer, what)
        given = list(given)
        if len(given) != len(variables):
            raise ValueError(
                f"stateless_call on {layer._label()}: got {len(given)} {what}, expected "
                f"{len(variables)}."
            )
        for variable, value in zip(variables, given):
            tensor = to_tensor(value, variable.state.aval.dtype)
            if tensor.shape != variable.shape:
                raise ValueError(
                    f"stateless_call on {layer._label()}: the value for {variable.path!r} has "
                    f"shape {tensor.shape}; expected {variable.shape}."
                )
            values[variable.state] = tensor
    overlay = Overlay(current(), values)

    def run() -> tuple[Any, Any]:
        outputs = layer(*args, **kwargs)
        return outputs, layer.losses if return_losses else None

    outputs, losses = within(overlay, run)
    after = [overlay.values[v.state] for v in layer.non_trainable_variables]
    return (outputs, after, losses) if return_losses else (outputs, after)


class StatelessScope(Block):
    """Block in which variables have other values, and assignments stay inside.

    Args:
        state_mapping: Pairs of a variable and its value in the block.
        collect_losses: Whether `add_loss` keeps what it is given.
        initialize_variables: Kept for Keras's signature: variables always have values.

    Raises:
        ValueError: If something is no variable, or a shape does not match.

    Example:

    >>> v = keras.Variable(1.0)
    >>> with keras.StatelessScope([(v, 5.0)]) as scope:
    ...     _ = v.assign_add(1.0)
    >>> float(v), float(scope.get_current_value(v))
    (1.0, 6.0)
    """

    def __init__(
        self,
        state_mapping: Any = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        super().__init__()
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self._values: dict[State, Tensor] = {}
        for variable, value in state_mapping or ():
            self.add_update((variable, value))

    def add_loss(self, loss: ArrayLike) -> None:
        """Put a loss into `losses`, if `collect_losses` is set."""
        if self.collect_losses:
            self.losses.append(loss)

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Give a variable a value in the block: `(variable, value)`."""
        variable, value = update
        if not isinstance(variable, Variable):
            raise ValueError(
                f"StatelessScope: got {variable!r} of type {type(variable).__name__}; "
                "expected a keras.Variable."
            )
        tensor = to_tensor(value, variable.state.aval.dtype)
        if tensor.shape != variable.shape:
            raise ValueError(
                f"StatelessScope: the value for {variable.path!r} has shape "
                f"{tensor.shape}; expected {variable.shape}."
            )
        self._values[variable.state] = tensor

    def get_current_value(self, variable: Variable) -> Tensor | None:
        """The variable's value in the block; None if it has none of its own there."""
        return self._values.get(variable.state)

    def __enter__(self) -> StatelessScope:
        inside = _Inside(current(), self._values)
        inside.scope = self
        self._begin(inside)
        return self


class SymbolicScope:
    """Block of code that works out shapes; for code that marks it so for Keras.

    Symbolic calls need no mark here: they run on abstract values of their own. Outside
    of such a call, what stands in the block is computed as anywhere else.

    Example:

    >>> with keras.SymbolicScope():
    ...     (keras.KerasTensor((None, 2)) * 2).shape
    (None, 2)
    """

    def __enter__(self) -> SymbolicScope:
        return self

    def __exit__(self, *exception: object) -> None:
        pass
