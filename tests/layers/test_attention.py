"""Multi-head layers against keras with equal weights, and what the table cannot say."""

import numpy as np
import pytest

import minikeras
from minikeras import layers, ops
from minikeras.engine.compile import jit
from minikeras.testing.gradients import check_grads
from tests.goldens.oracle import keras

RNG = np.random.default_rng(0)
X, Y, Z = (
    RNG.normal(size=s).astype("float32") for s in ((2, 5, 6), (2, 4, 7), (2, 3, 5, 6))
)
QUERY_MASK = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
VALUE_MASK = np.array([[1, 1, 1, 0], [0, 1, 1, 1]], bool)
SCORES = {"return_attention_scores": True}
MULTI = {"num_heads": 2, "key_dim": 4}
GROUPED = {"head_dim": 4, "num_query_heads": 6, "num_key_value_heads": 2}
KWARGS = (
    {},
    {"use_gate": True},
    {"use_bias": False},
    {"dropout": 0.3},
    {"sliding_window": 2},
)
CALLS = (
    {},
    SCORES,
    {"value_mask": VALUE_MASK},
    {"use_causal_mask": True},
    {**SCORES, "query_mask": QUERY_MASK, "use_causal_mask": True},
    {"attention_mask": RNG.random((2, 5, 4)) > 0.3, **SCORES},
)
ROWS = [
    *[("MultiHeadAttention", {**MULTI, **k}, (X, Y), c) for k in KWARGS for c in CALLS],
    *[
        ("GroupQueryAttention", {**GROUPED, **k}, (X, Y), c)
        for k in KWARGS
        for c in CALLS
    ],
    ("MultiHeadAttention", {**MULTI, "value_dim": 3}, (X, Y), SCORES),
    ("MultiHeadAttention", {**MULTI, "output_shape": (2, 3)}, (X, Y), {}),
    ("MultiHeadAttention", MULTI, (X, Y, Y[..., :3]), {}),
    ("MultiHeadAttention", {**MULTI, "attention_axes": 2}, (Z, Z), SCORES),
    ("MultiHeadAttention", MULTI, (Z, Z), SCORES),
]


def flat(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def weighed(layer):
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=tuple(v.shape)) * 0.5 for v in layer.weights])
    return layer


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "kwargs", "inputs", "call"), ROWS)
def test_results_are_those_of_keras(name, kwargs, inputs, call):
    made = [getattr(library.layers, name)(**kwargs) for library in (keras(), minikeras)]
    for layer in made:
        layer(*inputs, **call)
    theirs, ours = (weighed(layer) for layer in made)

    def names(layer):
        return [v.path.split("/", 1)[1] for v in layer.weights]

    assert names(ours) == names(theirs)
    expected = [np.asarray(t) for t in flat(theirs(*inputs, **call))]
    found = [t.numpy() for t in flat(ours(*inputs, **call))]
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    shapes = [a.shape for a in inputs]
    assert ours.compute_output_shape(*shapes) == found[0].shape


@pytest.mark.parametrize(("name", "kwargs", "inputs", "call"), ROWS[::4])
def test_compiled_is_eager_and_the_config_comes_back(name, kwargs, inputs, call):
    layer = getattr(layers, name)(**kwargs)
    layer(*inputs, **call)
    weighed(layer)
    expected = [t.numpy() for t in flat(layer(*inputs, **call))]
    run = jit(lambda *a: layer(*a, **call))
    for a, b in zip(expected, flat(run(*inputs)), strict=True):
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-5, atol=1e-6)
    assert not run.fallback
    twin = layers.deserialize(layers.serialize(layer))
    if not twin.built:
        twin.build_from_config(layer.get_build_config())
    twin.set_weights(layer.get_weights())
    for a, b in zip(expected, flat(twin(*inputs, **call)), strict=True):
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-6)


def test_the_formula():
    layer = layers.MultiHeadAttention(1, 4, use_bias=False)
    layer(X, Y)
    q, k, v, o = (w.numpy().reshape(-1, w.shape[-1]) for w in weighed(layer).weights)
    logits = np.einsum("btd,bsd->bts", X @ q, Y @ k) / 2.0
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    np.testing.assert_allclose(
        layer(X, Y).numpy(), weights @ (Y @ v) @ o, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("scores", [False, True])
def test_gradients(scores):
    layer = layers.MultiHeadAttention(2, 3, dtype="float64", use_gate=True)
    x, y = X[:1, :3].astype("float64"), Y[:1, :2].astype("float64")
    layer(x, y)
    weighed(layer)

    def function(q, v):
        result = layer(q, v, return_attention_scores=scores)
        return sum(ops.sum(t * t) for t in flat(result))

    check_grads(function, [x, y])


def test_unknown_sizes_and_implicit_masks():
    query = minikeras.Input((None,), dtype="int32")
    vectors = layers.Embedding(9, 6, mask_zero=True)(query)
    result, weights = layers.MultiHeadAttention(2, 4)(
        vectors, vectors, return_attention_scores=True, use_causal_mask=True
    )
    assert result.shape == (None, None, 6) and weights.shape == (None, 2, None, None)
    model = minikeras.Model(query, [result, weights])
    _, found = model(np.array([[3, 4, 0, 0]]))
    assert (found.numpy()[..., 2:] == 0).all() and (
        found.numpy()[:, :, 1, :2] > 0
    ).all()


def test_dropout_acts_while_training_only():
    layer = layers.MultiHeadAttention(2, 4, dropout=0.5, seed=1)
    np.testing.assert_array_equal(layer(X, Y).numpy(), layer(X, Y).numpy())
    first, second = (layer(X, Y, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("call", [{}, SCORES])
def test_dtypes(dtype, call):
    layer = layers.GroupQueryAttention(**GROUPED, dtype=dtype)
    for t in flat(layer(X, Y, value_mask=VALUE_MASK, **call)):
        assert t.dtype == dtype and np.isfinite(t.numpy().astype("float64")).all()


def test_projections_start_apart():
    layer = layers.MultiHeadAttention(2, 4)
    layer(X, X)
    query, key = layer.weights[0].numpy(), layer.weights[2].numpy()
    assert np.abs(query - key).max() > 0.01
    # Glorot's limit for 6 inputs and 2 x 4 outputs, whatever the order of the axes.
    assert 0.4 < np.abs(query).max() <= np.sqrt(6 / 14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.MultiHeadAttention(0, 4), "num_heads=0; expected a positive"),
        (lambda: layers.MultiHeadAttention(1, 4, sliding_window=0), "sliding_window=0"),
        (lambda: layers.GroupQueryAttention(4, 5, 2), "to be a multiple"),
        (lambda: layers.MultiHeadAttention(2, 4)(X, Y, X), "expected equal sizes"),
        (lambda: layers.Attention(score_mode="x"), "score_mode='x'"),
        (lambda: layers.Attention()(X), "takes a list"),
        (lambda: layers.Attention()([X]), "a list of 1"),
        (lambda: layers.Attention()([X, X], mask=QUERY_MASK), "expected a list"),
        (lambda: layers.EinsumDense("abc,cd->abd", 3)(X), "expected one size for each"),
        (lambda: layers.EinsumDense("abc>d", 3)(X), "expected letters"),
        (lambda: layers.EinsumDense("ab,bc->ac", 3)(X), "names 2 axes"),
        (lambda: layers.EinsumDense("abc,cd->abd", (4, 2))(X), "gives 'b' size 4"),
        (lambda: layers.EinsumDense("abc,cz->abd", (5, 2))(X), "'z' neither"),
        (
            lambda: layers.EinsumDense("abc,cd->abd", (5, 2), bias_axes="x")(X),
            "'x' is not in the output",
        ),
    ],
)
def test_errors_say_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_list_attention_masks_queries_and_values():
    layer = layers.Attention()
    value = Y[..., :6]
    result, weights = layer([X, value], mask=[QUERY_MASK, VALUE_MASK], **SCORES)
    assert (weights.numpy()[0, :, 3] == 0).all()
    assert (result.numpy()[~QUERY_MASK] == 0).all()
    assert layer.compute_mask([X, value], [QUERY_MASK, None]) is QUERY_MASK


def test_reversible_embedding_goes_back():
    tied = layers.ReversibleEmbedding(9, 4, mask_zero=True, logit_soft_cap=2.0)
    vectors = tied(np.array([[1, 2, 0]]))
    scores = tied(vectors, reverse=True).numpy()
    table = tied.embeddings.numpy()
    expected = 2 * np.tanh(vectors.numpy() @ table.T / 2)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    apart = layers.ReversibleEmbedding(9, 4, tie_weights=False)
    assert apart(apart(np.array([1])), reverse=True).shape == (1, 9)
    assert [tuple(v.shape) for v in apart.weights] == [(9, 4), (4, 9)]
    assert tied.compute_output_shape((2, 3, 4), reverse=True) == (2, 3, 9)
    twin = layers.deserialize(layers.serialize(tied))
    assert twin.get_config() == tied.get_config()


def test_sizes_that_output_shape_leaves_open_are_those_of_the_input():
    layer = layers.EinsumDense("abc,cd->abd", (None, 3))
    assert layer.compute_output_shape((None, None, 5)) == (None, None, 3)
    assert layer(minikeras.Input((None, 6))).shape == (None, None, 3)
    assert layer(X).shape == (2, 5, 3)
    dots = layers.EinsumDense("...x,xy->...y", 4)
    assert dots(minikeras.Input((None, 2, 5))).shape == (None, None, 2, 4)


MASKED = (
    ("carried", None, {}),
    ("carried", None, SCORES),
    ("given", None, {}),
    ("given", QUERY_MASK[:, :4], SCORES),
    ("carried", QUERY_MASK[:, 1:], SCORES),
    ("none", None, {"attention_mask": RNG.random((4, 3)) > 0.4}),
    ("none", None, {"attention_mask": RNG.random((2, 1, 4, 3)) > 0.4}),
    ("none", None, {"attention_mask": RNG.random((2, 2, 4, 3)) > 0.4, **SCORES}),
)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
@pytest.mark.parametrize(("how", "query_mask", "call"), MASKED)
def test_masks_are_those_of_keras(name, how, query_mask, call):
    kwargs = (
        MULTI if name == "MultiHeadAttention" else {**GROUPED, "num_query_heads": 2}
    )
    targets, sources = (
        np.array([[1, 2, 0, 0], [3, 0, 0, 1]]),
        np.array([[1, 2, 0], [0, 3, 4]]),
    )
    results = []
    for library in (keras(), minikeras):
        table = library.layers.Embedding(5, 6, mask_zero=True)
        table.build((None, 4))
        layer = getattr(library.layers, name)(**kwargs)
        layer.build((None, 4, 6), (None, 3, 6))
        weighed(table), weighed(layer)

        def vectors(ids, table=table, library=library):
            found = table(ids)
            if how == "carried":
                return found
            return library.ops.convert_to_tensor(np.asarray(found))

        given = {} if query_mask is None else {"query_mask": query_mask}
        if how == "given":
            given = {"query_mask": targets != 0, **given, "value_mask": sources != 0}
        results.append(flat(layer(vectors(targets), vectors(sources), **given, **call)))
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_penalties_on_outputs_are_those_of_keras(name):
    kwargs = {**(MULTI if name == "MultiHeadAttention" else GROUPED)}
    found = []
    for library in (keras(), minikeras):
        layer = getattr(library.layers, name)(**kwargs, activity_regularizer="l2")
        layer(X, X)
        weighed(layer)(X, X)
        found.append([float(loss) for loss in layer.losses])
        assert layer.get_config()["activity_regularizer"]["class_name"] == "L2"
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)
    made = minikeras.layers.deserialize(minikeras.layers.serialize(layer))
    assert made.get_config() == layer.get_config()
    assert minikeras.layers.serialize(layer)["class_name"] == name


HEADS = {
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 4},
    "GroupQueryAttention": {
        "head_dim": 4, "num_query_heads": 2, "num_key_value_heads": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_hooks_of_subclasses_are_called(name):
    base, seen = getattr(layers, name), []

    class Hooked(base):
        def _compute_attention_mask(self, query, value, **masks):
            seen.append(("mask", sorted(masks)))
            return super()._compute_attention_mask(query, value, **masks)

        def _compute_attention(
            self, query, key, value, attention_mask=None, training=None
        ):
            seen.append(("attention", query.shape, key.shape, attention_mask.shape))
            return super()._compute_attention(
                query, key, value, attention_mask, training
            )

        def _masked_softmax(self, scores, attention_mask=None):
            seen.append(("softmax", scores.shape))
            return super()._masked_softmax(scores, attention_mask)

    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    plain, hooked = base(**HEADS[name]), Hooked(**HEADS[name])
    wanted = plain(x, x, use_causal_mask=True)
    hooked.build(x.shape, x.shape)
    hooked.set_weights(plain.get_weights())
    np.testing.assert_allclose(
        hooked(x, x, use_causal_mask=True), wanted, rtol=2e-5, atol=1e-6
    )
    names = [
        "attention_mask",
        "key_mask",
        "query_mask",
        "use_causal_mask",
        "value_mask",
    ]
    assert seen == [
        ("mask", names), ("attention", (2, 3, 2, 4), (2, 3, 2, 4), (1, 3, 3)),
        ("softmax", (2, 2, 3, 3)),
    ]  # fmt: skip


def test_what_a_hook_says_holds_in_a_compiled_model_too():
    class Last(layers.MultiHeadAttention):
        def _masked_softmax(self, attention_scores, attention_mask=None):
            last = np.array([0.0, 0.0, 1.0], "float32")
            return ops.broadcast_to(last, attention_scores.shape)

    layer = Last(2, 4)
    inputs = minikeras.Input((3, 5))
    model = minikeras.Model(inputs, layer(inputs, inputs))
    out = model.predict(np.random.default_rng(0).normal(size=(2, 3, 5)), verbose=0)
    np.testing.assert_allclose(out, np.repeat(out[:, :1], 3, axis=1), rtol=1e-5)


def test_hooks_of_the_plain_attention():
    seen = []

    class Hooked(layers.Attention):
        def _calculate_scores(self, query, key):
            seen.append("scores")
            return super()._calculate_scores(query, key)

        def _calculate_score_mask(self, scores, v_mask, use_causal_mask):
            seen.append("mask")
            return super()._calculate_score_mask(scores, v_mask, use_causal_mask)

        def _apply_scores(self, scores, value, scores_mask=None, training=False):
            seen.append("apply")
            return super()._apply_scores(scores, value, scores_mask, training)

    x = np.ones((2, 3, 5), "float32")
    assert Hooked()([x, x]).shape == (2, 3, 5) and seen == ["scores", "mask", "apply"]


@pytest.mark.parametrize(
    "mask", [None, np.array([[[1, 0, 1], [1, 1, 1], [0, 1, 1]]], bool)]
)
def test_the_causal_mask_of_a_direct_call_joins_the_given_one(mask):
    layer = layers.MultiHeadAttention(2, 4)
    layer.build((2, 3, 5), (2, 3, 5))
    q, k, v = np.random.default_rng(0).normal(size=(3, 2, 3, 2, 4)).astype("float32")
    causal = np.tril(np.ones((1, 3, 3), bool))
    joined = causal if mask is None else causal & mask
    got, _ = layer._compute_attention(q, k, v, mask, use_causal_mask=True)
    wanted, _ = layer._compute_attention(q, k, v, joined)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda **given: layers.MultiHeadAttention(2, 2, **given),
        lambda **given: layers.GroupedQueryAttention(2, 4, 2, **given),
    ],
)
def test_flash_attention_changes_nothing_and_excludes_dropout_and_scores(make):
    query = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    one, two = make(flash_attention=True), make()
    for layer in (one, two):
        layer(query, query)
    two.set_weights(one.get_weights())
    np.testing.assert_array_equal(one(query, query), two(query, query))
    with pytest.raises(ValueError, match="scores is not supported when flash"):
        one(query, query, return_attention_scores=True)
    with pytest.raises(ValueError, match="Dropout is not supported when flash"):
        make(flash_attention=True, dropout=0.5)
    make(flash_attention=False, dropout=0.5)


def test_einsum_dense_of_a_result_that_is_the_batch_alone():
    layer = layers.EinsumDense("ab,ab->a", output_shape=(2,), kernel_initializer="ones")
    with pytest.warns(UserWarning, match=r"output_shape=\(2,\), but the result"):
        layer.build((3, 4))
    assert layer(np.ones((3, 4))).numpy().tolist() == [4.0, 4.0, 4.0]
