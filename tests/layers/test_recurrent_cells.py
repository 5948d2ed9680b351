"""Cells, dropout, shapes, dtypes, errors and compilation of recurrent layers."""

import numpy as np
import pytest

from minikeras import Input, Sequential, layers, ops
from minikeras.engine.compile import jit
from tests.layers.goldens import weigh
from tests.layers.recurrence import ALL, MASK, NAMES, X, close, starts

# --- dropout


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rates", [(0.5, 0), (0, 0.5), (0.4, 0.4)])
def test_dropout_only_while_training_and_by_seed(name, rates):
    def made():
        layer = getattr(layers, name)(
            8, dropout=rates[0], recurrent_dropout=rates[1], seed=3, **ALL
        )
        layer.build(X.shape)
        return weigh(layer)

    layer, twin = made(), made()
    still = layer(X)
    first, second = layer(X, training=True), layer(X, training=True)
    close(layer(X), still)
    assert not np.allclose(first[0], second[0])
    assert not np.allclose(first[0], still[0])
    close(twin(X, training=True), first)
    run = jit(lambda x: twin(x, training=True))
    close(run(X), second)
    assert not run.fallback


def test_the_masks_of_dropout_are_held_over_time():
    ones = np.ones((1, 5, 8), "float32")
    layer = layers.SimpleRNN(
        1, dropout=0.5, activation=None, kernel_initializer="ones",
        recurrent_initializer="zeros", return_sequences=True,
    )  # fmt: skip
    assert len(set(layer(ones, training=True).numpy().ravel().tolist())) == 1
    layer = layers.SimpleRNN(
        8, recurrent_dropout=0.5, activation=None, kernel_initializer="ones",
        recurrent_initializer="identity", return_sequences=True,
    )  # fmt: skip
    # A unit is cut off from its past at all steps or at none.
    got = set(map(tuple, layer(ones, training=True).numpy()[0].T.tolist()))
    assert got <= {(8.0,) * 5, (8.0, 24.0, 56.0, 120.0, 248.0)}


def test_gates_have_masks_of_their_own():
    x = np.ones((2, 8), "float32")
    for cell, gates in ((layers.LSTMCell(2, dropout=0.5), 4),
                        (layers.GRUCell(2, dropout=0.5), 3)):  # fmt: skip
        masks = cell.get_dropout_mask(x)
        assert len(masks) == gates
        assert len({m.numpy().tobytes() for m in masks}) > 1
    cell = layers.SimpleRNNCell(2, recurrent_dropout=0.5)
    assert cell.get_recurrent_dropout_mask(x).shape == (2, 8)
    assert cell.get_dropout_mask(x) is None


def test_convolutional_and_stacked_cells_drop_too():
    x = np.ones((2, 3, 5, 4, 2), "float32")
    layer = layers.ConvLSTM2D(2, 2, dropout=0.5, recurrent_dropout=0.5, seed=1)
    assert not np.allclose(layer(x, training=True), layer(x))
    stacked = layers.RNN([layers.GRUCell(3, dropout=0.5, seed=1), layers.LSTMCell(2)])
    assert not np.allclose(stacked(X, training=True), stacked(X))


# --- cells of one's own


class Sum(layers.Layer):
    """Adds up its inputs."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="ones"
        )

    def call(self, inputs, states):
        total = ops.matmul(inputs, self.kernel) + states[0]
        return total, [total]


class Pair(layers.Layer):
    """Nested states, an output that is a dict, and states that start at one."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.state_size = {"sum": 3, "more": [3]}
        self.output_size = {"total": 3, "count": 3}

    def get_initial_state(self, batch_size=None):
        start = ops.ones((batch_size, 3))
        return {"sum": start, "more": [start]}

    def call(self, inputs, states, training=False):
        total, count = (
            states["sum"] + inputs,
            states["more"][0] + (2 if training else 1),
        )
        return {"total": total, "count": count}, {"sum": total, "more": [count]}


@pytest.mark.usefixtures("backend")
def test_a_cell_of_ones_own():
    layer = layers.RNN(Sum(2), return_sequences=True)
    want = np.repeat(X.sum(-1).cumsum(1)[..., None], 2, -1)
    close(layer(X), want)
    assert layer.weights[0].path.startswith(f"{layer.name}/{layer.cell.name}/")
    symbolic = layers.RNN(Sum(2), return_state=True)(Input((None, 3)))
    assert [t.shape for t in symbolic] == [(None, 2), (None, 2)]
    masked = layers.RNN(Sum(2))(X, mask=MASK)
    close(masked[:, 0], (X.sum(-1) * MASK).sum(1))


def test_bidirectional_copies_a_cell_of_ones_own():
    layer = layers.Bidirectional(layers.RNN(Sum(2), return_sequences=True), "sum")
    want = X.sum(-1).cumsum(1) + X.sum(-1)[:, ::-1].cumsum(1)[:, ::-1]
    close(layer(X)[..., 0], want)


def test_a_cell_with_nested_states_and_outputs():
    layer = layers.RNN(Pair(), return_sequences=True)
    out = layer(X)
    close(out["total"], 1 + X.cumsum(1))
    assert layer(X, training=True)["count"].numpy()[0, :, 0].tolist() == [
        3, 5, 7, 9, 11, 13,
    ]  # fmt: skip
    run = jit(lambda x: layer(x))
    close(run(X), out)
    last = layers.RNN(Pair(), return_state=True)(X)
    assert len(last) == 3
    assert layer(X[:, :0])["count"].shape == (4, 0, 3)


def test_a_subclass_of_a_cell_that_changes_its_step():
    class Louder(layers.GRUCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs, states, training)
            return 2 * output, states

    plain, loud = layers.RNN(layers.GRUCell(3)), layers.RNN(Louder(3))
    plain.build(X.shape)
    loud.build(X.shape)
    loud.set_weights(plain.get_weights())
    close(loud(X), 2 * plain(X).numpy())


def test_cells_by_themselves():
    for cell in (layers.SimpleRNNCell(2), layers.LSTMCell(2), layers.GRUCell(2)):
        states = cell.get_initial_state(4)
        output, after = cell(X[:, 0], states)
        assert output.shape == (4, 2)
        assert [s.shape for s in after] == [s.shape for s in states]
        close(layers.RNN(cell)(X[:, :1]), output)
        again = type(cell).from_config(cell.get_config())
        assert again.get_config() == cell.get_config()


# --- shapes and dtypes


@pytest.mark.usefixtures("backend")
def test_any_number_of_steps_and_samples():
    model = Sequential([Input((None, 3)), layers.LSTM(4), layers.Dense(1)])
    for samples, steps in ((1, 1), (4, 6), (2, 3)):
        x = X[:samples, :steps]
        close(model.predict(x, verbose=0), model(x))
    assert layers.GRU(4)(X[:0]).shape == (0, 4)
    for layer in (layers.GRU(4), layers.GRU(4, reset_after=False)):
        assert not layer(X[:, :0]).numpy().any()
    assert layers.GRU(4, reset_after=False, **ALL)(X[:, :0])[0].shape == (4, 0, 4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes(name, dtype):
    layer = getattr(layers, name)(4, dtype=dtype, **ALL)
    layer.build(X.shape)
    weigh(layer)
    found = layer(X, mask=MASK)
    assert {t.dtype for t in found} == {dtype}
    plain = getattr(layers, name)(4, **ALL)
    plain.build(X.shape)
    weigh(plain)
    for a, b in zip(found, plain(X, mask=MASK)):
        near = {"float64": 1e-5, "float16": 1e-2, "bfloat16": 1e-1}[dtype]
        np.testing.assert_allclose(a.numpy().astype("float32"), b, atol=near)


@pytest.mark.filterwarnings("ignore:Policy")
def test_mixed_precision_integers_and_frozen_layers():
    layer = layers.LSTM(4, dtype="mixed_float16")
    assert layer(X).shape == (4, 4)
    assert layer.cell.kernel.dtype == "float32"
    assert layers.GRU(4)(np.ones((2, 3, 3), "int32")).dtype == "float32"
    assert layers.SimpleRNN(2, trainable=False)(X) is not None
    frozen = layers.SimpleRNN(2, trainable=False)
    frozen.build(X.shape)
    assert frozen.trainable_weights == []
    assert not frozen.cell.trainable


def test_penalties_and_projections():
    layer = layers.LSTM(
        2, kernel_regularizer="l2", recurrent_constraint="non_neg",
        activity_regularizer="l1",
    )  # fmt: skip
    layer(X)
    assert len(layer.losses) == 2
    assert layer.cell.recurrent_kernel.constraint is not None
    assert layer.units == 2
    assert layer.unit_forget_bias


def test_the_forget_gate_starts_open():
    layer = layers.LSTM(3, bias_initializer="zeros")
    layer.build((None, None, 2))
    assert layer.cell.bias.numpy().tolist() == [0] * 3 + [1] * 3 + [0] * 6


# --- errors


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.RNN(layers.Dense(2)), r"RNN: cell=.*no `state_size`"),
        (lambda: layers.StackedRNNCells([layers.Dense(2)]), "StackedRNNCells: .*cells"),
        (lambda: layers.StackedRNNCells([]), "at least one cell"),
        (lambda: layers.LSTM(0), "units=0; expected a positive integer"),
        (lambda: layers.GRU(2, dropout="much"), "dropout='much'; expected a number"),
        (lambda: layers.GRU(2, time_major=True), "time_major"),
        (lambda: layers.SimpleRNN(2, implementation=1), "implementation"),
        (lambda: layers.Bidirectional(layers.Dense(2)), "layer=.*recurrent layer"),
        (lambda: layers.Bidirectional(layers.GRU(2), "max"), "merge_mode='max'"),
        (lambda: layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2)),
         "opposite"),
        (lambda: layers.Bidirectional(
            layers.GRU(2), backward_layer=layers.GRU(2, **ALL, go_backwards=True)),
         "return_sequences=False"),
        (lambda: layers.LSTM(2, stateful=True)(Input((5, 3))), "known batch size"),
        (lambda: layers.LSTM(2)(X[0]), "ndim=3"),
        (lambda: layers.LSTM(2)(X, mask=MASK[:, 1:]), r"mask has shape \(4, 5\)"),
        (lambda: layers.LSTM(2)(X, initial_state=starts(1, 2)), "initial_state has"),
        (lambda: layers.GRU(2)(X, initial_state=starts(1, 3)), r"expected \[\(4, 2\)\]"),
        (lambda: layers.Bidirectional(layers.GRU(2))(X, initial_state=starts(1, 2)),
         "has 1 tensors; expected 2"),
        (lambda: layers.TimeDistributed(3), "expected a Layer"),
        (lambda: layers.TimeDistributed(layers.Dense(2))(X[0]), "at least 3 axes"),
        (lambda: layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=2), "only one of"),
        (lambda: layers.ConvLSTM2D(2, 3, padding="causal"), "padding='causal'"),
        (lambda: layers.ConvLSTM2D(2, (3, 3, 3)), "kernel_size"),
        (lambda: layers.ConvLSTM2D(2, 3).get_initial_state(2), "built"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# --- compiled


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.LSTM(3, dropout=0.3, seed=1),
        lambda: layers.LSTM(3, recurrent_dropout=0.3, seed=1),
        lambda: layers.GRU(3, reset_after=False),
        lambda: layers.SimpleRNN(3, activation="sigmoid", unroll=True),
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], go_backwards=True),
        lambda: layers.RNN(Sum(3)),
        lambda: layers.Bidirectional(layers.GRU(2), "mul"),
    ],
    ids=[
        "lstm",
        "recurrent_dropout",
        "reset_before",
        "unroll",
        "stacked",
        "own",
        "both",
    ],
)
def test_training_compiled_is_training_eagerly(make):
    after = []
    for eager in (False, True):
        model = Sequential(
            [Input((None, 3)), layers.Masking(), make(), layers.Dense(1)]
        )
        weigh(model)
        model.compile("sgd", "mse", run_eagerly=eager)
        x = np.where(MASK[..., None], X, 0)
        history = model.fit(x, np.ones((4, 1)), epochs=2, batch_size=2, shuffle=False,
                            verbose=0).history  # fmt: skip
        after.append([history["loss"], *model.get_weights()])
    close(after[1], after[0])


def test_a_compiled_loop_holds_its_step_once():
    layer = layers.GRU(3, reset_after=False)
    layer(X)
    sizes = []
    for steps in (4, 40):
        run = jit(lambda x: layer(x))
        run(np.ones((2, steps, 3), "float32"))
        (program,) = run.programs
        sizes.append(program.steps)
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("sizes", ["a number", "a list"])
def test_a_lone_state_of_a_stacked_cell_comes_out_as_it_came_in(sizes):
    """Of a cell of one's own: a tensor where its `state_size` is a number."""

    class Counts(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.state_size = units if sizes == "a number" else [units]
            self.output_size = units

        def call(self, inputs, states):
            now = states[0] + 1.0
            return now, [now]

    layer = layers.RNN([Counts(3), Counts(2)], return_state=True)
    out, *last = layer(X)
    wanted = [np.full((len(X), 3), X.shape[1]), np.full((len(X), 2), X.shape[1])]
    close(out, wanted[1])
    close(last, wanted if sizes == "a number" else [[w] for w in wanted])
    shapes = layer.compute_output_shape(X.shape)
    assert shapes[1:] == tuple(
        w.shape if sizes == "a number" else [w.shape] for w in wanted
    )


def test_states_given_to_stacked_cells_come_out_in_their_structure():
    layer = layers.RNN(
        [layers.GRUCell(3, dropout=0.2), layers.LSTMCell(2)], return_state=True
    )
    zeros = [np.zeros((len(X), n), "float32") for n in (3, 2, 2)]
    _, bare, (h, c) = layer(X, initial_state=[zeros[0], zeros[1:]], training=True)
    assert (bare.shape, h.shape, c.shape) == tuple(z.shape for z in zeros)
    _, listed, _ = layer(X, initial_state=[zeros[:1], zeros[1:]])
    _, flat, _ = layer(X, initial_state=zeros)
    close(flat, listed)
    assert isinstance(listed, list) and listed[0].shape == bare.shape
