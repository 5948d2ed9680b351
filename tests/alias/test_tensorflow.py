"""The few names of TensorFlow, with TensorFlow's arguments and results."""

import numpy as np
import pytest

import minikeras as keras

pytestmark = pytest.mark.usefixtures("aliased")


@pytest.fixture
def tf():
    import tensorflow

    return tensorflow


def test_functions_with_their_arguments(tf):
    x = tf.constant([[1.0, -2.0], [3.0, 4.0]])
    assert float(tf.reduce_sum(input_tensor=x, name="total")) == 6
    assert tf.reduce_mean(x, axis=0, keepdims=True).shape == (1, 2)
    assert float(tf.reduce_mean([1, 2])) == 1.5
    assert tf.argmax(x).numpy().tolist() == [1, 1] and tf.argmax(x).dtype == "int64"
    assert tf.math.argmax(x, axis=1, output_type=tf.int32).dtype == tf.int32
    assert tf.transpose(x, perm=[1, 0]).numpy().tolist() == [[1, 3], [-2, 4]]
    assert [p.shape for p in tf.split(tf.zeros((5, 2)), [1, -1])] == [(1, 2), (4, 2)]
    assert [p.shape for p in tf.split(x, 2, axis=1)] == [(2, 1), (2, 1)]
    assert tf.concat([x, x], axis=-1).shape == (2, 4)
    assert tf.matmul(x, x, transpose_b=True).numpy().tolist() == [[5, -5], [-5, 25]]
    assert tf.clip_by_value(x, 0.0, 3.5).numpy().max() == 3.5
    assert tf.where(x < 0).numpy().tolist() == [[0, 1]]
    assert tf.where(x < 0, 0.0, x).numpy().min() == 0
    assert tf.boolean_mask(x, [True, False]).numpy().tolist() == [[1, -2]]
    assert tf.gather(x, [1]).numpy().tolist() == [[3, 4]]
    assert tf.gather(x, [[1], [0]], batch_dims=1).numpy().tolist() == [[-2], [3]]
    assert tf.gather_nd(x, [[0, 1], [1, 1]]).numpy().tolist() == [-2, 4]
    assert tf.cumsum([1, 2, 3], exclusive=True).numpy().tolist() == [0, 1, 3]
    assert tf.cumsum([1, 2, 3], reverse=True).numpy().tolist() == [6, 5, 3]
    assert tf.sort([2, 1, 3], direction="DESCENDING").numpy().tolist() == [3, 2, 1]
    assert tf.one_hot([1], 3, on_value=5.0).numpy().tolist() == [[0, 5, 0]]
    assert tf.pad([[1]], [[0, 1], [1, 0]]).numpy().tolist() == [[0, 1], [0, 0]]
    assert tf.pad([[1, 2, 3]], [[0, 0], [1, 1]], "REFLECT").numpy().tolist() == [
        [2, 1, 2, 3, 2]
    ]
    assert tf.range(2, 8, 3).numpy().tolist() == [2, 5]
    assert tf.fill((2,), 7).numpy().tolist() == [7, 7]
    assert tf.constant(3, shape=(2,)).numpy().tolist() == [3, 3]
    assert tf.shape(x)[0] == 2 and tf.rank(x) == 2
    assert np.isclose(float(tf.norm(x)), np.sqrt(30))
    assert tf.linalg.band_part(tf.ones((3, 3)), -1, 0).numpy().sum() == 6
    assert tf.math.confusion_matrix([0, 1, 1], [0, 1, 0]).numpy().tolist() == [
        [1, 0],
        [1, 1],
    ]
    clipped, length = tf.clip_by_global_norm([x, None], 1.0)
    assert np.isclose(float(length), np.sqrt(30)) and clipped[1] is None
    with pytest.raises(TypeError, match="reduce_sum"):
        tf.reduce_sum(x, dimension=1)


def test_nn(tf):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    k = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype("float32")
    for strides in (2, (2, 2), [1, 2, 2, 1]):
        found = tf.nn.conv2d(x, k, strides, "SAME")
        np.testing.assert_allclose(
            found, keras.ops.conv(x, k, strides=2, padding="same"), rtol=1e-5
        )
    assert tf.nn.max_pool2d(x, 2, 2, "VALID").shape == (2, 3, 3, 3)
    logits, labels = (
        np.float32([[1, 2, 0], [0, 1, 3]]),
        np.float32([[0, 1, 0], [0, 0, 1]]),
    )
    a = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    b = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1, 2], logits=logits)
    np.testing.assert_allclose(a, b, rtol=1e-5)
    c = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    np.testing.assert_allclose(c, np.log1p(np.exp(logits)) - labels * logits, rtol=1e-5)
    np.testing.assert_allclose(tf.nn.leaky_relu([-1.0]), [-0.2])
    mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
    assert mean.shape == variance.shape == (3,)


def test_variables(tf):
    v = tf.Variable(3)
    assert v.dtype == "int32" and isinstance(v, keras.Variable)
    w = tf.Variable(lambda: tf.ones((2,)), trainable=False, name="w:0")
    assert w.assign_add([1.0, 1.0]).numpy().tolist() == [2, 2] and not w.trainable
    assert isinstance(keras.Variable(1.0), tf.Variable) and tf.is_tensor(w)
    assert not isinstance(1.0, tf.Variable)
    with pytest.raises(ValueError, match="expected \\(3,\\)"):
        tf.Variable([1.0], shape=(3,))


def test_tape_and_function(tf):
    calls = []

    class Model:
        def __init__(self):
            self.w = tf.Variable(2.0)

        @tf.function(jit_compile=True)
        def step(self, x):
            calls.append(1)
            with tf.GradientTape() as tape:
                loss = tf.square(self.w * x)
            (g,) = tape.gradient(loss, [self.w])
            self.w.assign_sub(0.1 * g)
            return loss

    model = Model()
    losses = [float(model.step(tf.constant(1.0))) for _ in range(3)]
    assert losses[0] == 4 and losses[2] < losses[1] < 4 and len(calls) == 1
    assert tf.executing_eagerly()
    tf.config.run_functions_eagerly(True)
    model.step(tf.constant(1.0))
    tf.config.run_functions_eagerly(False)
    assert len(calls) == 2
    double = tf.function(
        lambda x: x * 2, input_signature=[tf.TensorSpec([None], tf.float32)]
    )
    assert double(tf.constant([1.0])).numpy().tolist() == [2]


def test_dtypes(tf):
    assert tf.float32 == "float32" and tf.cast(1.7, tf.int32).dtype == tf.int32
    assert tf.half == "float16" and tf.as_dtype(np.float64) is not None
    assert (
        tf.as_dtype(np.float64).is_floating
        and tf.int8.max == 127
        and not tf.bool.is_floating
    )
    assert tf.float32.as_numpy_dtype is np.float32 and repr(tf.int64) == "tf.int64"
    layer = keras.layers.Dense(1, dtype=tf.float64)
    assert layer.compute_dtype == "float64"


def test_random(tf):
    tf.random.set_seed(3)
    first = tf.random.normal((3,), mean=5.0, stddev=0.1).numpy()
    tf.random.set_seed(3)
    np.testing.assert_array_equal(tf.random.normal((3,), mean=5.0, stddev=0.1), first)
    drawn = tf.random.uniform((50,), 2, 5, dtype=tf.int32).numpy()
    assert set(drawn) == {2, 3, 4}
    with pytest.raises(ValueError, match="maxval"):
        tf.random.uniform((2,), dtype=tf.int32)
    assert sorted(tf.random.shuffle([1, 2, 3]).numpy().tolist()) == [1, 2, 3]
    assert tf.random.categorical([[0.0, 50.0]], 3).numpy().tolist() == [[1, 1, 1]]


def test_data_and_devices(tf):
    data = (
        tf.data.Dataset.from_tensor_slices(np.arange(4))
        .batch(2)
        .prefetch(tf.data.AUTOTUNE)
    )
    assert tf.data.experimental.cardinality(data).numpy() == 2
    assert [x.numpy().tolist() for x in data] == [[0, 1], [2, 3]]
    assert tf.config.list_physical_devices("GPU") == []
    assert len(tf.config.experimental.list_physical_devices()) == 1
    with tf.device("/CPU:0"):
        assert tf.zeros((1,)).numpy().tolist() == [0]
    assert tf.__version__ == tf.version.VERSION


def test_images(tf):
    image = np.arange(12, dtype="uint8").reshape(2, 2, 3)
    assert tf.image.resize(image, (4, 4)).shape == (4, 4, 3)
    assert tf.image.resize(image, (4, 4)).dtype == "float32"
    assert tf.image.flip_left_right(image).numpy()[0, 0].tolist() == [3, 4, 5]
    assert tf.image.convert_image_dtype(image, tf.float32).numpy().max() == np.float32(
        11 / 255
    )
    several = tf.image.random_flip_left_right(np.stack([image] * 20), seed=1).numpy()
    assert {tuple(p[0, 0]) for p in several} == {(0, 1, 2), (3, 4, 5)}


def test_files_and_pictures(tf, tmp_path):
    pil = pytest.importorskip("PIL.Image")
    array = np.random.default_rng(0).integers(0, 256, (5, 4, 3), "uint8")
    for i in range(3):
        pil.fromarray(array).save(tmp_path / f"{i}.png")
    names = tf.io.gfile.glob(str(tmp_path / "*.png"))
    assert len(names) == 3 and tf.io.gfile.exists(names[0])

    def load(name, label):
        picture = tf.io.decode_png(tf.io.read_file(name), channels=3)
        return tf.image.convert_image_dtype(picture, tf.float32), label

    data = tf.data.Dataset.from_tensor_slices((names, [0, 1, 2])).map(load).batch(2)
    x, y = next(iter(data))
    np.testing.assert_allclose(x[1], array / np.float32(255), rtol=1e-6)
    assert y.numpy().tolist() == [0, 1]
    gray = tf.image.decode_jpeg(tf.io.read_file(names[0]), channels=1)
    assert gray.shape == (5, 4, 1) and gray.dtype == "uint8"
    with pytest.raises(ValueError, match="no picture"):
        tf.io.decode_image(b"abc")
    with pytest.raises(ValueError, match="channels=2"):
        tf.io.decode_image(b"abc", channels=2)
    with tf.io.gfile.GFile(str(tmp_path / "a.txt"), "w") as file:
        file.write("x")
    assert tf.io.gfile.listdir(str(tmp_path))[0].endswith((".png", ".txt"))


def test_one_device(tf):
    import keras

    assert keras.distribution.list_devices()[0] in ("cpu:0", "gpu:0")
    assert keras.src.distribution.distribution_lib.distribution() is None


def test_a_strategy_of_one_device(tf):
    strategy = tf.distribute.MirroredStrategy()
    assert strategy.num_replicas_in_sync == 1
    with strategy.scope():
        v = tf.Variable(2.0)
    total = strategy.run(lambda x: x * v, args=(tf.constant(3.0),))
    assert float(strategy.reduce(tf.distribute.ReduceOp.SUM, total)) == 6
    with pytest.raises(NotImplementedError, match="expected one"):
        tf.distribute.MirroredStrategy(["/gpu:0", "/gpu:1"])


def test_gradients_that_are_not_there(tf):
    v, w = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y = v * 3
    zero = tf.UnconnectedGradients.ZERO
    assert float(tape.gradient(y, w, unconnected_gradients=zero)) == 0
    assert tape.gradient(y, w) is None
    assert float(tf.math.reduce_euclidean_norm([3.0, 4.0])) == 5


@pytest.mark.parametrize("compiled", [False, True])
def test_parts_of_variables_have_gradients(tf, compiled):
    """As in the pictures that are optimized themselves: a batch of one, a variable."""
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])

    def step(variable):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(variable[0]))
        return tape.gradient(loss, variable)

    step = tf.function(step) if compiled else step
    assert step(v).numpy().tolist() == [[2, 4], [0, 0]]
    assert not getattr(step, "fallback", False)
    v[0].assign([9.0, 9.0])
    v[1, 0].assign_sub(1.0)
    assert v.numpy().tolist() == [[9, 9], [2, 4]]
    assert not hasattr(tf.constant(1.0), "assign")


def test_sizes_compute_as_tensors_of_them_do(tf):
    x = tf.ones((2, 3, 4))
    sizes = tf.shape(x)
    assert sizes.numpy().tolist() == [2, 3, 4] and sizes[0].numpy() == 2
    assert tf.reshape(x, (sizes[0], -1)).shape == (2, 12)
    assert (
        sizes[1:] * 2 == (6, 8)
        and 1 + sizes == (3, 4, 5)
        and sizes - [1, 1, 1] == (1, 2, 3)
    )
    assert 12 // sizes[:2] == (6, 4) and sizes[-1:] % 3 == (1,)
    assert (sizes * 0.5).numpy().tolist() == [1, 1.5, 2]
    assert tf.concat([sizes[:-1], [7]], 0).numpy().tolist() == [2, 3, 7]
    assert tf.image.resize(x[None, :, :, 0, None], tf.shape(x)[1:] * 2).shape == (
        1,
        6,
        8,
        1,
    )

    @tf.function
    def doubled(x):
        return tf.zeros(tf.shape(x)[:2] * 2)

    assert doubled(x).shape == (4, 6) and not doubled.fallback
    inputs = keras.Input((None, None, 3))

    class Up(keras.layers.Layer):
        def call(self, x):
            return tf.image.resize(x, tf.shape(x)[1:3] * 2)

    assert Up()(inputs).shape == (None, None, None, 3)
    assert Up()(np.ones((1, 2, 3, 3))).shape == (1, 4, 6, 3)


def test_the_largest_have_names(tf):
    for top_k in (tf.math.top_k, tf.nn.top_k):
        found = top_k([[1.0, 3.0, 2.0]], k=2)
        assert found.values.numpy().tolist() == [[3, 2]]
        assert found.indices.numpy().tolist() == [[1, 2]]
