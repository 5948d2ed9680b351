"""Strings as data of models: in fit, evaluate and predict, on every kind of model."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers

TEXTS = np.array([["a b"], ["c"], ["b b b b"], ["a"]] * 5, object)
LABELS = np.arange(20.0, dtype="float32") / 20


def vectorize(**args):
    return layers.TextVectorization(
        vocabulary=["a", "b"], output_sequence_length=3, **args
    )


def sequential(*first):
    parts = [vectorize(), layers.Embedding(9, 4), layers.Flatten(), layers.Dense(1)]
    return keras.Sequential([*first, *parts])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.parts = [vectorize(), layers.Embedding(9, 4), layers.Dense(1)]

    def call(self, x):
        for part in self.parts[:2]:
            x = part(x)
        return self.parts[2](x[:, 0])


@pytest.mark.parametrize(
    "make",
    [lambda: sequential(keras.Input((1,), dtype="string")), sequential, Subclassed],
    ids=["declared", "open", "subclassed"],
)
@pytest.mark.parametrize("kind", ["object", "str", "bytes"])
def test_fit_evaluate_predict(make, kind, backend):
    """Training on strings is training on the numbers that the layer makes of them."""
    keras.utils.set_random_seed(3)
    model = make()
    data = TEXTS.astype("S") if kind == "bytes" else TEXTS.astype(kind)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    first = model.fit(data, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0)
    keras.utils.set_random_seed(3)
    ids = np.asarray(vectorize()(TEXTS))
    if make is sequential or make is not Subclassed:
        rest = keras.Sequential(
            [keras.Input((3,), dtype="int64"), layers.Embedding(9, 4), layers.Flatten()]
        )
        rest.add(layers.Dense(1))
        rest.compile(keras.optimizers.SGD(0.1), "mse")
        same = rest.fit(ids, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_allclose(
            first.history["loss"], same.history["loss"], rtol=1e-6
        )
        # One program for whole batches and one for the last: only the rest is compiled.
        assert model.train_function.compiled.traces == 2
        assert not model.train_function.compiled.fallback
    wanted = np.asarray(model(data))
    np.testing.assert_allclose(
        model.predict(data, batch_size=8, verbose=0), wanted, rtol=1e-6
    )
    np.testing.assert_allclose(
        model.evaluate(data, LABELS, verbose=0),
        np.mean((wanted[:, 0] - LABELS) ** 2),
        rtol=1e-5,
    )
    assert model.predict(data[:1], verbose=0).shape == (1, 1)
    assert np.isfinite(model.train_on_batch(data[:4], LABELS[:4]))


def mixed():
    a = keras.Input((1,), dtype="string", name="a")
    b, c = keras.Input((2,), name="b"), keras.Input((1,), dtype="int64", name="c")
    inner_in = keras.Input((1,), dtype="string")
    inner = keras.Model(
        inner_in, layers.Flatten()(layers.Embedding(9, 4)(vectorize()(inner_in)))
    )
    parts = [
        inner(a),
        b,
        layers.IntegerLookup(vocabulary=[3, 4], output_mode="one_hot")(c),
        layers.StringLookup(vocabulary=["c"], output_mode="multi_hot")(a),
    ]
    return keras.Model([a, b, c], layers.Dense(1)(layers.Concatenate()(parts)))


def mixed_data():
    rng = np.random.default_rng(0)
    numbers = rng.random((20, 2)).astype("float32")
    return {"a": TEXTS, "b": numbers, "c": np.arange(20)[:, None]}


def test_inputs_of_several_kinds():
    """A graph with strings, integers and floats, and a model with text inside."""
    model, data = mixed(), mixed_data()
    wanted = np.asarray(model(data))
    np.testing.assert_allclose(model.predict(data, verbose=0), wanted, rtol=1e-6)
    model.compile("sgd", "mse")
    before = model.layers[-1].get_weights()[0]
    inside = model.trainable_weights[0].numpy()
    model.fit(data, LABELS, verbose=0)
    assert not model.train_function.compiled.fallback
    assert np.abs(model.layers[-1].get_weights()[0] - before).max() > 0
    assert np.abs(model.trainable_weights[0].numpy() - inside).max() > 0


def test_numbers_are_not_copied():
    """What the compiled rest takes straight from the inputs goes on as it is."""
    model, data = mixed(), mixed_data()
    results = model._before_step(data, False)
    assert any(part is data["b"] for part in results)


@pytest.mark.parametrize("form", ["dataset", "generator", "py_dataset"])
def test_sources_of_batches(form):
    model = sequential(keras.Input((), dtype="string"))
    model.compile("sgd", "mse")
    texts = TEXTS[:, 0]
    if form == "dataset":
        data = keras.utils.Dataset.from_tensor_slices((texts, LABELS)).batch(5)
    elif form == "generator":
        data = ((texts[i : i + 5], LABELS[i : i + 5]) for i in range(0, 20, 5))
    else:

        class Parts(keras.utils.PyDataset):
            def __len__(self):
                return 4

            def __getitem__(self, i):
                return texts[5 * i : 5 * i + 5], LABELS[5 * i : 5 * i + 5]

        data = Parts()
    assert np.isfinite(model.fit(data, verbose=0).history["loss"]).all()


def test_in_a_data_pipeline():
    vectorizer = vectorize()
    data = keras.utils.Dataset.from_tensor_slices((TEXTS[:, 0], LABELS)).batch(4)
    batch, _ = next(iter(data.map(lambda x, y: (vectorizer(x), y))))
    np.testing.assert_array_equal(batch, vectorizer(TEXTS[:4]))


def test_strings_out():
    """Labels as the last layer: the whole model runs eagerly."""
    logits = keras.Input((2,))
    best = keras.ops.argmax(layers.Dense(2, kernel_initializer="identity")(logits), -1)
    lookup = layers.StringLookup(
        vocabulary=["no", "yes"], invert=True, num_oov_indices=0
    )
    model = keras.Model(logits, lookup(best))
    assert model.output.dtype == "string"
    shown = model.predict(np.array([[0.0, 1.0], [1.0, 0.0]]), verbose=0)
    assert shown.tolist() == ["yes", "no"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.predict(TEXTS, verbose=0), "x has dtype object"),
        (lambda m: m.fit(TEXTS, LABELS, verbose=0), "x has dtype object"),
        (lambda m: m(TEXTS), "got strings; expected float32"),
        (lambda m: m.layers[0](TEXTS), "got strings; expected numbers"),
        (lambda m: sequential(keras.Input((1,), dtype="string"))(np.ones((2, 1))),
         "expected an array of strings"),
        (lambda m: keras.ops.add(keras.Input((1,), dtype="string"), 1.0),
         "strings are not numbers"),
        (lambda m: layers.Dense(2)(keras.Input((1,), dtype="string")),
         "strings are not numbers"),
    ],
)  # fmt: skip
def test_strings_where_numbers_are_wanted(call, message):
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        call(model)


def test_string_targets():
    model = sequential(keras.Input((1,), dtype="string"))
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match="y has dtype object"):
        model.fit(TEXTS, TEXTS, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_files(tmp_path):
    """The vocabularies are kept where Keras keeps them, and come back."""
    model, data = mixed(), mixed_data()
    text = layers.TextVectorization(
        output_mode="tf_idf", split="character", standardize=None
    )
    text.adapt(["a\nb", "\udcff b"])
    entry = keras.Input((1,), dtype="string", name="z")
    model = keras.Model([*model.inputs, entry], [model.output, text(entry)])
    data = {**data, "z": TEXTS}
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        assets = sorted(n for n in file.namelist() if n.startswith("assets"))
        written = file.read("assets/layers/text_vectorization/vocabulary.txt")
    folder = "assets/layers/text_vectorization"
    assert {f"{folder}/vocabulary.txt", f"{folder}/_lookup_layer/vocabulary.txt"} < {
        *assets
    }
    assert written == "\n".join(text.get_vocabulary()).encode(
        "utf-8", "surrogateescape"
    )
    for same in (
        keras.models.load_model(tmp_path / "m.keras"),
        pickle.loads(pickle.dumps(model)),
    ):
        for a, b in zip(
            model.predict(data, verbose=0), same.predict(data, verbose=0), strict=True
        ):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("path", ["/etc/passwd", "https://example.com/words.txt"])
def test_a_file_names_no_vocabulary(path, tmp_path):
    """A config with a path in it is refused, wherever the layer stands."""
    model = keras.Sequential([keras.Input((1,), dtype="string"), vectorize()])
    model.save(tmp_path / "m.keras")
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(tmp_path / "m.keras") as old,
        zipfile.ZipFile(changed, "w") as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1]["config"]["vocabulary"] = path
                data = json.dumps(config)
            new.writestr(name, data)
    changed.seek(0)
    with pytest.raises(ValueError, match="names a file"):
        keras.models.load_model(changed)
    for layer in (layers.StringLookup, layers.IntegerLookup, layers.TextVectorization):
        config = {"class_name": layer.__name__, "config": {"vocabulary": path}}
        with pytest.raises(ValueError, match="names a file"):
            keras.layers.deserialize(config)


def test_an_adapted_vocabulary_with_several_unknown_indices_loads(tmp_path):
    """A file has the unknown token once for each of its indices."""
    layer = keras.layers.StringLookup(num_oov_indices=3, output_mode="one_hot")
    layer.adapt(np.array(["b", "a", "a"]))
    vocabulary = "\n".join(["[UNK]"] * 3 + ["a", "b"])
    (tmp_path / "vocabulary.txt").write_text(vocabulary)
    again = keras.layers.StringLookup.from_config(layer.get_config())
    again.load_assets(str(tmp_path))
    assert again.get_vocabulary() == layer.get_vocabulary()
