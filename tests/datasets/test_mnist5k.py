import hashlib

import numpy as np

from minikeras.datasets import mnist5k


def test_split_is_balanced_and_typed():
    (x_train, y_train), (x_test, y_test) = mnist5k.load_data()
    assert x_train.shape == (4000, 28, 28)
    assert x_test.shape == (1000, 28, 28)
    assert {a.dtype.name for a in (x_train, y_train, x_test, y_test)} == {"uint8"}
    assert np.bincount(y_train).tolist() == [400] * 10
    assert np.bincount(y_test).tolist() == [100] * 10


def test_labels_travel_with_their_pictures():
    # In the file the digits are sorted, 500 of each: every picture must keep its label.
    with (
        mnist5k.resources.files("minikeras.datasets")
        .joinpath("data/mnist5k.npz")
        .open("rb") as stream
    ):
        raw = np.load(stream)["x"]
    label_of = {picture.tobytes(): i // 500 for i, picture in enumerate(raw)}
    for x, y in mnist5k.load_data():
        assert [label_of[picture.tobytes()] for picture in x] == y.tolist()


def test_nothing_is_in_both_splits():
    (x_train, _), (x_test, _) = mnist5k.load_data()
    train = {picture.tobytes() for picture in x_train}
    assert len(train) + len({p.tobytes() for p in x_test} - train) == 5000


def test_order_is_shuffled_and_fixed():
    (_, y_train), (_, y_test) = mnist5k.load_data()
    assert (np.diff(y_train.astype(int)) == 0).mean() < 0.2
    digest = hashlib.sha256(y_train.tobytes() + y_test.tobytes()).hexdigest()
    assert digest[:16] == "cbb54a748249c194"


def test_each_call_gives_arrays_of_its_own():
    (first, _), _ = mnist5k.load_data()
    first[:] = 0
    (second, _), _ = mnist5k.load_data()
    assert second.max() == 255


def test_the_licence_line_ships_with_the_data():
    notice = mnist5k.resources.files("minikeras.datasets").joinpath(
        "data/LICENSE-mnist5k.txt"
    )
    assert "CC BY-SA 3.0" in notice.read_text(encoding="utf-8")
