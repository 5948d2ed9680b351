"""The command line and the demo, as a user meets them."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import __main__ as command
from minikeras import demo


def run(capsys, *words):
    """Status, and the lines of stdout and stderr."""
    try:
        status = command.main(words)
    except SystemExit as leaving:
        status = leaving.code
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


def test_one_epoch_learns_and_reports(tmp_path, capsys):
    status, out, err = run(
        capsys, "demo", "--epochs", "1", "--out", str(tmp_path / "a")
    )
    assert status == 0
    assert err == []
    accuracy = next(line for line in out if line.startswith("Test accuracy:"))
    assert float(accuracy.split()[-1].rstrip("%")) > 80
    assert out[-1] == f"Report: {(tmp_path / 'a' / 'report.html').resolve()}"
    page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    for layer in ("conv2d", "max_pooling2d", "flatten", "dropout", "dense"):
        assert f"<h3>{layer}" in page
    explorer = tmp_path / "a" / "report-explorer.html"
    assert 500_000 < explorer.stat().st_size < 2_000_000


def test_the_page_may_have_another_name(tmp_path, monkeypatch):
    (x, y), _ = demo.mnist5k.load_data()
    few = (x[:64], y[:64])
    monkeypatch.setattr(demo.mnist5k, "load_data", lambda: (few, few))
    demo.run(1, 0, tmp_path / "new" / "x.html")
    names = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert names == ["x-explorer.html", "x.html"]
    report = (tmp_path / "new" / "x.html").read_text("utf-8")
    assert 'href="x-explorer.html"' in report


def test_feature_maps_are_those_of_the_layers():
    model = demo.build(1)
    picture = np.random.default_rng(0).random((1, 28, 28, 1), np.float32)
    shown = dict(demo.feature_maps(model, picture))
    shapes = [values.shape for values in shown.values()]
    assert shapes[:5] == [
        (28, 28, 1),
        (26, 26, 32),
        (13, 13, 32),
        (11, 11, 64),
        (5, 5, 64),
    ]
    assert shapes[5:] == [(1600,), (1600,), (10,)]
    last = list(shown.values())[-1]
    np.testing.assert_allclose(last, model.predict(picture, verbose=0)[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["demo", "--epochs", "0"], "got '0'; expected a whole number from 1"),
        (["demo", "--epochs", "two"], "got 'two'; expected a whole number"),
        (["demo", "--seed", "-1"], "got '-1'; expected a whole number from 0"),
        (["demo", "--speed", "9"], "unrecognized arguments: --speed"),
        (["train"], "invalid choice: 'train'"),
    ],
)
def test_bad_arguments_get_one_line_after_the_usage(capsys, words, message):
    status, out, err = run(capsys, *words)
    assert status == 2
    assert out == []
    assert message in err[-1]


def test_an_unknown_backend_is_one_line_and_changes_nothing(capsys):
    before = keras.config.backend()
    status, out, err = run(capsys, "demo", "--backend", "abacus")
    assert status == 2
    assert out == []
    assert len(err) == 1
    assert "'abacus'" in err[0]
    assert "numpy" in err[0]
    assert keras.config.backend() == before


def test_a_folder_that_cannot_be_made_is_said_before_training(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    status, out, err = run(capsys, "demo", "--out", str(tmp_path / "file" / "sub"))
    assert status == 2
    assert out == []
    assert len(err) == 1
    assert str(tmp_path / "file") in err[0]


def test_info_names_every_backend(capsys):
    status, out, _ = run(capsys, "info")
    assert status == 0
    assert out[0] == f"minikeras {keras.__version__}"
    for name in ("numpy: ready", "numba:", "cupy:"):
        assert any(line.strip().startswith(name) for line in out)
