"""What `explore` says of a model: layers, edges, inputs, data, names."""

import json
import re

import numpy as np
import pytest

import minikeras as keras
from minikeras.visualization.explorer import data as sources
from minikeras.visualization.explorer.evaluation import calibration, classes_of
from minikeras.visualization.explorer.inputs import image_info, input_kind
from minikeras.visualization.explorer.packing import pack, pack_bytes
from minikeras.visualization.explorer.page import in_script
from tests.visualization.explorer import networks

layers = keras.layers


def by_path(payload):
    return {row["path"]: row for row in payload["layers"]}


def test_layers_of_lenet():
    model, arrays = networks.lenet()
    payload = keras.visualization.explore(model, arrays[0]).payload
    rows = payload["layers"]
    kinds = [
        "input",
        "conv",
        "pool",
        "conv",
        "pool",
        "reshape",
        "dropout",
        "dense",
        "dense",
    ]
    assert [r["kind"] for r in rows] == kinds
    assert [r["inputs"] for r in rows] == [[], *([i] for i in range(8))]
    assert [(e["from"], e["to"]) for e in payload["edges"]] == [
        (i, i + 1) for i in range(8)
    ]
    assert payload["edges"][1]["shape"] == [28, 28, 6]
    assert payload["model"]["parameters"] == model.count_params()
    assert sum(r["parameters"] for r in rows) == model.count_params()
    # 2 operations for each weight of a window, and bias and activation.
    assert rows[1]["flops"] == 28 * 28 * 6 * (2 * 25 + 2)
    assert rows[7]["flops"] == 84 * (2 * 400 + 2)
    assert rows[3]["receptive"] == {
        "size": [14, 14],
        "stride": [2, 2],
        "start": [-2, -2],
    }
    roles = [(w["role"], w["layer"]) for w in payload["weights"]]
    assert roles[:4] == [("kernel", 1), ("bias", 1), ("kernel", 3), ("bias", 3)]
    assert payload["outputs"] == [
        {
            "name": rows[8]["name"],
            "layer": 8,
            "index": 0,
            "shape": [10],
            "kind": "probabilities",
        }
    ]


def test_parts_inside_parts_and_calls_again():
    class Block(layers.Layer):
        def __init__(self, units):
            super().__init__(name="block")
            self.first, self.second = layers.Dense(units), layers.Dense(units)

        def call(self, x):
            return keras.ops.tanh(self.second(keras.ops.abs(self.first(x)))) + x

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.block, self.end = Block(4), layers.Dense(2)

        def call(self, x):
            return keras.ops.softmax(self.end(self.block(self.block(x))))

    model = Net()
    x = np.ones((3, 4), "float32")
    model(x)
    payload = keras.visualization.explore(model, x).payload
    names = [r["path"] for r in payload["layers"]]
    first, second = model.block.first.name, model.block.second.name
    assert names == [
        "input", f"block/{first}", f"block/{second}", "block", f"block/{first} (2)",
        f"block/{second} (2)", "block (2)", model.end.name, "output_1",
    ]  # fmt: skip
    rows = payload["layers"]
    assert [r["parent"] for r in rows] == [None, 3, 3, None, 6, 6, None, None, None]
    assert [r["inputs"] for r in rows] == [
        [],
        [0],
        [1],
        [2, 0],
        [3],
        [4],
        [5, 3],
        [6],
        [7],
    ]
    assert all(e["from"] < e["to"] for e in payload["edges"])
    assert payload["outputs"][0]["kind"] == "probabilities"
    assert not payload["model"]["codeIsWhole"] and "Net" in payload["model"]["code"]
    # The model is as it was: nothing stays on it.
    assert "call" not in model.block.__dict__
    assert model(x).shape == (3, 2)


def test_inputs_by_name_and_outputs_of_several():
    a, b = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    model = keras.Model(
        {"left": a, "right": b},
        {
            "p": layers.Dense(1, "sigmoid")(layers.Concatenate()([a, b])),
            "q": layers.Dense(2)(a),
        },
    )
    x = {"right": np.ones((5, 2), "float32"), "left": np.zeros((5, 3), "float32")}
    payload = keras.visualization.explore(model, (x, np.ones(5))).payload
    assert [(i["name"], i["shape"]) for i in payload["inputs"]] == [
        ("left", [3]),
        ("right", [2]),
    ]
    assert [o["kind"] for o in payload["outputs"]] == ["independent", "values"]
    assert payload["classNames"] == ["0", "1"] and payload["data"]["labels"] == [1] * 5


def test_without_data():
    model = keras.Sequential([keras.Input((None, 4)), layers.GRU(3)])
    payload = keras.visualization.explore(model).payload
    assert payload["inputs"][0]["shape"] == [16, 4] and payload["data"] is None
    assert payload["statistics"] == [None, None] and payload["program"] is not None
    loose = keras.Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="is not built"):
        keras.visualization.explore(loose)


@pytest.mark.parametrize("name", ["svd", "values", "text"])
def test_what_the_page_does_not_know_comes_along(name):
    class Looks(layers.Layer):
        def call(self, x):
            return x * 2 if float(keras.ops.sum(x)) > 0 else x

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((4, 4))
    data = np.random.default_rng(0).random((40, 4, 4), "float32")
    if name == "svd":
        model = keras.Model(x, layers.Dense(2)(keras.ops.svd(x)[1]))
        live = [True, False, False]
    elif name == "values":
        model = keras.Sequential([keras.Input((4, 4)), layers.Flatten(), Looks()])
        live = [True, False, False]
    else:
        words = layers.TextVectorization(
            output_sequence_length=3, standardize=np.strings.lower
        )
        words.adapt(["a b", "b c d"])
        model = keras.Sequential(
            [
                keras.Input((), dtype="string"),
                words,
                layers.Embedding(9, 2),
                layers.Flatten(),
            ]
        )
        data, live = np.array(["a b", "d", "c c <b>"] * 14), [True, False, False, False]
    payload = keras.visualization.explore(model, data).payload
    assert [r["live"] for r in payload["layers"]] == live
    assert len(payload["limits"]) == 1 and "before" in payload["limits"][0]
    assert (payload["program"] is None) == (name != "svd")
    kept = {(p["layer"], p["output"]) for p in payload["precomputed"]}
    assert kept >= {(i, 0) for i, on in enumerate(live) if not on}
    last = payload["precomputed"][-1]
    assert last["samples"] == list(range(32)) and last["reason"] == payload["limits"][0]
    if name == "text":
        assert payload["data"]["names"][:2] == ["a b", "d"]
    json.dumps(payload, allow_nan=False)


def test_dead_units_and_extremes():
    model = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            layers.Conv2D(3, 1, activation="relu"),
            layers.Flatten(),
        ]
    )
    model.set_weights([np.array([[[[1.0, -1.0, 2.0]]]]), np.array([0.0, 0.0, 1.0])])
    x = np.array([0, 1, 2, 3, 4, 5, 6, 7.0], "float32").reshape(2, 2, 2, 1)
    payload = keras.visualization.explore(model, x).payload
    assert payload["statistics"][1] == {
        "low": 0,
        "high": 15,
        "mean": 11.5 / 3,
        "dead": [1],
    }
    (top,) = payload["top"]
    assert top["layer"] == 1 and top["samples"] == [[1, 0], [0, 1], [1, 0]]
    assert top["activations"][2] == [15, 7] and top["places"][2] == [[1, 1], [1, 1]]


@pytest.mark.parametrize("several", [False, True])
def test_cells_that_are_called_each_step_take_no_row_of_another_layer(several):
    x = keras.Input((7, 3))
    cell = layers.GRUCell(3)
    y = layers.RNN([layers.LSTMCell(4), cell] if several else cell)(x)
    model = networks.uneven(keras.Model(x, layers.Dense(2, name="last")(y)))
    data = np.random.default_rng(0).normal(size=(5, 7, 3)).astype("float32")
    payload = keras.visualization.explore(model, data).payload
    number = [row["path"] for row in payload["layers"]].index("last")
    said, wanted = payload["statistics"][number], model.predict(data, verbose=0)
    np.testing.assert_allclose(said["low"], wanted.min(), rtol=1e-5)
    np.testing.assert_allclose(said["high"], wanted.max(), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32"])
def test_what_excites_a_channel_most_in_whole_numbers(dtype):
    x = keras.Input((4, 2))
    model = keras.Model(x, keras.ops.cast(keras.ops.maximum(x, 0) * 9, dtype))
    data = np.random.default_rng(1).normal(size=(6, 4, 2)).astype("float32")
    payload = keras.visualization.explore(model, data).payload
    peaks = np.maximum(data * 9, 0).astype(dtype).max(axis=1)
    (top,) = [t for t in payload["top"] if t["layer"] == len(payload["layers"]) - 1]
    for channel, samples in enumerate(top["samples"]):
        found = peaks[samples, channel].astype(float)
        np.testing.assert_array_equal(found, sorted(peaks[:, channel], reverse=True))


def test_evaluation_of_all_samples_and_those_that_came_along():
    model = keras.Sequential([keras.Input((3,)), layers.Softmax()])
    draw = np.random.default_rng(0)
    x = draw.normal(size=(300, 3)).astype("float32") * 3
    y = np.where(draw.random(300) < 0.2, draw.integers(0, 3, 300), x.argmax(axis=1))
    payload = keras.visualization.explore(model, x, y, max_samples=60).payload
    got, data = payload["evaluation"], payload["data"]
    predicted = x.argmax(axis=1)
    wanted = np.zeros((3, 3), int)
    np.add.at(wanted, (y, predicted), 1)
    assert got["confusion"] == wanted.tolist()
    assert got["accuracy"] == np.mean(y == predicted)
    assert (data["count"], data["total"]) == (60, 300)
    worst = got["worst"]
    assert len(worst) == min(24, int((y != predicted).sum()))
    assert all(data["labels"][m["sample"]] == m["label"] for m in worst)
    assert all(data["predicted"][m["sample"]] == m["predicted"] for m in worst)
    chances = [m["probability"] for m in worst]
    assert chances == sorted(chances, reverse=True)
    counts = np.bincount(data["labels"], minlength=3)
    assert counts.min() > 10  # of every class some


def test_calibration_by_hand():
    sure = np.array([0.55, 0.58, 0.95, 1.0])
    right = np.array([True, False, True, True])
    found = calibration(sure, right)
    bins = {b["low"]: b for b in found["bins"] if b["count"]}
    assert list(bins) == [0.5, 0.9]
    assert bins[0.5]["accuracy"] == 0.5 and bins[0.5]["confidence"] == pytest.approx(
        0.565
    )
    assert found["error"] == pytest.approx(0.5 * 0.065 + 0.5 * 0.025)


def test_labels_in_all_forms():
    assert classes_of(np.eye(3)[[2, 0]], 3).tolist() == [2, 0]
    assert classes_of(np.array([[1.0], [0.0]]), 2).tolist() == [1, 0]
    assert classes_of(np.array([0.5, 1.0]), 2) is None
    assert classes_of(np.array([0, 3]), 3) is None
    assert classes_of(None, 3) is None


def test_pictures_and_drawings():
    (_, _), (digits, _) = keras.datasets.mnist5k.load_data()
    x = digits[:200] / np.float32(255)
    info = image_info((28, 28, 1), x[..., None])
    assert (info["background"], info["ink"]) == (0, 1)
    assert info["drawable"] and info["centre"]
    paper = image_info((28, 28), 255 - digits[:200])
    assert (paper["background"], paper["ink"], paper["layout"]) == (255, 0, "none")
    moved = np.roll(x, 5, axis=1)
    assert not image_info((28, 28), moved)["centre"]
    photos = np.random.default_rng(0).random((5, 3, 8, 9))
    info = image_info((3, 8, 9), photos)
    assert info["layout"] == "channels_first" and not info["drawable"]
    assert (info["rows"], info["columns"], info["channels"]) == (8, 9, 3)
    dense = layers.Dense(2)
    assert input_kind((784,), "float32", dense, x.reshape(-1, 784)) == "image"
    assert (
        input_kind((784,), "float32", dense, np.random.default_rng(0).random((9, 784)))
        == "table"
    )
    assert input_kind((10, 3), "float32", layers.LSTM(2), None) == "sequence"
    assert input_kind((5,), "int32", layers.Embedding(4, 2), None) == "tokens"


def test_packing_is_exact_and_small():
    draw = np.random.default_rng(0)
    pixels = (draw.integers(0, 256, (50, 28, 28)) / np.float32(255)).astype("float32")
    packed = pack(pixels)
    assert (packed["coding"], packed["width"]) == ("palette", 1)
    assert pack(draw.random(1000))["coding"] == "raw"
    assert pack(np.zeros((0, 3), "float32"))["shape"] == [0, 3]
    frames = draw.normal(size=(4, 30)).astype("float32")
    coarse = pack_bytes(frames, delta=True)
    assert coarse["step"] == pytest.approx(np.ptp(frames) / 255)


HOSTILE = "</script><script>window.hacked=1</script><!--"


def test_names_are_only_text():
    line = in_script({"a": HOSTILE + "&amp;\u2028"})
    assert not re.search(r"[<>&\u2028]", line)
    assert json.loads(line) == {"a": HOSTILE + "&amp;\u2028"}
    x = keras.Input((2,), name="x")
    first = layers.Dense(2, activation="softmax")
    first._name = first.name = HOSTILE.replace("/", "|")
    model = keras.Model(x, first(x), name="<b>bold<|b>")
    page = keras.visualization.explore(
        model, np.ones((2, 2), "float32"), np.array([0, 1]),
        class_names=["<img src=x onerror=alert(1)>", HOSTILE], title=HOSTILE,
    )  # fmt: skip
    text = page.html
    assert "<img src=x" not in text and "window.hacked=1</script>" not in text
    assert "<b>bold" not in text
    slot = re.search(r'id="payload">(.*?)</script>', text, re.DOTALL)
    assert json.loads(slot[1]) == json.loads(json.dumps(page.payload))
    frame = page._repr_html_()
    assert frame.count("<iframe") == 1 and "<script" not in frame


def test_saved_whole(tmp_path):
    model, arrays = networks.table()
    page = keras.visualization.explore(model, arrays)
    path = page.save(tmp_path / "new" / "page.html")
    assert path.read_text("utf-8") == page.html
    assert repr(page) == f"<Explorer of '{model.name}': save(path)>"
    assert not re.search(r"""(src|href)=["'](?!data:)[^"']*//""", page.html)


def test_sources_of_data(tmp_path):
    model, _ = networks.lenet()
    digits = sources.samples(model, "mnist5k")
    assert digits.inputs[0].shape == (1000, 28, 28, 1) and digits.inputs[0].max() == 1
    assert digits.class_names[9] == "9"
    x, y = np.ones((3, 28, 28, 1), "float32"), np.array([1, 2, 3])
    np.savez(tmp_path / "d.npz", x=x, y=y)
    found = sources.samples(model, tmp_path / "d.npz")
    assert found.inputs[0].shape == x.shape and found.labels.tolist() == [1, 2, 3]
    batches = [(x[:2], y[:2]), (x[2:], y[2:])]
    assert sources.samples(model, iter(batches)).labels.tolist() == [1, 2, 3]
    assert sources.samples(model, x, labels=y).labels.tolist() == [1, 2, 3]
    for bad, message in [
        ("nothing.npz", "expected 'mnist5k'"),
        ((x, y[:2]), "2 labels"),
        (x[:0], "no samples"),
        (iter([]), "no batches"),
        (np.array([None]), "expected arrays"),
    ]:
        with pytest.raises(ValueError, match=message):
            sources.samples(model, bad)


def test_a_folder_of_pictures(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for label, level in (("<b>dark", 40), ("light", 200)):
        (tmp_path / label).mkdir()
        for i in range(2):
            pixels = np.full((9, 9), level, np.uint8)
            image.fromarray(pixels).save(tmp_path / label / f"{i}.png")
    model = keras.Sequential(
        [keras.Input((1, 6, 7)), layers.Flatten(), layers.Dense(2, "softmax")]
    )
    found = sources.samples(model, str(tmp_path))
    assert found.inputs[0].shape == (4, 1, 6, 7)
    np.testing.assert_allclose(
        np.unique(found.inputs[0]), [40 / 255, 200 / 255], rtol=1e-6
    )
    assert found.class_names == ["<b>dark", "light"] and found.labels.tolist() == [
        0,
        0,
        1,
        1,
    ]
    assert found.names[0].endswith("0.png")
    payload = keras.visualization.explore(model, str(tmp_path)).payload
    assert payload["classNames"] == ["<b>dark", "light"]


def test_fewer_bits_are_said():
    model, arrays = networks.table()
    whole = keras.visualization.explore(model, arrays).payload
    assert whole["limits"] == []
    for bits, coding in ((16, "raw"), (8, "bytes")):
        made = keras.visualization.explore(model, arrays, weight_bits=bits).payload
        assert f"{bits} bits" in made["limits"][0]
        assert made["weights"][0]["values"]["coding"] == coding
    with pytest.raises(ValueError, match="weight_bits=4"):
        keras.visualization.explore(model, arrays, weight_bits=4)
