"""Feed: the batches of one run of `fit`, `evaluate` or `predict`, epoch by epoch."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from minikeras import config
from minikeras.callbacks.random_state import RandomState
from minikeras.engine.background import Task, Workers, may_ahead
from minikeras.engine.warn import warn_user
from minikeras.training.data.adapter import Batch, DataAdapter

if TYPE_CHECKING:
    from minikeras.training.shards import Divider


class Feed:
    """Cuts a source of batches into epochs.

    Without `steps` an epoch is one pass. With them it is at most that many batches, and
    the next epoch goes on where it stopped, or begins a new pass where there was nothing
    left. An epoch that finds too few batches ends early, with one warning; a generator
    that does so ends the run. `config.max_steps_per_epoch()` limits the batches too.

    Where the adapter asks for it, a thread makes the next batch while this one is used;
    never one more than the epoch needs. Use a feed in a `with` block, which ends it.

    Args:
        adapter: The source.
        steps: Batches in an epoch, or None.
        epochs: How many epochs are wanted, for the message.
        owner: The method to name in messages.
        ahead: Whether batches may be made ahead.
        restart: Whether each epoch begins a new pass, as for validation, where epochs
            are compared. A generator cannot.
        every: Batches that run together: an epoch of `steps` ends with a whole group.

    Raises:
        ValueError: If the source never ends and no steps are given.

    Attributes:
        steps: Batches in an epoch where that is known, else None.
        used: Batches of this epoch that were used.
        exhausted: Whether the source ended too early.
        divider: Gives this rank its part of each batch, where there are several.
    """

    def __init__(
        self,
        adapter: DataAdapter,
        steps: int | None,
        epochs: int = 1,
        owner: str = "fit",
        ahead: bool = True,
        restart: bool = False,
        every: int = 1,
    ) -> None:
        limit = config.max_steps_per_epoch()
        if steps is None and limit is None and adapter.infinite:
            raise ValueError(
                f"{owner}: the data has no end, so an epoch needs a number of steps; expected "
                "steps_per_epoch (fit) or steps (evaluate, predict)."
            )
        self.adapter = adapter
        self.divider: Divider | None = None
        self.owner = owner
        self.exhausted = False
        self._asked = steps is not None
        whole = adapter.num_batches
        if limit is not None and (steps is not None or whole is None or whole > limit):
            steps = min(steps or limit, limit)
        self.steps = steps if steps is not None else whole
        # Where an epoch is cut, which may be in the middle of a pass.
        self._cut = None if steps is None else -(-steps // every) * every
        if self._cut is not None and limit is not None:
            self._cut = min(self._cut, limit)
        self._epochs = epochs
        self._source: Iterator[Batch] | None = None
        self._next: list[Batch] = []
        self._seen = 0
        self._restart = restart and adapter.repeatable
        self._warned = False
        self._pulled = 0
        self._open = False
        self._taken = 0  # batches of this pass that were used
        self._at_pass: Any = None  # the random state before this pass's order was drawn
        self.used = 0
        self._done = 0  # of them, those before a run that is taken up again
        self._ahead = ahead and may_ahead()
        self._helper: Workers | None = None
        self._job: Task | None = None

    def __enter__(self) -> Feed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def peek(self) -> Batch:
        """The first batch, which the next epoch will give again.

        Raises:
            ValueError: If the source gives nothing at all.
        """
        if not self._next:
            self._begin()
            self._want(0)
            batch = self._pull()
            if batch is None:
                raise ValueError(
                    f"{self.owner}: the data is empty, there is no first batch; expected at "
                    "least one (x, y). A generator that was used up gives nothing again."
                )
            self._next.append(batch)
        return self._next[0]

    def ready(self) -> bool:
        """Whether there is a batch for the next epoch; warns once where there is none."""
        if self._next or self.adapter.repeatable or not self._seen:
            return True
        if self.exhausted:
            return False
        batch = self._pull()
        if batch is None:
            self._warn()
            return False
        self._next.append(batch)
        return True

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch; the source's hooks are called once for it."""
        if self._restart and not self._next:
            self._leave()
        self._begin()
        self.used = count = self._done
        self._done, cut = 0, self._cut
        while cut is None or count < cut:
            self._want(count)
            batch = self._next.pop() if self._next else self._pull()
            if batch is None and not count and self.adapter.repeatable and self._seen:
                batch = self._pull()  # the last epoch took all that was left
            if batch is None:
                break
            self._seen += 1
            self._taken += 1
            self.used = count = count + 1
            if cut is None or count < cut:
                self._ask()
            yield batch
        if cut is None:
            self.steps = count
        elif count < (self.steps or 0) and self._asked:
            self._warn()
        self.end_epoch()

    def _begin(self) -> None:
        if not self._open:
            self._open = True
            self.adapter.on_epoch_begin()

    def skip_epochs(self, count: int) -> None:
        """Tell the data of epochs that an earlier run had: it may have changed in them.

        An epoch that has begun, as for a look at the first batch, counts as the first.
        """
        if not self.adapter.repeatable:
            return
        for _ in range(count):
            self._leave()
            self._begin()
            self.end_epoch()

    def end_epoch(self) -> None:
        """The epoch is over, also where it was broken off."""
        if self._open:
            self._open = False
            self.adapter.on_epoch_end()

    def _want(self, count: int) -> None:
        """Tell the source how many batches this epoch may want yet, `count` being used."""
        self.adapter.wanted = None if self._cut is None else self._cut - count

    def _ask(self) -> None:
        """Have the next batch of this pass made."""
        if self._job is not None or self._source is None:
            return
        if self._helper is None and self._ahead and self.adapter.ahead:
            self._helper = Workers()
        if self._helper is not None:
            name = functools.partial(self.adapter.item, self._pulled)
            self._job = self._helper.submit(self._advance, name)

    def _advance(self) -> Batch | None:
        return None if self._source is None else next(self._source, None)

    def _pull(self) -> Batch | None:
        """The next batch of the source, or None at its end, where the next pass begins."""
        if self._source is None:
            self._at_pass = RandomState.now()
            self._source = self.adapter.epoch()
            self._pulled = self._taken = 0
        self._ask()
        if self._job is None:
            batch = self._advance()
        else:
            job, self._job = self._job, None
            batch = job.result()
        self._pulled += 1
        if batch is None:
            self._source = None
        return batch

    def place(self) -> dict[str, Any]:
        """Where the run is in the data, for `go_to`."""
        taken = self._taken if self._source is not None or self._next else 0
        began = None if self._at_pass is None else self._at_pass.plain()
        return {"taken": taken, "began": began, "seen": self._seen}

    def go_to(self, place: dict[str, Any], done: int = 0) -> None:
        """Go on from a place, with the order that the data had then.

        Args:
            place: What `place` gave.
            done: How many batches of the next epoch are used already.
        """
        if self.adapter.repeatable:
            self._leave()
            self._next.clear()
        if place["taken"]:
            self._begin()
            RandomState.of(place["began"]).put_back()
        self.adapter.wanted = 1
        for _ in range(place["taken"]):
            # A generator, which cannot begin again, has given its first batch already.
            self._next.pop() if self._next else self._pull()
        self._seen, self._done, self._taken = place["seen"], done, place["taken"]

    def close(self) -> None:
        """Let go of the source, so that its workers stop."""
        self._leave()
        if self._helper is not None:
            self._helper.close()
        self.adapter.close()

    def _leave(self) -> None:
        """Break this pass off."""
        job, self._job = self._job, None
        if job is not None:
            job.drop()
        source, self._source = self._source, None
        close: Any = getattr(source, "close", None)
        if close is not None:
            try:
                close()
            except ValueError:  # a batch that does not come keeps it running
                pass

    @property
    def all_data(self) -> Batch | None:
        """Everything at once, where the source is arrays in memory."""
        return getattr(self.adapter, "parts", None) if self.adapter.checked else None

    def _warn(self) -> None:
        self.exhausted = not self.adapter.repeatable
        if self._warned:
            return
        self._warned = True
        wanted = (
            "more"
            if self.steps is None
            else f"{self.steps} each for {self._epochs} epochs"
        )
        ended = "run stops here" if self.exhausted else "epoch ends early"
        warn_user(
            f"{self.owner}: the data ended after {self._seen} batches; expected {wanted}. "
            f"The {ended}. Ask for fewer steps or epochs, or pass data that can be repeated."
        )
