"""Saliency, Grad-CAM, occlusion, top samples and epochs, as Python computes them."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.visualization.explorer.staged import scores
from tests.visualization.explorer import networks, node

layers = keras.layers
pytestmark = node.needs_node


def classifier():
    x = keras.Input((12, 10, 3))
    y = layers.Conv2D(5, 3, activation="relu", name="maps")(x)
    y = layers.MaxPooling2D()(y)
    y = layers.Flatten()(y)
    logits = layers.Dense(4, name="logits")(y)
    model = keras.Model(x, layers.Softmax()(logits))
    probe = keras.Model(x, [model.get_layer("maps").output, logits])
    data = np.random.default_rng(0).normal(size=(6, 12, 10, 3)).astype("float32")
    return networks.uneven(model), probe, data


def gradient(probe, x, target):
    """Of a class's logit, by the input and by the maps."""
    value = keras.ops.convert_to_tensor(x[None])
    with keras.GradientTape(persistent=True) as tape:
        tape.watch(value)
        maps, logits = probe(value)
        score = logits[0, target]
    return (
        tape.gradient(score, value).numpy()[0],
        tape.gradient(score, maps).numpy()[0],
        maps,
    )


def test_saliency_and_grad_cam(tmp_path):
    model, probe, data = classifier()
    payload = keras.visualization.explore(model, data).payload
    requests = [("sample", 2), ("run", {"$": 1}, 2), ("saliency", 3), ("gradCam", 3)]
    requests += [("gradCam", 1, 1), ("gradCam", 1, 4)]
    _, _, map_, cam, chosen, none = node.ask(payload, requests, tmp_path)
    by_input, by_maps, maps = gradient(probe, data[2], 3)
    best = np.abs(by_input).argmax(axis=2)
    wanted = np.take_along_axis(by_input, best[..., None], 2)[..., 0]
    got = map_["values"].reshape(map_["rows"], map_["columns"])
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)
    assert (map_["low"], map_["high"]) == (got.min(), got.max())
    assert cam["layer"] == 2  # the last one with maps: the pool
    _, by_maps, maps = gradient(probe, data[2], 1)
    heat = np.maximum((by_maps.mean(axis=(0, 1)) * maps.numpy()[0]).sum(axis=-1), 0)
    np.testing.assert_allclose(
        chosen["values"].reshape(heat.shape), heat, rtol=1e-4, atol=1e-6
    )
    assert "no maps" in none


def test_tokens_have_the_gradient_of_their_vectors(tmp_path):
    x = keras.Input((5,), dtype="int32")
    vectors = layers.Embedding(9, 4)(x)
    y = layers.Dense(3)(
        layers.Flatten()(layers.LSTM(6, return_sequences=True)(vectors))
    )
    model = networks.uneven(keras.Model(x, layers.Softmax()(y)))
    probe = keras.Model(x, [vectors, y])
    tokens = np.array([[1, 8, 3, 0, 2]], "int32")
    payload = keras.visualization.explore(model, tokens).payload
    assert payload["inputs"][0]["kind"] == "tokens"
    requests = [("sample", 0), ("run", {"$": 1}, 0), ("saliency", 2)]
    *_, got = node.ask(payload, requests, tmp_path)
    with keras.GradientTape() as tape:
        value = probe.get_layer(index=1)(tokens)
        tape.watch(value)
        after = value
        for layer in model.layers[2:-1]:
            after = layer(after)
        score = after[0, 2]
    wanted = np.sqrt((tape.gradient(score, value).numpy()[0] ** 2).sum(axis=1))
    np.testing.assert_allclose(got["values"], wanted, rtol=1e-4)
    assert (got["rows"], got["columns"]) == (1, 5)


def test_occlusion_is_the_fall_of_the_output(tmp_path):
    model, _, data = classifier()
    payload = keras.visualization.explore(model, data).payload
    options = {"window": 3, "stride": 3}
    requests = [("sample", 1), ("run", {"$": 1}, 1), ("occlusion", 2, options)]
    *_, got = node.ask(payload, requests, tmp_path)
    ground = payload["inputs"][0]["image"]["background"]
    whole = model.predict(data[1:2], verbose=0)[0, 2]
    sums, counts = np.zeros((12, 10)), np.zeros((12, 10))
    for r in (0, 3, 6, 9):
        for c in (0, 3, 6, 7):  # the last one ends at the border
            part = data[1:2].copy()
            part[:, r : r + 3, c : c + 3] = ground
            sums[r : r + 3, c : c + 3] += whole - model.predict(part, verbose=0)[0, 2]
            counts[r : r + 3, c : c + 3] += 1
    np.testing.assert_allclose(got["values"].reshape(12, 10), sums / counts, atol=1e-5)


def test_top_samples_given_and_found(tmp_path):
    model, probe, data = classifier()
    payload = keras.visualization.explore(model, data).payload
    maps = probe.predict(data, verbose=0)[0][..., 2]
    order = np.argsort(-maps.max(axis=(1, 2)), kind="stable")
    requests = [("topSamples", 1, 2), ("topSamples", 1, 2, 3)]
    given, few = node.ask(payload, requests, tmp_path)
    payload["top"] = []
    (found,) = node.ask(payload, [("topSamples", 1, 2)], tmp_path)
    for answer in (given, found):
        assert [a["sample"] for a in answer] == order.tolist()
        for a in answer:
            assert maps[(a["sample"], *a["place"])] == pytest.approx(
                a["activation"], rel=1e-5
            )
    assert few == given[:3]


def test_weights_of_an_epoch(tmp_path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).random((64, 4), "float32")
    y = x.argmax(axis=1) % 3
    recording = keras.callbacks.ExplorerCallback()
    kept = []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    model.fit(x, y, epochs=3, verbose=0, callbacks=[recording, keep])
    payload = keras.visualization.explore(model, (x, y), recording=recording).payload
    assert payload["recording"]["epochs"] == [-1, 0, 1, 2]
    requests = [
        ("sample", 0),
        ("run", {"$": 1}, 0),
        ("weightsAtEpoch", 1),
        ("run", {"$": 1}, 0),
    ]
    requests += [("weight", 4), ("weightsAtEpoch", "final"), ("run", {"$": 1}, 0)]
    requests += [("weightsAtEpoch", 9)]
    _, final, _, early, kernel, _, again, wrong = node.ask(payload, requests, tmp_path)
    assert "not recorded" in wrong
    np.testing.assert_array_equal(
        final["outputs"][0]["data"], again["outputs"][0]["data"]
    )
    trained = model.get_weights()
    ranges = [np.ptp([w, *(k[4] for k in kept)]) for w in (trained[4],)]
    np.testing.assert_allclose(node.array(kernel), kept[0][4], atol=ranges[0] / 255)
    model.set_weights(kept[0])
    wanted = model.predict(x[:1], verbose=0)[0]
    np.testing.assert_allclose(early["outputs"][0]["data"], wanted, atol=0.02)
    assert np.abs(wanted - final["outputs"][0]["data"]).max() > 0.02


def test_the_score_is_before_softmax_and_sigmoid():
    from minikeras.engine.autodiff import Tape
    from minikeras.engine.interpret import base, within

    x = keras.ops.convert_to_tensor(np.ones((1, 3), "float32"))
    for function in (keras.ops.softmax, keras.ops.sigmoid):
        tape = Tape(base(), watch_states=False)
        tape.watch(x)
        made = within(tape, lambda f=function: keras.ops.reshape(f(x * 2.0), (1, 3)))
        assert scores(tape.records, made).numpy().tolist() == [[2.0, 2.0, 2.0]]
    tape = Tape(base(), watch_states=False)
    tape.watch(x)
    made = within(tape, lambda: x * 2.0)
    assert scores(tape.records, made) is made


def test_attention_and_states(tmp_path):
    model, arrays = networks.transformer()
    payload = keras.visualization.explore(model, arrays[0]).payload
    row = next(r for r in payload["layers"] if r["kind"] == "attention")
    (part,) = row["parts"]
    assert (part["kind"], part["shape"]) == ("attention", [2, 7, 7])
    requests = [("sample", 1), ("run", {"$": 1}, 1)]
    _, ran = node.ask(payload, requests, tmp_path)
    scored = node.array(ran["parts"][payload["layers"].index(row)][0])
    attention = next(
        o for o in model.layers if isinstance(o, layers.MultiHeadAttention)
    )
    before = keras.Model(model.inputs, attention._inbound_nodes[0].args[0])
    value = before.predict(arrays[0][1:2], verbose=0)
    _, wanted = attention(value, value, return_attention_scores=True)
    np.testing.assert_allclose(scored, wanted.numpy()[0], rtol=1e-4, atol=1e-6)

    model, arrays = networks.recurrent()
    payload = keras.visualization.explore(model, arrays[0]).payload
    kinds = {r["path"]: [p["kind"] for p in r["parts"]] for r in payload["layers"]}
    long = [k for k in kinds.values() if k == ["states", "cells", "gates"]]
    assert len(long) == 3  # two of the bidirectional layer, and the last one
    _, ran = node.ask(payload, requests, tmp_path)
    for row, parts, values in zip(
        payload["layers"], ran["parts"], ran["layers"], strict=True
    ):
        if row["parts"] and row["className"] == "GRU":
            states = node.array(parts[0])
            np.testing.assert_array_equal(states, node.array(values[0]))
            assert row["parts"][1]["shape"] == [9, 16]
