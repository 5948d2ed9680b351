"""`minikeras inspect` and `minikeras convert`."""

import itertools
import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras import alias, layers
from minikeras.__main__ import main


@pytest.fixture
def model():
    made = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Reshape((1, 3)),
            layers.Bidirectional(layers.GRU(2), name="both"),
            keras.Sequential([layers.Dense(4, name="inside")], name="inner"),
        ],
        name="small",
    )
    made.compile("adam", "mse")
    made.fit(np.ones((2, 3)), np.ones((2, 4)), verbose=0)
    return made


def said(words, capsys, status=0):
    capsys.readouterr()
    assert main(list(map(str, words))) == status
    found = capsys.readouterr()
    return found.out if status == 0 else found.err


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "folder"])
def test_inspect_shows_a_model(tmp_path, capsys, monkeypatch, model, name):
    model.save(tmp_path / name, zipped=name != "folder")

    def build(*args, **kwargs):
        raise AssertionError("was built")

    monkeypatch.setattr(layers.Layer, "from_config", build)
    shown = said(["inspect", tmp_path / name], capsys)
    for text in ("keras_version: 3.15", "Bidirectional both", "    Dense inside",
                 "GRU forward_gru", f"Parameters: {model.count_params()}; optimizer: ",
                 "3x6 float32"):  # fmt: skip
        assert text in shown, shown


@pytest.mark.parametrize("name", ["w.weights.h5", "w.npz", "w.weights.json"])
def test_inspect_shows_weights(tmp_path, capsys, model, name):
    options = {"max_shard_size": 3e-7} if name.endswith("json") else {}
    model.save_weights(tmp_path / name, **options)
    shown = said(["inspect", tmp_path / name], capsys)
    assert f"Parameters: {model.count_params()}; optimizer: " in shown
    assert "layers/bidirectional/forward_layer/cell" in shown


def test_inspect_tells_what_is_wrong(tmp_path, capsys):
    (tmp_path / "junk.keras").write_text("junk")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_text("x")
    assert "no weights that are known" in said(
        ["inspect", tmp_path / "junk.keras"], capsys, 2
    )
    assert "SavedModel" in said(["inspect", tmp_path / "saved"], capsys, 2)
    none = tmp_path / "none"
    says = f"minikeras inspect: error: {str(none)!r}: no such file or directory\n"
    assert said(["inspect", none], capsys, 2) == says
    assert said(["convert", none, tmp_path / "m.h5"], capsys, 2) == says.replace(
        "inspect:", "convert:"
    )
    junk = said(["convert", tmp_path / "junk.keras", tmp_path / "m.h5"], capsys, 2)
    assert junk.endswith("is no model or weights file that is known here.\n")
    assert not (tmp_path / "m.h5").exists()


WHOLE = ("m.keras", "m.h5", "folder")
WEIGHTS = ("w.weights.h5", "w.npz", "w.weights.json")


@pytest.mark.parametrize("source", WHOLE)
@pytest.mark.parametrize("target", [*WHOLE, *WEIGHTS, "w.safetensors", "c.json"])
def test_convert_a_whole_model(tmp_path, capsys, model, source, target):
    if target.endswith("safetensors"):
        pytest.importorskip("safetensors")
    model.save(tmp_path / source, zipped=source != "folder")
    goal = tmp_path / "out" / target
    goal.parent.mkdir()
    assert str(goal) in said(["convert", tmp_path / source, goal], capsys)
    if target == "c.json":
        other = keras.models.model_from_json(goal.read_text())
        assert other.count_params() == model.count_params()
        return
    if target in WHOLE:
        other = keras.models.load_model(goal)
    else:
        other = keras.models.clone_model(model)
        other.compile("adam", "mse")
        other.load_weights(goal)
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(
        other.predict(x, verbose=0), model.predict(x, verbose=0)
    )
    for a, b in zip(model.optimizer.variables, other.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_convert_weights(tmp_path, capsys, model):
    names = [*WEIGHTS, "v.weights.h5"]
    model.save_weights(tmp_path / names[0])
    for source, target in itertools.pairwise(names):
        said(["convert", tmp_path / source, tmp_path / target, "--shard", "1"], capsys)
    first, last = (tmp_path / name for name in ("w.weights.h5", "v.weights.h5"))
    assert first.stat().st_size >= last.stat().st_size > 0
    other = keras.models.clone_model(model)
    other.load_weights(last)
    for a, b in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert "no model can be made" in said(
        ["convert", first, tmp_path / "m.keras"], capsys, 2
    )


def test_convert_trusts_code_only_if_told(tmp_path, capsys):
    made = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x + 1)])
    with pytest.warns(UserWarning, match="lambda"):
        made.save(tmp_path / "m.keras")
    assert "safe mode" in said(
        ["convert", tmp_path / "m.keras", tmp_path / "n.keras"], capsys, 2
    )
    with pytest.warns(UserWarning, match="lambda"):
        said(["convert", tmp_path / "m.keras", tmp_path / "n.json", "--trust"], capsys)
    assert json.loads((tmp_path / "n.json").read_text())["class_name"] == "Sequential"


def test_convert_to_onnx_and_back(tmp_path, capsys, model):
    pytest.importorskip("onnx")
    model.save(tmp_path / "m.keras")
    there, back = tmp_path / "m.onnx", tmp_path / "n.keras"
    assert "m.onnx" in said(["convert", tmp_path / "m.keras", there], capsys)
    said(["convert", there, back], capsys)
    x = np.random.default_rng(0).normal(size=(3, 3))
    again = keras.models.load_model(back)
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    assert "no ONNX file" in said(["convert", tmp_path / "bad.onnx", back], capsys, 2)


@pytest.mark.parametrize(
    "target", [*WHOLE, *WEIGHTS, "w.safetensors", "c.json", "b.onnx"]
)
def test_convert_onnx_to_every_format(tmp_path, capsys, model, target):
    pytest.importorskip("onnx")
    if target.endswith("safetensors"):
        pytest.importorskip("safetensors")
    model.export(tmp_path / "m.onnx", verbose=False)
    goal = tmp_path / target
    said(["convert", tmp_path / "m.onnx", goal], capsys)
    first = keras.models.load_onnx(tmp_path / "m.onnx")
    if target in WHOLE:
        other = keras.models.load_model(goal)
    elif target.endswith(".onnx"):
        other = keras.models.load_onnx(goal)
    elif target.endswith("c.json"):
        other = keras.models.model_from_json(goal.read_text())
        assert other.count_params() == first.count_params()
        return
    else:
        other = keras.models.clone_model(first)
        other.load_weights(goal)
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(other.predict(x, verbose=0), first.predict(x, verbose=0),
                               rtol=1e-6)  # fmt: skip


def test_inspect_shows_onnx(tmp_path, capsys, monkeypatch, model):
    onnx = pytest.importorskip("onnx")
    model.export(tmp_path / "m.onnx", verbose=False)

    def build(*args, **kwargs):
        raise AssertionError("was built")

    arrays = onnx.load(tmp_path / "m.onnx").graph.initializer
    floats = sum(int(np.prod(a.dims)) for a in arrays if a.data_type == 1)
    monkeypatch.setattr(keras.Model, "__init__", build)
    shown = said(["inspect", tmp_path / "m.onnx"], capsys)
    for text in ("m.onnx: ONNX, ", "producer: minikeras", "opset: 21", "Inputs:\n  ",
                 "3) float32", "Outputs:\n  ", "Operators: ", "  GRU: 2\n", "Arrays:\n  ",
                 "small/inner/inside/kernel: 4x4 float32",
                 f"Parameters: {floats:,}; "):  # fmt: skip
        assert text in shown, shown
    assert "does not know" not in shown
    helper = onnx.helper
    inner = helper.make_graph(
        [helper.make_node("Strange", [], ["z"], domain="mine")], "inner", [],
        [helper.make_empty_tensor_value_info("z")])  # fmt: skip
    port = helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, ["n", 2])
    node = helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
    graph = helper.make_graph(
        [node], "g", [port], [helper.make_empty_tensor_value_info("z")]
    )
    onnx.save(helper.make_model(graph), tmp_path / "odd.onnx")
    shown = said(["inspect", tmp_path / "odd.onnx"], capsys)
    assert "  c: (n, 2) bool" in shown
    assert "  mine.Strange: 2 (load_onnx does not know it)" in shown
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    assert "no ONNX file" in said(["inspect", tmp_path / "bad.onnx"], capsys, 2)
    assert "no such file" in said(["inspect", tmp_path / "none.onnx"], capsys, 2)


OWN = """
import keras

class Plus(keras.layers.Layer):
    def call(self, x):
        return x + _one()

def _one():
    return 1

def doubled(x):
    return 2 * x
"""


@pytest.fixture
def customised(tmp_path, monkeypatch):
    """A file that needs classes of a module in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shapes_of_mine.py").write_text(OWN)
    code = (
        "import keras, shapes_of_mine as own\n"
        "model = keras.Sequential([keras.Input((3,)), own.Plus(), "
        "keras.layers.Dense(2, activation=own.doubled)])\n"
        "model.save('m.keras')"
    )
    path = f"import sys; sys.path[:0] = {sys.path!r}; import minikeras; "
    code = path + "minikeras.install_as_keras(); " + code
    subprocess.run([sys.executable, "-c", code], check=True)
    return tmp_path / "m.keras"


def run(*words):
    """The command in a process of its own: modules that it imports would stay here."""
    path = (
        f"import sys; sys.path[:] = {sys.path!r}; from minikeras.__main__ import main; "
    )
    code = path + f"sys.exit(main({list(words)!r}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("module", ["shapes_of_mine", "shapes_of_mine.py"])
def test_modules_with_classes_of_ones_own(customised, module):
    status, out, err = run("convert", "m.keras", "n.h5", "--import", module)
    assert (status, err) == (0, "") and "n.h5" in out
    status, out, err = run("explore", "m.keras", "--import", module)
    assert (status, err) == (0, "") and (customised.parent / "m.html").exists()


@pytest.mark.parametrize("command", ["convert m.keras n.h5", "explore m.keras"])
def test_without_them_the_error_says_how(customised, command, capsys):
    err = said(command.split(), capsys, 2)
    assert "could not locate class 'Plus'" in err and "--import MODULE" in err
    assert len(err.splitlines()) == 1


def test_a_module_that_is_not_there(customised, capsys, monkeypatch):
    for name in list(sys.modules):  # another test may have the real one
        if name.partition(".")[0] == "keras":
            monkeypatch.delitem(sys.modules, name)
    words = ["convert", "m.keras", "n.h5", "--import"]
    assert "--import nowhere: no such module" in said([*words, "nowhere"], capsys, 2)
    assert "no such file" in said([*words, "nowhere.py"], capsys, 2)
    assert not alias.installed()


@pytest.mark.parametrize("name", ["m.txt", "m.v2", "m.kera"])
def test_convert_refuses_an_ending_that_names_no_format(tmp_path, capsys, model, name):
    model.save(tmp_path / "m.keras")
    told = said(["convert", tmp_path / "m.keras", tmp_path / name], capsys, 2)
    assert "is no format that is written here" in told and ".safetensors" in told
    assert not (tmp_path / name).exists()


def test_a_config_alone_is_shown_and_made_a_model(tmp_path, capsys, model):
    model.save(tmp_path / "m.keras")
    said(["convert", tmp_path / "m.keras", tmp_path / "c.json"], capsys)
    shown = said(["inspect", tmp_path / "c.json"], capsys)
    assert "    Dense inside" in shown and "a config alone" in shown
    twice = tmp_path / "twice.json"  # as some versions of Keras 1 wrote it
    twice.write_text(json.dumps((tmp_path / "c.json").read_text()))
    for source in (tmp_path / "c.json", twice):
        told = said(["convert", source, tmp_path / "n.keras"], capsys)
        assert "with fresh weights" in told
        again = keras.models.load_model(tmp_path / "n.keras")
        assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    refused = said(["convert", tmp_path / "c.json", tmp_path / "n.npz"], capsys, 2)
    assert "describes a model without its weights" in refused
    assert not (tmp_path / "n.npz").exists()


def test_convert_leaves_out_a_compile_that_cannot_be_read(tmp_path, capsys):
    class Strange(keras.metrics.MeanSquaredError):
        pass

    made = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    made.compile("adam", "mse", metrics=[Strange()])
    made.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match="without its optimizer, loss and metrics"):
        said(["convert", tmp_path / "m.keras", tmp_path / "m.h5"], capsys)
    again = keras.saving.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(again.get_weights()[0], made.get_weights()[0])
    assert not again.compiled


def test_convert_of_a_model_without_weights(tmp_path, capsys):
    made = keras.Sequential([keras.Input((3,)), layers.ReLU()])
    made.save(tmp_path / "m.keras")
    said(["convert", tmp_path / "m.keras", tmp_path / "w.npz"], capsys)
    made.load_weights(tmp_path / "w.npz")


def test_convert_of_old_weights_alone_says_what_to_do(tmp_path, capsys):
    """They go by the names of layers; other formats of weights by the parts of a model."""
    source = tmp_path / "old.h5"
    with h5py.File(source, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        file.attrs["keras_version"] = b"2.1.6"
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group["dense/kernel:0"] = np.ones((2, 3), "float32")
    told = said(["convert", source, tmp_path / "w.npz"], capsys, 2)
    assert "load_weights into it" in told and "by the names of layers" in told
    assert not (tmp_path / "w.npz").exists()
