"""The states of the random generators that a training run draws from."""

from __future__ import annotations

import random as python_random
from dataclasses import dataclass
from typing import Any

import numpy as np

from minikeras.random import global_seed_generator


@dataclass
class RandomState:
    """The states of the generators that a run may draw from."""

    own: np.ndarray[Any, Any]
    python: tuple[Any, ...]
    numpy: Any

    @classmethod
    def now(cls) -> RandomState:
        """As they are."""
        own = global_seed_generator().state.numpy()
        legacy = np.random.get_state(legacy=False)  # noqa: NPY002 - users draw from it
        return cls(own, python_random.getstate(), legacy)

    def put_back(self) -> None:
        """Make them so."""
        global_seed_generator().state.assign(self.own)
        python_random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002

    def plain(self) -> dict[str, Any]:
        """As plain values and arrays."""
        version, words, gauss = self.python
        state = self.numpy["state"]
        return {
            "own": self.own,
            "python": [version, np.array(words, "uint32"), gauss],
            "numpy": [
                state["key"], state["pos"], self.numpy["has_gauss"], self.numpy["gauss"]
            ],
        }  # fmt: skip

    @classmethod
    def of(cls, plain: dict[str, Any]) -> RandomState:
        """What `plain` gave."""
        version, words, gauss = plain["python"]
        key, place, has_gauss, normal = plain["numpy"]
        legacy = {
            "bit_generator": "MT19937",
            "state": {"key": np.asarray(key), "pos": int(place)},
            "has_gauss": int(has_gauss),
            "gauss": float(normal),
        }
        own = np.asarray(plain["own"])
        return cls(own, (version, tuple(int(w) for w in words), gauss), legacy)
