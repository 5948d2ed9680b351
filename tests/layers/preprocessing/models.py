"""Models of text and of tables whose files Keras on TensorFlow writes, and the data for them."""

import numpy as np

TABLE = {
    "f": np.arange(6.0),
    "fn": np.arange(6.0),
    "fd": np.arange(6.0),
    "ic": np.array([1, 2, 1, 3, 4, 4]),
    "sc": np.array(list("aabbcd"), object),
    "ih": np.arange(6),
    "sh": np.array(list("uvwxyz"), object),
    "fr": np.arange(6.0),
}
INPUTS = {
    "x": np.array([["q", "zz"], ["w", "e"], ["", ""]], object),
    "xi": np.array([[4], [6], [9]]),
    "xf": np.array([[0.5, 1.5, -1.0], [0.0, 0.0, 0.0], [3.0, 2.0, 1.0]], "float32"),
    "xt": np.array([["A b"], ["c d d ünï"], ["Ünï été"]], object),
}


def feature_space(keras, **args):
    """One of every kind."""
    kinds = keras.utils.FeatureSpace
    features = {
        "f": "float",
        "fn": "float_normalized",
        "fd": kinds.float_discretized(3),
        "ic": kinds.integer_categorical(max_tokens=5),
        "sc": kinds.string_categorical(
            output_mode="int" if args.get("output_mode") == "dict" else "one_hot"
        ),
        "ih": kinds.integer_hashed(num_bins=4),
        "sh": kinds.string_hashed(num_bins=3),
        "fr": kinds.float_rescaled(scale=2.0),
    }
    crosses = [("sc", "ic"), kinds.cross(("sh", "ih"), crossing_dim=5)]
    return kinds(features, crosses=crosses, crossing_dim=8, **args)


def text_model(keras):
    """Layers of text and categories, adapted, in one model with numbers."""
    layers = keras.layers
    x = keras.Input((2,), dtype="string", name="x")
    xi = keras.Input((1,), dtype="int64", name="xi")
    xf = keras.Input((3,), name="xf")
    xt = keras.Input((1,), dtype="string", name="xt")
    words = layers.StringLookup(output_mode="tf_idf")
    words.adapt(np.array([["q", "w"], ["q", "e"]], object))
    numbers = layers.IntegerLookup(output_mode="one_hot")
    numbers.adapt(np.array([4, 4, 6]))
    normal = layers.Normalization()
    normal.adapt(np.array([[0.0, 1.0, 2.0], [3.0, 5.0, 7.0]]))
    ids = layers.TextVectorization(output_sequence_length=4, ngrams=2)
    ids.adapt(["a b Ünï", "b c, d", "été"])
    idf = layers.TextVectorization(output_mode="tf_idf", max_tokens=12)
    idf.adapt(["a b", "b c d"])
    letters = layers.TextVectorization(
        output_mode="count", vocabulary=["a", "b"], split="character"
    )
    ranges = layers.Discretization(num_bins=3, output_mode="count")
    ranges.adapt(np.arange(9.0))
    salted = layers.StringLookup(
        vocabulary=["q", "e"], num_oov_indices=2, mask_token="", salt=3
    )
    scaled = layers.Rescaling(2.0, offset=[1.0, 2.0, 3.0])(normal(xf))
    embedded = layers.Flatten()(layers.Embedding(30, 2)(ids(xt)))
    crossed = layers.HashedCrossing(9, output_mode="one_hot")(
        [numbers_of(keras)(xi), xt]
    )
    outputs = [words(x), numbers(xi), scaled, embedded, idf(xt), letters(xt),
               salted(x), ranges(xf), crossed]  # fmt: skip
    return keras.Model([x, xi, xf, xt], outputs)


def numbers_of(keras):
    return keras.layers.Hashing(7, salt=[3, 4])
