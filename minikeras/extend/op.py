"""Ops of one's own: a NumPy function becomes a primitive, with kernels for backends."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from minikeras.engine.backend import BUILT_IN, registered
from minikeras.engine.primitive import Infer, Vjp
from minikeras.engine.user_rows import KernelError as KernelError
from minikeras.engine.user_rows import UserKernel, UserRow, register, settled

K = TypeVar("K")


class Op(Protocol):
    """What `op` makes: a function of tensors, like those of `keras.ops`.

    Attributes:
        row: The primitive behind it.
    """

    __name__: str
    row: UserRow

    def __call__(self, *arrays: Any, **attributes: Any) -> Any:
        """The op on arrays, tensors, variables or KerasTensors."""

    def kernel(self, backend: str, source: object = None, **options: object) -> Any:
        """Give a backend a kernel for it; see `op`."""


def op(
    *,
    infer: Infer,
    vjp: Vjp | None = None,
    outputs: int | None = None,
    name: str | None = None,
    package: str = "Custom",
) -> Callable[[Callable[..., Any]], Op]:
    """Make an op of a NumPy function: decorator.

    The function is the op's reference. Its positional parameters are arrays, which come as
    NumPy's and are not to be written; those by keyword only are static, with defaults or
    without: numbers, bools, texts, None, tuples of them. The backend numpy runs it, and so
    does every backend for which there is no kernel.

    What the op gives works as the functions of `keras.ops` do: on lists and NumPy arrays,
    tensors and variables; on KerasTensors, in functional models and in their files; in
    layers, `fit`, `keras.function` and under a `GradientTape`. Dtypes are not promoted:
    `infer` says what it takes.

    `.kernel(backend)` is a decorator for a faster form on that backend, of a function that
    gets the arrays, then its results to be written (`out`, or `out0`, `out1`, ... where
    `outputs` is given), then the static parameters by their names:

    - `"numba"`: a plain function, or one of `numba.njit`. Numba compiles it when it is
      first used, once for each combination of dtypes and ranks, and keeps the machine code on disk;
      compiled steps call it by its address, with no Python between and without the GIL.
      Arrays are C-contiguous. Numbers come when it runs; texts, bools, None and tuples are
      part of the compiled code. With `parallel=True` it takes `start` and `stop` behind the
      results and writes these rows of the first axis of `out` alone; threads share them
      out, at least `grain` (default 1) rows each. Other options go to `numba.njit`.
      float16 and bfloat16, which Numba has not, take the reference.
    - `"cupy"`: a function of CuPy arrays (such as a `cupy.ElementwiseKernel`), or text: the body of
      a CUDA kernel for element `i` of the first result, in which arrays and results have
      their names, `x_0`, `x_1`, ... are the sizes of the axes of `x`, and numbers and
      bools have their names. `.kernel("cupy", text)` needs no function.

    A kernel that does not compile raises `KernelError`, which names the op: it is not
    replaced in silence by something slow. An error raised in a kernel is raised by the
    call: the step ends there.

    Args:
        infer: Shape rule: `infer(*avals, **static)` gives the `Aval` of the result, or a
            tuple of them, and raises `ShapeError` for what the op cannot take. Sizes of
            unknown axes are integers in it like others.
        vjp: Gradient rule, `vjp(context, *upstream)`: for each array its gradient, or
            None, written with `keras.ops` or other ops, which makes it differentiable
            again. The context has `inputs`, `outputs` and `static`. Default: none, the op
            stops gradients.
        outputs: How many results come as a tuple. Default: one, not in a tuple.
        name: Default: the function's.
        package: Group of names in files of models, as for
            `keras.saving.register_keras_serializable`.

    Raises:
        TypeError: If a parameter is of another kind.
        ValueError: If another function has the name, or `outputs` is not positive.

    Example:

    >>> from minikeras import extend
    >>> def gradient(context, upstream):
    ...     (x,) = context.inputs
    ...     return upstream / (1 + keras.ops.abs(x)) ** 2
    >>> @extend.op(infer=lambda x: x, vjp=gradient, package="docs")
    ... def damped(x):
    ...     return x / (1 + np.abs(x))
    >>> @damped.kernel("numba")
    ... def damped_loop(x, out):
    ...     for i in np.ndindex(x.shape):
    ...         out[i] = x[i] / (1 + abs(x[i]))
    >>> x = keras.Variable([1.0, -3.0])
    >>> with keras.GradientTape() as tape:
    ...     y = damped(x)
    >>> y.numpy().tolist(), tape.gradient(y, x).numpy().tolist()
    ([0.5, -0.75], [0.25, 0.0625])
    """
    if outputs is not None and (not isinstance(outputs, int) or outputs < 1):
        raise ValueError(
            f"op: outputs={outputs!r}; expected how many results come as a tuple, or None "
            "for a single one."
        )

    def decorate(reference: Callable[..., Any]) -> Op:
        label = name or reference.__name__
        signature = inspect.signature(reference)
        arrays, attributes = _parameters(label, signature)
        full_name = f"{package}>{label}"
        row = UserRow(full_name, reference, infer, vjp, arrays, attributes, outputs)
        register(row)
        return _public(row, reference, signature)

    return decorate


def _parameters(
    label: str, signature: inspect.Signature
) -> tuple[list[str], list[str]]:
    """Names of the arrays and of the static parameters."""
    arrays, attributes = [], []
    for p in signature.parameters.values():
        if p.kind is p.KEYWORD_ONLY:
            attributes.append(p.name)
        elif p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise TypeError(
                f"op {label!r}: the reference takes {p}; expected so many arrays, and static "
                "parameters by keyword."
            )
        elif p.default is not p.empty:
            raise TypeError(
                f"op {label!r}: the array {p.name!r} has a default; what is static comes "
                f"behind a `*`: `(x, *, {p.name}={p.default!r})`."
            )
        else:
            arrays.append(p.name)
    if not arrays:
        raise TypeError(f"op {label!r}: the reference takes no array.")
    return arrays, attributes


def _public(
    row: UserRow, reference: Callable[..., Any], signature: inspect.Signature
) -> Op:
    """The function that users call, known to files by the row's name."""
    from minikeras.ops.op import op as make_op
    from minikeras.ops.op import to_tensor
    from minikeras.saving.registry import register_keras_serializable

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(
                f"op {row.label!r}: {error}; its signature is {signature}."
            ) from None
        bound.apply_defaults()
        given = bound.arguments
        tensors = [to_tensor(given[name]) for name in row.arrays]
        static = {name: settled(row, name, given[name]) for name in row.attributes}
        return row(*tensors, **static)

    call.__name__, call.__qualname__ = row.label, reference.__qualname__
    call.__module__, call.__doc__ = reference.__module__, reference.__doc__
    call.__signature__ = signature  # type: ignore[attr-defined]  # inspect looks for it
    made = cast(Any, make_op(call))
    made.row = row
    made.kernel = _Kernels(row).add
    package, _, label = row.name.partition(">")
    register_keras_serializable(package, label)(made)
    return cast(Op, made)


class _Kernels:
    """The kernels of an op: what `.kernel` adds to."""

    def __init__(self, row: UserRow) -> None:
        self.row = row

    def add(self, backend: str, source: Any = None, **options: Any) -> Any:
        """Give a backend a kernel.

        Args:
            backend: Its name.
            source: The kernel; without it this is a decorator.
            **options: See `op`.

        Raises:
            ValueError: If there is no such backend, or the backend cannot take the
                kernel: wrong parameters, options that it does not know.
        """
        if backend not in BUILT_IN and backend not in registered():
            raise ValueError(
                f"op {self.row.label!r}: kernel({backend!r}); expected one of "
                f"{', '.join(sorted(registered()))}."
            )
        if backend == "numpy":
            raise ValueError(
                f"op {self.row.label!r}: kernel('numpy'); that backend runs the reference."
            )

        def add(function: K) -> K:
            if callable(function):
                self.row.check_kernel(function, bool(options.get("parallel")))
            elif not isinstance(function, str) or backend != "cupy":
                raise ValueError(
                    f"op {self.row.label!r}: kernel({backend!r}) got "
                    f"{type(function).__name__}; expected a function"
                    + (" or the text of a CUDA kernel." if backend == "cupy" else ".")
                )
            self.row.kernels[backend] = UserKernel(function, dict(options))
            return function

        return add if source is None else add(source)
