"""The variables of an optimizer: made, listed in order, saved and loaded."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from minikeras import initializers, naming, ops
from minikeras.engine.warn import warn_user
from minikeras.types import Identifier
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import PolicyLike


_BEFORE_BUILD = (
    2  # variables that an optimizer has from the start: steps, learning rate
)


_wrapped: ContextVar[bool] = ContextVar("minikeras_wrapped_build", default=False)


@contextmanager
def built_by_a_wrapper() -> Iterator[None]:
    """Block in which a `LossScaleOptimizer` builds the optimizer inside it.

    Keras lists none of the variables that an optimizer keeps in attributes alone then, such
    as the product of decays of `Nadam`, and so its files hold none of them.
    """
    token = _wrapped.set(True)
    try:
        yield
    finally:
        _wrapped.reset(token)


class Slots:
    """The part of an optimizer that holds its variables."""

    name: str
    _variables: list[Variable]
    _unlisted: tuple[Variable, ...] = ()

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, Variable):
            if "_variables" not in self.__dict__:
                raise RuntimeError(
                    f"optimizer {type(self).__name__}: call super().__init__() before "
                    f"setting the variable {name!r}."
                )
            self._track_variable(value)
        super().__setattr__(name, value)

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own variables: step count, learning rate, then its state."""
        return self._variables[:]

    def _track_variable(self, variable: Variable) -> None:
        if not any(v is variable for v in self._variables):
            self._variables.append(variable)
            self._keep_beside(variable)

    def _keep_beside(self, variable: Variable) -> Variable:
        """Leave a variable that is none of `add_variable` to Keras out of files, if Keras does."""
        if _wrapped.get():
            self._unlisted = (*self._unlisted, variable)
        return variable

    @property
    def stored_variables(self) -> list[Variable]:
        """Those of `variables` that are in files of Keras, in their order."""
        left_out = {id(v) for v in self.unstored_variables}
        return [v for v in self.variables if id(v) not in left_out]

    @property
    def unstored_variables(self) -> list[Variable]:
        """Those of `variables` that files have beside, where Keras does not look."""
        return list(self._unlisted)

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Identifier = "zeros",
        dtype: PolicyLike | None = None,
        aggregation: str = "none",
        layout: object = None,
        name: str | None = None,
    ) -> Variable:
        """A new variable of the optimizer.

        Args:
            shape: Its shape.
            initializer: Name or initializer of its first value.
            dtype: Default: `floatx()`.
            aggregation: Kept for Keras's signature.
            layout: Kept for Keras's signature.
            name: Its name.

        Returns:
            The variable, listed in `variables`.
        """
        with naming.name_scope(self.name):
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape),
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)  # new, so it is not among them
        return variable

    def add_variable_from_reference(
        self,
        reference_variable: Variable,
        name: str | None = None,
        initializer: Identifier = "zeros",
    ) -> Variable:
        """A new variable of the shape and dtype of a model's one.

        Args:
            reference_variable: The model's variable.
            name: What it is to the optimizer, e.g. `"momentum"`.
            initializer: Name or initializer of its first value.
        """
        path = getattr(reference_variable, "path", reference_variable.name)
        return self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.state.aval.dtype,
            name=f"{path.replace('/', '_').replace(':', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self,
        trainable_variables: Sequence[Variable],
        name: str | Sequence[str],
        initializer: Any = "zeros",
    ) -> Any:
        """One new variable for each variable of the model.

        Args:
            trainable_variables: The model's variables.
            name: What it is to the optimizer; a list makes one for each name, kept
                together variable by variable.
            initializer: Name or initializer, or a list of them.

        Returns:
            A list, or with a list of names a tuple of lists. None stands in it for
            variables with `overwrite_with_gradient`.
        """
        names = [name] if isinstance(name, str) else list(name)
        firsts = (
            list(initializer)
            if isinstance(initializer, (list, tuple))
            else [initializer] * len(names)
        )
        columns: tuple[list[Any], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for column, what, first in zip(columns, names, firsts, strict=True):
                column.append(
                    None
                    if variable.overwrite_with_gradient
                    else self.add_variable_from_reference(variable, what, first)
                )
        return columns[0] if isinstance(name, str) else columns

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all of `variables`.

        Raises:
            ValueError: If their number or a shape differs; nothing has changed then.
        """
        own = self.variables
        shapes = [tuple(ops.shape(w)) for w in weights]
        if shapes != [v.shape for v in own]:
            raise ValueError(
                f"optimizer {self.name!r}: set_weights got shapes {shapes}; expected "
                f"{[v.shape for v in own]}. Build the optimizer first."
            )
        for variable, value in zip(own, weights):
            variable.assign(value)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the state into a mapping, under `"0"`, `"1"`, ..."""
        for i, variable in enumerate(self.stored_variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take the state from a mapping that `save_own_variables` filled."""
        own = self.stored_variables
        if len(store.keys()) == len(self.variables):
            own = self.variables  # of a file that leaves none out
        if len(store.keys()) == _BEFORE_BUILD < len(own):
            own = own[:_BEFORE_BUILD]  # compiled, and never trained
        if len(store.keys()) != len(own):
            warn_user(
                f"optimizer {self.name!r}: its state is not loaded; it has "
                f"{len(own)} variables and the file has {len(store.keys())}. "
                "Build it on the same model first."
            )
            return
        for i, variable in enumerate(own):
            variable.assign(store[str(i)])
