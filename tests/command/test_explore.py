"""`minikeras explore`."""

import json
import re

import numpy as np
import pytest

import minikeras as keras
from minikeras import __main__ as command

layers = keras.layers


def payload(path):
    found = re.search(
        r'id="payload">(.*?)</script>', path.read_text("utf-8"), re.DOTALL
    )
    return json.loads(found[1])


@pytest.fixture
def model(tmp_path):
    """A LeNet in a file."""
    made = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    file = tmp_path / "lenet.keras"
    made.save(file)
    return file


def test_a_page_of_lenet_on_digits_stays_small(model, tmp_path, capsys):
    out = tmp_path / "page.html"
    words = [
        "explore",
        str(model),
        "--data",
        "mnist5k",
        "--out",
        str(out),
        "--title",
        "<5>",
    ]
    assert command.main(words) == 0
    assert capsys.readouterr().out == f"Page: {out.resolve()}\n"
    assert out.stat().st_size < 2_000_000
    found = payload(out)
    assert found["title"] == "<5>" and found["data"]["count"] == 1000
    assert sum(map(sum, found["evaluation"]["confusion"])) == 1000


def test_named_after_the_model_where_one_is(model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("few.npz", x=np.ones((3, 28, 28, 1), "float32"))
    assert (
        command.main(["explore", str(model), "--data", "few.npz", "--samples", "2"])
        == 0
    )
    assert payload(tmp_path / "lenet.html")["data"]["count"] == 2
    capsys.readouterr()


def test_what_is_wrong_is_one_line(model, tmp_path, capsys):
    for words, message in [
        ([str(model), "--data", "nowhere"], "'nowhere'; expected 'mnist5k'"),
        ([str(tmp_path / "no.keras")], "no.keras"),
        (["--recording", "nothing", str(model)], "'nothing': no such file"),
    ]:
        assert command.main(["explore", *words]) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1
        assert err.startswith("minikeras explore: error: ") and message in err
