"""The engine in the page computes what Python does, for every layer of six networks."""

import numpy as np
import pytest

import minikeras as keras
from tests.visualization.explorer import networks, node

pytestmark = node.needs_node


def close(got, want, name):
    """To 1e-5 of the layer's greatest value, at least of 1."""
    scale = max(1.0, float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * scale, err_msg=name)


def expected(model, inputs):
    """Name of a layer -> its result, by a model of its own."""
    parts = getattr(model, "operations", model.layers)
    wanted = {
        o.name: o.output for o in parts if not isinstance(o, keras.layers.InputLayer)
    }
    probe = keras.Model(model.inputs, list(wanted.values()))
    return dict(zip(wanted, probe.predict(inputs, verbose=0), strict=True))


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_layer_of(name, tmp_path):
    model, arrays = networks.NETWORKS[name]()
    x = arrays if len(arrays) > 1 else arrays[0]
    page = keras.visualization.explore(model, x)
    count = len(arrays[0])
    requests = []
    for i in range(count):
        requests += [("sample", i), ("run", {"$": 1 + 2 * i}, i)]
    answers = node.ask(page.payload, requests, tmp_path)
    rows = page.payload["layers"]
    assert page.payload["limits"] == [] and all(row["live"] for row in rows)
    reference = expected(model, x)
    names = {row["path"] for row in rows}
    assert set(reference) <= names
    for i in range(count):
        result = answers[2 * i + 1]
        for row, values in zip(rows, result["layers"], strict=True):
            if row["path"] in reference:
                want = reference[row["path"]]
                want = (
                    want[i] if len(want) == count else want
                )  # positions have no batch
                got = node.array(values[0])
                assert got.shape == want.shape, row["path"]
                close(got, want, row["path"])
        outputs = np.asarray(model.predict(x, verbose=0))
        close(node.array(result["outputs"][0]), outputs[i], "output")


def test_masks_reach_what_a_wrapper_holds(tmp_path):
    layers = keras.layers
    x = keras.Input((3, 5, 2))
    y = layers.TimeDistributed(layers.Masking())(x)
    y = layers.TimeDistributed(layers.LSTM(4))(y)
    y = layers.SimpleRNN(3)(y)
    model = networks.uneven(keras.Model(x, y))
    data = np.random.default_rng(0).normal(size=(2, 3, 5, 2)).astype("float32")
    data[:, :, 3:] = 0
    payload = keras.visualization.explore(model, data).payload
    simple = payload["layers"][-1]
    assert [p["kind"] for p in simple["parts"]] == ["states"]
    _, ran = node.ask(payload, [("sample", 1), ("run", {"$": 1}, 1)], tmp_path)
    wanted = model.predict(data, verbose=0)[1]
    close(node.array(ran["outputs"][0]), wanted, "output")
    close(node.array(ran["parts"][-1][0])[-1], wanted, "states")
