"""Keras 2's preprocessing: the numbers of tf_keras, and what its books do with it."""

import os
import pickle
import warnings

import numpy as np
import pytest

import minikeras as keras
from minikeras.preprocessing import notes
from tests.goldens.make import load
from tests.preprocessing import cases

pytest.importorskip("PIL")
pytest.importorskip("scipy")
image = keras.preprocessing.image
sequence = keras.preprocessing.sequence
text = keras.preprocessing.text


@pytest.fixture(autouse=True)
def _no_notes(monkeypatch):
    """The notes were given before, as in a process that goes on."""
    names = ("Tokenizer", "one_hot", "hashing_trick")
    given = {f"text.{name}" for name in names}
    given |= {"sequence.skipgrams", "sequence.TimeseriesGenerator"}
    monkeypatch.setattr(notes, "_given", given | {"image.ImageDataGenerator"})


def test_everything_is_as_in_keras_2():
    expected = load("preprocessing")
    found = cases.values(keras)
    frames = {name for name in expected if name.startswith("frame")}
    assert found.keys() >= expected.keys() - frames and found.keys() <= expected.keys()
    for name, array in found.items():
        theirs = expected[name]
        if name == "training w":  # tf_keras gives the weights of other samples
            continue
        if name.startswith("shift"):  # and changes width and height round
            theirs = theirs[[0, 2, 1, 3, 4, 5]]
        assert array.shape == theirs.shape, name
        if array.dtype.kind == "f":
            close = 2e-2 if "whitened" in name else 1e-3
            np.testing.assert_allclose(
                array, theirs, rtol=1e-4, atol=close, err_msg=name
            )
        else:
            np.testing.assert_array_equal(array, theirs, err_msg=name)


def test_each_note_is_given_once(monkeypatch):
    monkeypatch.setattr(notes, "_given", set())
    with pytest.warns(DeprecationWarning, match="TextVectorization") as caught:
        text.Tokenizer()
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text.Tokenizer()


def test_a_shift_along_the_height_goes_up_or_down():
    x = np.arange(12.0).reshape(3, 4, 1)
    made = image.ImageDataGenerator(height_shift_range=[1])
    up = made.apply_transform(x, {"ty": 1})
    np.testing.assert_array_equal(up[:2], x[1:])
    left = made.apply_transform(x, {"tx": 1})
    np.testing.assert_array_equal(left[:, :3], x[:, 1:])
    drawn = [made.get_random_transform(x.shape, seed=i) for i in range(20)]
    assert {d["ty"] for d in drawn} == {1, -1} and {d["tx"] for d in drawn} == {0}
    np.random.seed(0)  # noqa: NPY002
    moved = image.random_shift(
        np.tile(x[:1], (3, 1, 1)), 0, 0.9, row_axis=0, col_axis=1, channel_axis=2
    )
    np.testing.assert_array_equal(moved, np.tile(x[:1], (3, 1, 1)))


def test_a_picture_turns_about_its_middle():
    x = np.zeros((3, 5, 1))
    x[1, 2] = 1
    last = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    for theta in (90, 180, 37):
        turned = image.apply_affine_transform(x, theta=theta, **last)
        assert turned[1, 2] == pytest.approx(1)
    first = image.apply_affine_transform(x.transpose(2, 0, 1), theta=40)
    np.testing.assert_array_equal(
        first.transpose(1, 2, 0), image.apply_affine_transform(x, theta=40, **last)
    )


def test_weights_stay_with_their_samples():
    made = image.ImageDataGenerator(validation_split=0.5)
    x, y = cases.pixels(6), np.array([0, 1, 0, 1, 0, 1])
    for subset, rows in (("training", [2, 3, 4, 5][1:]), ("validation", [0, 1, 2])):
        flow = made.flow(
            x, y, sample_weight=np.arange(6), subset=subset, shuffle=False,
            ignore_class_split=True,
        )  # fmt: skip
        assert next(flow)[2].tolist() == rows


@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_trains_on_generators(tmp_path, workers):
    cases.pictures(tmp_path)
    made = image.ImageDataGenerator(rotation_range=10, rescale=1 / 255)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    train = made.flow_from_directory(tmp_path, target_size=(8, 8), batch_size=4)
    train.workers = workers
    held = made.flow(cases.pixels(6), np.eye(2)[[0, 1, 0, 1, 0, 1]], batch_size=4)
    history = model.fit(train, validation_data=held, epochs=2, verbose=0)
    assert history.params["steps"] == 2 and len(history.history["val_accuracy"]) == 2
    model.fit(train, steps_per_epoch=1, epochs=2, verbose=0)
    assert model.predict(held, verbose=0).shape == (6, 2)
    series = sequence.TimeseriesGenerator(np.ones((9, 2)), np.ones(9), length=3)
    rnn = keras.Sequential(
        [keras.Input((3, 2)), keras.layers.SimpleRNN(2), keras.layers.Dense(1)]
    )
    rnn.compile("sgd", "mse")
    assert len(rnn.fit(series, epochs=2, verbose=0).history["loss"]) == 2


def test_iterators_can_be_sent_to_processes():
    made = image.ImageDataGenerator(horizontal_flip=True)
    flow = made.flow(cases.pixels(5), np.arange(5), batch_size=2, shuffle=False, seed=1)
    again = pickle.loads(pickle.dumps(flow))
    assert len(again) == 3
    np.testing.assert_array_equal(again[1][0], flow[1][0])
    assert [len(next(flow)[0]) for _ in range(4)] == [2, 2, 1, 2]
    flow.reset()
    with pytest.raises(ValueError, match="batch 3; expected 0 to 2"):
        flow[3]


def test_pictures_are_saved(tmp_path):
    made = image.ImageDataGenerator()
    flow = made.flow(
        cases.pixels(3), batch_size=3, save_to_dir=tmp_path, save_prefix="p"
    )
    next(flow)
    assert len(os.listdir(tmp_path)) == 3
    assert all(n.startswith("p_") and n.endswith(".png") for n in os.listdir(tmp_path))


def test_settings_that_imply_others():
    for wanted, text_ in (
        ({"zca_whitening": True}, "implies featurewise_center"),
        ({"featurewise_std_normalization": True}, "implies featurewise_center"),
        ({"samplewise_std_normalization": True}, "implies samplewise_center"),
    ):
        with pytest.warns(UserWarning, match=text_):
            made = image.ImageDataGenerator(**wanted)
        assert made.featurewise_center or made.samplewise_center
    made = image.ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match=r"needs \.fit\(x\)"):
        made.standardize(cases.pixels(1)[0])
    made.fit(cases.pixels(2), augment=True, rounds=2, seed=1)
    assert made.mean.shape == (1, 1, 3)


def test_wrong_arguments(tmp_path):
    Generator = image.ImageDataGenerator
    for wrong in (
        {"zoom_range": (1, 2, 3)},
        {"brightness_range": (1,)},
        {"validation_split": 1.5},
        {"data_format": "x"},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Generator(**wrong)
    made = Generator(validation_split=0.5)
    x = cases.pixels(4)
    for call in (
        lambda: made.flow(x[0]),
        lambda: made.flow(x, np.arange(3)),
        lambda: made.flow(x, subset="test"),
        lambda: made.flow(x, np.array([0, 0, 1, 1]), subset="training"),
        lambda: made.flow_from_directory(tmp_path, class_mode="x"),
        lambda: made.flow_from_directory(tmp_path, color_mode="x"),
        lambda: made.fit(x[0]),
        lambda: image.apply_affine_transform(x[0], row_axis=0),
        lambda: image.random_zoom(x[0], (1,)),
        lambda: sequence.TimeseriesGenerator(x, x[:2], 1),
        lambda: sequence.TimeseriesGenerator(x, x, 9),
        lambda: text.Tokenizer().texts_to_matrix(["a"]),
        lambda: text.Tokenizer(num_words=3).texts_to_matrix(["a"], "tfidf"),
        lambda: text.Tokenizer(num_words=3).texts_to_matrix(["a"], "x"),
        lambda: text.one_hot("a", 1),
    ):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(FileNotFoundError):
        made.flow_from_directory(tmp_path / "nowhere")
    with pytest.raises(TypeError, match="foo"):
        text.Tokenizer(foo=1)


def test_frames_that_do_not_fit(tmp_path):
    pd = pytest.importorskip("pandas")
    made = image.ImageDataGenerator()
    frame = pd.DataFrame({"filename": ["a.png", "b.png"], "class": [1, 2]})
    for error, arguments in (
        (ValueError, {"class_mode": "x"}),
        (ValueError, {"y_col": "nothing"}),
        (TypeError, {"class_mode": "sparse"}),
        (TypeError, {"class_mode": "categorical"}),
        (TypeError, {"class_mode": "multi_output"}),
        (TypeError, {"x_col": "class", "class_mode": None}),
        (TypeError, {"foo": 1}),
    ):
        with pytest.raises(error):
            made.flow_from_dataframe(frame, tmp_path, **arguments)
    flow = made.flow_from_dataframe(
        frame, tmp_path, class_mode="raw", validate_filenames=False
    )
    assert flow.filenames == ["a.png", "b.png"]
    assert len(made.flow_from_dataframe(frame, tmp_path, class_mode="raw")) == 0


def test_scipy_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy.ndimage", None)
    with pytest.raises(ImportError, match=r"pip install minikeras\[image\]"):
        image.apply_affine_transform(cases.pixels(1)[0], theta=3)


def test_one_hot_stays_below_n():
    numbers = text.one_hot("a few words and some more words", 9)
    assert len(numbers) == 7 and min(numbers) >= 1 and max(numbers) < 9
    assert numbers[2] == numbers[6]
    assert text.hashing_trick("x y", 5, lambda word: len(word)) == [2, 2]
    assert text.hashing_trick("x-y", 9, "md5", analyzer=list)[0] == text.hashing_trick(
        "x", 9, "md5"
    )[0]  # fmt: skip
