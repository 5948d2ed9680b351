"""Settings of the whole library: default dtype, epsilon, data format, backend.

Defaults come from the config file, `$MINIKERAS_HOME/minikeras.json` or
`~/.minikeras/minikeras.json`, read when a setting is first asked for:

    {"floatx": "float32", "epsilon": 1e-07,
     "image_data_format": "channels_last", "backend": "numba"}
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from minikeras import console
from minikeras.engine import backend as registry
from minikeras.engine import dtypes, settings, tracebacks

DATA_FORMATS = ("channels_last", "channels_first")

_epsilon: float | None = None
_image_data_format: str | None = None
_flash_attention: bool | None = None
# Limits of training, once they are known: set here, or read from the environment.
_limits: dict[str, int | None] = {}


def floatx() -> str:
    """The dtype that floats get where none is said, `"float32"` unless changed.

    Example:
        >>> floatx()
        'float32'
    """
    return dtypes.floatx()


def set_floatx(value: str) -> None:
    """Sets the default float dtype, for what is created from now on.

    Args:
        value: `"bfloat16"`, `"float16"`, `"float32"` or `"float64"`.

    Raises:
        ValueError: If it is none of these.

    Example:
        >>> set_floatx("float64")
        >>> floatx()
        'float64'
        >>> set_floatx("float32")
    """
    dtypes.set_floatx(value)


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite, 1e-7 unless changed.

    Example:
        >>> epsilon()
        1e-07
    """
    global _epsilon
    if _epsilon is None:
        value = settings.file_value("epsilon")
        if value is not None and not _is_positive(value):
            settings.ignored("epsilon", value, "a number above 0")
            value = None
        _epsilon = 1e-7 if value is None else float(value)
    return _epsilon


def set_epsilon(value: float) -> None:
    """Sets the small number that keeps divisions and logarithms finite.

    Args:
        value: A number above 0.

    Raises:
        ValueError: If it is not.

    Example:
        >>> set_epsilon(1e-5)
        >>> epsilon()
        1e-05
        >>> set_epsilon(1e-7)
    """
    global _epsilon
    if not _is_positive(value):
        raise ValueError(f"set_epsilon: got {value!r}; expected a number above 0.")
    _epsilon = float(value)


def _is_positive(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value < 1e9
    )


def dtype_policy() -> Any:
    """The dtype policy of layers that are made without `dtype`.

    Example:
        >>> dtype_policy().name
        'float32'
    """
    # Policies need this module's settings, so they are looked up when asked for.
    return importlib.import_module("minikeras.dtype_policies").dtype_policy()


def set_dtype_policy(policy: Any) -> None:
    """Sets the dtype policy of layers that are made without `dtype`.

    Args:
        policy: A `DTypePolicy`, or its name, such as `"mixed_bfloat16"`.

    Raises:
        ValueError: If it stands for no policy.

    Example:
        >>> set_dtype_policy("mixed_bfloat16")
        >>> dtype_policy().compute_dtype
        'bfloat16'
        >>> set_dtype_policy("float32")
    """
    importlib.import_module("minikeras.dtype_policies").set_dtype_policy(policy)


def enable_unsafe_deserialization() -> None:
    """Lets configs run the code stored in them, in this process from now on.

    Python lambdas are stored as code, which may do anything; call this only if you
    trust where every config comes from. `safe_mode=False` does it for one call.
    """
    module = importlib.import_module("minikeras.saving.functions")
    module.enable_unsafe_deserialization()


def image_data_format() -> str:
    """Where pictures keep their channels where a layer does not say it.

    Example:
        >>> image_data_format()
        'channels_last'
    """
    global _image_data_format
    if _image_data_format is None:
        _image_data_format = settings.file_choice(
            "image_data_format", DATA_FORMATS, DATA_FORMATS[0]
        )
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets where pictures keep their channels where a layer does not say it.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: If it is neither.

    Example:
        >>> set_image_data_format("channels_last")
    """
    global _image_data_format
    if data_format not in DATA_FORMATS:
        raise ValueError(
            f"set_image_data_format: got {data_format!r}; expected one of "
            f"{', '.join(DATA_FORMATS)}."
        )
    _image_data_format = data_format


def backend() -> str:
    """The name of the backend in use: `"numpy"`, `"numba"`, `"cupy"`, or a registered one.

    Example:
        >>> isinstance(backend(), str)
        True
    """
    return registry.current_name()


def set_backend(backend: str) -> None:
    """Switches to another backend, in the running process.

    Live models, variables and optimizers go on working: their values move when they
    are next used. Tensors that an op returned earlier move in the same way.

    Args:
        backend: The name of a registered backend.

    Raises:
        BackendError: If it is unknown, its package is not installed, or it cannot run
            on this machine. The backend in use then stays in use.

    Example:
        >>> before = backend()
        >>> set_backend("numpy")
        >>> backend()
        'numpy'
        >>> set_backend(before)
    """
    registry.use(backend)


def enable_interactive_logging() -> None:
    """Progress of `fit` and friends goes to the screen. This is the default."""
    console.set_interactive(True)


def disable_interactive_logging() -> None:
    """Progress of `fit` and friends goes to the log named `minikeras`, one line a run."""
    console.set_interactive(False)


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to the screen.

    Example:
        >>> is_interactive_logging_enabled()
        True
    """
    return console.interactive()


def enable_traceback_filtering() -> None:
    """Errors show the lines of one's own code, not those inside this package (the default)."""
    tracebacks.set_filtering(True)


def disable_traceback_filtering() -> None:
    """Errors show every line, also those inside this package."""
    tracebacks.set_filtering(False)


def is_traceback_filtering_enabled() -> bool:
    """Whether errors leave out the lines inside this package.

    Example:
        >>> is_traceback_filtering_enabled()
        True
    """
    return tracebacks.filtering()


def enable_flash_attention() -> None:
    """Kept for scripts written for Keras: attention is computed in one way here."""
    global _flash_attention
    _flash_attention = None


def disable_flash_attention() -> None:
    """Kept for scripts written for Keras: attention is computed in one way here."""
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """False after `disable_flash_attention`; else None: nothing is asked for.

    Example:
        >>> is_flash_attention_enabled() is None
        True
    """
    return _flash_attention


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
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]
