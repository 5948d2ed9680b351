"""Drawings are made ready as MNIST's pictures were."""

import numpy as np

import minikeras as keras
from tests.visualization.explorer import node

pytestmark = node.needs_node


def request(ink, rows=28, columns=28, centre=True):
    target = {"rows": rows, "columns": columns, "centre": centre}
    shape = {"rows": ink.shape[0], "columns": ink.shape[1]}
    return ["centre", {**shape, "ink": ink, "target": target}]


def moments(picture):
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    return [(picture * a).sum() / picture.sum() for a in (y, x)]


def test_digits_come_back_from_large_drawings_anywhere():
    (_, _), (digits, _) = keras.datasets.mnist5k.load_data()
    chosen = digits[:12] / 255.0
    lines = []
    for i, digit in enumerate(chosen):
        drawn = np.kron(digit, np.ones((9, 9)))
        rows, columns = np.nonzero(drawn)
        part = drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        board = np.zeros((300, 280))
        top, left = (7 * i) % 60, (11 * i) % 50
        board[top : top + part.shape[0], left : left + part.shape[1]] = part
        lines.append(request(board))
    answers = node.send(lines)
    for digit, answer in zip(chosen, answers, strict=True):
        got = node.array(answer)
        rows, columns = np.nonzero(got > 0.02)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        np.testing.assert_allclose(got, digit, atol=1e-6)  # not a pixel off


def test_small_drawings_grow_and_empty_ones_stay_empty():
    dot = np.zeros((28, 28))
    dot[3:5, 20:22] = 1
    wide = np.zeros((10, 40))
    wide[4, 2:38] = 0.5
    lines = [
        request(dot),
        request(np.zeros((9, 9))),
        request(wide),
        request(wide, 5, 20, False),
    ]
    big, empty, line, fitted = map(node.array, node.send(lines))
    assert big.max() == 1 and 300 < (big > 0.4).sum() <= 400
    assert not empty.any()
    assert [int(m) for m in moments(line)] == [14, 14] and line.any(axis=0).sum() == 20
    # Scaled as a whole, two places for a pixel each way.
    np.testing.assert_allclose(
        fitted, wide.reshape(5, 2, 20, 2).mean(axis=(1, 3)), atol=1e-7
    )
