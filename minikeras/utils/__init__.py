"""Utilities: `keras.utils`."""

from minikeras import naming as _naming
from minikeras.callbacks.progbar import Progbar
from minikeras.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from minikeras.engine.backend import release as _release
from minikeras.engine.dtypes import standardize as standardize_dtype
from minikeras.engine.symbolic import is_keras_tensor
from minikeras.layers.preprocessing.feature_space import FeatureSpace
from minikeras.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from minikeras.training.data import (
    PyDataset,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from minikeras.training.data.dataset import Dataset
from minikeras.utils import bounding_boxes, legacy
from minikeras.utils.arrays import normalize, pad_sequences, to_categorical
from minikeras.utils.audio_dataset import audio_dataset_from_directory
from minikeras.utils.files import get_file
from minikeras.utils.image_dataset import image_dataset_from_directory
from minikeras.utils.images import array_to_img, img_to_array, load_img, save_img
from minikeras.utils.options import Config
from minikeras.utils.plotting import model_to_dot, plot_model
from minikeras.utils.profiling import profile
from minikeras.utils.seeds import set_random_seed
from minikeras.utils.sources import get_source_inputs
from minikeras.utils.splitting import split_dataset
from minikeras.utils.text_dataset import text_dataset_from_directory
from minikeras.utils.timeseries import timeseries_dataset_from_array

Sequence = PyDataset  # Keras 2's name


def clear_session(free_memory: bool = True) -> None:
    """Start counting automatic names anew.

    Args:
        free_memory: Whether to give back to a GPU what was kept for later. Memory of
            the CPU goes with its last user.

    Example:

    >>> keras.utils.clear_session()
    >>> keras.layers.Dense(1).name
    'dense'
    """
    _naming.reset()
    if free_memory:
        _release()


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Config",
    "CustomObjectScope",
    "Dataset",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "legacy",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "profile",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
