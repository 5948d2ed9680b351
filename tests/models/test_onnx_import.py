"""Models from ONNX files: other exporters' graphs, ours, ONNX's node tests, bad files."""

import functools
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops
from minikeras.engine import tree
from minikeras.models import load_onnx
from minikeras.models.onnx_import import CLAIMED
from minikeras.models.onnx_import.description import Description, OnnxError, describe
from minikeras.models.onnx_import.layer import run

onnx = pytest.importorskip("onnx")
GRAPHS = sorted(Path(__file__).parents[1].joinpath("goldens", "onnx").glob("*.onnx"))
rng = np.random.default_rng(9)


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def near(ours, theirs, rtol=1e-5):
    assert ours.shape == theirs.shape
    largest = np.abs(theirs).max(initial=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=rtol * largest)


def arrays(path):
    with np.load(path.with_suffix(".npz")) as file:
        kept = dict(file)
    return [kept[k] for k in kept if k[:2] == "in"], [
        kept[k] for k in kept if k[:3] == "out"
    ]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("path", GRAPHS, ids=lambda p: p.stem)
def test_graphs_of_other_exporters(path):
    inputs, outputs = arrays(path)
    model = load_onnx(path)
    for ours, theirs in zip(
        tree.flatten(model.predict(inputs, verbose=0)), outputs, strict=True
    ):
        near(ours, theirs)
    one = tree.flatten(model.predict([x[:1] for x in inputs], verbose=0))
    near(one[0], outputs[0][:1])


def test_there_are_graphs_of_each_exporter_and_family():
    names = {p.stem for p in GRAPHS}
    for family in ("mlp", "cnn", "resnet", "unet", "lstm", "transformer"):
        assert {
            f"torch_{family}",
            f"torch_{family}_dynamo",
            f"tensorflow_{family}",
        } <= names


def test_weights_train_are_saved_and_exported_again(tmp_path):
    path = next(p for p in GRAPHS if p.stem == "torch_resnet_dynamo")
    (x,), (y,) = arrays(path)
    model = load_onnx(path)
    assert model.trainable_weights
    assert all("running" not in w.name for w in model.trainable_weights)
    model.compile(keras.optimizers.Adam(0.02), "mse")
    first = model.evaluate(x, y + 1, verbose=0)
    assert model.fit(x, y + 1, epochs=8, verbose=0).history["loss"][-1] < first / 2
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    trained = model.predict(x, verbose=0)
    np.testing.assert_array_equal(again.predict(x, verbose=0), trained)
    model.export(tmp_path / "m.onnx")
    near(load_onnx(tmp_path / "m.onnx").predict(x, verbose=0), trained)


def test_there_and_back(tmp_path):
    a, b = keras.Input((8, 8, 3), name="picture"), keras.Input((None, 4), name="rows")
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(a))
    h = layers.Bidirectional(layers.LSTM(3))(b)
    y = layers.Dense(5)(layers.concatenate([layers.GlobalAveragePooling2D()(y), h]))
    model = keras.Model([a, b], [y, ops.softmax(y)])
    model.export(tmp_path / "m.onnx")
    back = load_onnx(tmp_path / "m.onnx")
    assert [i.name for i in back.inputs] == ["picture", "rows"]
    x = [normal(3, 8, 8, 3), normal(3, 6, 4)]
    for ours, theirs in zip(
        back.predict(x, verbose=0), model.predict(x, verbose=0), strict=True
    ):
        near(ours, theirs)


# --- ONNX's own tests of single operators ---------------------------------------------------

_LEFT_OUT = (
    "training", "_FLOAT8", "FLOAT8_", "_FLOAT4", "FLOAT4_", "INT4", "INT2", "_e8m0_", "E8M0",
    "string", "sequence", "opt", "_seq",
)  # fmt: skip


@functools.cache
def node_cases():
    from onnx.backend.test.case.node import collect_testcases

    found = {}
    for case in collect_testcases(None):
        kinds = {n.op_type for n in case.model.graph.node}
        domains = {n.domain for n in case.model.graph.node}
        if (
            len(kinds) == 1
            and "expanded" not in case.name
            and domains <= {"", "ai.onnx"}
        ):
            found.setdefault(kinds.pop(), []).append(case)
    return found


def plain(value):
    return (
        onnx.numpy_helper.to_array(value)
        if hasattr(value, "data_type")
        else np.asarray(value)
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_claimed_operators_pass_their_node_tests():
    failed, passed = [], 0
    for kind in CLAIMED:
        cases = node_cases().get(kind, [])
        for case in cases:
            if any(part in case.name for part in _LEFT_OUT):
                continue
            try:
                for inputs, outputs in case.data_sets:
                    given = [ops.convert_to_tensor(plain(x)) for x in inputs]
                    made = run(describe(case.model), given, {})
                    for ours, theirs in zip(made, map(plain, outputs), strict=True):
                        ours = np.asarray(ours)
                        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                        np.testing.assert_allclose(
                            ours.astype("f8"),
                            theirs.astype("f8"),
                            rtol=case.rtol,
                            atol=1e-5,
                        )
                passed += 1
            except Exception as error:  # all that fail are told together
                failed.append(f"{case.name}: {type(error).__name__}: {error!s:.200}")
    assert not failed, "\n".join(failed)
    assert passed > 850


# --- files from anyone ------------------------------------------------------------------------


def model_of(nodes, inputs=("x",), outputs=("y",), tensors=(), opset=21):
    make, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [make(name, kind, ["batch", 3]) for name in inputs],
        [make(name, kind, None) for name in outputs],
        initializer=list(tensors),
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", opset)]
    )


def refused(model, tmp_path, match):
    path = tmp_path / "bad.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=match):
        load_onnx(path)


node = onnx.helper.make_node


def test_unknown_operators_are_named_at_once(tmp_path):
    nodes = [node("Bernoulli", ["x"], ["a"]), node("NonZero", ["a"], ["y"])]
    refused(model_of(nodes), tmp_path, "Bernoulli, NonZero")
    nodes = [node("Relu", ["x"], ["y"], domain="com.other")]
    refused(model_of(nodes), tmp_path, r"com\.other\.Relu")


def test_cycles_and_missing_arrays(tmp_path):
    cycle = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])]
    refused(model_of(cycle, outputs=("b",)), tmp_path, "no node before it")
    refused(model_of([node("Relu", ["nothing"], ["y"])]), tmp_path, "no node before it")
    twice = [node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])]
    refused(model_of(twice), tmp_path, "a second time")
    refused(model_of([node("Relu", ["x"], ["z"])]), tmp_path, "never made")


def test_shape_bombs(tmp_path):
    bomb = onnx.TensorProto(
        name="w",
        dims=[1 << 20, 1 << 20],
        data_type=onnx.TensorProto.FLOAT,
        raw_data=b"1234",
    )
    refused(
        model_of([node("Add", ["x", "w"], ["y"])], tensors=[bomb]), tmp_path, "holds 4"
    )
    shape = onnx.numpy_helper.from_array(np.int64([1 << 20, 1 << 20]), "s")
    big = [node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])]
    refused(model_of(big, tensors=[shape]), tmp_path, "is refused")
    big = [node("Expand", ["x", "s"], ["y"])]
    shape = onnx.numpy_helper.from_array(np.int64([1 << 20, 1 << 20, 1, 1]), "s")
    refused(model_of(big, tensors=[shape]), tmp_path, "is refused")


@pytest.mark.parametrize(
    "where", ["../secret", "/etc/passwd", "a/../../secret", "link", ""]
)
def test_data_outside_of_the_folder(where, tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(12))
    (folder / "link").symlink_to(tmp_path / "secret")
    tensor = onnx.TensorProto(name="w", dims=[3], data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=where)
    refused(
        model_of([node("Add", ["x", "w"], ["y"])], tensors=[tensor]),
        folder,
        "folder|beside",
    )


def test_data_beside_is_read_and_must_be_whole(tmp_path):
    tensor = onnx.TensorProto(name="w", dims=[3], data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.data")
    model = model_of([node("Add", ["x", "w"], ["y"])], tensors=[tensor])
    (tmp_path / "w.data").write_bytes(np.float32([1, 2, 3]).tobytes())
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    made = load_onnx(tmp_path / "m.onnx").predict(np.zeros((2, 3)), verbose=0)
    np.testing.assert_array_equal(made, np.float32([[1, 2, 3]] * 2))
    (tmp_path / "w.data").write_bytes(bytes(8))
    with pytest.raises(ValueError, match="does not hold"):
        load_onnx(tmp_path / "m.onnx")


def test_what_is_no_onnx_file(tmp_path):
    path = tmp_path / "x.onnx"
    for content in (b"", b"PK\x03\x04 no", bytes(range(200)), b"\x08\x0a"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no ONNX file"):
            load_onnx(path)
    with pytest.raises(FileNotFoundError):
        load_onnx(tmp_path / "nothing.onnx")


def test_bytes_that_were_flipped_never_do_more_than_fail(tmp_path):
    path = next(p for p in GRAPHS if p.stem == "torch_cnn")
    whole = path.read_bytes()
    bad = tmp_path / "bad.onnx"
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(3):
            content[rng.integers(len(content))] = rng.integers(256)
        bad.write_bytes(bytes(content[: rng.integers(1, len(content) + 1)]))
        try:
            load_onnx(bad)
        except ValueError:
            continue


def test_what_no_exporter_writes(tmp_path):
    refused(model_of([node("MatMul", ["x"], ["y"])]), tmp_path, "do not fit")
    refused(
        model_of([node("Unsqueeze", ["x"], ["y"], axes=[9])], opset=11),
        tmp_path,
        "axis 9",
    )
    refused(
        model_of([node("Identity", ["x"], ["y"])], inputs=()),
        tmp_path,
        "no node before",
    )
    constant = node(
        "Constant", [], ["y"], value=onnx.numpy_helper.from_array(np.ones(3))
    )
    refused(model_of([constant], inputs=()), tmp_path, "no inputs")
    two = [node("Relu", ["x"], ["a", "b"]), node("Abs", ["b"], ["y"])]
    refused(model_of(two), tmp_path, "nothing makes 'b'")
    raw = model_of([node("Relu", ["x"], ["y"])]).SerializeToString()
    (tmp_path / "m.onnx").write_bytes(raw.replace(b"Relu", b"Re\xff\xfe"))
    with pytest.raises(ValueError, match="not known"):
        load_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("mode", ["linear", "cubic", "nearest"])
def test_pictures_of_any_size_are_resized(mode, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    make = onnx.helper.make_tensor_value_info
    scales = onnx.numpy_helper.from_array(np.float32([1, 1, 2, 1.5]), "s")
    graph = onnx.helper.make_graph(
        [node("Resize", ["x", "", "s"], ["y"], mode=mode)], "g",
        [make("x", 1, ["batch", 2, "height", "width"])], [make("y", 1, None)], [scales],
    )  # fmt: skip
    path = tmp_path / "m.onnx"
    versions = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=versions, ir_version=9), path)
    model = load_onnx(path)
    assert model.output_shape == (None, 2, None, None)
    session = runtime.InferenceSession(str(path))
    for shape in ((2, 2, 5, 6), (1, 2, 8, 4)):
        x = normal(*shape)
        near(model.predict(x, verbose=0), session.run(None, {"x": x})[0])


def test_sizes_that_only_make_time(tmp_path):
    scales = onnx.numpy_helper.from_array(np.float32([1, 2**30]), "s")
    nodes = [node("Resize", ["x", "", "s"], ["y"], mode="linear")]
    refused(model_of(nodes, tensors=[scales]), tmp_path, "refused")


def test_loops_in_loops_end(tmp_path):
    def loop(inner, depth):
        names = [f"{part}{depth}" for part in ("i", "go", "v", "on", "w")]
        i, go, v, on, w = names
        make, kinds = onnx.helper.make_tensor_value_info, onnx.TensorProto
        body = onnx.helper.make_graph(
            [node("Identity", [go], [on]), *inner(v, w)], f"g{depth}",
            [make(i, kinds.INT64, []), make(go, kinds.BOOL, []), make(v, kinds.FLOAT, None)],
            [make(on, kinds.BOOL, []), make(w, kinds.FLOAT, None)],
        )  # fmt: skip
        return lambda before, after: [
            node("Loop", ["many", "", before], [after], body=body)
        ]

    work = lambda before, after: [node("Neg", [before], [after])]  # noqa: E731
    nodes = loop(loop(work, 2), 1)("x", "y")
    many = onnx.numpy_helper.from_array(np.int64(9_000), "many")
    refused(model_of(nodes, tensors=[many]), tmp_path, "operators|turns")


def test_graphs_in_graphs_end_somewhere():
    deep = onnx.helper.make_graph([node("Relu", ["x"], ["y"])], "g", [], [])
    for _ in range(20):
        deep = onnx.helper.make_graph(
            [node("If", ["x"], ["y"], then_branch=deep)], "g", [], []
        )
    with pytest.raises(OnnxError, match="deep"):
        describe(model_of(list(deep.node)))


def test_values_where_shapes_are_needed_say_so(tmp_path):
    nodes = [node("Cast", ["x"], ["s"], to=7), node("Reshape", ["x", "s"], ["y"])]
    refused(model_of(nodes), tmp_path, "must follow from their shapes")


def test_operators_of_older_versions():
    bounds = [node("Clip", ["x"], ["y"], min=0.0, max=1.0)]
    assert isinstance(describe(model_of(bounds, opset=6)), Description)
    (made,) = run(describe(model_of(bounds, opset=6)), [np.float32([[-1, 0.5, 2]])], {})
    np.testing.assert_array_equal(made, [[0, 0.5, 1]])
    flat = [node("Softmax", ["x"], ["y"])]
    x = normal(2, 2, 2)
    (made,) = run(describe(model_of(flat, opset=11)), [x], {})
    np.testing.assert_allclose(np.sum(made, axis=(1, 2)), 1, rtol=1e-6)


def test_states_of_recurrent_layers_where_two_sizes_are_free(tmp_path):
    """They are made for the batch, which here is that times the number of steps."""
    texts = keras.Input((None, 6, 2))
    inner = keras.layers.Bidirectional(keras.layers.GRU(3))
    model = keras.Model(texts, keras.layers.TimeDistributed(inner)(texts))
    model.export(tmp_path / "m.onnx")
    again = keras.models.load_onnx(tmp_path / "m.onnx")
    again.export(tmp_path / "n.onnx")
    third = keras.models.load_onnx(tmp_path / "n.onnx")
    for shape in ((2, 4, 6, 2), (3, 1, 6, 2)):
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        wanted = model.predict(x, verbose=0)
        for found in (again, third):
            np.testing.assert_allclose(found.predict(x, verbose=0), wanted, atol=1e-6)
