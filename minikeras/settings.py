"""What everything below layers asks for: default dtype, epsilon, data format, backend.

Defaults come from the config file, `$MINIKERAS_HOME/minikeras.json` or
`~/.minikeras/minikeras.json`, read when a setting is first asked for:

    {"floatx": "float32", "epsilon": 1e-07,
     "image_data_format": "channels_last", "backend": "numba"}

`keras.config` offers these functions, and those of settings that live higher up.
"""

from __future__ import annotations

from minikeras.engine import backend as registry
from minikeras.engine import config_file, dtypes
from minikeras.engine.forgetting import forget

DATA_FORMATS = ("channels_last", "channels_first")

_epsilon: float | None = None
_image_data_format: str | None = None


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
        value = config_file.file_value("epsilon")
        if value is not None and not _is_positive(value):
            config_file.ignored("epsilon", value, "a number above 0")
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
    forget()


def _is_positive(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value < 1e9
    )


def image_data_format() -> str:
    """Where pictures keep their channels where a layer does not say it.

    Example:
        >>> image_data_format()
        'channels_last'
    """
    global _image_data_format
    if _image_data_format is None:
        _image_data_format = config_file.file_choice(
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
    forget()


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
