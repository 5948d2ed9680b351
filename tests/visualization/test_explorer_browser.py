"""The explorer's page in a browser: drawn on, pointed at, scrubbed, and compared with Python.

The checks are in `explorer/tests/browser/checks.mjs`; here are the models, and what they give in
Python. One run of node does all of them, each in a page of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers

SOURCES = Path(__file__).parents[2] / "explorer"
CHECKS = SOURCES / "tests" / "browser" / "checks.mjs"
SAMPLE = 3
CONV = (3, 5, 7)  # row, column and filter of the second convolution
DEAD = 4
HARM = "<img src=x onerror=harmed=1>"

Array = np.ndarray[Any, Any]
Spec = dict[str, Any]

NAMES = (
    re.findall(r"^export async function (\w+)", CHECKS.read_text(), re.MULTILINE)
    if CHECKS.is_file()
    else []
)


def chromium() -> str:
    if not NAMES:
        pytest.skip("the page's sources are only in the repository")
    if shutil.which("node") is None or not (SOURCES / "node_modules").is_dir():
        pytest.skip("the page's tools are not installed: npm ci, in explorer/")
    named = os.environ.get("CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("chromium is not installed, or CHROMIUM doesn't say where")
    return found


def png(path: Path, grey: Array) -> None:
    """Writes a picture `(rows, columns)` of bytes."""
    rows, columns = grey.shape
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in parts:
            check = struct.pack(">I", zlib.crc32(kind + data))
            file.write(struct.pack(">I", len(data)) + kind + data + check)


def lenet() -> Any:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, activation="relu", name="first"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu", name="second"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="LeNet",
    )


def values(model: Any, x: Array) -> list[Array]:
    """Outputs of all layers, the input first, as the page numbers them."""
    whole = keras.Model(model.inputs, [layer.output for layer in model.layers])
    return [x, *(keras.ops.convert_to_numpy(v) for v in whole(x))]


def keys(unit: tuple[int, ...]) -> list[tuple[str, int]]:
    names = (
        ("ArrowRight",) if len(unit) == 1 else ("ArrowDown", "ArrowRight", "PageDown")
    )
    return [(name, i) for name, i in zip(names, unit, strict=True) if i]


def about_lenet(folder: Path) -> Spec:
    """Trains, writes the page, and says what must be seen on it."""
    keras.utils.set_random_seed(7)
    (x, y), (test_x, test_y) = keras.datasets.mnist5k.load_data()
    x, test_x = (v[..., None].astype("float32") / 255 for v in (x, test_x[:400]))
    test_y = test_y[:400]
    model = lenet()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    start = values(model, test_x[:40])
    recorder = keras.callbacks.ExplorerCallback()
    model.fit(
        x, y, batch_size=32, epochs=4, verbose=0, callbacks=[recorder],
        validation_data=(test_x, test_y),
    )  # fmt: skip
    dense = model.layers[5]
    bias = keras.ops.convert_to_numpy(dense.bias).copy()
    bias[DEAD] = -1e3
    dense.bias.assign(bias)
    made = keras.visualization.explore(
        model, (test_x, test_y), recording=recorder, title="Digits"
    )
    made.save(folder / "lenet.html")
    assert (folder / "lenet.html").stat().st_size < 2_000_000
    payload = made.payload
    held = payload["data"]["count"]
    now = values(model, test_x)
    probabilities = now[-1]
    predicted = probabilities.argmax(1)

    row, column, channel = CONV
    kernel, offset = (keras.ops.convert_to_numpy(w) for w in model.layers[2].weights)
    patch = now[2][SAMPLE, row : row + 5, column : column + 5]
    weights = kernel[..., channel]
    total = float((patch.astype("float64") * weights).sum())
    top = np.argsort(-now[3][:held, ..., 1].max((1, 2)), kind="stable")[:9]

    change = np.abs(now[1][SAMPLE] - start[1][SAMPLE])
    change[0, 0] = 0  # where no key leads
    moved = tuple(int(i) for i in np.unravel_index(change.argmax(), change.shape))
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (test_y, predicted), 1)
    mistakes = confusion * (1 - np.eye(10, dtype=int))
    cell = tuple(int(i) for i in np.unravel_index(mistakes.argmax(), mistakes.shape))
    in_cell = (test_y[:held] == cell[0]) & (predicted[:held] == cell[1])

    sure = int(probabilities[:, 4].argmax())
    big = np.kron(
        255 - (test_x[sure, ..., 0] * 255).astype("uint8"), np.ones((9, 9), "uint8")
    )
    png(folder / "digit.png", np.pad(big, ((40, 90), (130, 20)), constant_values=255))

    places = {
        1: (12, 13, 2),
        2: (4, 5, 3),
        3: CONV,
        4: (1, 2, 9),
        6: (9,),
        7: (11,),
        8: (4,),
    }
    return {
        "sample": SAMPLE,
        "layers": len(payload["layers"]),
        "units": [
            {"layer": i, "unit": u, "keys": keys(u), "value": float(now[i][SAMPLE][u])}
            for i, u in places.items()
        ],
        "conv": {
            "layer": 3,
            "name": "second",
            "unit": CONV,
            "point": {
                "tile": channel, "row": row, "column": column,
                "rows": 8, "columns": 8, "tiles": 16,
            },
            # A pooled place stands for two; both windows add four.
            "box": [[2 * row, 2 * row + 13], [2 * column, 2 * column + 13], [0, 0]],
            "count": 14 * 14,
            "inputs": patch.ravel().tolist(),
            "weights": weights.ravel().tolist(),
            "sum": total,
            "bias": float(offset[channel]),
            "output": float(now[3][SAMPLE][CONV]),
        },
        "top": top.tolist(),
        "dead": {
            "layer": 6, "unit": (DEAD,), "keys": keys((DEAD,)),
            "count": int((now[6].max(0) == 0).sum()),
        },
        "scrub": {
            "layer": 1, "unit": moved, "keys": keys(moved), "name": "before training",
            "value": float(start[1][SAMPLE][moved]), "now": float(now[1][SAMPLE][moved]),
            "tolerance": float(change.max()) / 4,
        },
        "cell": {
            "row": cell[0], "column": cell[1], "count": int(confusion[cell]),
            "inPage": int(in_cell.sum()),
        },
        "worst": len(payload["evaluation"]["worst"]),
        "shapes": ["28 × 28 × 1", "24 × 24 × 6", "8 × 8 × 16", "120"],
        "code": payload["model"]["code"],
        "picture": 4,
        "calibration": payload["evaluation"]["calibration"],
        "histograms": [h["counts"] for h in payload["recording"]["histograms"]],
    }  # fmt: skip


def about_tokens(folder: Path) -> Spec:
    keras.utils.set_random_seed(1)
    tokens = keras.Input((12,), dtype="int32")
    wide = keras.initializers.RandomNormal(stddev=0.6, seed=3)
    embedded = layers.Embedding(20, 16, embeddings_initializer=wide)(tokens)
    attend = layers.MultiHeadAttention(2, 8, kernel_initializer=wide)
    recur = layers.LSTM(8, return_sequences=True)
    x = recur(attend(embedded, embedded))
    inner = keras.Model(tokens, [embedded, x])
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(tokens, layers.Dense(3, activation="softmax")(x), name="words")
    data = np.random.default_rng(0).integers(1, 20, (30, 12)).astype("int32")
    words = ["", *(f"word{i}" for i in range(1, 20))]
    made = keras.visualization.explore(
        model, (data, data[:, 0] % 3), class_names=["bad", "fair", "good"], tokens=words
    )
    made.save(folder / "tokens.html")
    frame = f"<!doctype html><title>notebook</title>{made._repr_html_()}"
    (folder / "notebook.html").write_text(frame, encoding="utf-8")
    vectors, states = inner(data[:1])
    _, scores = attend(vectors, vectors, return_attention_scores=True)
    query = 4
    key = int(keras.ops.convert_to_numpy(scores)[0, 1, query].argmax())
    return {
        "query": query, "key": key, "words": [words[data[0, i]] for i in (query, key)],
        "weight": float(scores[0, 1, query, key]), "state": float(states[0, 5, 1]),
    }  # fmt: skip


def about_hostile(folder: Path) -> Spec:
    """A table whose every name would do harm if it were taken for HTML."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((5,), name=f"input {HARM}"),
            layers.Dense(6, activation="tanh", name=f"dense {HARM}"),
            layers.Dense(3, activation="softmax", name="last"),
        ],
        name=f"model {HARM}",
    )
    names = [f"feature {HARM}", *"abcd"]
    classes = [f"class {HARM}", "one", "</script><script>harmed=1</script>"]
    data = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
    made = keras.visualization.explore(
        model, (data, np.arange(40) % 3), title=f"title {HARM}", class_names=classes,
        feature_names=names,
    )  # fmt: skip
    made.save(folder / "hostile.html")
    shown = [names[0], classes[0], classes[2], f"title {HARM}", f"dense {HARM}"]
    return {"names": shown, "move": "1"}


def about_two(folder: Path) -> Spec:
    """A picture and a table go in; classes and a number come out."""
    keras.utils.set_random_seed(4)
    picture = keras.Input((6, 6, 1), name="picture")
    table = keras.Input((3,), name="facts")
    wide = keras.initializers.RandomNormal(stddev=0.5, seed=2)
    flat = layers.Flatten()(layers.Conv2D(2, 3, activation="tanh")(picture))
    joined = layers.Concatenate()([flat, layers.Dense(4, activation="tanh")(table)])
    logits = layers.Dense(3, name="logits", kernel_initializer=wide)(joined)
    kind = layers.Softmax(name="kind")(logits)
    price = layers.Dense(1, name="price", kernel_initializer=wide)(joined)
    model = keras.Model([picture, table], [kind, price], name="two")
    draw = np.random.default_rng(1)
    data = [draw.random((20, 6, 6, 1), "float32"), draw.normal(size=(20, 3))]
    made = keras.visualization.explore(
        model, data, labels=np.arange(20) % 3, feature_names=["rooms", "age", "size"]
    )
    made.save(folder / "two.html")
    x = [v[SAMPLE : SAMPLE + 1].astype("float32") for v in data]
    move = {"name": "age", "value": 2.5}

    def shown() -> list[float]:
        chances, number = model.predict(x, verbose=0)
        return [*(100 * float(p) for p in chances[0]), float(number[0, 0])]

    before = shown()
    x[1][0, 1] = move["value"]
    after = shown()
    given = [keras.ops.convert_to_tensor(v) for v in x]
    with keras.GradientTape(persistent=True) as tape:
        for v in given:
            tape.watch(v)
        scores = keras.Model(model.inputs, logits)(given)
        score = scores[0, int(np.argmax(after[:3]))]
    heat = [np.asarray(tape.gradient(score, v)) for v in given]
    ranges = [[float(h.min()), float(h.max())] for h in heat]
    return {
        "sample": SAMPLE, "moved": move, "outputs": {"before": before, "after": after},
        "first": ranges[0], "second": ranges[1],
    }  # fmt: skip


def about_text(folder: Path) -> Spec:
    """Reviews, as they are written."""
    keras.utils.set_random_seed(6)
    words = ["the", "film", "was", "good", "bad", "not", HARM.lower()]
    read = layers.TextVectorization(
        vocabulary=words, output_sequence_length=6, standardize="lower"
    )
    x = keras.Input((1,), dtype="string")
    wide = keras.initializers.RandomNormal(stddev=0.8, seed=5)
    vectors = layers.Embedding(9, 4, mask_zero=True, embeddings_initializer=wide)
    y = layers.Dense(1, activation="sigmoid")(layers.LSTM(4)(vectors(read(x))))
    model = keras.Model(x, y, name="reviews")
    data = np.array(["The film was good", "Bad", f"{HARM} not bad"])[:, None]
    made = keras.visualization.explore(
        model, (data, np.array([1, 0, 1])), class_names=["bad", "good"]
    )
    made.save(folder / "text.html")
    typed = [HARM, "was the FILM so bad and long that none saw", "Not\tbad"]
    answers = model.predict(np.array(typed)[:, None], verbose=0)
    tokens = keras.layers.TextVectorization(vocabulary=words, standardize="lower")
    return {
        "cases": [
            {
                "typed": text,
                "tokens": [int(v) for v in np.asarray(tokens([text]))[0]],
                "answer": float(answer[0]),
            }
            for text, answer in zip(typed, answers, strict=True)
        ]
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spec]:
    browser = chromium()
    # A folder that is named stays, with pictures of all views in it.
    shots = os.environ.get("EXPLORER_SHOTS")
    folder = Path(shots) if shots else tmp_path_factory.mktemp("explorer")
    folder.mkdir(parents=True, exist_ok=True)
    about = about_lenet(folder)
    pages = ("lenet", "tokens", "hostile", "notebook", "two", "text")
    spec = {
        "chromium": browser,
        "pages": {name: str(folder / f"{name}.html") for name in pages},
        "lenet": about,
        "tokens": about_tokens(folder),
        "hostile": about_hostile(folder),
        "two": about_two(folder),
        "text": about_text(folder),
        "picture": str(folder / "digit.png"),
        "pictureShows": about["picture"],
        "shots": str(folder) if shots else None,
    }  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec))
    done = subprocess.run(
        ["node", "tests/browser/run.mjs", str(folder / "spec.json")],
        cwd=SOURCES, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES or ["draws_a_seven_with_the_mouse"])
def test_in_the_browser(results: dict[str, Spec], name: str) -> None:
    result = results[name]
    assert result["ok"], result["error"]
    if result["said"]:
        print(result["said"])
