"""What StringLookup and IntegerLookup share: a vocabulary, learnt or given, and its use."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, Unpack

import numpy as np

from minikeras import settings
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.keywords import LayerOptions, PenaltyOptions, PlainOptions
from minikeras.layers.preprocessing import vocabulary as vocabularies
from minikeras.layers.preprocessing.batches import batches
from minikeras.layers.preprocessing.choices import (
    check_limits,
    check_salt,
    output_mode_of,
    refuse_sparse,
)
from minikeras.layers.preprocessing.counts import TokenCounts
from minikeras.layers.preprocessing.encoding import Array, encode, encoded_shape
from minikeras.layers.preprocessing.host import HostLayer
from minikeras.layers.preprocessing.table import Table
from minikeras.types import ArrayLike

_FILE = "vocabulary.txt"
# Beside the other, for tokens that hold the end of a line, which lines cannot.
_EXACT_FILE = "vocabulary.json"


class LookupOptions(PlainOptions, PenaltyOptions, total=False):
    """What lookup layers take and do not name: for configs, but for the dtype."""

    dtype: Any
    vocabulary_size: int | None


class IndexLookup(HostLayer):
    """Tokens to numbers by a vocabulary, or back; see StringLookup."""

    _integers = False
    encoding = "utf-8"
    # Outside the tracker: it is replaced as a whole, so that it is always one or another.
    _table: Table | None
    _counts: TokenCounts
    idf_weights: Array | None

    def __init__(
        self,
        *,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: object,
        oov_token: object,
        vocabulary: str | ArrayLike,
        idf_weights: ArrayLike,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str,
        salt: int | Sequence[int],
        vocabulary_size: int | None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        label = self._label()
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens = bool(invert), bool(pad_to_max_tokens)
        self.output_mode = output_mode_of(output_mode, label)
        self.sparse = refuse_sparse(sparse, label)
        self.oov_method, self.salt = oov_method, check_salt(salt, label)
        check_limits(self)
        fields = self.__dict__
        fields["_table"], fields["idf_weights"] = None, None
        fields["_counts"] = self._new_counts()
        fields["_expected_size"] = vocabulary_size
        fields["input_vocabulary"] = fields["input_idf_weights"] = None
        if vocabulary is None:
            if idf_weights is not None:
                raise ValueError(f"{label}: idf_weights without a vocabulary.")
            return
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError(
                f"{label}: output_mode='tf_idf' with a vocabulary needs idf_weights, one for "
                "each token."
            )
        self.set_vocabulary(vocabulary, idf_weights)
        if not isinstance(vocabulary, (str, os.PathLike)):
            fields["input_vocabulary"] = _as_given(vocabulary)
            fields["input_idf_weights"] = _as_given(idf_weights)

    def _label(self) -> str:
        shown: str | None = self.__dict__.get("_shown_as")
        return shown or super()._label()

    # --- dtypes

    @property
    def _data_dtype(self) -> str:
        return "int64" if self._integers or self.invert else dtypes.STRING

    @property
    def dtype(self) -> str:
        """The dtype of the tokens."""
        return "int64" if self._integers else dtypes.STRING

    variable_dtype = compute_dtype = input_dtype = dtype

    # --- the vocabulary

    def _new_counts(self) -> TokenCounts:
        return TokenCounts(by_document=self.output_mode == "tf_idf")

    def _new_table(self, tokens: list[Any]) -> Table:
        return Table(
            tokens,
            self.mask_token,
            self.oov_token,
            self.num_oov_indices,
            numbered=self.output_mode == "int",
            salt=self.salt,
            hashed=self.oov_method == "farmhash",
            encoding=self.encoding,
        )

    def set_vocabulary(
        self, vocabulary: str | ArrayLike, idf_weights: ArrayLike | None = None
    ) -> None:
        """Take this vocabulary.

        Args:
            vocabulary: Tokens in a list, a tuple, an array of one axis, or the path of a
                file with one in each line. Special tokens may stand in front.
            idf_weights: For tf-idf, what the counts of each token are multiplied by.

        Raises:
            ValueError: If it is empty, too large, has a token twice or a special one
                inside, or the weights do not fit. The layer is as before then.
        """
        label = self._label()
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(
                f"{label}: idf_weights are for output_mode='tf_idf'; it is "
                f"{self.output_mode!r}."
            )
        tokens = vocabularies.read_tokens(
            vocabulary, label, self._integers, self.encoding
        )
        weights = self._checked_weights(idf_weights, len(tokens))
        special = self._new_table([]).special
        tokens, weights, front = vocabularies.without_special(tokens, weights, special)
        self._refuse_reserved(tokens, special)
        size = len(tokens) + len(special)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"{label}: the vocabulary has {size} tokens with the special ones; expected "
                f"at most max_tokens={self.max_tokens}."
            )
        table = self._new_table(tokens)
        if weights is not None:
            self.__dict__["idf_weights"] = self._spread_weights(weights, front)
        self.__dict__["_table"] = table

    def _checked_weights(self, weights: object, count: int) -> Any:
        if weights is None:
            return None
        array = np.asarray(weights, "float64")
        if array.shape != (count,):
            raise ValueError(
                f"{self._label()}: idf_weights of shape {array.shape}; expected ({count},), "
                "one for each token of the vocabulary."
            )
        return array

    def _refuse_reserved(self, tokens: list[Any], special: list[Any]) -> None:
        reserved = [self.mask_token] * (self.mask_token is not None)
        reserved += [self.oov_token] * (self.invert and self.oov_token is not None)
        for token in reserved:
            if token in tokens:
                raise ValueError(
                    f"{self._label()}: the vocabulary has the special token {token!r} among "
                    "the others. Leave special tokens out, or put all of them in front, as "
                    f"{special}."
                )

    def _spread_weights(self, weights: Any, front: object = None) -> Array:
        """Weights for all numbers: those of unknown tokens are the mean, of none 0."""
        if front is None:
            mean = weights.mean() if len(weights) else 0.0
            front = np.full(self.num_oov_indices, mean)
        whole = np.concatenate([front, weights])
        if self.pad_to_max_tokens and self.max_tokens is not None:
            whole = np.pad(whole, (0, self.max_tokens - len(whole)))
        return whole.astype(settings.floatx())

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens, in the order of their numbers.

        Args:
            include_special_tokens: Whether the mask and unknown tokens are in it.
        """
        table = self._table or self._new_table([])
        return list(table.all_tokens if include_special_tokens else table.tokens)

    def vocabulary_size(self) -> int:
        """How many tokens there are, with the special ones."""
        table = self._table or self._new_table([])
        return len(table.special) + len(table.tokens)

    # --- adapting

    def adapt(self, data: ArrayLike | Iterable[Any], steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens first.

        What was learnt before is forgotten. Tokens that are as frequent come in falling
        order.

        Args:
            data: Tokens: an array or list, or what gives batches of them: a Dataset, a
                PyDataset, a generator.
            steps: How many batches to take. Default: all.

        Raises:
            ValueError: If the vocabulary was given to the constructor, or there is no
                token. The layer is as before then.
        """
        self._refuse_fixed()
        counts = self._new_counts()
        for batch in batches(data, self._label(), steps):
            counts.add(self._documents(batch))
        self._learn(counts)

    def _refuse_fixed(self) -> None:
        if self.__dict__["input_vocabulary"] is not None:
            raise ValueError(
                f"{self._label()}: its vocabulary was given to the constructor: nothing to "
                "adapt. Make the layer without `vocabulary` to learn one."
            )

    def reset_state(self) -> None:
        """Forget what `update_state` counted; the vocabulary stays till it is replaced."""
        self.__dict__["_counts"] = self._new_counts()

    def update_state(self, data: ArrayLike) -> None:
        """Count the tokens of a batch; `finalize_state` makes them the vocabulary."""
        self._refuse_fixed()
        self._counts.add(self._documents(self._array(data)))

    def finalize_state(self) -> None:
        """Make what was counted the vocabulary, if anything was."""
        if self.__dict__["input_vocabulary"] is None and self._counts.tokens:
            self._learn(self._counts)

    def _documents(self, batch: Array) -> list[list[Any]]:
        """Batches as documents, each a list of tokens."""
        batch = self._tokens_of(batch)
        rows = batch.reshape(len(batch), -1) if batch.ndim > 1 else batch.reshape(-1, 1)
        if self.output_mode != "tf_idf":
            return [rows.ravel().tolist()]
        listed: list[list[Any]] = rows.tolist()
        return listed

    def _tokens_of(self, batch: Array) -> Array:
        """A batch, checked and with tokens as they are in the vocabulary."""
        raise NotImplementedError

    def _learn(self, counts: TokenCounts) -> None:
        label = self._label()
        found = counts.tokens.copy()
        special = self._new_table([]).special
        for token in (self.mask_token, self.oov_token):
            found.pop(token, None)
        most = None if self.max_tokens is None else self.max_tokens - len(special)
        if most is not None and most < 1:
            raise ValueError(
                f"{label}: max_tokens={self.max_tokens} leaves no room beside the special "
                f"tokens {special}; expected at least {len(special) + 1}."
            )
        tokens = vocabularies.most_common(found, most)
        if not tokens:
            raise ValueError(f"{label}: adapt() found no token in the data.")
        weights = None
        if self.output_mode == "tf_idf":
            within = [counts.documents_with[t] for t in tokens]
            idf = vocabularies.inverse_frequencies(counts.documents, within)
            weights = self._spread_weights(idf)
        table = self._new_table(tokens)
        self.__dict__["idf_weights"] = weights
        self.__dict__["_table"] = table

    # --- running

    def _run_on_host(self, *inputs: Array) -> Array:
        return self._encoded(self._numbers(inputs[0]))

    def _ready(self) -> Table:
        if self._table is None:
            raise ValueError(
                f"{self._label()} has no vocabulary yet: call adapt() on data, or "
                "set_vocabulary(), before it is used."
            )
        return self._table

    def _numbers(self, array: Array) -> Array:
        raise NotImplementedError

    def _encoded(self, ids: Array) -> Array:
        if self.output_mode == "int":
            return ids
        dtype = settings.floatx() if self.output_mode == "tf_idf" else "int64"
        size = self._width()
        assert size is not None
        return encode(ids, self.output_mode, size, dtype, self.idf_weights)

    def _width(self) -> int | None:
        """The length of encoded vectors; None if it is not known yet."""
        if self.pad_to_max_tokens:
            return self.max_tokens
        if self._table is None:
            expected: int | None = self.__dict__["_expected_size"]
            return expected
        return self.vocabulary_size()

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The result's shape and dtype, as a KerasTensor."""
        shape = encoded_shape(inputs.shape, self.output_mode, self._width())
        return KerasTensor(shape, self._output_dtype())

    def _output_dtype(self) -> str:
        if self.invert and not self._integers:
            return dtypes.STRING
        return settings.floatx() if self.output_mode == "tf_idf" else "int64"

    # --- configs and files

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer; a learnt vocabulary is not in it."""
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "idf_weights": self.__dict__["input_idf_weights"],
            "vocabulary": self.__dict__["input_vocabulary"],
            "vocabulary_size": self._known_size(),
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    def _known_size(self) -> int | None:
        if self._table is None:
            expected: int | None = self.__dict__["_expected_size"]
            return expected
        return self.vocabulary_size()

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the weights of tf-idf into a file."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take the weights of tf-idf from a file."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.__dict__["idf_weights"] = np.asarray(store["idf_weights"])

    def save_assets(self, dir_path: str) -> None:
        """Write a learnt vocabulary to `vocabulary.txt` in a folder."""
        if self.__dict__["input_vocabulary"] is not None or self._table is None:
            return
        tokens = self.get_vocabulary()
        text = "\n".join(map(str, tokens))
        path = os.path.join(dir_path, _FILE)
        with open(
            path, "w", encoding="utf-8", errors="surrogateescape", newline="\n"
        ) as f:
            f.write(text)
        if text.split("\n") != list(map(str, tokens)):
            with open(os.path.join(dir_path, _EXACT_FILE), "w", encoding="ascii") as f:
                json.dump(tokens, f)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        path, exact = (os.path.join(dir_path, n) for n in (_FILE, _EXACT_FILE))
        if self.__dict__["input_vocabulary"] is not None or not os.path.exists(path):
            return
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as f:
            tokens: list[Any] = f.read().split("\n")
        if os.path.exists(exact):
            with open(exact, encoding="ascii") as f:
                tokens = json.load(f)
        special = [str(token) for token in self._new_table([]).special]
        if tokens[: len(special)] == special:  # the unknown token once for each index
            tokens = tokens[len(special) :]
        if tokens:
            self.set_vocabulary(tokens)


def _as_given(values: ArrayLike) -> list[Any] | None:
    if values is None:
        return None
    if isinstance(values, (list, tuple)):
        values = [v.item() if isinstance(v, np.generic) else v for v in values]
        return [v.decode() if isinstance(v, bytes) else v for v in values]
    listed: list[Any] = np.asarray(values).tolist()
    return _as_given(listed)
