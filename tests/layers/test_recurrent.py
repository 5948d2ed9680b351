"""Recurrent layers beyond the table: masks, states, dropout, own cells, models."""

import numpy as np
import pytest

import minikeras
from minikeras import Input, Model, Sequential, layers, ops
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.aval import ShapeError
from minikeras.layers.recurrent import rnn
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle
from tests.layers.goldens import cotangent, weigh
from tests.layers.recurrence import ALL, MASK, NAMES, STATES, X, close, flat, starts

# --- masks and the two ways to compute


@oracle
@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(
    "more", [{}, {"go_backwards": True}, {"return_sequences": False}], ids=str
)
@pytest.mark.parametrize("name", NAMES)
def test_masks_are_those_of_keras(name, more, started):
    results = []
    for library in (real_keras(), minikeras):
        layer = getattr(library.layers, name)(4, **ALL | more)
        layer.build(X.shape)
        initial = starts(STATES[name]) if started else None
        results.append(weigh(layer)(X, mask=MASK, initial_state=initial))
    close(results[1], results[0])


@oracle
@pytest.mark.parametrize("sequences", [False, True])
def test_zeros_for_masked_steps_are_those_of_keras(sequences):
    results = []
    for library in (real_keras(), minikeras):
        layer = library.layers.RNN(
            library.layers.GRUCell(4),
            return_sequences=sequences,
            return_state=True,
            zero_output_for_mask=True,
        )
        layer.build(X.shape)
        results.append(weigh(layer)(X, mask=MASK))
    close(results[1], results[0])


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("name", "more"),
    [*[(name, {}) for name in NAMES], ("SimpleRNN", {"activation": "relu"}),
     ("GRU", {"use_bias": False}), ("LSTM", {"zero_output_for_mask": True}),
     ("GRU", {"zero_output_for_mask": True, "return_sequences": False})],
)  # fmt: skip
def test_the_whole_sequence_at_once_is_the_loop(
    name, more, backwards, mask, monkeypatch
):
    def run(**options):
        layer = getattr(layers, name)(
            4, go_backwards=backwards, **{**ALL, **more}, **options
        )
        layer.build(X.shape)
        weigh(layer)
        initial = [ops.array(s) for s in starts(STATES[name])]
        x = ops.array(X)
        with GradientTape() as tape:
            tape.watch([x, *initial])
            outputs = layer(x, initial_state=initial, mask=mask)
            total = sum(ops.sum(y * cotangent(y.shape)) for y in outputs)
        sources = [*layer.trainable_variables, x, *initial]
        return [*outputs, *tape.gradient(total, sources)]

    fused = run()
    used = []
    monkeypatch.setattr(rnn, "has_kernel", lambda *a: used.append(1))
    close(run(), fused)
    close(run(unroll=True), fused)
    assert used


def test_a_masked_step_might_as_well_not_be_there():
    mask = np.array([[1, 0, 1, 1, 0, 1]] * 4, bool)
    kept = X[:, mask[0]]
    pictures = np.random.default_rng(1).normal(size=(4, 6, 5, 4, 2)).astype("float32")
    for layer, x in (
        (layers.LSTM(3, return_state=True), X),
        (layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_state=True), X),
        (layers.ConvLSTM2D(2, 2, return_state=True), pictures),
    ):
        close(layer(x, mask=mask), layer(x[:, mask[0]]))
    outputs = layers.GRU(3, return_sequences=True)
    close(outputs(X, mask=mask).numpy()[:, mask[0]], outputs(kept))


# --- Bidirectional


@oracle
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mode", ["concat", "sum", None])
def test_bidirectional_with_states_is_that_of_keras(mode, sequences, mask):
    results = []
    for library in (real_keras(), minikeras):
        inner = library.layers.LSTM(4, return_state=True, return_sequences=sequences)
        layer = library.layers.Bidirectional(inner, merge_mode=mode)
        layer.build(X.shape)
        found = weigh(layer)(X, initial_state=starts(4), mask=mask)
        shape = layer.compute_output_shape((None, None, 3))
        results.append((found, [tuple(s) for s in shape]))
    close(results[1][0], results[0][0])
    assert results[1][1] == results[0][1]
    assert len(results[1][0]) == (6 if mode is None else 5)


def test_bidirectional_starts_from_given_weights_and_names_its_copies():
    first = layers.Bidirectional(layers.GRU(2, name="read"))
    first(X)
    again = layers.Bidirectional(layers.GRU(2), weights=first.get_weights())
    close(again(X), first(X))
    assert [v.path for v in first.weights][::3] == [
        f"{first.name}/{way}_read/gru_cell/kernel" for way in ("forward", "backward")
    ]
    twin = layers.deserialize(layers.serialize(first))
    assert twin.forward_layer.name == "forward_read"
    assert twin.backward_layer.go_backwards


# --- states


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", NAMES)
def test_a_stateful_layer_goes_on_where_it_was(name):
    layer = getattr(layers, name)(4, stateful=True, return_sequences=True)
    parts = [layer(X[:, :2]), layer(X[:, 2:])]
    plain = getattr(layers, name)(4, return_sequences=True)
    plain.build(X.shape)
    plain.set_weights(layer.get_weights())
    close(ops.concatenate(parts, 1), plain(X))
    assert len(layer.states) == STATES[name]
    assert [s.path for s in layer.states] == [f"{layer.name}/rnn_state"] * STATES[name]
    assert len(layer.weights) == 3
    layer.reset_state()
    assert not any(np.asarray(s).any() for s in layer.states)
    close(layer(X[:, :2]), parts[0])
    before = flat(layer.states)
    with pytest.raises(ShapeError, match="states for 4 samples; got a batch of 2"):
        layer(X[:2])
    close(layer.states, before)


@pytest.mark.usefixtures("backend")
def test_stateful_models_over_batches():
    model = Sequential(
        [Input(batch_shape=(2, 3, 3)), layers.GRU(4, stateful=True), layers.Dense(1)]
    )
    gru = model.layers[0]
    # Rows 0 and 2, 1 and 3 are neighbours in time.
    x = np.concatenate([X[:2, :3], X[:2, 3:]])
    found = model.predict(x, batch_size=2, verbose=0)
    plain = Sequential([Input((6, 3)), layers.GRU(4), layers.Dense(1)])
    plain.set_weights(model.get_weights())
    close(found[2:], plain.predict(X[:2], verbose=0))
    gru.reset_state()
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 1)), batch_size=2, shuffle=False, verbose=0)
    assert np.asarray(gru.states[0]).any()


def test_bidirectional_keeps_states_too():
    layer = layers.Bidirectional(layers.LSTM(2, stateful=True))
    layer(X)
    assert len(layer.states) == 4
    layer.reset_state()
    assert not np.asarray(layer.states[0]).any()
    with pytest.raises(AttributeError, match="stateful=True"):
        layers.Bidirectional(layers.LSTM(2)).reset_state()


@pytest.mark.usefixtures("backend")
def test_an_encoder_gives_its_states_to_a_decoder():
    source, target = Input((None, 3)), Input((None, 2))
    _, h, c = layers.LSTM(4, return_state=True)(source)
    decoded = layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    model = Model([source, target], layers.Dense(2)(decoded))
    assert model.output_shape == (None, None, 2)
    encoder, decoder = (x for x in model.layers if isinstance(x, layers.LSTM))
    for steps in (3, 5):
        y = np.ones((4, steps, 2), "float32")
        states = encoder(X)[1:]
        want = model.layers[-1](decoder(y, initial_state=states))
        close(model.predict([X, y], verbose=0), want)
    twin = Model.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    close(twin([X, y]), want)


# --- masks through models


@oracle
def test_the_mask_of_an_embedding_reaches_the_loss():
    ids = np.array([[1, 2, 0, 0], [3, 4, 1, 0], [2, 2, 2, 2]], "int32")
    wanted = np.random.default_rng(2).normal(size=(3, 4, 2)).astype("float32")
    losses = []
    for library in (real_keras(), minikeras):
        model = library.Sequential(
            [
                library.Input((None,), dtype="int32"),
                library.layers.Embedding(5, 3, mask_zero=True),
                library.layers.LSTM(4, return_sequences=True),
                library.layers.TimeDistributed(library.layers.Dense(2)),
            ]
        )
        weigh(model)
        model.compile("sgd", "mse")
        losses.append(model.evaluate(ids, wanted, verbose=0))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    plain = np.mean((np.asarray(model(ids)) - wanted) ** 2)
    assert abs(losses[1] - plain) > 1e-3


def test_masks_that_come_out():
    masked = layers.Masking()(X)
    assert layers.LSTM(2, return_sequences=True)(masked)._keras_mask.shape == (4, 6)
    out, state = layers.GRU(2, **ALL)(masked)
    assert out._keras_mask.shape == (4, 6)
    assert getattr(state, "_keras_mask", None) is None
    assert getattr(layers.LSTM(2)(masked), "_keras_mask", None) is None
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode=None)
    assert [y._keras_mask.shape for y in both(masked)] == [(4, 6)] * 2


# --- TimeDistributed


def test_time_distributed_gives_each_step_its_mask():
    seen = []

    class Asks(layers.Layer):
        supports_masking = True

        def call(self, x, mask=None, training=None):
            seen.append((x.shape, mask.numpy().tolist(), training))
            return x * 2

    out = layers.TimeDistributed(Asks())(X, mask=MASK, training=True)
    close(out, 2 * X)
    assert seen == [((4, 3), MASK[:, i].tolist(), True) for i in range(6)]
    symbolic = layers.TimeDistributed(layers.Lambda(lambda x: x + 1))(Input((None, 3)))
    assert symbolic.shape == (None, None, 3)


@oracle
def test_words_sentences_and_masks_are_those_of_keras():
    ids = np.random.default_rng(3).integers(0, 3, (2, 5, 4))
    ids[0, 2] = ids[1, 4] = 0
    results = []
    for library in (real_keras(), minikeras):
        model = library.Sequential(
            [
                library.Input((5, 4), dtype="int32"),
                library.layers.Embedding(5, 3, mask_zero=True),
                library.layers.TimeDistributed(library.layers.LSTM(4)),
                library.layers.LSTM(3),
            ]
        )
        results.append(weigh(model)(ids))
    close(results[1], results[0])


def test_time_distributed_models_at_once_or_step_by_step():
    inner = Sequential([Input((3,)), layers.Dense(2), layers.BatchNormalization()])
    layer = layers.TimeDistributed(inner)
    want = ops.stack([inner(X[:, i]) for i in range(6)], 1)
    close(layer(X), want)
    layer(X, training=True)
    bn = inner.layers[-1]
    mean = np.zeros(2)
    for i in range(6):  # each step counts for itself
        mean = 0.99 * mean + 0.01 * inner.layers[0](X[:, i]).numpy().mean(0)
    close(bn.moving_mean, mean)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("use_cudnn", [True, False, "auto"])
def test_both_directions_keep_use_cudnn(lib, kind, use_cudnn):
    layer = getattr(lib.layers, kind)(2, use_cudnn=use_cudnn)
    both = lib.layers.Bidirectional(layer)
    assert both.forward_layer.use_cudnn == both.backward_layer.use_cudnn == use_cudnn


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM"])
def test_bidirectional_gives_each_direction_its_first_states(kind):
    rng = np.random.default_rng(8)
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    make = getattr(layers, kind)
    layer = layers.Bidirectional(make(2), merge_mode=None)
    layer.build(x.shape)
    count = 4 if kind == "LSTM" else 2
    states = [rng.normal(size=(2, 2)).astype("float32") for _ in range(count)]
    first, last = layer(x, initial_state=states)
    half = count // 2
    for part, given, found in (
        (layer.forward_layer, states[:half], first),
        (layer.backward_layer, states[half:], last),
    ):
        wanted = part(x, initial_state=given)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
