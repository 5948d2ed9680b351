"""Building a step costs work that grows with the model's depth, not with its square.

Work is counted: calls of Python functions while the first step is made, groups that the
fuser visits, gaps that the memory plan looks at.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from itertools import pairwise
from types import FrameType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minikeras as keras
from minikeras import layers
from minikeras.engine.passes import fuse, plan


def dense(depth: int) -> keras.Model:
    blocks = [layers.Dense(8, activation="relu") for _ in range(2 * depth)]
    return keras.Sequential([keras.Input((8,)), *blocks, layers.Dense(3)])


def residual(depth: int) -> keras.Model:
    x = inputs = keras.Input((4, 4, 4))
    for _ in range(depth):
        y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        x = layers.add([x, layers.BatchNormalization()(y)])
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def work(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What the first step of training asks for."""
    made: list[fuse._Grouping | plan._Gaps] = []

    class Grouping(fuse._Grouping):
        def run(self) -> list[fuse._Group]:
            made.append(self)
            return super().run()

    class Gaps(plan._Gaps):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    x, y = np.zeros((2, *model.input_shape[1:]), "float32"), np.zeros(2, int)
    total: Counter[str] = Counter()

    def count(frame: FrameType, event: str, arg: object) -> None:
        if event == "call":
            total["calls"] += 1

    with monkeypatch.context() as patch:
        patch.setattr(fuse, "_Grouping", Grouping)
        patch.setattr(plan, "_Gaps", Gaps)
        before = sys.getprofile()
        # What other tests left behind is not finalized, nor counted, meanwhile.
        gc.collect()
        gc.disable()
        sys.setprofile(count)
        try:
            model.train_on_batch(x, y)
        finally:
            sys.setprofile(before)
            gc.enable()
    assert {type(part) for part in made} == {Grouping, Gaps}
    for part in made:
        total["groups" if isinstance(part, Grouping) else "gaps"] += part.visits
    return total


@pytest.mark.parametrize("make", [dense, residual])
def test_work_grows_with_depth_not_with_its_square(make, monkeypatch):
    work(make(2), monkeypatch)  # kernels that all depths share
    small, middle, large = (work(make(depth), monkeypatch) for depth in (5, 10, 20))
    for kind in ("calls", "groups", "gaps"):
        first, second = middle[kind] - small[kind], large[kind] - middle[kind]
        # Twice as many blocks more: twice the work more, four times if it were squares.
        assert 0 < second <= 2.2 * max(first, 20), kind


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9)), max_size=40))
def test_the_room_finds_the_lowest_free_bytes(steps):
    """Against a map of bytes; a step takes `size`, or gives back what an earlier one took."""
    room = plan._Gaps()
    taken: list[tuple[int, int]] = []
    used: set[int] = set()
    for size, drop in steps:
        if drop < len(taken):
            offset, gone = taken.pop(drop)
            room.give(offset, gone)
            used -= set(range(offset, offset + gone))
        offset = room.take(size)
        lowest = next(o for o in range(1000) if used.isdisjoint(range(o, o + size)))
        assert offset == lowest
        used |= set(range(offset, offset + size))
        taken.append((offset, size))
        assert all(a + room.sizes[a] < b for a, b in pairwise(room.starts))
        assert (
            sorted(o for known in room.by_bits.values() for o in known) == room.starts
        )
