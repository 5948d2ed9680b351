"""Frames: columns that are refused, that share a name, and where an array is expected."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.training.data.leaves import host
from tests.training.models import linear

X = np.random.default_rng(3).normal(size=(18, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]", "complex64"])
def test_columns_that_are_no_plain_numbers_are_refused(kind):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame = frame.assign(when=np.arange(len(X)).astype(kind))
    with pytest.raises(ValueError, match=r"x\['when'\] holds "):
        linear().fit(frame, Y, verbose=0)


def test_columns_of_one_name_are_columns_each():
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=list("aaaa"))
    frame.insert(4, "a", X[:, 0] > 0, allow_duplicates=True)
    table = pa.table([*X.T, X[:, 0] > 0], names=list("aaaab"))
    x = np.column_stack([X, X[:, 0] > 0])
    for source in (frame, table):
        model = linear(features=5)
        expected = model.predict(x, verbose=0)
        np.testing.assert_array_equal(model.predict(source, verbose=0), expected)


def test_a_frame_is_an_array_where_a_model_or_op_is_called():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["b"] = pd.array(X[:, 1] > 0, dtype="boolean")  # of dtype object together
    x = np.column_stack([X[:, :1], X[:, 1] > 0, X[:, 2:]])
    model = linear()
    np.testing.assert_array_equal(model(frame), model(x))
    numbers = pd.Series([1, None], dtype="Int64")
    tensor = keras.ops.convert_to_tensor(numbers)
    assert np.isnan(tensor).tolist() == [False, True]
    with pytest.raises(ValueError, match=r"DataFrame\['city'\] holds"):
        model(frame.assign(city="Ulm"))
    sp = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match="toarray"):
        model(sp.csr_matrix(X))


def test_columns_of_arrow_that_are_copied():
    pa = pytest.importorskip("pyarrow")
    for y in (pa.array(Y[:, 0] > 0), pa.array([None, *Y[1:, 0].tolist()])):
        found = host(y, "y")
        assert found.dtype == ("bool" if y.type == pa.bool_() else "float32")
        np.testing.assert_array_equal(found[1:], np.asarray(y)[1:].astype(found.dtype))
    assert np.isnan(found[0])
    assert host(pa.array(["a", "b"]), "x").tolist() == ["a", "b"]


def test_columns_of_lists_are_rows():
    pa, pd = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    flat = pa.array(X.ravel())
    lists = [
        pa.FixedSizeListArray.from_arrays(flat, 4), pa.array(X.tolist()),
        pa.table({"x": pa.chunked_array([X[:9].tolist(), X[9:].tolist()])}),
        pl.Series(X.tolist()), pl.DataFrame({"x": X.tolist()}), pd.Series(list(X)),
        pd.DataFrame({"x": X.tolist()}),
    ]  # fmt: skip
    for column in lists:
        np.testing.assert_array_equal(host(column, "x"), X)
    wide = host(pd.DataFrame({"x": list(X), "z": Y[:, 0]}), "x")
    np.testing.assert_array_equal(wide, np.column_stack([X, Y]))
    for uneven in (pa.array([[1.0], [1.0, 2.0]]), pl.Series([[1.0], [1.0, 2.0]])):
        with pytest.raises(ValueError, match=r"x has dtype object"):
            host(uneven, "x")


class Column:
    """As a column of a Hugging Face dataset."""

    column_name, source = "x", None

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __iter__(self):
        return iter(self.values)

    def __getitem__(self, rows):
        return self.values[rows]


def test_a_column_of_a_hugging_face_dataset_is_an_array():
    model = linear(optimizer=keras.optimizers.SGD(0.0))
    loss = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(Column(X.tolist()), Column(Y.tolist()), verbose=0) == loss
    assert model.evaluate(Column(X), Column(Y[:, 0]), verbose=0) == loss


def test_a_query_of_polars_is_not_data_yet():
    pl = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"LazyFrame.*x\.collect"):
        linear().fit(pl.DataFrame(X).lazy(), Y, verbose=0)
