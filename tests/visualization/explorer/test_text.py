"""Text that the page reads by itself, as the model's own layers do."""

import numpy as np
import pytest

import minikeras as keras
from tests.visualization.explorer import networks, node

layers = keras.layers
pytestmark = node.needs_node

TEXTS = [
    "The film: great, GREAT fun!",
    "",
    "  \t dull\nand the\x0bplot\x1cthin ",
    "Ünder the ÄPFEL naïve film's",
    "<b>great</b> 'film' the the the the the the the",
    "nothing known here",
]
WORDS = ["the", "film", "great", "dull", "thefilm", "apfel", "ünder", "great fun", "t"]
SETTINGS = [
    {"output_sequence_length": 6},
    {"output_sequence_length": 4, "standardize": "lower"},
    {"output_sequence_length": 9, "standardize": "strip_punctuation"},
    {"output_sequence_length": 7, "standardize": None, "split": "character"},
    {"output_sequence_length": 12, "ngrams": 2},
    {"output_mode": "multi_hot", "max_tokens": 20, "pad_to_max_tokens": True},
    {"output_mode": "count", "ngrams": (2, 1)},
    {"output_mode": "tf_idf", "idf_weights": [0.5 + i / 7 for i in range(len(WORDS))]},
]


def typed(*texts):
    """A sample, as one that is typed."""
    return {"inputs": [{"shape": [1], "data": np.zeros(1)}], "texts": [list(texts)]}


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_page_reads_text_as_the_layer_does(settings, tmp_path):
    read = layers.TextVectorization(vocabulary=WORDS, **settings)
    x = keras.Input((1,), dtype="string")
    made = read(x)
    if settings.get("output_mode", "int") == "int":
        made = layers.Flatten()(layers.Embedding(40, 3)(made))
    model = networks.uneven(keras.Model(x, layers.Dense(2, "softmax")(made)))
    data = np.array(TEXTS)[:, None]
    payload = keras.visualization.explore(model, data).payload
    assert payload["limits"] == [] and payload["inputs"][0]["kind"] == "text"
    assert payload["data"]["texts"] == [[[text] for text in TEXTS]]
    requests = [("run", typed(text)) for text in TEXTS]
    requests += [("sample", 3), ("run", {"$": len(TEXTS) + 1})]
    *ran, _, again = node.ask(payload, requests, tmp_path)
    wanted = np.asarray(read(data))
    answers = model.predict(data, verbose=0)
    for got, tokens, answer in zip(ran, wanted, answers, strict=True):
        np.testing.assert_allclose(node.array(got["layers"][1][0]), tokens, rtol=1e-6)
        np.testing.assert_allclose(node.array(got["outputs"][0]), answer, atol=1e-5)
    np.testing.assert_array_equal(
        node.array(again["outputs"][0]), node.array(ran[3]["outputs"][0])
    )


def test_words_of_two_texts_and_their_reasons(tmp_path):
    x = keras.Input((2,), dtype="string", name="words")
    read = layers.StringLookup(vocabulary=WORDS, mask_token="")
    vectors = layers.Embedding(12, 4)(read(x))
    y = layers.Dense(2)(layers.Flatten()(vectors))
    model = networks.uneven(keras.Model(x, layers.Softmax()(y)))
    data = np.array([["film", "what"], ["", "great"]])
    payload = keras.visualization.explore(model, data).payload
    requests = [("sample", 0), ("run", {"$": 1}, 0), ("saliency", 1), ("occlusion", 1)]
    requests += [("receptiveField", 2, [1, 3])]
    _, ran, reasons, fall, field = node.ask(payload, requests, tmp_path)
    assert node.array(ran["layers"][1][0]).tolist() == [3, 1]
    kernel = np.asarray(model.weights[1])[:, 1].reshape(2, 4)
    np.testing.assert_allclose(
        reasons["values"], np.sqrt((kernel**2).sum(axis=1)), rtol=1e-5
    )
    covered = model.predict(np.array([["", "what"], ["film", ""]]), verbose=0)[:, 1]
    whole = model.predict(data[:1], verbose=0)[0, 1]
    np.testing.assert_allclose(fall["values"], whole - covered, atol=1e-6)
    assert field["inputs"][0]["box"] == [[1, 1]]  # the second token


def test_text_beside_a_table(tmp_path):
    text, table = keras.Input((), dtype="string", name="t"), keras.Input((3,), name="n")
    read = layers.TextVectorization(vocabulary=WORDS, output_mode="multi_hot")
    joined = layers.Concatenate()([layers.Rescaling(0.5)(read(text)), table])
    model = networks.uneven(keras.Model([text, table], layers.Dense(1)(joined)))
    data = [np.array(TEXTS), np.random.default_rng(0).random((6, 3), "float32")]
    payload = keras.visualization.explore(model, data).payload
    assert [given["kind"] for given in payload["inputs"]] == ["text", "table"]
    requests = [("sample", 2), ("run", {"$": 1}, 2)]
    *_, ran = node.ask(payload, requests, tmp_path)
    wanted = model.predict(data, verbose=0)[2]
    np.testing.assert_allclose(node.array(ran["outputs"][0]), wanted, atol=1e-5)
