"""More names of TensorFlow: strings, pictures, checkpoints, checks; its own results as numbers."""

import io
import wave

import numpy as np
import pytest

import minikeras as keras

pytestmark = pytest.mark.usefixtures("aliased")


@pytest.fixture
def tf():
    import tensorflow

    tensorflow.constant(0)
    return tensorflow


def listed(values):
    return np.asarray(values).tolist()


def test_shapes_are_tuples_that_answer(tf):
    x = tf.zeros((2, 3))
    assert x.shape.as_list() == [2, 3] and x.shape == (2, 3) and x.shape.rank == 2
    assert x.shape[1:].num_elements() == 3 and [7] + x.shape == (7, 2, 3)
    assert tf.Variable(x).shape[:1].as_list() == [2] and f"{x.shape}" == "(2, 3)"
    assert keras.Input((4,)).shape.as_list() == [None, 4]
    assert tf.TensorShape([None, 3]).is_compatible_with(x.shape)
    assert tf.ones(x.shape[:1] + [5]).shape == (2, 5)
    with pytest.raises(ValueError, match="incompatible"):
        tf.ensure_shape(x, [None, 4])


def test_shapes_pass_through_layers_and_compiled_functions(tf):
    class Flat(keras.layers.Layer):
        def call(self, x):
            rows = tf.shape(x)[0]
            return tf.reshape(x, [rows, np.prod(x.shape.as_list()[1:])])

    inputs = keras.Input((2, 3))
    model = keras.Model(inputs, keras.layers.Dense(1)(Flat()(inputs)))
    model.compile("sgd", "mse")
    model.fit(np.ones((5, 2, 3)), np.ones((5, 1)), batch_size=2, verbose=0)
    assert model.predict(np.ones((3, 2, 3)), verbose=0).shape == (3, 1)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda s: s.lower(["AbÄ"]), ["abÄ"]),
        (lambda s: s.lower(["AbÄ"], encoding="utf-8"), ["abä"]),
        (lambda s: s.upper("abc"), "ABC"),
        (lambda s: s.strip([" a "]), ["a"]),
        (lambda s: s.length(["abä", "x"]), [4, 1]),
        (lambda s: s.length("abä", unit="UTF8_CHAR"), 3),
        (lambda s: s.substr("hello", 1, 3), "ell"),
        (lambda s: s.regex_replace(["a1b22"], r"\d+", "#"), ["a#b#"]),
        (lambda s: s.regex_replace("ab cd", r"(\w+) (\w+)", r"\2 \1"), "cd ab"),
        (lambda s: s.regex_replace("aa", "a", "b", replace_global=False), "ba"),
        (lambda s: s.regex_full_match(["ab", "abc"], "a."), [True, False]),
        (lambda s: s.split("a b  c"), ["a", "b", "c"]),
        (lambda s: s.split(["a b", "c"]), [["a", "b"], ["c", ""]]),
        (lambda s: s.unicode_split("héy", "UTF-8"), ["h", "é", "y"]),
        (lambda s: s.join([["a", "b"], ["c", "d"]], separator="-"), ["a-c", "b-d"]),
        (lambda s: s.join(["p", ["a", "b"]]), ["pa", "pb"]),
        (lambda s: s.reduce_join([["a", "b"], ["c", "d"]], axis=-1), ["ab", "cd"]),
        (lambda s: s.reduce_join(["a", "b"], separator=" "), "a b"),
        (lambda s: s.to_number(["1.5", "2"]), [1.5, 2]),
        (lambda s: s.as_string([1.256], precision=2), ["1.26"]),
        (lambda s: s.as_string([1.5]), ["1.500000"]),
        (lambda s: s.format("x {} y", 3), "x 3 y"),
    ],
)
def test_strings(tf, call, wanted):
    assert listed(call(tf.strings)) == wanted


def test_arrays_of_strings(tf):
    words = tf.constant(["a", "b", "c"])
    assert [w.numpy().decode("utf-8") for w in words] == ["a", "b", "c"]
    assert words[0].numpy().decode() == words.numpy()[0].decode() == "a"
    assert listed(words == "b") == [False, True, False]
    assert listed(tf.expand_dims(words, -1)) == [["a"], ["b"], ["c"]]
    assert listed(tf.concat([["x"], words], 0)) == ["x", "a", "b", "c"]
    assert listed(tf.gather(words, [2, 0])) == ["c", "a"]
    assert listed(tf.where([True, False, True], words, "-")) == ["a", "-", "c"]
    assert listed(tf.boolean_mask(words, [True, False, True])) == ["a", "c"]
    assert listed(tf.unique(tf.constant(["b", "a", "b"])).idx) == [0, 1, 0]
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"])
    assert listed(lookup(words)) == [1, 2, 0]
    data = tf.data.Dataset.from_tensor_slices(["A b", "C"])
    assert [s.numpy().decode() for s in data.map(tf.strings.lower)] == ["a b", "c"]


def test_text_vectorization_with_functions_of_strings(tf):
    def clean(text):
        return tf.strings.regex_replace(tf.strings.lower(text), "[!.]", "")

    layer = keras.layers.TextVectorization(
        standardize=clean, split=tf.strings.split, output_sequence_length=3
    )
    layer.adapt(tf.data.Dataset.from_tensor_slices(["A b!", "b."]).batch(2))
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "a"]
    assert listed(layer(tf.constant(["B! a a a", "z"]))) == [[2, 3, 3], [1, 0, 0]]


def test_numbers(tf):
    x = np.float32([[1, 2], [3, 5], [7, 11]])
    assert listed(tf.math.segment_mean(x, [0, 0, 1])) == [[2, 3.5], [7, 11]]
    assert listed(tf.math.unsorted_segment_mean(x, [2, 0, 2], 3))[1] == [0, 0]
    assert listed(tf.math.count_nonzero([[0, 1], [2, 3]], axis=1)) == [1, 2]
    assert listed(tf.math.multiply_no_nan([np.inf, 2.0], [0.0, 3.0])) == [0, 6]
    assert listed(tf.math.xlogy([0.0], [0.0])) == [0]
    assert listed(tf.math.polyval([1.0, 2.0, 3.0], 2.0)) == 11
    assert listed(tf.complex([1.0], [2.0])) == [1 + 2j]
    assert listed(tf.sequence_mask([1, 3])) == [[True, False, False], [True] * 3]
    assert listed(tf.searchsorted([1, 3, 5], [3], side="right")) == [2]
    assert listed(tf.slice(x, [1, 0], [2, -1])) == [[3, 5], [7, 11]]
    assert listed(tf.strided_slice(x, [0, 0], [3, 1], [2, 1])) == [[1], [7]]
    assert listed(tf.unique_with_counts([3, 1, 3]).count) == [2, 1]
    assert listed(tf.unravel_index([5, 3], [2, 3])) == [[1, 1], [2, 0]]
    assert listed(tf.tensor_scatter_nd_add([1, 2], [[0], [0]], [5, 6])) == [12, 2]
    s, u, v = tf.linalg.svd(x)
    np.testing.assert_allclose((u * s) @ tf.transpose(v), x, rtol=1e-4)
    assert listed(tf.linalg.set_diag(x, [0.0, 9.0])) == [[0, 2], [3, 9], [7, 11]]
    unit, length = tf.linalg.normalize(x[:1] * [3, 2], axis=1)
    assert listed(length) == [[5]] and np.allclose(unit, [[0.6, 0.8]])
    assert listed(tf.scan(lambda a, b: a + b, tf.constant([1, 2, 3]))) == [1, 3, 6]
    assert listed(tf.foldl(lambda a, b: a * b, tf.constant([2, 3, 4]))) == 24
    assert listed(tf.switch_case(7, [lambda: 1, lambda: 2], lambda: 3)) == 3
    assert listed(tf.case([(tf.constant(False), lambda: 1)], lambda: 2)) == 2
    assert listed(tf.numpy_function(lambda a: a * 2, [x[0]], tf.float32)) == [2, 4]
    wanted = [[0.5, 0.5, 1.0], [0.5, 1.0, 1.0]]
    assert listed(tf.nn.compute_average_loss(wanted[0], global_batch_size=4)) == 0.5
    assert listed(tf.nn.crelu([-1.0, 2.0])) == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "out"),
    [(3, 3, "SAME", 6), (3, 3, "SAME", 5), (3, 2, "VALID", 7), (3, 3, "VALID", 7),
     (3, 1, "SAME", 5), (3, 4, "SAME", 6)],
)  # fmt: skip
def test_transposed_convolution_is_the_gradient(tf, size, kernel, padding, out):
    rng = np.random.default_rng(0)
    image = tf.constant(rng.normal(size=(2, out, out, 2)).astype("float32"))
    filters = rng.normal(size=(kernel, kernel, 2, 3)).astype("float32")
    g = rng.normal(size=(2, size, size, 3)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(image)
        made = tf.nn.conv2d(image, filters, 2, padding)
    found = tf.nn.conv2d_transpose(g, filters, [2, out, out, 2], 2, padding)
    wanted = tape.gradient(made, image, output_gradients=tf.constant(g))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="output_shape"):
        tf.nn.conv2d_transpose(g, filters, [2, out + 9, out, 2], 2, padding)


def test_pictures(tf):
    image = np.arange(2 * 4 * 6 * 3, dtype="float32").reshape(2, 4, 6, 3) / 144
    where = tf.image
    np.testing.assert_array_equal(where.rot90(image), np.rot90(image, axes=(1, 2)))
    np.testing.assert_array_equal(where.central_crop(image, 0.5), image[:, 1:3, 1:5])
    found = listed(where.resize_with_crop_or_pad(image, 6, 2)[0, :, 0, 0])
    assert found == [0, *image[0, :, 2, 0].tolist(), 0]
    assert where.resize_with_pad(image, 8, 8).shape == (2, 8, 8, 3)
    small = np.asarray(where.resize_with_pad(image, 8, 8))
    assert small[:, 0].max() == 0 and small[:, 1].max() > 0
    bright = where.adjust_brightness(np.full((1, 1, 3), 200, "uint8"), 0.5)
    assert bright.dtype == "uint8" and listed(bright) == [[[255] * 3]]
    contrast = where.adjust_contrast(np.float32([[[0], [1]]]), 2)
    assert listed(contrast) == [[[-0.5], [1.5]]]
    grey = where.adjust_saturation(image, 0.0)
    np.testing.assert_allclose(np.ptp(grey, axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(where.adjust_hue(image, 1.0), image, atol=1e-5)
    plain = where.per_image_standardization(image)
    np.testing.assert_allclose(np.std(plain, (1, 2, 3)), 1, rtol=1e-5)
    parts = where.extract_patches(image, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1])
    np.testing.assert_array_equal(parts[0, 0, 0], image[0, :2, :2].ravel())
    variation = (
        np.abs(np.diff(image, axis=1)).sum() + np.abs(np.diff(image, axis=2)).sum()
    )
    assert float(tf.reduce_sum(where.total_variation(image))) == pytest.approx(
        variation
    )
    for change in (
        lambda i: where.stateless_random_brightness(i, 0.2, (1, 2)),
        lambda i: where.stateless_random_crop(i, (2, 3, 3, 3), (1, 2)),
        lambda i: where.stateless_random_contrast(i, 0.5, 2, (1, 2)),
        lambda i: where.stateless_random_flip_left_right(i, (1, 2)),
    ):
        np.testing.assert_array_equal(change(image), change(image))
    cut = tf.image.random_crop(image[0], (2, 2, 3))
    assert cut.shape == (2, 2, 3)
    assert listed(where.convert_image_dtype([0.0, 0.5, 1.0], tf.uint8)) == [0, 127, 255]


def test_sounds(tf):
    raw = io.BytesIO()
    with wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(100)
        file.writeframes(np.int16([0, 16384, -32768]).tobytes())
    sound, rate = tf.audio.decode_wav(raw.getvalue(), desired_samples=4)
    assert listed(sound) == [[0], [0.5], [-1], [0]] and int(rate) == 100
    x = np.sin(np.arange(300.0)).astype("float32")
    found = tf.signal.stft(x, frame_length=64, frame_step=32, fft_length=128)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    frames = np.stack([x[i : i + 64] * window for i in range(0, 237, 32)])
    np.testing.assert_allclose(found, np.fft.rfft(frames, 128), atol=1e-4)
    np.testing.assert_allclose(
        tf.abs(found), np.abs(np.fft.rfft(frames, 128)), atol=1e-4
    )


def test_data_from_files(tf, tmp_path):
    for name, lines in [("a.csv", "h\n1,x\n2,y\n"), ("b.csv", "h\n3,\n4,z\n")]:
        (tmp_path / name).write_text(lines)
    files = tf.data.Dataset.list_files(str(tmp_path / "*.csv"), shuffle=False)
    lines = files.interleave(
        lambda path: tf.data.TextLineDataset(path).skip(1), cycle_length=2
    )
    pairs = lines.map(lambda line: tuple(tf.io.decode_csv(line, [[0.0], ["-"]])))
    found = [(float(a), b.numpy().decode()) for a, b in pairs]
    assert found == [(1, "x"), (3, "-"), (2, "y"), (4, "z")]
    with pytest.raises(ValueError, match="must not be empty"):
        tf.io.decode_csv([",1"], [tf.float32, [0]])
    with pytest.raises(ValueError, match="3 fields"):
        tf.io.decode_csv(["1,2,3"], [[0]] * 2)


def test_checkpoints(tf, tmp_path):
    def made():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        optimizer = keras.optimizers.Adam()
        step = tf.Variable(1)
        return model, optimizer, step

    def parts(model, optimizer, step):
        return tf.train.Checkpoint(net=model, net_optimizer=optimizer, step=step)

    first = made()
    first[1].apply([np.ones((2, 3)), np.ones(3)], first[0].trainable_variables)
    manager = tf.train.CheckpointManager(parts(*first), tmp_path, max_to_keep=2)
    for i in range(3):
        first[2].assign(10 + i)
        manager.save()
    assert [p[-6:] for p in manager.checkpoints] == ["ckpt-2", "ckpt-3"]
    assert tf.train.latest_checkpoint(tmp_path) == manager.latest_checkpoint
    second = made()
    parts(*second).restore(manager.latest_checkpoint).expect_partial()
    assert int(second[2]) == 12
    for a, b in zip(
        [*first[0].weights, *first[1].variables],
        [*second[0].weights, *second[1].variables],
        strict=True,
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    other = tf.train.Checkpoint(net=keras.Sequential([keras.Input((2,))]))
    with pytest.raises(ValueError, match="'net' has variables of shapes"):
        other.restore(manager.latest_checkpoint)
    assert tf.train.latest_checkpoint(tmp_path / "none") is None


def test_checks_of_values(tf):
    tf.debugging.assert_equal([1, 2], [1, 2])
    tf.debugging.assert_near([1.0], [1.0 + 1e-7])
    tf.debugging.assert_shapes([(np.ones((2, 3)), ("N", 3)), (np.ones(2), ("N",))])
    for call, match in [
        (
            lambda: tf.debugging.assert_less([1], [1], message="why"),
            "why expected x less",
        ),
        (lambda: tf.debugging.assert_shapes([(np.ones(2), (3,))]), "got \\(2,\\)"),
        (
            lambda: tf.debugging.check_numerics([np.nan], "bad"),
            "bad: the tensor has NaN",
        ),
        (lambda: tf.Assert(False, ["x"]), "assertion failed"),
    ]:
        with pytest.raises(tf.errors.InvalidArgumentError, match=match):
            call()

    @tf.function
    def traced(x):
        tf.debugging.assert_less(x, 0.0)
        return x

    assert listed(traced(tf.constant(1.0))) == 1


def test_modules_arrays_and_random_numbers(tf):
    class Part(tf.Module):
        def __init__(self):
            super().__init__("part")
            self.parts = [tf.Variable(1.0), {"k": tf.Variable(2.0, trainable=False)}]
            self.inner = keras.layers.Dense(2)
            self.inner.build((None, 3))

    part = Part()
    assert len(part.variables) == 4 and len(part.trainable_variables) == 3
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(3):
        array = array.write(i, tf.cast(i, tf.float32) * 2)
    assert listed(array.stack()) == [0, 2, 4] and int(array.size()) == 3
    one, two = (tf.random.Generator.from_seed(3) for _ in range(2))
    first = one.normal((2,))
    np.testing.assert_array_equal(first, two.normal((2,)))
    assert listed(first) != listed(one.normal((2,)))
    a, b = (tf.random.stateless_uniform((3,), seed=(1, 2)) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    with tf.name_scope("x"), tf.control_dependencies([a]):
        assert tf.config.functions_run_eagerly() is False
    tf.config.threading.set_inter_op_parallelism_threads(2)
    tf.config.experimental.enable_op_determinism()
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)


def test_shapes_by_method(aliased):
    import tensorflow as tf

    assert tf.keras.Input((4, 3)).get_shape().as_list() == [None, 4, 3]
    assert tf.ones((2, 1)).get_shape().as_list() == [2, 1]
    assert tf.compat.v1.image.resize is tf.image.resize


def test_what_tensorflow_1_scripts_say_first(tf):
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    assert config.gpu_options.allow_growth is True
    with tf.Session(config=config) as session:
        assert session.run(tf.global_variables_initializer()) is None
        assert session.run(tf.constant([1, 2])).tolist() == [1, 2]
    with pytest.warns(UserWarning, match="changes nothing"):
        tf.compat.v1.disable_eager_execution()
    assert float(tf.compat.v1.reduce_sum([1.0, 2.0])) == 3.0


def test_ranks_and_sizes_have_values(tf):
    assert tf.rank(tf.ones((2, 3))).numpy() == 2 == tf.rank([[1]])
    assert tf.size(tf.ones((2, 3))).numpy() == 6
    assert list(range(tf.rank([1]))) == [0]


def test_watched_variables_are_variables(tf):
    w, b = tf.Variable(1.0, name="w"), tf.Variable(2.0, name="b")
    with tf.GradientTape() as tape:
        _ = w * 2.0 + b
    assert [v.name.split(":")[0] for v in tape.watched_variables()] == ["w", "b"]
    assert tape.watched_variables()[0] is w


def test_tables_in_files(tf, tmp_path):
    rows = [
        "age,kind,rate,y",
        *(f"{i},{'ab'[i % 2]},{i / 2},{i % 2}" for i in range(5)),
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    read = tf.data.experimental.make_csv_dataset
    found = read(
        str(tmp_path / "*.csv"), 2, label_name="y", num_epochs=1, shuffle=False
    )
    first, labels = next(iter(found))
    assert first["age"].numpy().tolist() == [0, 1] and labels.numpy().tolist() == [0, 1]
    assert first["rate"].dtype == "float32" and first["age"].dtype == "int32"
    assert list(first["kind"]) == ["a", "b"]
    assert [len(y) for _, y in found] == [2, 2, 1]
    part = read(str(tmp_path / "t.csv"), 5, select_columns=["rate"], num_epochs=1)
    assert list(next(iter(part))) == ["rate"]
    with pytest.raises(ValueError, match="no column 'none'"):
        read(str(tmp_path / "t.csv"), 2, label_name="none")
    with pytest.raises(ValueError, match="no file"):
        read(str(tmp_path / "none.csv"), 2)


def test_functions_of_strings_run(tf):
    numbers = tf.keras.layers.StringLookup(vocabulary=list("abc"), mask_token=None)
    letters = tf.keras.layers.StringLookup(
        vocabulary=numbers.get_vocabulary(), invert=True, mask_token=None
    )

    @tf.function
    def there(words, states=None):
        return numbers(tf.strings.unicode_split(words, "UTF-8")).to_tensor(), states

    found, states = there(tf.constant(["ab", "c"]))
    assert found.numpy().tolist() == [[1, 2], [3, 0]] and states is None
    joined = tf.strings.reduce_join(letters(found[:1]), axis=-1)
    assert joined[0].numpy().decode("utf-8") == "ab"


def test_numpys_functions_take_tensors_under_a_tape(aliased):
    import tensorflow as tf

    logits = tf.Variable([[0.3, 1.2, -0.7]])
    with tf.GradientTape() as tape:
        shares = tf.nn.softmax(logits)
        drawn = np.random.default_rng(0).choice(3, p=np.squeeze(shares))
        assert np.random.RandomState(0).choice(3, p=np.squeeze(shares)) in range(3)
        assert type(np.squeeze(shares)) is np.ndarray
        assert np.exp(shares).dtype == np.float32 and np.mean(shares) < 1
        loss = -tf.math.log(shares[0, int(drawn)]) * np.ones((), "float32")
    assert tape.gradient(loss, logits).shape == (1, 3)
    assert [v is logits for v in tape.watched_variables()] == [True]

    @tf.function
    def inside(x):
        return np.squeeze(x)

    with pytest.raises(Exception, match="compiled function"):
        inside(tf.ones((1, 2)))


def test_without_tensorflow_numpys_methods_give_tensors():
    assert type(np.squeeze(keras.ops.ones((1, 2)))) is type(keras.ops.ones(()))


def test_one_number_is_a_scalar(tf):
    words = {0: "a", 2: "b"}
    assert words[tf.argmax([1, 2, 5]).numpy()] == "b"
    assert words[tf.Variable(0).numpy()] == "a"
    assert tf.ones((2, 1)).numpy().shape == (2, 1)


def test_a_source_that_is_not_watched_has_no_gradient(tf):
    x, c = tf.Variable(2.0), tf.constant(1.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * c
    assert tape.gradient(y, c) is None
    assert tape.gradient(y, c, unconnected_gradients="zero").numpy() == 0
    assert [g is None for g in tape.gradient(y, [x, c])] == [False, True]
