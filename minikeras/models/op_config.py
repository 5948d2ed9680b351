"""Functions of `ops` in the configs of functional models.

Keras has a class for each function: what holds no tensors, such as an axis, are arguments of
the class and stand in its config; the others are arguments of the call. Here the names of
the arguments tell which is which.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.symbolic import any_symbolic
from minikeras.engine.user_rows import UserRow
from minikeras.layers.base.node import OpCall
from minikeras.naming import to_snake_case
from minikeras.saving import builtin, registry, serialization
from minikeras.settings import image_data_format

if TYPE_CHECKING:
    from collections.abc import Callable

# Arguments of Keras's classes; those of calls have other names.
_STATIC = frozenset(
    ("N", "alpha", "antialias", "approximate", "assume_unique", "attn_logits_soft_cap",
     "axes", "axis", "axis1", "axis2", "axisa", "axisb", "axisc", "base", "beam_width",
     "block_size", "body", "body_fun", "bottom_cropping", "bottom_padding", "center",
     "compute_uv", "cond", "crop_to_aspect_ratio", "data_format", "decimals",
     "default_value", "destination", "dilation", "dilation_rate", "dtype", "dx", "endpoint",
     "epsilon", "equal_nan", "fft_length", "fill_mode", "filter_sigma", "filter_size",
     "flash_attention", "from_logits", "full_matrices", "function", "increasing",
     "indexing", "indices_or_sections", "initial", "interpolation", "invert", "is_causal",
     "k", "k1", "k2", "keepdims", "kernel_size", "kth", "left_cropping", "left_padding",
     "length", "lower", "mask_index", "max_val", "maximum_iterations", "merge_repeated",
     "method", "minlength", "mode", "n", "nan", "negative_slope", "neginf", "newshape",
     "num", "num_classes", "num_segments", "offset", "ord", "order", "output_padding",
     "output_size", "pad_to_aspect_ratio", "pad_width", "padding", "pool_size", "posinf",
     "ragged", "range", "rcond", "reduction", "repeats", "retstep", "return_counts",
     "return_index", "return_inverse", "reverse", "right_cropping", "right_padding", "seed",
     "sequence_length", "sequence_stride", "shape", "shift", "side", "sigma", "size",
     "sorted", "source", "sparse", "spatial_dims", "stride", "strategy", "strides",
     "subscripts", "synchronized", "target_height", "target_width", "threshold", "tol",
     "top_cropping", "top_padding", "top_paths", "unroll", "upper", "window", "x_max",
     "x_min")
)  # fmt: skip
# Where a name means the one thing in most functions and the other in these.
_EXCEPTIONS = {
    "allclose": {"atol": True, "rtol": True},
    "batch_normalization": {"offset": False},
    "bincount": {"weights": True},
    "histogram": {"bins": True},
    "squareplus": {"b": True},
    "trapezoid": {"x": True},
    "unique": {"fill_value": True},
    **{
        name: {"fill_value": True}
        for name in ("resize", "affine_transform", "map_coordinates",
                     "perspective_transform", "elastic_transform")
    },
}  # fmt: skip
# What may be left out here, and Keras's classes have no default or another one for.
_ALWAYS_GIVEN = {
    "average_pool": ("strides",),
    "batch_normalization": ("offset", "scale"),
    "conv_transpose": ("padding", "output_padding"),
    "layer_normalization": ("gamma", "beta"),
    "max_pool": ("strides",),
    "rms_normalization": ("scale",),
}
_CLASSES = {
    "allclose": "AllClose",
    "batch_normalization": "BatchNorm",
    "cdist": "CDist",
    "ctc_decode": "CTCDecode",
    "ctc_loss": "CTCLoss",
    "fft": "FFT",
    "fft2": "FFT2",
    "hard_swish": "HardSilu",
    "hsv_to_rgb": "HSVToRGB",
    "ifft2": "IFFT2",
    "irfft": "IRFFT",
    "isin": "IsIn",
    "jvp": "JVP",
    "istft": "ISTFT",
    "layer_normalization": "LayerNorm",
    "psnr": "PSNR",
    "rfft": "RFFT",
    "rgb_to_grayscale": "RGBToGrayscale",
    "rgb_to_hsv": "RGBToHSV",
    "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted",
    "ssim": "SSIM",
    "stft": "STFT",
    "svd": "SVD",
    "swish": "Silu",
}
_FUNCTIONS = {
    name: function
    for function, name in _CLASSES.items()
    if function not in ("swish", "hard_swish")
}


_USERS = "minikeras.extend"


def is_op(data: dict[str, Any]) -> bool:
    """Whether a config's module says that it is a function of `ops`, or a user's."""
    module = str(data.get("module") or "")
    if module == _USERS:
        return True
    return ".ops" in module and module.split(".")[0] in ("keras", "minikeras")


def write_operation(operation: OpCall, calls: list[Any]) -> dict[str, Any]:
    """The config of a function of `ops`, without its calls.

    Args:
        operation: The function.
        calls: Its nodes, of which the first gives what stands in the config.
    """
    name = operation.function.__name__
    static = split(operation, calls[0])[2] if calls else {}
    if isinstance(getattr(operation.function, "row", None), UserRow):
        return {
            "module": _USERS,
            "class_name": name,
            "config": {
                "name": operation.name,
                **serialization.serialize_keras_object(static),
            },
            "registered_name": registry.get_registered_name(operation.function),
        }
    if "data_format" in inspect.signature(operation.function).parameters:
        # Keras's classes, unlike its functions, do not look for the default.
        static = {
            **static,
            "data_format": static.get("data_format") or image_data_format(),
        }
    camel = "".join(part.capitalize() for part in name.split("_"))
    class_name = _CLASSES.get(name, camel)
    image = getattr(ops.image, name, None) is operation.function
    return {
        "module": "keras.src.ops.image" if image else "keras.src.ops",
        "class_name": class_name,
        "config": {
            "name": operation.name,
            **serialization.serialize_keras_object(static),
        },
        "registered_name": class_name,
    }


def split(
    operation: OpCall, node: Any
) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
    """A call's positional and keyword arguments, and what belongs into the config."""
    function = operation.function
    odd = _EXCEPTIONS.get(function.__name__, {})
    row = getattr(function, "row", None)
    known = _STATIC
    if isinstance(row, UserRow):
        odd, known = {}, frozenset(row.attributes)
    parameters = inspect.signature(function).parameters
    kinds = [(p.name, p.kind is p.POSITIONAL_OR_KEYWORD) for p in parameters.values()]
    named = [name for name, positional in kinds if positional]
    args: list[Any] = []
    static: dict[str, Any] = {}
    for place, value in enumerate(node.args):
        name = named[place] if place < len(named) else ""
        if odd.get(name, name in known) and not _holds_tensor(value):
            static[name] = value
        else:
            args.append(value)
    kwargs: dict[str, Any] = {}
    for name, value in node.kwargs.items():
        into = odd.get(name, name in known) and not _holds_tensor(value)
        (static if into else kwargs)[name] = value
    given = {*named[: len(node.args)], *node.kwargs}
    for name in _ALWAYS_GIVEN.get(function.__name__, ()):
        if name not in given:
            into = odd.get(name, name in known)
            (static if into else kwargs)[name] = parameters[name].default
    return tuple(args), kwargs, static


def _holds_tensor(value: object) -> bool:
    return any_symbolic(*tree.flatten(value))


def found_op(class_name: str) -> Any:
    """The function of `ops` that Keras's class of this name stands for, or None.

    >>> found_op("LogSoftmax") is keras.ops.log_softmax
    True
    """
    name = _FUNCTIONS.get(class_name, to_snake_case(class_name))
    return builtin.find_op(name) or _image_op(name)


def is_static(function: Callable[..., Any], name: str) -> bool:
    """Whether an argument of a function of `ops` is one of Keras's class, not of its call."""
    return _EXCEPTIONS.get(function.__name__, {}).get(name, name in _STATIC)


def read_operation(data: dict[str, Any]) -> tuple[OpCall, dict[str, Any]]:
    """The function of a config, and the arguments that stand in it.

    Raises:
        ValueError: If there is no such function.
    """
    config = dict(data["config"])
    class_name = str(data["class_name"])
    if data.get("module") == _USERS:
        return _read_users(data, config)
    function = found_op(class_name)
    if function is None:
        raise ValueError(f"the config has an op {class_name!r}, unknown here.")
    label = config.pop("name", None) or data.get("name")  # early Keras 3: only there
    known = set(inspect.signature(function).parameters)
    static = {k: v for k, v in config.items() if v is not None or k in known}
    if static.get("dtype", "") is None:
        del static["dtype"]
    return OpCall(function, label), serialization.deserialize_keras_object(static)


def _read_users(
    data: dict[str, Any], config: dict[str, Any]
) -> tuple[OpCall, dict[str, Any]]:
    """An op made by `minikeras.extend.op`: the one that has the name now."""
    name, short = str(data.get("registered_name")), str(data["class_name"])
    function = registry.get_registered_object(name)
    if function is None:
        function = registry.get_registered_object(short)
    if not isinstance(getattr(function, "row", None), UserRow):
        raise ValueError(
            f"the config has the op {name!r}, made by minikeras.extend.op, which is not "
            "defined in this process; import the module that defines it, then load."
        )
    label = config.pop("name", None)
    return OpCall(function, label), serialization.deserialize_keras_object(config)


def arranged(
    operation: OpCall, args: list[Any], kwargs: dict[str, Any], static: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """A call's arguments together with those of the config, in the function's order."""
    parameters = inspect.signature(operation.function).parameters.values()
    rest, waiting = dict(static), list(args)
    found: list[Any] = []
    for parameter in parameters:
        if not waiting or parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            break
        name = parameter.name
        found.append(rest.pop(name) if name in rest else waiting.pop(0))
    return [*found, *waiting], {**rest, **kwargs}


def _image_op(name: str) -> Any:
    found = getattr(ops.image, name, None) if name in dir(ops.image) else None
    return found if inspect.isfunction(found) else None
