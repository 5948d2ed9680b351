"""Answers that are no classes side by side: yes or no, numbers, maps; and kept states."""

import numpy as np
import pytest

import minikeras as keras
from tests.visualization.explorer import networks, node

layers = keras.layers
needs_node = node.needs_node


def data(*shape):
    return np.random.default_rng(5).normal(size=shape).astype("float32")


@needs_node
def test_one_unit_speaks_for_two_classes(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, "sigmoid")])
    networks.uneven(model)
    x = data(6, 4)
    payload = keras.visualization.explore(model, x, class_names=["no", "yes"]).payload
    requests = [("sample", 0), ("run", {"$": 1}, 0)]
    requests += [("saliency", 0), ("saliency", 1), ("saliency", 2)]
    _, _, no, yes, other = node.ask(payload, requests, tmp_path)
    kernel = np.asarray(model.weights[0])[:, 0]
    np.testing.assert_allclose(yes["values"], kernel, rtol=1e-5)
    np.testing.assert_allclose(no["values"], -kernel, rtol=1e-5)
    assert "no class 2" in other


@needs_node
@pytest.mark.parametrize("shape", [(1,), (3,), ()])
def test_a_number_and_why(shape, tmp_path):
    x = keras.Input((9, 8, 1))
    maps = layers.Conv2D(4, 3, activation="relu")(x)
    y = layers.Dense(max(shape, default=1))(layers.GlobalAveragePooling2D()(maps))
    if not shape:
        y = keras.ops.squeeze(y, -1)
    model = networks.uneven(keras.Model(x, y))
    probe = keras.Model(x, [maps, y])
    pictures, target = data(5, 9, 8, 1), max(shape, default=1) - 1
    payload = keras.visualization.explore(model, pictures).payload
    requests = [("sample", 1), ("run", {"$": 1}, 1), ("saliency", target)]
    requests += [("gradCam", target), ("occlusion", target, {"window": 9})]
    _, _, heat, cam, fall = node.ask(payload, requests, tmp_path)
    value = keras.ops.convert_to_tensor(pictures[1:2])
    with keras.GradientTape(persistent=True) as tape:
        tape.watch(value)
        seen, answer = probe(value)
        number = keras.ops.reshape(answer, (-1,))[target]
    wanted = tape.gradient(number, value).numpy()[0, ..., 0]
    np.testing.assert_allclose(heat["values"].reshape(9, 8), wanted, atol=1e-6)
    weights = tape.gradient(number, seen).numpy()[0].mean(axis=(0, 1))
    wanted = np.maximum((seen.numpy()[0] * weights).sum(axis=-1), 0)
    np.testing.assert_allclose(cam["values"].reshape(7, 6), wanted, atol=1e-6)
    empty = np.full_like(pictures[:1], payload["inputs"][0]["image"]["background"])
    change = np.ravel(model(pictures[1:2]) - model(empty))[target]
    np.testing.assert_allclose(fall["values"].reshape(9, 8)[4, 4], change, atol=1e-5)


@needs_node
def test_classes_of_each_pixel_and_why(tmp_path):
    x = keras.Input((6, 5, 3))
    scores = layers.Conv2D(3, 1)(layers.Conv2D(4, 3, padding="same")(x))
    model = networks.uneven(keras.Model(x, layers.Softmax()(scores)))
    probe = keras.Model(x, scores)
    pictures = data(3, 6, 5, 3)
    payload = keras.visualization.explore(
        model, pictures, class_names=["sky", "tree", "road"]
    ).payload
    assert payload["classNames"] == ["sky", "tree", "road"]
    requests = [("sample", 1), ("run", {"$": 1}, 1), ("saliency", 2)]
    *_, heat = node.ask(payload, requests, tmp_path)
    value = keras.ops.convert_to_tensor(pictures[1:2])
    with keras.GradientTape() as tape:
        tape.watch(value)
        score = keras.ops.sum(probe(value)[..., 2])
    found = tape.gradient(score, value).numpy()[0]
    best = np.abs(found).argmax(axis=2)[..., None]
    wanted = np.take_along_axis(found, best, 2)[..., 0]
    np.testing.assert_allclose(heat["values"].reshape(6, 5), wanted, atol=1e-5)


def test_how_near_numbers_are():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2, use_bias=False)])
    model.set_weights([np.eye(2)])
    x = data(300, 2)
    y = x.copy()
    y[7] += [3, -4]
    y[9] += [1, 0]
    payload = keras.visualization.explore(model, (x, y), max_samples=20).payload
    found, held = payload["regression"], payload["data"]
    assert payload["evaluation"] is None
    worst = found["worst"][:2]
    assert [w["error"] for w in worst] == [pytest.approx(5), pytest.approx(1)]
    for entry, row in zip(worst, (7, 9), strict=True):
        assert held["targets"][entry["sample"]] == pytest.approx(y[row].tolist())
    numbers = found["numbers"]
    assert numbers[0]["mae"] == pytest.approx(4 / 300, rel=1e-4)
    assert numbers[1]["rmse"] == pytest.approx(4 / np.sqrt(300), rel=1e-4)
    spread = ((y[:, 1] - y[:, 1].mean()) ** 2).sum()
    assert numbers[1]["r2"] == pytest.approx(1 - 16 / spread, rel=1e-4)
    assert found["points"][0][0] == pytest.approx([y[0, 0], x[0, 0]], rel=1e-4)
    for wrong in (y[:, :1], np.where(y > 2, np.nan, y), np.array(["a"] * 300)):
        payload = keras.visualization.explore(model, (x, wrong)).payload
        assert payload["regression"] is None and payload["data"]["targets"] is None
    same = np.full((300, 2), 2.0)
    found = keras.visualization.explore(model, (x, same)).payload["regression"]
    assert found["numbers"][0]["r2"] is None


@needs_node
def test_states_that_are_kept_begin_with_zeros(tmp_path):
    def network(**how):
        x = keras.Input(batch_shape=(4, 6, 3))
        y = layers.Bidirectional(layers.GRU(3, return_sequences=True, **how))(x)
        y = layers.LSTM(5, **how)(y)
        return keras.Model(x, layers.Dense(2, activation="softmax")(y))

    kept, plain = network(stateful=True), network()
    networks.uneven(plain)
    kept.set_weights(plain.get_weights())
    x = data(10, 6, 3)
    kept.predict(x[:4], batch_size=4, verbose=0)  # states are not zeros any more
    both = kept.layers[1].forward_layer, kept.layers[1].backward_layer
    states = [v for layer in (*both, kept.layers[2]) for v in layer.states]
    before = [np.asarray(v) for v in states]
    assert all(np.any(v) for v in before)
    after_it = kept.predict(x[4:8], batch_size=4, verbose=0)
    for variable, value in zip(states, before, strict=True):
        variable.assign(value)
    payload = keras.visualization.explore(kept, (x, np.arange(10) % 2)).payload
    assert "begins with zeros" in payload["limits"][0] and payload["program"]
    for variable, value in zip(states, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)
    requests = [("sample", 9), ("run", {"$": 1}, 9)]
    *_, ran = node.ask(payload, requests, tmp_path)
    wanted = plain.predict(x[9:], verbose=0)[0]
    np.testing.assert_allclose(node.array(ran["outputs"][0]), wanted, atol=1e-5)
    # And the model goes on as if it had not been looked at.
    np.testing.assert_array_equal(
        kept.predict(x[4:8], batch_size=4, verbose=0), after_it
    )
