"""Data utilities: as Keras on TensorFlow where it is right, clear errors where not."""

import os
import wave

import numpy as np
import pytest

import minikeras as keras
from minikeras.utils.resizing import resized
from tests.goldens.make import load
from tests.training.models import data_threads_end, linear
from tests.utils import data_cases

pytest.importorskip("PIL")


def test_everything_is_as_in_keras():
    expected = load("data")
    found = data_cases.values(keras)
    assert found.keys() == expected.keys()
    for name, array in found.items():
        theirs = expected[name]
        # Keras makes int32 of the int64 that it splits; ours stay as they are.
        kept = array.dtype == theirs.dtype or name.startswith("split")
        assert array.shape == theirs.shape and kept, name
        if array.dtype.kind == "f":
            # TensorFlow looks bicubic weights up in a table of 1024, and cuts grey values
            # off that Pillow rounds.
            close = {"images bicubic": 0.3, "images graysca": 1.1}.get(name[:14], 2e-3)
            np.testing.assert_allclose(
                array, theirs, rtol=1e-4, atol=close, err_msg=name
            )
        else:
            np.testing.assert_array_equal(array, theirs, err_msg=name)


@pytest.fixture
def folder(tmp_path):
    data_cases.pictures(tmp_path)
    return tmp_path


WRONG = {
    "labels": ({"labels": "guess"}, "labels='guess'"),
    "mode": ({"label_mode": "float"}, "label_mode='float'"),
    "list": ({"labels": [0, 1]}, "2 labels for the 8 files"),
    "names and list": ({"labels": [0] * 8, "class_names": ["a"]}, "got both"),
    "folder": ({"class_names": ["a", "c"]}, r"\['c'\]"),
    "binary": ({"label_mode": "binary", "class_names": ["a"]}, "expected 2"),
    "color": ({"color_mode": "bgr"}, "color_mode='bgr'"),
    "interpolation": ({"interpolation": "best"}, "interpolation='best'"),
    "format": ({"format": "torch"}, "format='torch'"),
    "crop and pad": (
        {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        "one of them at most",
    ),
    "split": ({"validation_split": 0.2}, "expected both or none"),
    "subset": ({"subset": "training"}, "expected both or none"),
    "subset name": ({"validation_split": 0.2, "subset": "test"}, "subset='test'"),
    "label texts": ({"labels": list("ab") * 4}, "a number for each file"),
    "no classes": ({"labels": [3, 1] * 4, "label_mode": "categorical"}, "from 0 to 1"),
    "one size": ({"image_size": 5}, r"image_size=5; expected height and width"),
    "three sizes": ({"image_size": (3, 3, 3)}, r"image_size=\(3, 3, 3\)"),
    "no size": ({"image_size": None}, "image_size=None"),
    "great split": ({"validation_split": 2.0, "subset": "both"}, "between 0 and 1"),
    "no seed": ({"validation_split": 0.2, "subset": "both"}, "could overlap"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_of_image_dataset(case, folder):
    arguments, text = WRONG[case]
    with pytest.raises(ValueError, match=text):
        keras.utils.image_dataset_from_directory(folder, verbose=False, **arguments)


def test_files_that_are_missing_or_broken(folder, tmp_path):
    make = keras.utils.image_dataset_from_directory
    with pytest.raises(FileNotFoundError):
        make(folder / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no file in .*empty"):
        make(tmp_path / "empty", verbose=False)
    (folder / "a" / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"broken\.png cannot be decoded") as caught:
        list(make(folder, verbose=False, shuffle=False))
    assert caught.value.__notes__


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [([0.5, 2.0] * 4, "float32"), ([1, 0] * 4, "int32"), ([1 << 40, -1] * 4, "int64"),
     ([True, False] * 4, "int32"), (np.arange(8.0), "float32")],
)  # fmt: skip
def test_labels_keep_their_values(labels, dtype, folder):
    make = keras.utils.image_dataset_from_directory
    options = {"shuffle": False, "batch_size": 8, "verbose": False}
    data = make(folder, labels=labels, image_size=(4, 4), **options)
    _, found = next(data.as_numpy_iterator())
    assert found.dtype == dtype and found.tolist() == list(labels)


# What TensorFlow gives for 0, 100, 200 at three and two places.
SMOOTHED = {
    "bilinear": ([0.0, 100.0, 200.0], [25.0, 175.0]),
    "lanczos3": ([0.0, 100.0, 200.0], [12.32, 187.68]),
    "gaussian": ([11.92, 100.0, 188.08], [26.89, 173.11]),
    "mitchellcubic": ([5.88, 100.0, 194.12], [22.14, 177.86]),
}


@pytest.mark.parametrize("interpolation", SMOOTHED)
def test_kernels_that_smooth_do_so_at_every_size(interpolation):
    line = np.array([0.0, 100.0, 200.0], "float32").reshape(1, 3, 1)
    for expected in SMOOTHED[interpolation]:
        found = resized(np.repeat(line, 2, 0), (5, len(expected)), interpolation)
        np.testing.assert_allclose(found[2, :, 0], expected, atol=0.01)


def test_shuffled_pictures_keep_their_labels(folder):
    keras.utils.set_random_seed(0)
    data = keras.utils.image_dataset_from_directory(
        folder, verbose=False, image_size=(12, 10), batch_size=3
    )
    assert (
        len(data) == 3 and len(data.file_paths) == 8 and data.class_names == ["a", "b"]
    )
    plain = keras.utils.image_dataset_from_directory(
        folder, verbose=False, image_size=(12, 10), shuffle=False, batch_size=None
    )
    labels = {image.tobytes(): int(label) for image, label in plain.as_numpy_iterator()}
    orders = []
    for _ in range(3):
        seen = [
            (image.tobytes(), int(label))
            for images, numbers in data.as_numpy_iterator()
            for image, label in zip(images, numbers)
        ]
        assert dict(seen) == labels
        orders.append([image for image, _ in seen])
    assert orders[0] != orders[1] or orders[1] != orders[2]


def test_a_model_trains_on_pictures(folder):
    data = keras.utils.image_dataset_from_directory(
        folder, verbose=False, image_size=(8, 8), batch_size=3
    )
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    scaled = data.map(lambda x, y: (x / 255.0, y), num_parallel_calls=2)
    history = model.fit(scaled, validation_data=scaled, epochs=2, verbose=0)
    assert history.params["steps"] == 3 and len(history.history["val_loss"]) == 2
    assert model.predict(scaled, verbose=0).shape == (8, 2)
    assert data_threads_end()


def test_links_are_followed_when_wanted(folder, tmp_path):
    (tmp_path / "other").mkdir()
    os.rename(folder / "a" / "below", tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", folder / "a" / "below")
    counts = [
        len(
            keras.utils.image_dataset_from_directory(
                folder, verbose=False, class_names=["a"], follow_links=follow
            ).file_paths
        )
        for follow in (False, True)
    ]
    assert counts == [3, 4]


def test_what_was_found_is_printed(folder, capsys):
    keras.utils.image_dataset_from_directory(
        folder, seed=1, validation_split=0.3, subset="both"
    )
    assert capsys.readouterr().out == (
        "Found 8 files belonging to 2 classes.\nUsing 6 files for training.\n"
        "Using 2 files for validation.\n"
    )


def test_texts_are_strings(tmp_path):
    data_cases.texts(tmp_path)
    (tmp_path / "no" / "3.txt").write_bytes("größe \xff".encode("latin-1"))
    data = keras.utils.text_dataset_from_directory(tmp_path, verbose=False)
    for texts, _ in data:
        assert all(isinstance(t, str) for t in texts.numpy())
        assert texts.dtype == object
    with pytest.raises(ValueError, match="format='x'"):
        keras.utils.text_dataset_from_directory(tmp_path, format="x")


def test_a_model_trains_on_texts(tmp_path):
    rng = np.random.default_rng(0)
    for name, words in (("neg", "bad awful poor the"), ("pos", "good great fine the")):
        (tmp_path / name).mkdir()
        for i in range(8):
            text = " ".join(rng.choice(words.split(), 6))
            (tmp_path / name / f"{i}.txt").write_text(text)
    data = keras.utils.text_dataset_from_directory(
        tmp_path, batch_size=5, verbose=False
    )
    numbered = keras.layers.TextVectorization(max_tokens=20, output_sequence_length=6)
    numbered.adapt(data.map(lambda x, y: x))
    assert set(numbered.get_vocabulary()[2:]) == {
        "bad", "awful", "poor", "the", "good", "great", "fine"
    }  # fmt: skip
    layers = [
        keras.layers.Embedding(20, 4),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
    model = keras.Sequential([keras.Input((6,), dtype="int32"), *layers])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    ids = data.map(lambda x, y: (numbered(x), y)).prefetch(1)
    assert model.fit(ids, epochs=10, verbose=0).history["loss"][-1] < 0.3
    whole = keras.Sequential([keras.Input((), dtype="string"), numbered, *layers])
    assert whole.predict(data, verbose=0).shape == (16, 1)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_every_width(tmp_path, width):
    wanted = np.array([[0.0, -1.0], [0.5, -0.25]])
    full = 2 ** (8 * width - 1)
    numbers = (wanted * full + (128 if width == 1 else 0)).astype("int64")
    data = b"".join(
        int(n).to_bytes(width, "little", signed=width > 1) for n in numbers.ravel()
    )
    (tmp_path / "a").mkdir()
    with wave.open(str(tmp_path / "a" / "1.wav"), "wb") as file:
        file.setparams((2, width, 8000, 0, "NONE", ""))
        file.writeframes(data)
    make = keras.utils.audio_dataset_from_directory
    sound = next(iter(make(tmp_path, labels=None, verbose=False))).numpy()
    np.testing.assert_allclose(sound[0], wanted, atol=1e-6)


def test_sounds_at_another_rate(tmp_path):
    (tmp_path / "a").mkdir()
    times = np.arange(8000) / 8000
    with wave.open(str(tmp_path / "a" / "1.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        samples = 20000 * np.sin(2 * np.pi * 50 * times)
        file.writeframes(samples.astype("<i2").tobytes())
    for rate in (4000, 16000):
        data = keras.utils.audio_dataset_from_directory(
            tmp_path, labels=None, verbose=False, sampling_rate=rate
        )
        sound = next(iter(data)).numpy()[0, :, 0]
        assert len(sound) == rate
        middle = (np.arange(rate) + 0.5) / rate - 0.5 / 8000
        wave_of = np.sin(2 * np.pi * 50 * middle) * 20000 / 32768
        np.testing.assert_allclose(sound[5:-5], wave_of[5:-5], atol=2e-3)
    for wrong in (
        {"ragged": True},
        {"sampling_rate": 0},
        {"output_sequence_length": -1},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            keras.utils.audio_dataset_from_directory(tmp_path, **wrong)
    (tmp_path / "a" / "2.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"2\.wav cannot be decoded"):
        list(keras.utils.audio_dataset_from_directory(tmp_path, verbose=False))


def test_windows_of_a_memory_map_shuffle_every_pass(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(50.0))
    series = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = keras.utils.timeseries_dataset_from_array(
        series[:-1], series[1:], 4, sequence_stride=2, shuffle=True, batch_size=5
    )
    passes = []
    for _ in range(2):
        starts = []
        for windows, targets in data.as_numpy_iterator():
            assert windows.dtype == np.float32
            np.testing.assert_array_equal(windows[:, 0] + 1, targets)
            np.testing.assert_array_equal(np.diff(windows, axis=1), 1)
            starts += windows[:, 0].tolist()
        passes.append(starts)
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(0, 46, 2))
    assert passes[0] != passes[1]
    model = linear(features=4)
    assert len(model.fit(data, epochs=2, verbose=0).history["loss"]) == 2


def test_wrong_windows():
    for wrong in (
        {"sequence_length": 0},
        {"sequence_length": 13},
        {"sequence_length": 2, "sequence_stride": 12},
        {"sequence_length": 2, "sampling_rate": 0},
        {"sequence_length": 2, "start_index": 12},
        {"sequence_length": 2, "end_index": 0},
        {"sequence_length": 2, "start_index": 5, "end_index": 5},
        {"sequence_length": 2, "format": "x"},
    ):
        with pytest.raises(ValueError, match=list(wrong)[-1]):
            keras.utils.timeseries_dataset_from_array(np.arange(12), None, **wrong)
    short = keras.utils.timeseries_dataset_from_array(
        np.arange(12), np.arange(6), 2, start_index=4
    )
    assert [y.tolist() for _, y in short] == [[4, 5]]


def test_splits():
    x = np.arange(10)
    split = keras.utils.split_dataset
    left, right = split((x, x + 1), left_size=0.5, shuffle=True, seed=3)
    pairs = [(int(a), int(b)) for part in (left, right) for a, b in part]
    assert sorted(pairs) == [(i, i + 1) for i in range(10)]
    assert pairs != sorted(pairs)
    again, _ = split((x, x + 1), left_size=0.5, shuffle=True, seed=3)
    assert [int(a) for a, _ in again] == [a for a, _ in pairs[:5]]
    data = keras.utils.Dataset.from_tensor_slices(x)
    assert [len(part) for part in split(data, right_size=3)] == [7, 3]

    class Samples:
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return [np.ones(3) * i, i]

    (_, y), *_ = split(Samples(), left_size=2)[1]
    assert int(y) == 2
    for wrong, error in (
        ({}, "both None"),
        ({"left_size": 0.9, "right_size": 0.9}, "at most 1"),
        ({"left_size": 1.5}, "left_size=1.5"),
        ({"left_size": 20}, "left_size=20"),
        ({"left_size": 0.01}, "at least one"),
    ):
        with pytest.raises(ValueError, match=error):
            split(x, **wrong)
    for wrong in ("abc", {"a": x}, 3):
        with pytest.raises(TypeError, match="split_dataset"):
            split(wrong, left_size=1)
    with pytest.raises(TypeError, match="left_size='a'"):
        split(x, left_size="a")
    with pytest.raises(ValueError, match="number 0 is a int"):
        split([1, 2], left_size=1)


def test_names_of_formats(tmp_path):
    for form in ("jpg", "JPEG", "png"):
        keras.utils.save_img(tmp_path / "a", np.ones((2, 2, 3)), file_format=form)
        assert keras.utils.load_img(tmp_path / "a").size == (2, 2)


def test_datasets_without_labels_have_no_classes(folder):
    data = keras.utils.image_dataset_from_directory(folder, labels=None, verbose=False)
    assert data.class_names is None and len(data.file_paths) == 8


def test_strings_are_padded_as_objects():
    pad = keras.utils.pad_sequences
    assert pad([["a"], ["b", "c"]], dtype=object, value="x").tolist() == [
        ["x", "a"],
        ["b", "c"],
    ]
    with pytest.raises(ValueError, match="dtype=object"):
        pad([[1]], value="x")


def test_wrong_pictures(tmp_path):
    utils = keras.utils
    for wrong in (np.ones((2, 2)), np.ones((2, 2, 2)), np.ones((1, 2, 2, 3))):
        with pytest.raises(ValueError, match="array_to_img"):
            utils.array_to_img(wrong)
    with pytest.raises(ValueError, match="data_format='x'"):
        utils.img_to_array(np.ones((2, 2, 3)), data_format="x")
    with pytest.raises(TypeError, match="path is a int"):
        utils.load_img(3)
    utils.save_img(tmp_path / "a.png", np.ones((2, 2, 3)))
    with pytest.raises(ValueError, match="color_mode"):
        utils.load_img(tmp_path / "a.png", color_mode="x")
    with pytest.raises(ValueError, match="interpolation"):
        utils.load_img(tmp_path / "a.png", target_size=(1, 1), interpolation="x")
    with pytest.warns(UserWarning, match="JPEG has no transparency"):
        utils.save_img(tmp_path / "a.jpg", np.ones((2, 2, 4)))
    smart_resize = keras.preprocessing.image.smart_resize
    for wrong in (((4, 4), (2, 2)), ((4, 4, 3), (2, 2, 2))):
        with pytest.raises(ValueError, match="smart_resize"):
            smart_resize(np.ones(wrong[0]), wrong[1])
    pixels = np.random.default_rng(0).random((2, 9, 7, 3))
    expected = smart_resize(pixels, (4, 4))
    first = smart_resize(
        pixels.transpose(0, 3, 1, 2), (4, 4), data_format="channels_first"
    )
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), expected)
    tensor = smart_resize(keras.ops.convert_to_tensor(pixels), (4, 4))
    assert isinstance(tensor, keras.Tensor)


def test_pillow_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install minikeras\[image\]"):
        keras.utils.load_img(tmp_path / "a.png")
