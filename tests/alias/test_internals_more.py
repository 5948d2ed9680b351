"""More of `keras.src`: what packages build on gives what Keras gives."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.alias.internals import (
    confusion,
    epochs,
    hdf5_files,
    networks,
    pictures,
    small,
)
from tests.goldens.oracle import keras as real_keras


def test_confusion_matrix_variables(aliased):
    from keras.src.metrics import metrics_utils
    from keras.src.metrics.confusion_metrics import SensitivitySpecificityBase

    cells = metrics_utils.ConfusionMatrix
    assert cells is confusion.ConfusionMatrix and cells.TRUE_POSITIVES.value == "tp"
    kept = {cell: keras.Variable(np.zeros(2)) for cell in cells}
    y, p = np.array([0, 1, 1]), np.array([0.2, 0.8, 0.4])
    metrics_utils.update_confusion_matrix_variables(kept, y, p, thresholds=[0.3, 0.5])
    found = {cell.name: v.numpy().tolist() for cell, v in kept.items()}
    assert found == {
        "TRUE_POSITIVES": [2, 1],
        "FALSE_POSITIVES": [0, 0],
        "TRUE_NEGATIVES": [1, 1],
        "FALSE_NEGATIVES": [0, 1],
    }
    with pytest.raises(ValueError, match="members of ConfusionMatrix"):
        metrics_utils.update_confusion_matrix_variables({"tp": kept}, y, p, [0.5])
    assert metrics_utils.AUCCurve.from_str("pr") is metrics_utils.AUCCurve.PR
    with pytest.raises(ValueError, match="AUCSummationMethod: 'x'"):
        metrics_utils.AUCSummationMethod.from_str("x")
    assert metrics_utils.parse_init_thresholds(None, 0.7) == [0.7]
    assert metrics_utils.is_evenly_distributed_thresholds(np.linspace(0, 1, 5))
    with pytest.raises(ValueError, match=r"1\.2"):
        metrics_utils.assert_thresholds_range([0, 1.2])
    assert issubclass(keras.metrics.PrecisionAtRecall, SensitivitySpecificityBase)


def steps(iterator):
    return [(a, b, [np.ravel(x).tolist() for x in xs]) for a, b, xs in iterator]


def test_epoch_iterator_gives_batches_in_calls():
    it = epochs.EpochIterator(np.arange(7), batch_size=2, steps_per_execution=3)
    assert it.num_batches == 4
    whole = [(0, 2, [[0, 1], [2, 3], [4, 5]]), (3, 3, [[6]])]
    assert steps(it.enumerate_epoch()) == whole == steps(it.enumerate_epoch())
    x, y, w = next(iter(epochs.EpochIterator(np.ones((4, 2)), np.ones(4), np.ones(4))))
    assert x.shape == (4, 2) and y.shape == w.shape == (4,)


def test_epoch_iterator_goes_on_and_tells_the_end():
    it = epochs.EpochIterator(np.arange(6), batch_size=2, steps_per_epoch=2)
    assert steps(it.enumerate_epoch()) == [(0, 0, [[0, 1]]), (1, 1, [[2, 3]])]
    with pytest.warns(UserWarning, match="after 1 of 2"):
        assert steps(it.enumerate_epoch()) == [(0, 0, [[4, 5]])]
    assert steps(it.enumerate_epoch())[0] == (0, 0, [[0, 1]])
    with it.catch_stop_iteration():
        raise StopIteration
    with pytest.raises(ValueError, match="steps_per_epoch=0"):
        epochs.EpochIterator(np.ones(3), steps_per_epoch=0)


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )


def test_weights_in_groups(model, tmp_path):
    import h5py

    other = keras.models.clone_model(model)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        hdf5_files.save_weights_to_hdf5_group(file, model)
        hdf5_files.load_weights_from_hdf5_group(file, other)
        names = hdf5_files.load_attributes_from_hdf5_group(file, "layer_names")
        assert names == [layer.name for layer in model.layers]
        arrays = hdf5_files.load_subset_weights_from_hdf5_group(file[names[0]])
    assert [a.shape for a in arrays] == [(3, 2), (2,)]
    for a, b in zip(model.weights, other.weights, strict=True):
        assert np.array_equal(a, b)
    hdf5_files.save_model_to_hdf5(model, tmp_path / "m.h5")
    again = hdf5_files.load_model_from_hdf5(tmp_path / "m.h5")
    assert np.array_equal(again.weights[0], model.weights[0])
    with pytest.raises(ValueError, match=r"ends in \.h5"):
        hdf5_files.save_model_to_hdf5(model, tmp_path / "m.keras")


@pytest.mark.oracle
def test_stores_are_those_of_keras(tmp_path):
    real_keras()
    from keras.src.saving.saving_lib import H5IOStore

    def written(kind, name):
        store = kind(tmp_path / name, mode="w")
        store.make("lora")["rank"] = 4
        inside = store.make("lora/0")
        inside["a"] = np.ones((2, 3), "float32")
        store.close()
        return tmp_path / name

    for maker, reader in ((hdf5_files.H5IOStore, H5IOStore),
                          (H5IOStore, hdf5_files.H5IOStore)):  # fmt: skip
        store = reader(written(maker, maker.__module__ + ".h5"), mode="r")
        assert int(store.get("lora")["rank"][()]) == 4
        assert np.asarray(store.get("lora/0")["a"]).shape == (2, 3)
        assert store.has_path("lora/0") and not store.has_path("x")
        store.close()


def test_store_of_16_bits_and_of_nothing(tmp_path):
    store = hdf5_files.H5IOStore(tmp_path / "s.h5", mode="w")
    store.make("a")["b"] = keras.ops.ones((3,), "bfloat16")
    assert len(store.get("no such path")) == 0
    assert store.get("a")["b"].dtype == "bfloat16"
    with pytest.raises(KeyError):
        store.get("no such path")["b"]
    store.close()
    with pytest.raises(ValueError, match="mode='x'"):
        hdf5_files.H5IOStore(tmp_path / "s.h5", mode="x")


class Brighter(pictures.BaseImagePreprocessingLayer):
    _FACTOR_BOUNDS = (0, 1)

    def get_random_transformation(self, data, training=True, seed=None):
        return {"by": self.factor[1]}

    def transform_images(self, images, transformation, training=True):
        assert len(images.shape) == 4
        return images + transformation["by"] if training else images

    def transform_labels(self, labels, transformation, training=True):
        return labels + 1


def test_a_layer_for_pictures_of_ones_own(aliased):
    from keras.src.layers.preprocessing.image_preprocessing import (
        base_image_preprocessing_layer as module,
    )

    base = module.BaseImagePreprocessingLayer
    assert base is pictures.BaseImagePreprocessingLayer
    assert isinstance(keras.layers.RandomFlip(), base)
    assert not isinstance(keras.layers.RandomFlip(), Brighter)
    layer = Brighter(0.5, bounding_box_format="xyxy")
    x = np.zeros((2, 4, 4, 3), "uint8")
    assert float(keras.ops.max(layer(x, training=True))) == 0.5
    assert float(keras.ops.max(layer(x, training=False))) == 0
    assert layer(x[0], training=True).shape == (4, 4, 3)
    boxes = {"boxes": np.ones((1, 4), "float32"), "labels": np.ones((1,), "int32")}
    one = {"images": x[0], "labels": np.float32(2), "bounding_boxes": boxes}
    found = layer(one, training=True)
    assert float(found["labels"]) == 3 and found["bounding_boxes"]["boxes"].shape == (
        1,
        4,
    )
    assert layer.backend.numpy.abs(-1.0).shape == ()
    model = keras.Sequential([keras.Input((4, 4, 3)), layer])
    assert model.output_shape == (None, 4, 4, 3)
    with pytest.raises(ValueError, match="Brighter: factor=2"):
        Brighter(2)


def test_boxes():
    lists = {
        "boxes": [[[0, 0, 1, 1]], [[0, 0, 1, 1], [1, 1, 2, 2]]],
        "labels": [[1], [1, 2]],
    }
    pictures.validate_bounding_boxes(lists)
    found = pictures.densify_bounding_boxes(lists, is_batched=True)
    assert found["labels"].numpy().tolist() == [[1, -1], [1, 2]]
    assert found["boxes"].shape == (2, 2, 4)
    pictures.validate_bounding_boxes(found)
    single = {"boxes": [[0, 0, 1, 1]], "labels": [1]}
    assert pictures.densify_bounding_boxes(single, max_boxes=2)["boxes"].shape == (2, 4)
    for bad in ({"boxes": np.ones((2, 4))}, {**found, "labels": np.ones(2)},
                {**found, "boxes": np.ones((2, 3))}, {**lists, "labels": [[1]]}):  # fmt: skip
        with pytest.raises(ValueError, match="bounding_boxes"):
            pictures.validate_bounding_boxes(bad)
    assert pictures.YXYX.LEFT == 1


SHAPES = [
    ((None, "channels_last", True, "imagenet"), (224, 224, 3)),
    ((None, "channels_first", False, None), (3, None, None)),
    (((50, 60, 4), "channels_last", True, None), (50, 60, 4)),
    (((3, 50, 60), "channels_first", False, "imagenet"), (3, 50, 60)),
    (((20, 60, 3), "channels_last", False, None), "at least 32x32"),
    (((50, 60, 3), "channels_last", True, "imagenet"), "expected (224, 224, 3)"),
    (((50, 60, 4), "channels_last", False, "imagenet"), "3 channels"),
    (((None, None, 3), "channels_last", True, None), "unknown size"),
    (((50, 60), "channels_last", True, None), "three sizes"),
]


@pytest.mark.parametrize(("given", "wanted"), SHAPES)
def test_input_shapes_of_networks(given, wanted):
    shape, form, flat, weights = given
    arguments = (shape, 224, 32, form, flat, weights)
    if isinstance(wanted, tuple):
        assert networks.obtain_input_shape(*arguments) == wanted
        return
    with pytest.raises(ValueError) as caught:
        networks.obtain_input_shape(*arguments)
    assert wanted in str(caught.value)


def test_parts_of_networks(aliased):
    from keras.src.applications.convnext import StochasticDepth
    from keras.src.applications.imagenet_utils import correct_pad, preprocess_input

    assert preprocess_input is keras.applications.imagenet_utils.preprocess_input
    assert correct_pad(keras.Input((8, 9, 3)), 3) == ((0, 1), (1, 1))
    with pytest.raises(ValueError, match="'relu'"):
        networks.validate_activation("relu", "imagenet")
    x = np.ones((64, 2), "float32")
    layer = StochasticDepth(0.25)
    rows = layer(x, training=True).numpy()
    assert set(np.round(rows[:, 0], 4)) == {0, np.float32(1.3333)}
    assert (rows[:, 0] == rows[:, 1]).all() and (layer(x).numpy() == x).all()


def test_small_functions(aliased):
    from keras.src.utils import python_utils, summary_utils
    from keras.src.utils.numerical_utils import (
        build_pos_neg_masks,
        encode_categorical_inputs,
    )

    assert python_utils.remove_long_seq(3, [[1], [1, 2, 3]], [0, 1]) == ([[1]], [0])
    values = [1.0, 2.0]
    python_utils.remove_by_id(values, values[0])
    assert values == [2.0]
    assert (
        summary_utils.weight_memory_size([keras.Variable(np.zeros((3, 4), "float32"))])
        == 48
    )
    modes = {"int": [[0, 1, 1]], "multi_hot": [[1, 1, 0]], "count": [[1, 2, 0]]}
    for mode, wanted in modes.items():
        found = encode_categorical_inputs(np.array([[0, 1, 1]]), mode, 3, "float32")
        assert found.numpy().tolist() == wanted
    same, other = build_pos_neg_masks(np.array([0, 1]), np.array([0, 1, 0]))
    assert same.numpy().tolist() == [[False, False, True], [False, False, False]]
    assert other.numpy().tolist() == [[False, True, False], [True, False, True]]
    floats = [
        keras.ops.zeros(1, "float16"),
        keras.ops.zeros(1),
        keras.ops.zeros(1, "int32"),
    ]
    assert [t.dtype for t in small.cast_to_common_dtype(floats)] == ["float32"] * 3
    assert small.slice_along_axis(np.eye(3), 1, 3, axis=1).shape == (3, 2)
    shape = small.compute_conv_transpose_output_shape(
        (None, 8, 8, 3), (3, 3), 5, 2, "same"
    )
    assert shape == [None, 16, 16, 5]
    with pytest.raises(ValueError, match="both or neither"):
        small.check_validation_split_arg(0.2, None, True, 1)


def test_values_attached_to_tensors_end_with_them():
    tensor = keras.ops.ones((2,))
    assert small.get_tensor_attr(tensor, "a") is None
    small.set_tensor_attr(tensor, "a", 5)
    assert small.get_tensor_attr(tensor, "a") == 5
    before = len(small._ATTACHED)
    del tensor
    assert len(small._ATTACHED) == before - 1


def test_hashes(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"x")
    digest = small.hash_file(file)
    assert digest.startswith("2d711642") and small.validate_file(file, digest)
    assert not small.validate_file(file, small.hash_file(file, "md5") + "0")


def test_name_scopes():
    with keras.name_scope("a"), keras.name_scope("b"):
        assert small.current_path() == "a/b"
    assert small.current_path() == ""


def test_cdist_is_a_class_and_loads(aliased, tmp_path):
    from keras.src.ops.math import CDist

    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    assert CDist()(x, x).shape == (2, 2)
    a, b = keras.Input((4, 3)), keras.Input((5, 3))
    model = keras.Model([a, b], keras.ops.cdist(a, b))
    model.save(tmp_path / "m.keras")
    assert keras.models.load_model(tmp_path / "m.keras").output_shape == (None, 4, 5)
