"""Frames: columns that are refused, that share a name, and where an array is expected."""

import numpy as np
import pytest

import minikeras as keras
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
