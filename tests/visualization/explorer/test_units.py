"""What the engine says of single units: windows, products, what they see."""

import numpy as np
import pytest

import minikeras as keras
from tests.visualization.explorer import networks, node

layers = keras.layers
pytestmark = node.needs_node


def units_of(row, count, draw):
    shape = row["outputs"][0]["shape"]
    corners = [[0] * len(shape), [d - 1 for d in shape]]
    return corners + [[int(draw.integers(d)) for d in shape] for _ in range(count)]


def explained(model, arrays, folder, count=3):
    """Rows with explanations of some of their units, and the values of the run."""
    x = arrays if len(arrays) > 1 else arrays[0]
    payload = keras.visualization.explore(model, x).payload
    draw = np.random.default_rng(0)
    asked = [
        (i, unit)
        for i, row in enumerate(payload["layers"])
        if row["explainable"]
        for unit in units_of(row, count, draw)
    ]
    requests = [("sample", 1), ("run", {"$": 1}, 1)]
    requests += [("explain", i, unit) for i, unit in asked]
    _, ran, *answers = node.ask(payload, requests, folder)
    return [(payload["layers"][i], a) for (i, _), a in zip(asked, answers)], ran


def check(row, told, ran):
    """Terms, sum, bias, activation and output of one explanation fit together."""
    place = row["path"], told["unit"]
    value = node.array(ran["layers"][told["layer"]][0])[tuple(told["unit"])]
    assert told["output"] == pytest.approx(value), place
    assert len(told["terms"]) == told["total"]
    assert told["terms"] or row["kind"] == "transposed"  # between far strides
    for term in told["terms"]:
        if term["inside"]:
            source = row["arguments"][term["argument"]]
            if source["layer"] >= 0:
                given = ran["layers"][source["layer"]][source["output"]]
                assert given["data"].size == np.prod(source["shape"])
                seen = given["data"].reshape(source["shape"])[tuple(term["place"])]
                assert term["input"] == seen, place
    inside = [t for t in told["terms"] if t["inside"]]
    products = sum(t["product"] for t in inside)
    if told["how"] == "max":
        assert told["sum"] == max(t["input"] for t in inside)
    elif told["how"] in ("sum", "scale"):
        assert told["sum"] == pytest.approx(products, abs=1e-6), place
    else:
        return
    assert told["preactivation"] == pytest.approx(told["sum"] + told["bias"])
    name = row["activation"]
    if name == "softmax":
        return
    function = keras.activations.get(name)
    made = float(function(np.float32([told["preactivation"]]))[0])
    assert made == pytest.approx(told["output"], rel=1e-4, abs=1e-5), place


EXPECTED = {
    "lenet": "conv",
    "channels_first": "transposed",
    "resnet": "normalization",
    "recurrent": "embedding",
    "transformer": "conv",
    "table": "dense",
}


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_explanations_add_up_in(name, tmp_path):
    model, arrays = networks.NETWORKS[name]()
    found, ran = explained(model, arrays, tmp_path)
    kinds = {row["kind"] for row, _ in found}
    assert EXPECTED[name] in kinds
    for row, told in found:
        check(row, told, ran)


@pytest.mark.parametrize(("dilation", "strides"), [(1, 3), (2, 1)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kind", ["transposed", "conv1d", "conv3d", "pools"])
def test_windows_in_other_ranks(kind, padding, strides, dilation, tmp_path):
    draw = np.random.default_rng(1)
    how = {"padding": padding, "strides": strides}
    if kind == "conv1d":
        x = keras.Input((13, 3))
        y = layers.Conv1D(4, 3, dilation_rate=dilation, **how)(x)
        y = layers.Conv1DTranspose(3, 4, **how)(y)
    elif kind == "conv3d":
        x = keras.Input((6, 5, 7, 2))
        y = layers.Conv3D(3, (2, 3, 2), dilation_rate=dilation, **how)(x)
    elif kind == "transposed":
        x = keras.Input((5, 4, 2))
        y = layers.Conv2DTranspose(3, (3, 2), dilation_rate=dilation, **how)(x)
    else:
        x = keras.Input((9, 8, 2))
        y = layers.AveragePooling2D(3, **how)(x)
        y = layers.MaxPooling2D(2, padding="same")(y)
    model = networks.uneven(keras.Model(x, y))
    data = draw.normal(size=(2, *x.shape[1:])).astype("float32")
    found, ran = explained(model, [data], tmp_path, count=8)
    assert found
    for row, told in found:
        check(row, told, ran)


def seen_by_trial(model, layer, x, unit):
    """Places of the input on which a unit depends: change each, and look."""
    probe = keras.Model(model.inputs, layer.output)
    flat = np.repeat(x.reshape(1, -1), x.size, axis=0)
    np.fill_diagonal(flat, flat[0] + 1.5)
    results = probe.predict(flat.reshape(-1, *x.shape), verbose=0, batch_size=256)
    before = probe.predict(x[None], verbose=0)[0]
    changed = [r[tuple(unit)] != before[tuple(unit)] for r in results]
    return np.array(changed)


def smooth():
    """No rectifier and no maximum, which hide what they depend on."""
    x = keras.Input((11, 9, 4))
    y = layers.Conv2D(8, 3, dilation_rate=2, groups=2, padding="same")(x)
    y = layers.AveragePooling2D(3, 2, padding="same")(y)
    y = layers.DepthwiseConv2D(2, depth_multiplier=2)(y)
    y = layers.Conv2DTranspose(4, 3, strides=2)(y)
    y = layers.ZeroPadding2D(1)(layers.Cropping2D(1)(y))
    y = layers.Permute((2, 1, 3))(y)
    y = layers.Concatenate(axis=1)([y, layers.UpSampling2D()(y)[:, 1:3, :11]])
    y = layers.Conv2D(3, 2, strides=3, activation="tanh")(y)
    return networks.uneven(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))


def test_receptive_fields_are_what_changes_a_unit(tmp_path):
    model = smooth()
    x = np.random.default_rng(5).normal(size=(11, 9, 4)).astype("float32")
    payload = keras.visualization.explore(model, x[None]).payload
    draw = np.random.default_rng(2)
    asked = [
        (i, units_of(row, 1, draw)[2])
        for i, row in enumerate(payload["layers"])
        if row["kind"] != "input"
    ]
    requests = [("sample", 0), ("run", {"$": 1}, 0)]
    requests += [("receptiveField", i, unit) for i, unit in asked]
    _, _, *answers = node.ask(payload, requests, tmp_path)
    for (i, unit), answer in zip(asked, answers, strict=True):
        row = payload["layers"][i]
        layer = next(o for o in model.operations if o.name == row["name"])
        changed = seen_by_trial(model, layer, x, unit)
        field = answer["inputs"][0]
        mask = field["mask"] if field else np.zeros(x.size)
        np.testing.assert_array_equal(
            mask != 0, changed, err_msg=f"{row['path']} {unit}"
        )
        own = answer["layers"][i]
        assert own["count"] == 1 and [lo for lo, _ in own["box"]] == unit


def test_the_window_on_the_input_is_the_one_of_the_formula(tmp_path):
    model, arrays = networks.resnet()
    payload = keras.visualization.explore(model, arrays[0]).payload
    rows = [
        (i, row) for i, row in enumerate(payload["layers"])
        if row["receptive"] and row["kind"] != "input"
    ]  # fmt: skip
    assert len(rows) >= 7
    draw = np.random.default_rng(4)
    asked = [(i, row, unit) for i, row in rows for unit in units_of(row, 2, draw)]
    requests = [("sample", 0), ("run", {"$": 1}, 0)]
    requests += [("receptiveField", i, unit) for i, _, unit in asked]
    _, _, *answers = node.ask(payload, requests, tmp_path)
    for (_, row, unit), answer in zip(asked, answers, strict=True):
        window = row["receptive"]
        for axis in range(2):
            start = window["start"][axis] + window["stride"][axis] * unit[axis]
            box = [max(start, 0), min(start + window["size"][axis], 16) - 1]
            assert answer["inputs"][0]["box"][axis] == box, row["path"]


def test_a_state_sees_the_steps_up_to_it(tmp_path):
    x = keras.Input((6, 3))
    y = layers.LSTM(4, return_sequences=True)(x)
    y = layers.GRU(4, return_sequences=True, reset_after=False, go_backwards=True)(y)
    model = keras.Model(x, y)
    data = np.ones((1, 6, 3), "float32")
    payload = keras.visualization.explore(model, data).payload
    requests = [("sample", 0), ("run", {"$": 1}, 0), ("receptiveField", 1, [2, 0])]
    requests.append(("receptiveField", 2, [1, 0]))
    _, _, first, second = node.ask(payload, requests, tmp_path)
    assert first["inputs"][0]["box"] == [[0, 2], [0, 2]]
    # Backwards: the second state computed has seen the last two steps.
    assert second["layers"][1]["box"] == [[4, 5], [0, 3]]


def test_wrong_units_are_refused(tmp_path):
    model, arrays = networks.table()
    payload = keras.visualization.explore(model, arrays).payload
    requests = [
        ("receptiveField", 2, [0]),
        ("sample", 0),
        ("run", {"$": 2}, 0),
        ("receptiveField", 3, [99]),
        ("sample", 4),
        ("saliency", 7),
    ]
    early, _, _, unit, number, target = node.ask(payload, requests, tmp_path)
    assert early == "Error: No sample was run yet."
    assert "there is no unit 99" in unit
    assert number == "Error: There is no sample 4; the page has 4."
    assert target == "Error: There is no class 7."
