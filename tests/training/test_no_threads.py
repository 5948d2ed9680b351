"""Sources of batches where the system lets no thread start, or few."""

import threading

import numpy as np
import pytest

import minikeras as keras


@pytest.mark.parametrize("limit", [0, 1])
def test_where_no_thread_can_start_batches_are_made_at_once(monkeypatch, limit):
    """As under a limit on a user's processes."""
    started = []
    start = threading.Thread.start

    def few(thread):
        if len(started) >= limit:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    class Rows(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return np.full((2, 1), float(i)), np.ones((2, 1))

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    wanted = model.predict(np.repeat([[0.0], [1.0], [2.0]], 2, 0), verbose=0)
    monkeypatch.setattr(threading.Thread, "start", few)
    rows = ((np.full((2, 1), float(i)), np.ones((2, 1))) for i in range(3))
    for source in (Rows(workers=2, max_queue_size=3), rows):
        started.clear()
        np.testing.assert_allclose(model.predict(source, verbose=0), wanted)

    class Fails(Rows):
        def __getitem__(self, i):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        model.fit(Fails(workers=2), verbose=0)
    model.fit(Rows(workers=2), verbose=0, epochs=2)
