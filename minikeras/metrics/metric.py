"""Metric: a number that is gathered batch by batch in variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from minikeras import initializers, naming, ops
from minikeras.engine import tree
from minikeras.engine.interpret import scope
from minikeras.losses.loss import standardize_dtype
from minikeras.metrics.over_ranks import together
from minikeras.metrics.stateless import with_values
from minikeras.types import PolicyLike
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import Identifier


# Where a metric files what it holds.
_OWN_LISTS = ("_variables", "_metrics")


class Metric:
    """Base class of metrics.

    A subclass makes its variables in `__init__` with `add_variable`, changes them in
    `update_state` and computes from them in `result`. All three are plain ops, so a
    compiled training step holds them.

    Args:
        dtype: What to compute in, a name or a policy. Default: `floatx()`.
        name: Default: the class's name in snake case.

    Example:

    >>> class Positives(keras.metrics.Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.count = self.add_variable((), "zeros", name="count")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         positive = keras.ops.cast(keras.ops.greater(y_pred, 0.5), self.dtype)
    ...         self.count.assign_add(keras.ops.sum(positive))
    ...     def result(self):
    ...         return self.count
    >>> metric = Positives()
    >>> metric.update_state([0, 1], [0.2, 0.7])
    >>> metric.update_state([0, 1], [0.9, 0.7])
    >>> float(metric.result())
    3.0
    """

    _saved_in_parts = True  # for `saving.walk`
    # "up" or "down": which values are better, for callbacks that watch them.
    _direction: str | None = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "update_state" in cls.__dict__:
            cls.update_state = together(cls.__dict__["update_state"])  # type: ignore[method-assign]  # wrapped once for each class

    def __init__(self, dtype: object = None, name: str | None = None) -> None:
        self._variables: list[Variable] = []
        self._metrics: list[Metric] = []
        self.name = naming.auto_name(type(self).__name__) if name is None else name
        self._dtype = standardize_dtype(dtype)

    def __setattr__(self, name: str, value: object) -> None:
        parts = [value]
        if isinstance(value, (list, tuple, dict)) and name not in _OWN_LISTS:
            parts = tree.flatten(value)
        for part in parts:
            self._track(name, part)
        super().__setattr__(name, value)

    def _track(self, name: str, value: object) -> None:
        """File a variable or a metric inside, once."""
        if isinstance(value, (Variable, Metric)):
            if "_variables" not in self.__dict__:
                raise RuntimeError(
                    f"metric {type(self).__name__}: call super().__init__() before setting "
                    f"{name!r}."
                )
            held: list[Any] = (
                self._variables if isinstance(value, Variable) else self._metrics
            )
            if not any(v is value for v in held):
                held.append(value)

    @property
    def dtype(self) -> str:
        """The dtype that the metric computes in."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The metric's state, that of metrics inside it included."""
        return [*self._variables, *[v for m in self._metrics for v in m.variables]]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Identifier,
        dtype: PolicyLike | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A new variable of the metric.

        Args:
            shape: Its shape.
            initializer: Name or initializer of its first value; None means zeros.
            dtype: Default: that of the metric.
            aggregation: What becomes of it where several processes train together:
                `"sum"`, the default: what each adds to it is added up; `"mean"`: its
                values are averaged; others: each process has its own.
            name: Its name.
        """
        with naming.name_scope(
            self.name.replace("/", "_")
        ):  # of nested outputs: "b/c_loss"
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=tuple(shape),
                dtype=self.dtype if dtype is None else dtype,
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Identifier = None,
        dtype: PolicyLike | None = None,
        name: str | None = None,
    ) -> Variable:
        """As `add_variable`, under its name in older Keras."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def reset_state(self) -> None:
        """Forget all batches: every variable becomes zero."""
        for variable in self.variables:
            variable.assign(ops.zeros(variable.shape, dtype=variable.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Take in one batch; a subclass writes this."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state().")

    def result(self) -> Any:
        """The value over all batches so far; a subclass writes this."""
        raise NotImplementedError(f"{type(self).__name__} must define result().")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in one batch and give the value so far."""
        with scope(self.name):
            self.update_state(*args, **kwargs)
            return self.result()

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: object, **kwargs: object
    ) -> list[Any]:
        """`update_state` as a pure function: values of `variables` in, new ones out.

        Args:
            metric_variables: One value for each of `variables`.
            *args: Passed on.
            **kwargs: Passed on.

        Raises:
            ValueError: If there are not as many values as variables.
        """
        own = self.variables

        def run() -> list[Any]:
            self.update_state(*args, **kwargs)
            return [v.value for v in own]

        return with_values(own, metric_variables, run)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """`result` as a pure function of values of `variables`.

        Args:
            metric_variables: One value for each of `variables`.

        Raises:
            ValueError: If there are not as many values as variables.
        """

        def run() -> Any:
            result = self.result()
            return result.value if isinstance(result, Variable) else result

        return with_values(self.variables, metric_variables, run)

    def stateless_reset_state(self) -> list[Any]:
        """The values that the variables have after `reset_state`."""
        own = self.variables

        def run() -> list[Any]:
            self.reset_state()
            return [v.value for v in own]

        return with_values(own, [v.value for v in own], run)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the same metric again, without its state."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The metric that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
