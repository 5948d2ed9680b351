"""`tf.train`: checkpoints of models, optimizers and variables, in NumPy's format."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from minikeras.optimizers import Optimizer
from minikeras.saving.atomic import replaced_file
from minikeras.variable import Variable

_ENDING = ".npz"


class Checkpoint:
    """Saves and restores the variables of objects, by the names they are given here.

    TensorFlow's own checkpoints are neither read nor written.

    Args:
        root: An object without a name, or None.
        **kwargs: Models, layers, optimizers, variables.
    """

    def __init__(self, root: object = None, **kwargs: object) -> None:
        self.__dict__.update(kwargs)
        self._parts = {**({} if root is None else {"root": root}), **kwargs}
        self.save_counter = 0

    def write(self, file_prefix: str | os.PathLike[str], options: object = None) -> str:
        """Writes a file at this very name; gives the name."""
        arrays = {
            f"{part}/{i}": variable.numpy()
            for part, owner in self._parts.items()
            for i, variable in enumerate(_variables(owner))
        }
        prefix = os.fspath(file_prefix)
        Path(prefix).parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(prefix + _ENDING) as place, open(place, "wb") as file:
            np.savez(file, __counter__=self.save_counter, **arrays)
        return prefix

    def save(self, file_prefix: str | os.PathLike[str], options: object = None) -> str:
        """Writes the next one, `PREFIX-1`, `PREFIX-2`, and so on; gives its name."""
        self.save_counter += 1
        return self.write(f"{os.fspath(file_prefix)}-{self.save_counter}", options)

    def restore(
        self, save_path: str | os.PathLike[str] | None, options: object = None
    ) -> Checkpoint:
        """Gives the variables what a file holds; nothing for None.

        Raises:
            ValueError: If the file holds other parts, numbers or shapes of variables.
            FileNotFoundError: If there is no such file.
        """
        if save_path is None:
            return self
        with np.load(os.fspath(save_path) + _ENDING, allow_pickle=False) as file:
            found = {key: file[key] for key in file.files}
        counter = int(found.pop("__counter__", 0))
        pairs: list[Any] = []
        for part, owner in self._parts.items():
            stored = [found.pop(f"{part}/{i}") for i in range(_count(found, part))]
            if isinstance(owner, Optimizer) and not owner.built and stored:
                owner.build(self._trained_by(part))
            own = _variables(owner)
            if [v.shape for v in own] != [a.shape for a in stored]:
                raise ValueError(
                    f"tf.train.Checkpoint: {part!r} has variables of shapes "
                    f"{[tuple(v.shape) for v in own]}; the file has {[a.shape for a in stored]}. "
                    "Call a model once, so that it has its weights, before restore."
                )
            pairs += zip(own, stored, strict=True)
        for variable, value in pairs:
            variable.assign(value)
        self.save_counter = counter
        return self

    read = restore

    def _trained_by(self, optimizer: str) -> list[Variable]:
        """The variables that an optimizer without a step so far is for, by its name."""
        models = {
            k: v for k, v in self._parts.items() if hasattr(v, "trainable_variables")
        }
        near = [m for k, m in models.items() if optimizer.startswith(k)] or list(
            models.values()
        )
        if len(near) != 1:
            raise ValueError(
                f"tf.train.Checkpoint: {optimizer!r} has no variables yet, and it is not clear "
                "of which model. Call its build(model.trainable_variables) before restore."
            )
        return list(near[0].trainable_variables)

    def expect_partial(self) -> Checkpoint:
        """Itself: every part was checked."""
        return self

    assert_consumed = expect_partial
    assert_existing_objects_matched = expect_partial


class CheckpointManager:
    """Keeps the last few checkpoints in a folder.

    Args:
        checkpoint: What is saved.
        directory: The folder.
        max_to_keep: How many stay; None for all.
        checkpoint_name: What their names begin with.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: str | os.PathLike[str],
        max_to_keep: int | None = 5,
        checkpoint_name: str = "ckpt",
        **options: object,
    ) -> None:
        self.checkpoint = checkpoint
        self.directory = os.fspath(directory)
        self._keep = max_to_keep
        self._prefix = os.path.join(self.directory, checkpoint_name)

    @property
    def checkpoints(self) -> list[str]:
        """Those that are there, the newest last."""
        return _numbered(self._prefix)

    @property
    def latest_checkpoint(self) -> str | None:
        """The newest; None where there is none."""
        return next(reversed(self.checkpoints), None)

    def save(self, checkpoint_number: int | None = None, **options: object) -> str:
        """Writes the next one, and removes those that are too many; gives its name."""
        if checkpoint_number is not None:
            self.checkpoint.save_counter = int(checkpoint_number) - 1
        made = self.checkpoint.save(self._prefix)
        if self._keep:
            for old in self.checkpoints[: -self._keep]:
                os.remove(old + _ENDING)
        return made

    def restore_or_initialize(self) -> str | None:
        """Restores the newest, if there is one; gives its name."""
        self.checkpoint.restore(self.latest_checkpoint)
        return self.latest_checkpoint


def latest_checkpoint(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> str | None:
    """The checkpoint of a folder that was written last; None where there is none."""
    found = _numbered(os.path.join(os.fspath(checkpoint_dir), "*"))
    return max(
        found, key=lambda path: os.stat(path + _ENDING).st_mtime_ns, default=None
    )


def _numbered(prefix: str) -> list[str]:
    paths = [path.removesuffix(_ENDING) for path in glob.glob(f"{prefix}-*{_ENDING}")]
    found = [(int(m[1]), path) for path in paths if (m := re.search(r"-(\d+)$", path))]
    return [path for _, path in sorted(found)]


def _variables(owner: Any) -> list[Any]:
    return [owner] if isinstance(owner, Variable) else list(owner.variables)


def _count(found: dict[str, Any], part: str) -> int:
    return sum(key.rpartition("/")[0] == part for key in found)


__all__ = ["Checkpoint", "CheckpointManager", "latest_checkpoint"]
