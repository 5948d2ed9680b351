"""Discretization, CategoryEncoding, Hashing and lookups, beyond the goldens."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from minikeras.layers.preprocessing.sketch import QuantileSketch

RNG = np.random.default_rng(5)


def quantiles(data, pieces, epsilon=0.01):
    sketch = QuantileSketch(epsilon)
    for part in np.array_split(data, pieces):
        sketch.add(part)
    return sketch.quantiles(np.arange(1, 20) / 20)


@pytest.mark.parametrize("size", [1, 19, 5000])
def test_quantiles_are_exact_at_first(size):
    data = RNG.normal(size=size)
    wanted = np.interp(
        np.arange(1, 20) / 20, np.arange(1, size + 1) / size, np.sort(data)
    )
    for pieces in (1, 7):
        np.testing.assert_allclose(quantiles(data, pieces), wanted)


@pytest.mark.parametrize("epsilon", [0.05, 0.01])
def test_quantiles_of_a_long_stream(epsilon):
    """Within epsilon, in bounded memory; in pieces as at once."""
    data = RNG.permutation(np.arange(1_000_000) ** 1.5)
    found = quantiles(data, 1, epsilon)
    ranks = np.searchsorted(np.sort(data), found) / len(data)
    assert np.abs(ranks - np.arange(1, 20) / 20).max() < epsilon
    np.testing.assert_array_equal(quantiles(data, 23, epsilon), found)
    sketch = QuantileSketch(epsilon)
    sketch.add(data)
    assert sum(len(level[0]) for level in sketch._levels if level) <= 24 / epsilon * 4


def test_ranges(backend):
    layer = layers.Discretization([0.0, 1.0])
    values = [np.nan, np.inf, -np.inf, 0.0, 1.0, 0.5]
    assert layer(values).tolist() == [2, 2, 0, 1, 2, 1]
    assert layer(np.array([[0, 1, 2]])).dtype == "int32"
    model = keras.Sequential([keras.Input((6,)), layer])
    assert model.predict(np.array([values]), verbose=0).tolist() == [[2, 2, 0, 1, 2, 1]]
    half = layers.Discretization([0.0], output_mode="multi_hot", dtype="float16")
    assert half(np.ones((1, 2))).dtype == "float16"
    assert layers.Discretization([])(np.ones(3)).tolist() == [0, 0, 0]


def test_adapting_again_reaches_compiled_programs():
    layer = layers.Discretization(num_bins=3)
    layer.adapt(np.arange(9.0))
    model = keras.Sequential([keras.Input((1,)), layer])
    assert model.predict(np.array([[4.0]]), verbose=0).tolist() == [[1]]
    layer.adapt(np.arange(9.0) + 100)
    assert model.predict(np.array([[4.0]]), verbose=0).tolist() == [[0]]


def test_states_of_discretization():
    layer = layers.Discretization(num_bins=4)
    layer.update_state(np.arange(10.0))
    layer.update_state(np.arange(10.0, 20.0))
    layer.finalize_state()
    assert layer.bin_boundaries == [4.0, 9.0, 14.0]
    layer.reset_state()
    layer.finalize_state()
    assert layer.bin_boundaries == [4.0, 9.0, 14.0]
    again = layers.Discretization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again.adapt([1.0, 2.0, 3.0, 4.0])
    assert again.bin_boundaries == [1.0, 2.0, 3.0]
    assert layer.weights == []


def test_last_axis_is_the_sample():
    """In Keras it is the second, for more than two axes."""
    ids = np.array([[[0, 1], [2, 2], [1, 1]]])
    wanted = [[[1, 1, 0], [0, 0, 2], [0, 2, 0]]]
    layer = layers.CategoryEncoding(3, output_mode="count")
    assert layer(ids).tolist() == wanted
    assert layer(keras.Input((3, 2), dtype="int32")).shape == (None, 3, 3)
    counted = layers.IntegerLookup(
        vocabulary=[0, 1, 2], num_oov_indices=0, output_mode="count"
    )
    assert counted(ids).tolist() == wanted


def test_weighted_counts(lib):
    layer = lib.layers.CategoryEncoding(3, output_mode="count")
    ids, weights = np.array([[0, 1, 1]]), np.array([[0.1, 0.2, 0.3]])
    result = np.asarray(layer(ids, count_weights=weights))
    np.testing.assert_allclose(result, [[0.1, 0.5, 0.0]], rtol=1e-6)


def test_category_encoding_compiled(backend):
    layer = layers.CategoryEncoding(3, output_mode="multi_hot")
    model = keras.Sequential([keras.Input((2,), dtype="int32"), layer])
    ids = np.array([[0, 2], [1, 1]])
    assert model.predict(ids, verbose=0).tolist() == [[1, 0, 1], [0, 1, 0]]


def test_vocabulary_of_a_file(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("x\ny\r\né\n", "utf-8")
    layer = layers.StringLookup(vocabulary=file)
    assert layer.get_vocabulary() == ["[UNK]", "x", "y", "é"]
    assert layer.get_config()["vocabulary"] is None
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("3\n5\n")
    assert layers.IntegerLookup(vocabulary=str(numbers)).get_vocabulary() == [-1, 3, 5]


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_adapting_in_pieces(mode):
    words = np.array(["a", "b", "c", "d", "e"], object)
    data = words[RNG.integers(0, 5, (60, 3)) % RNG.integers(1, 6, (60, 3))]
    whole, pieces = (layers.StringLookup(output_mode=mode) for _ in range(2))
    whole.adapt(data)
    pieces.adapt(data[i : i + 7] for i in range(0, 60, 7))
    assert whole.get_vocabulary() == pieces.get_vocabulary()
    np.testing.assert_array_equal(whole(data), pieces(data))
    by_hand = layers.StringLookup(output_mode=mode)
    by_hand.update_state(data[:20])
    by_hand.update_state(data[20:])
    by_hand.finalize_state()
    assert by_hand.get_vocabulary() == whole.get_vocabulary()
    first = layers.StringLookup(output_mode=mode)
    first.adapt((data[i : i + 7] for i in range(0, 60, 7)), steps=1)
    again = layers.StringLookup(output_mode=mode)
    again.adapt(data[:7])
    assert first.get_vocabulary() == again.get_vocabulary()


def test_kinds_of_strings():
    layer = layers.StringLookup(vocabulary=["é", "b"])
    for data in (
        np.array(["é", "b"]),
        np.array(["é", "b"], object),
        np.array(["é".encode(), b"b"]),
        np.array(["é".encode(), "b"], object),
        ["é", "b"],
    ):
        assert layer(data).tolist() == [1, 2]
    latin = layers.StringLookup(vocabulary=["é"], encoding="latin-1")
    assert latin(np.array([b"\xe9"])).tolist() == [1]
    text = layers.TextVectorization(vocabulary=["é"], encoding="latin-1")
    assert text(np.array([b"\xe9 x"])).tolist() == [[2, 1]]
    broken = layers.StringLookup()
    broken.adapt(np.array([b"\xff", b"\xff", b"a"]))
    assert broken(np.array([b"\xff"])).tolist() == [1]


@pytest.mark.parametrize("oov", [{}, {"max_tokens": 3}])
def test_words_of_all_texts_at_once(oov):
    """The fast way gives what the way for bytes that are no UTF-8 gives."""
    texts = np.array([b"A b, c", b"", b"  ", b"b b! d\xc3\xa9", b"c"], object)
    layer = layers.TextVectorization(**oov)
    layer.adapt(texts)
    slow = layer(np.array([*texts, b"\xff"], object)).numpy()[:-1]
    np.testing.assert_array_equal(layer(texts), slow)
    assert layer(np.array([b"\xff a"])).tolist()[0][0] == 1


def test_functions_of_users(tmp_path):
    @keras.saving.register_keras_serializable("tests")
    def plain(texts):
        return np.char.replace(np.char.upper(texts), "-", ",")

    @keras.saving.register_keras_serializable("tests")
    def commas(texts):
        return np.char.split(texts, ",")

    layer = layers.TextVectorization(standardize=plain, split=commas)
    layer.adapt(["a-b", "b"])
    assert layer.get_vocabulary() == ["", "[UNK]", "B", "A"]
    assert layer(["b-c"]).tolist() == [[2, 1]]
    model = keras.Sequential([keras.Input((), dtype="string"), layer])
    model.save(tmp_path / "m.keras")
    same = keras.models.load_model(tmp_path / "m.keras")
    assert same.predict(np.array(["b-c"]), verbose=0).tolist() == [[2, 1]]


VOCABULARY = ["a", "b"]
D, C, H = layers.Discretization, layers.CategoryEncoding, layers.Hashing
S, N, T = layers.StringLookup, layers.IntegerLookup, layers.TextVectorization


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: D(), "expected one of them"),
        (lambda: D([0.0], 3), "expected one of them"),
        (lambda: D([1.0, 0.0]), "rising"),
        (lambda: D([np.nan]), "expected a list of numbers"),
        (lambda: D(num_bins=0), "at least 1"),
        (lambda: D(num_bins=3, epsilon=2.0), "between 0 and 1"),
        (lambda: D(num_bins=3)(np.ones(2)), "no boundaries yet"),
        (lambda: D(num_bins=3).adapt(np.array([1.0, np.nan])), "NaN"),
        (lambda: D(num_bins=3).adapt(np.array([])), "no data"),
        (lambda: D([0.0]).adapt(np.ones(2)), "nothing to adapt"),
        (lambda: D([0.0], output_mode="x"), "expected one of"),
        (lambda: D([0.0], sparse=True), "sparse"),
        (lambda: C(3)(np.array([[0, 3]])), "from 0 to 3; expected 0 to 2"),
        (lambda: C(3)(np.array([[0, -1]])), "from -1"),
        (lambda: C(3)(np.ones((1, 2)), count_weights=np.ones((1, 2))), "for 'count'"),
        (lambda: C(3, "count")(np.ones((1, 2)), count_weights=np.ones((1, 1))), "shape"),
        (lambda: H(3, salt="a"), "expected an integer"),
        (lambda: H(3, mask_value="a")(np.array([1])), "expected both"),
        (lambda: S()(["a"]), "no vocabulary yet"),
        (lambda: T()(["a"]), "TextVectorization.* no vocabulary yet"),
        (lambda: S(vocabulary=[]), "empty"),
        (lambda: S(vocabulary=["a", "a"]), "more than once"),
        (lambda: S(vocabulary=["a", None]), "expected strings"),
        (lambda: S(vocabulary=[["a"]]), "expected strings"),
        (lambda: N(vocabulary=["a"]), "expected integers"),
        (lambda: S(vocabulary="/no/such/file"), "no such file"),
        (lambda: S(vocabulary=VOCABULARY, max_tokens=2), "at most max_tokens=2"),
        (lambda: S(vocabulary=VOCABULARY, output_mode="tf_idf"), "needs idf_weights"),
        (lambda: S(vocabulary=VOCABULARY, idf_weights=[1.0, 2.0]), "tf_idf"),
        (lambda: S(vocabulary=VOCABULARY, output_mode="tf_idf", idf_weights=[1.0]),
         r"expected \(2,\)"),
        (lambda: S(vocabulary=VOCABULARY)(np.array([1])), "expected strings"),
        (lambda: N(vocabulary=[1])(np.array(["a"])), "expected integers"),
        (lambda: N(vocabulary=[1])(np.array([np.nan])), "NaN"),
        (lambda: S(vocabulary=VOCABULARY)(np.array(["a", None], object)), "Missing"),
        (lambda: S(vocabulary=VOCABULARY)([["a"], ["b", "c"]]), "different lengths"),
        (lambda: S(vocabulary=VOCABULARY).adapt(["a"]), "nothing to adapt"),
        (lambda: T(vocabulary=VOCABULARY).adapt(["a"]), "nothing to adapt"),
        (lambda: S().adapt([]), "no token"),
        (lambda: T().adapt(["", " "]), "no token"),
        (lambda: S(max_tokens=1), "at least 2"),
        (lambda: S(max_tokens=2, mask_token="").adapt(["a"]), "no room"),
        (lambda: S(num_oov_indices=-1), "at least 0"),
        (lambda: S(output_mode="x"), "expected one of"),
        (lambda: S(pad_to_max_tokens=True), "needs max_tokens"),
        (lambda: S(invert=True, output_mode="count"), "output_mode='int'"),
        (lambda: N(vocabulary_dtype="int32"), "expected 'int64'"),
        (lambda: N(salt=3), "farmhash"),
        (lambda: N(oov_method="x"), "expected one of"),
        (lambda: T(standardize="x"), "or a function"),
        (lambda: T(split="x"), "or a function"),
        (lambda: T(ngrams="x"), "tuple"),
        (lambda: T(ngrams=0), "tuple"),
        (lambda: T(output_sequence_length=0), "at least 1"),
        (lambda: T(output_sequence_length=3, output_mode="count"), "output_mode='int'"),
        (lambda: T(ragged=True), "ragged"),
        (lambda: T(vocabulary=VOCABULARY)(keras.Input((3,), dtype="string")), "batch, 1"),
        (lambda: T(vocabulary=VOCABULARY)(np.array([1])), "expected strings"),
        (lambda: T(vocabulary=VOCABULARY, split=lambda x: x)(["a"]), "list of tokens"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_refusals_change_nothing():
    layer = layers.StringLookup(output_mode="tf_idf", max_tokens=4)
    layer.adapt(["a", "b", "a"])
    before = layer.get_vocabulary(), layer.idf_weights.tolist()
    for call in (
        lambda: layer.adapt([]),
        lambda: layer.adapt(np.array([1])),
        lambda: layer.set_vocabulary(["x", "x"]),
        lambda: layer.set_vocabulary(["x"], idf_weights=[1.0, 2.0]),
        lambda: layer.set_vocabulary(list("pqrst"), idf_weights=[1.0] * 5),
    ):
        with pytest.raises(ValueError, match="StringLookup"):
            call()
        assert (layer.get_vocabulary(), layer.idf_weights.tolist()) == before


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("kind", ["Discretization", "CategoryEncoding"])
def test_one_number_gives_one_vector(mode, kind):
    if kind == "Discretization":
        layer = keras.layers.Discretization([0.0, 1.0], output_mode=mode)
    else:
        layer = keras.layers.CategoryEncoding(3, output_mode=mode)
    found = np.asarray(layer(np.array(1)))
    assert found.tolist() == ([0, 0, 1] if kind == "Discretization" else [0, 1, 0])
    assert layer.compute_output_shape(()) == (3,)


def test_one_bin_holds_the_mask_and_all_else():
    values = np.array(["a", "", "b"], object)
    for mask in (None, ""):
        layer = layers.Hashing(num_bins=1, mask_value=mask)
        assert layer(values).tolist() == [0, 0, 0]
    one_hot = layers.Hashing(num_bins=1, mask_value=0, output_mode="one_hot")
    assert one_hot(np.array([0, 7])).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("dtype", ["int64", "float16"])
def test_a_discretization_to_integers_sees_fractions(dtype):
    """Layers of Keras 2 have `dtype="int64"`: that of the result, not of the numbers."""
    layer = layers.Discretization([-0.5, 0.0, 0.4], dtype=dtype)
    inputs = keras.Input((4,))
    x = np.array([[-0.7, -0.2, 0.1, 0.9]], "float32")
    for found in (layer(x), keras.Model(inputs, layer(inputs)).predict(x, verbose=0)):
        assert np.asarray(found).tolist() == [[0, 1, 2, 3]]
