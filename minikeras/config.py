"""Settings of the whole library: `keras.config`.

Those that everything asks for are in `minikeras.settings`, below ops; here stand
those of policies, of stored code, of what is shown, and of the length of training.
"""

from __future__ import annotations

import os

from minikeras import console
from minikeras.dtype_policies import dtype_policy, set_dtype_policy
from minikeras.engine import precision as _precision
from minikeras.engine import tracebacks
from minikeras.saving.functions import enable_unsafe_deserialization
from minikeras.settings import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_backend,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

_flash_attention: bool | None = None
# Limits of training, once they are known: set here, or read from the environment.
_limits: dict[str, int | None] = {}


def enable_interactive_logging() -> None:
    """Progress of `fit` and friends goes to the screen. This is the default.

    Example:

    >>> keras.utils.enable_interactive_logging()
    >>> keras.utils.is_interactive_logging_enabled()
    True
    """
    console.set_interactive(True)


def disable_interactive_logging() -> None:
    """Progress of `fit` and friends goes to the log named `minikeras`, one line a run.

    Example:

    >>> keras.utils.disable_interactive_logging()
    >>> keras.utils.is_interactive_logging_enabled()
    False
    >>> keras.utils.enable_interactive_logging()
    """
    console.set_interactive(False)


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to the screen.

    Example:
        >>> is_interactive_logging_enabled()
        True
    """
    return console.interactive()


def enable_traceback_filtering() -> None:
    """Errors show the lines of one's own code, not those inside this package (the default).

    Example:

    >>> keras.config.enable_traceback_filtering()
    >>> keras.config.is_traceback_filtering_enabled()
    True
    """
    tracebacks.set_filtering(True)


def disable_traceback_filtering() -> None:
    """Errors show every line, also those inside this package.

    Example:

    >>> keras.config.disable_traceback_filtering()
    >>> keras.config.is_traceback_filtering_enabled()
    False
    >>> keras.config.enable_traceback_filtering()
    """
    tracebacks.set_filtering(False)


def is_traceback_filtering_enabled() -> bool:
    """Whether errors leave out the lines inside this package.

    Example:
        >>> is_traceback_filtering_enabled()
        True
    """
    return tracebacks.filtering()


def enable_flash_attention() -> None:
    """Kept for scripts written for Keras: attention is computed in one way here.

    Example:

    >>> keras.config.enable_flash_attention()
    """
    global _flash_attention
    _flash_attention = None


def disable_flash_attention() -> None:
    """Kept for scripts written for Keras: attention is computed in one way here.

    Example:

    >>> keras.config.disable_flash_attention()
    """
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """False after `disable_flash_attention`; else None: nothing is asked for.

    Example:
        >>> is_flash_attention_enabled() is None
        True
    """
    return _flash_attention


def matmul_precision() -> str:
    """How exact products of float32 are: `"highest"` unless it was set.

    Example:
        >>> matmul_precision()
        'highest'
    """
    return _precision.matmul_precision()


def set_matmul_precision(precision: str) -> None:
    """Say how exact matrix products and convolutions of float32 must be.

    Tensor cores of GPUs multiply float32 several times faster when operands may be rounded
    to TF32, 10 bits of fraction in place of 23; sums stay float32. That suits most
    training. It changes the backend `cupy` only: on processors (`numpy`, `numba`) nothing
    is faster for being rounded, and products are exact whatever is chosen here. What is
    computed in float64, float16 or bfloat16 is not touched either.

    The environment variable `MINIKERAS_TF32=1` sets `"high"` from the start.

    Args:
        precision: `"highest"`: float32 products are exact. `"high"`: their operands may be
            rounded to TF32.

    Raises:
        ValueError: If it is neither.

    Example:
        >>> set_matmul_precision("high")
        >>> matmul_precision()
        'high'
        >>> set_matmul_precision("highest")
    """
    _precision.set_matmul_precision(precision)


def _limit(name: str) -> int | None:
    """A limit as it was set, or as the environment says."""
    if name not in _limits:
        variable = f"KERAS_{name.upper()}"
        text = os.environ.get(f"MINI{variable}") or os.environ.get(variable)
        value = int(text) if text and text.strip().isdecimal() else 0
        if text and not value:
            raise ValueError(
                f"the environment variable {variable} is {text!r}; expected a positive "
                "integer."
            )
        _limits[name] = value or None
    return _limits[name]


def _set_limit(name: str, value: int | None) -> None:
    counts = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if value is not None and not counts:
        raise ValueError(
            f"set_{name}: got {value!r}; expected a positive integer, or None for no limit."
        )
    _limits[name] = value


def max_epochs() -> int | None:
    """How many epochs `fit` trains at most, whatever it is asked for; None: no limit.

    Set by `set_max_epochs`, or by the environment variable `MINIKERAS_MAX_EPOCHS` or
    `KERAS_MAX_EPOCHS`: a script runs through quickly so, to see that it does.

    Example:
        >>> max_epochs() is None
        True
    """
    return _limit("max_epochs")


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`.

    Args:
        max_epochs: Number of the last epoch at most; None takes the limit away.

    Raises:
        ValueError: If it is no positive integer.

    Example:
        >>> set_max_epochs(1)
        >>> max_epochs()
        1
        >>> set_max_epochs(None)
    """
    _set_limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """How many batches an epoch of `fit`, `evaluate` or `predict` has at most, or None.

    Set by `set_max_steps_per_epoch`, or by the environment variable
    `MINIKERAS_MAX_STEPS_PER_EPOCH` or `KERAS_MAX_STEPS_PER_EPOCH`.

    Example:
        >>> max_steps_per_epoch() is None
        True
    """
    return _limit("max_steps_per_epoch")


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every epoch of `fit`, `evaluate` and `predict`.

    Args:
        max_steps_per_epoch: Number of batches at most; None takes the limit away.

    Raises:
        ValueError: If it is no positive integer.

    Example:
        >>> set_max_steps_per_epoch(10)
        >>> max_steps_per_epoch()
        10
        >>> set_max_steps_per_epoch(None)
    """
    _set_limit("max_steps_per_epoch", max_steps_per_epoch)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "matmul_precision",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_matmul_precision",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]
