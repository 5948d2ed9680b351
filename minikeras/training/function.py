"""`keras.function`: a function of one's own, compiled as the training steps are."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar, overload

from minikeras.engine.compile import Function, jit

F = TypeVar("F", bound=Callable[..., Any])


class CompiledFunction:
    """A function that runs as a program of kernels.

    Made by `keras.function`. As a method it is compiled for each object apart.

    Attributes:
        python_function: The function itself.
        traces: How many times it was run in Python to be compiled.
        fallback: Whether it turned out not to be compilable, and runs eagerly.
    """

    def __init__(
        self, python_function: Callable[..., Any], name: str | None = None
    ) -> None:
        # So that inspection, docs and pickling see the function that was written.
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self._name = name
        self._compiled: Function = jit(python_function, name)
        # By the id of an object: its program, which lives as long as the object, and its
        # method, which lives as long as somebody holds it.
        self._programs: dict[int, tuple[Any, CompiledFunction]] = {}
        self._methods: weakref.WeakValueDictionary[int, BoundFunction] = (
            weakref.WeakValueDictionary()
        )

    @property
    def traces(self) -> int:
        """How many times the Python function was run to be compiled."""
        return self._compiled.traces

    @property
    def fallback(self) -> bool:
        """Whether it cannot be compiled, and runs eagerly."""
        return self._compiled.fallback

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function."""
        return self._compiled(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        found = self._methods.get(id(instance))
        if found is None:
            found = BoundFunction(self._program_of(instance), instance)
            self._methods[id(instance)] = found
        return found

    def _program_of(self, instance: object) -> CompiledFunction:
        """The function compiled for an object: objects that are equal are not the same."""
        # Not by equality or hash, which users define: equal objects may hold different
        # weights.
        key = id(instance)
        if key in self._programs:
            return self._programs[key][1]
        python_function, programs = self.python_function, self._programs
        try:
            held: Any = weakref.ref(instance, lambda _: programs.pop(key, None))
        except TypeError:  # of a class with __slots__: it stays as long as its class
            held = functools.partial(_given, instance)

        @functools.wraps(python_function)
        def method(*args: object, **kwargs: object) -> Any:
            return python_function(held(), *args, **kwargs)

        found = CompiledFunction(method, self._name)
        programs[key] = held, found
        return found

    def __reduce__(self) -> Any:
        # Programs stay behind: a copy compiles anew.
        return CompiledFunction, (self.python_function, self._name)

    def __repr__(self) -> str:
        name = self._name or getattr(self.python_function, "__qualname__", "function")
        return f"<keras.function {name}>"


class BoundFunction:
    """A compiled function as a method of an object, which it keeps alive.

    It has the attributes of `CompiledFunction`.
    """

    def __init__(self, compiled: CompiledFunction, instance: object) -> None:
        functools.update_wrapper(self, compiled.python_function)
        self.__func__ = compiled
        self.__self__ = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the method."""
        return self.__func__(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__func__"], name)

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__func__.python_function.__name__)

    def __repr__(self) -> str:
        return repr(self.__func__)


def _given(instance: object) -> object:
    return instance


@overload
def function(func: F, *, name: str | None = None) -> F: ...


@overload
def function(func: None = None, *, name: str | None = None) -> Callable[[F], F]: ...


def function(
    func: object = None, *, name: str | None = None
) -> Callable[..., Any] | CompiledFunction | BoundFunction:
    """Compile a function: a training step of one's own, or any other.

    With each new signature (shapes and dtypes of the tensors and arrays, and the values of
    other arguments) the function runs once in Python and is noted down; from then on its
    program runs, without Python in between. Variables that it reads or assigns, such as a
    model's weights, an optimizer's slots or a metric's sums, are read and assigned each
    time. What it prints, or appends to a list, happens while it is compiled only.

    A function that needs the values of tensors in Python (`if x > 0:`, `float(x)`) runs
    eagerly, with one warning that names the line. Inside of another compiled function it
    is a part of that.

    Args:
        func: The function; None for a decorator with arguments.
        name: What to call it in messages. Default: its own name.

    Returns:
        A function of the same arguments. Tensors come out as tensors.

    Raises:
        TypeError: If `func` cannot be called.

    Example:
        >>> keras.utils.set_random_seed(0)
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> optimizer = keras.optimizers.SGD(0.1)
        >>> loss_of = keras.losses.MeanSquaredError()
        >>> @keras.function
        ... def train_step(x, y):
        ...     with keras.GradientTape() as tape:
        ...         loss = loss_of(y, model(x, training=True))
        ...     weights = model.trainable_variables
        ...     optimizer.apply(tape.gradient(loss, weights), weights)
        ...     return loss
        >>> x = np.random.rand(32, 3).astype("float32")
        >>> losses = [float(train_step(x, x.sum(1, keepdims=True))) for _ in range(50)]
        >>> losses[-1] < losses[0] / 4, train_step.traces
        (True, 1)
    """
    if func is None:
        return lambda given: function(given, name=name)
    if isinstance(func, (CompiledFunction, BoundFunction)):
        return func
    if not callable(func):
        raise TypeError(
            f"keras.function: got a {type(func).__name__}; expected a function."
        )
    return CompiledFunction(func, name)
