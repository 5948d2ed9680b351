"""`import keras` and what else a script may write at its top."""

import importlib
import importlib.util
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minikeras
from minikeras import alias
from minikeras.alias import table

pytestmark = pytest.mark.usefixtures("aliased")


def test_names_are_ours():
    import keras
    import tensorflow as tf
    from keras.layers import Dense
    from tensorflow import keras as second
    from tensorflow.keras import layers

    assert keras.layers.Dense is Dense is minikeras.layers.Dense
    assert second is keras is tf.keras and layers is keras.layers
    assert keras.Model is minikeras.Model and keras.src.models.Model is keras.Model
    assert keras.layers.__spec__.name == "keras.layers"


def test_version_and_backend_are_what_packages_ask_for(monkeypatch):
    import keras

    assert keras.__version__ == keras.version() == "3.15.1"
    exec("from keras.src.version import __version__; assert __version__ == '3.15.1'")
    for module in (
        keras.backend,
        keras.config,
        keras.src.backend,
        keras.src.backend.config,
    ):
        assert module.backend() == "numpy"
    monkeypatch.setenv("MINIKERAS_KERAS_BACKEND_NAME", "jax")
    assert keras.backend.backend() == "jax"
    monkeypatch.setenv("MINIKERAS_KERAS_BACKEND_NAME", "abacus")
    with pytest.raises(ValueError, match="expected one of"):
        keras.backend.backend()
    assert minikeras.config.backend() in ("numpy", "numba", "cupy")


def test_star_gives_submodules():
    names = {}
    exec("from keras import *", names)
    assert {"layers", "ops", "Model", "applications", "Variable"} <= set(names)
    assert not [
        name for name in names if name.startswith("_") and name != "__builtins__"
    ]


def test_every_path_imports_and_lists_its_names(caplog):
    for name in table._entries():
        module = importlib.import_module(name)
        assert isinstance(dir(module), list)
        assert importlib.import_module(name) is module
        assert importlib.util.find_spec(name).name == name
    text = [r.message for r in caplog.records if r.name == "minikeras"]
    assert len(text) == len(set(text)), "one note for each old path"


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("keras.engine.topology", ["Layer", "InputSpec", "Input"]),
        ("keras.engine.training", ["Model"]),
        ("keras.layers.core", ["Dense", "Flatten", "Activation", "Dropout"]),
        ("keras.layers.convolutional", ["Conv2D", "MaxPooling2D", "UpSampling2D"]),
        ("keras.layers.normalization", ["BatchNormalization"]),
        ("keras.layers.recurrent", ["LSTM", "GRU"]),
        ("keras.layers.embeddings", ["Embedding"]),
        ("keras.layers.merge", ["add", "Concatenate", "concatenate"]),
        ("keras.layers.experimental.preprocessing", ["Layer"]),
        ("keras.utils.np_utils", ["to_categorical"]),
        ("keras.utils.generic_utils", ["get_custom_objects", "Progbar"]),
        ("keras.optimizers.legacy", ["Adam", "SGD"]),
        ("keras.optimizers.schedules", ["ExponentialDecay"]),
        ("keras.preprocessing.sequence", ["pad_sequences"]),
        (
            "keras.src.saving.serialization_lib",
            ["serialize_keras_object", "SafeModeScope"],
        ),
        ("keras.src.saving.keras_saveable", ["KerasSaveable"]),
        (
            "keras.src.backend",
            ["get_keras_mask", "set_keras_mask", "convert_to_tensor"],
        ),
        (
            "keras.src.backend",
            ["standardize_dtype", "KerasTensor", "numpy", "nn", "random"],
        ),
        ("keras.src.backend.numpy", ["sum", "einsum"]),
        ("keras.src.backend.common", ["global_state", "keras_tensor"]),
        ("keras.src.backend.common.keras_tensor", ["KerasTensor", "is_keras_tensor"]),
        ("keras.src.losses.losses", ["LossFunctionWrapper", "MeanSquaredError"]),
        ("keras.src.utils.tracking", ["no_automatic_dependency_tracking", "Tracker"]),
        ("keras.src.utils.argument_validation", ["standardize_tuple"]),
        ("keras.src.layers.layer", ["Layer", "KerasTensor", "any_symbolic_tensors"]),
        ("keras.src.ops.image", ["resize", "affine_transform"]),
        ("keras.src.utils.file_utils", ["File", "join", "is_remote_path"]),
        ("keras.src.legacy.losses", ["Reduction"]),
        ("keras.src.utils.backend_utils", ["in_grain_data_pipeline"]),
        ("keras.src.layers.convolutional.base_conv", ["BaseConv"]),
        ("keras.src.models.functional", ["Functional"]),
        ("keras.src.ops.operation_utils", ["compute_conv_output_shape"]),
        (
            "keras.src.trainers.data_adapters.data_adapter_utils",
            ["unpack_x_y_sample_weight"],
        ),
        ("keras.src.optimizers.base_optimizer", ["BaseOptimizer"]),
        ("tf_keras.layers", ["Dense"]),
        ("keras.api.models", ["Sequential"]),
        ("keras._tf_keras.keras.layers", ["Dense"]),
        ("tensorflow.python.keras.layers", ["Dense"]),
        ("tensorflow.compat.v2.keras.layers", ["Dense"]),
    ],
)
def test_names_of_paths(module, names):
    found = importlib.import_module(module)
    for name in names:
        assert getattr(found, name) is not None
        exec(f"from {module} import {name}")


def test_an_old_path_is_noted_once(caplog):
    import keras

    with caplog.at_level(logging.WARNING, "minikeras"):
        assert keras.utils.np_utils.to_categorical([1]).tolist() == [[0.0, 1.0]]
        importlib.import_module("keras.utils.np_utils")
    assert [r.message for r in caplog.records] == [
        "keras.utils.np_utils is Keras 2's name for what keras.utils has now."
    ]


def test_what_is_not_there_says_so():
    import keras
    import tensorflow as tf

    assert not hasattr(tf, "raw_ops") and not hasattr(keras.layers, "Magic")
    with pytest.raises(AttributeError, match="minikeras stands in for TensorFlow here"):
        tf.raw_ops  # noqa: B018
    with pytest.raises(AttributeError, match="minikeras, which stands in for Keras"):
        keras.layers.Magic  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match="minikeras stands in for TensorFlow"):
        importlib.import_module("tensorflow.lite")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'keras\.magic'"):
        importlib.import_module("keras.magic")
    assert importlib.util.find_spec("keras.magic") is None
    with pytest.raises(ImportError, match=r"cannot import name 'Magic' .*minikeras"):
        exec("from keras.layers import Magic")


def test_pickles_do_not_depend_on_the_alias():
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    text = pickle.dumps((model, keras.layers))
    alias.uninstall()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    alias.install()
    assert pickle.loads(text)[1].Dense is minikeras.layers.Dense


def test_what_is_imported_already_stays(monkeypatch):
    alias.uninstall()
    monkeypatch.setitem(sys.modules, "keras", importlib.util)
    with pytest.raises(
        RuntimeError, match="install_as_keras: keras is imported already"
    ):
        minikeras.install_as_keras()
    assert not alias.installed()


def test_without_tensorflow():
    alias.uninstall()
    minikeras.install_as_keras(tensorflow=False)
    assert alias._finder().find_spec("tensorflow", None) is None
    minikeras.install_as_keras()
    assert alias._finder().find_spec("tensorflow", None) is not None


def test_notebooks_load_it_as_an_extension():
    alias.uninstall()
    minikeras.load_ipython_extension(None)
    assert alias.installed()
    minikeras.unload_ipython_extension(None)
    assert not alias.installed()


def test_ipython_runs_the_magic():
    pytest.importorskip("IPython")
    script = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("%load_ext minikeras\\nimport keras\\nprint(keras)").raise_error()
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=env
    )
    assert ran.stdout == "<module 'keras' (minikeras)>\n", ran.stderr


def test_attributes_set_without_tracking_are_left_as_they_are():
    from keras.src.utils.tracking import no_automatic_dependency_tracking

    class Aside(minikeras.layers.Layer):
        @no_automatic_dependency_tracking
        def keep(self, layer):
            self.aside = [layer]

    layer = Aside()
    layer.keep(minikeras.layers.Dense(1))
    assert type(layer.aside) is list and layer._flatten_layers(include_self=False) == []


@pytest.mark.oracle
def test_every_public_module_of_keras_is_known():
    script = """
import sys
sys.meta_path = [f for f in sys.meta_path if type(f).__name__ != "Finder"]
from importlib.util import find_spec
print(*find_spec("keras").submodule_search_locations)
"""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("keras comes with the extra `oracle`")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if ran.returncode:
        pytest.skip("keras comes with the extra `oracle`")
    root = Path(ran.stdout.strip())
    for file in root.rglob("__init__.py"):
        parts = file.parent.relative_to(root.parent).parts
        if parts[1:2] == ("src",) or "_tf_keras" in parts:
            continue
        assert table.canonical(".".join(parts)) is not None, parts
