"""Words of many texts at once are those of the texts one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import minikeras as keras
from minikeras.layers.preprocessing import text
from minikeras.layers.preprocessing.words import MISSING, WordTable, _Keyed, words_of

# Few letters, so that words meet again; white space, punctuation, and what has a meaning
# inside: 0, 0xFE, 0xFF.
PIECES = st.sampled_from(
    [b"a", b"B", b"ab", b"the", b" ", b"  ", b"\t", b"\r\n", b",", b"'s", "é".encode()]
    + ["日本".encode(), "\u3000".encode(), b"abcdefgh", b"abcdefghabcdefgh", b"x" * 9]
    + [b"\x1c", b"\0", b"\xfe", b"\xff"]
)
TEXTS = st.lists(st.lists(PIECES, max_size=12).map(b"".join), min_size=1, max_size=9)
HOW = st.sampled_from([None, *text.STANDARDIZE])


def one_by_one(texts, how):
    return text.tokens_of(text.standardized(texts, how), "whitespace")


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(text, "_FEW", 0)
    monkeypatch.setattr(text, "_BLOCK", 40)


@settings(max_examples=150)
@given(TEXTS, HOW)
@example([b""], None)
@example([b" ", b"", b"a"], "lower")
def test_words_are_those_of_each_text(texts, how):
    words = words_of(texts, *text._plainly(how))
    if words is None:
        assert {0, 0xFE, 0xFF} & set(b"".join(texts))
        return
    rows = one_by_one(texts, how)
    assert words.counts.tolist() == list(map(len, rows))
    flat = [w for row in rows for w in row]
    assert words.at(np.arange(len(flat))) == flat
    numbers = {w: i for i, w in enumerate(sorted(set(flat))[::2])}
    expected = [numbers.get(w, MISSING) for w in flat]
    assert WordTable(numbers).of(words).tolist() == expected


def test_words_whose_places_collide_are_told_apart(monkeypatch):
    monkeypatch.setattr(
        _Keyed, "_places", lambda self, keys: np.full(len(keys[0]), self._last)
    )
    known = [b"word" * (i % 10) + b"%d" % i for i in range(20)]
    table = WordTable({w: i for i, w in enumerate(known)})
    words = words_of([b" ".join([*known, b"other", b"word1", b"word" * 5])], False, b"")
    assert table.of(words).tolist() == [*range(20), MISSING, 1, MISSING]


@settings(max_examples=60)
@given(TEXTS, HOW)
def test_blocks_are_counted_as_one(texts, how):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_BLOCK", 25)
        counted = text.counted_words(texts, how)
    assert counted == Counter(w for row in one_by_one(texts, how) for w in row)
    assert all(counted.values())


@pytest.mark.parametrize("oov", [1, 3])
@pytest.mark.parametrize("bad", [b"", b"\xff\xfe zz\0"])
def test_a_large_batch_gives_what_its_texts_give_alone(small_blocks, oov, bad):
    rng = np.random.default_rng(0)
    known = ["the", "cat", "é" * 9, "x" * 20, "日本", "longer-than-eight"]
    texts = [" ".join(rng.choice([*known, "Zz!", "nowhere"], n)) for n in range(30)]
    array = np.array([t.encode() for t in texts] + [bad], object)
    layer = keras.layers.TextVectorization(standardize=None, vocabulary=known)
    layer._lookup_layer.num_oov_indices = oov
    layer.set_vocabulary(known)
    whole = layer(array).numpy()
    for row, one in zip(whole, array, strict=True):
        alone = layer(np.array([one], object)).numpy()[0]
        assert row[: len(alone)].tolist() == alone.tolist()
        assert not row[len(alone) :].any()


def test_a_vocabulary_learnt_in_blocks_is_that_of_all(small_blocks):
    texts = ["the cat, the dog"] * 5 + ["a cat's tail; THE end", "", "é Été"] * 7
    layer = keras.layers.TextVectorization()
    layer.adapt(texts)
    counted = Counter(
        w.decode()
        for row in one_by_one([t.encode() for t in texts], text.STANDARDIZE[0])
        for w in row
    )
    order = sorted(counted, key=lambda w: (counted[w], w), reverse=True)
    assert layer.get_vocabulary() == ["", "[UNK]", *order]
    pieces = keras.layers.TextVectorization()
    for i in range(0, len(texts), 4):
        pieces.update_state(texts[i : i + 4])
    pieces.finalize_state()
    assert pieces.get_vocabulary() == layer.get_vocabulary()


def test_no_token_is_known_where_none_may_be_unknown(small_blocks):
    layer = keras.layers.TextVectorization(vocabulary=["a"])
    layer._lookup_layer.num_oov_indices = 0
    layer._lookup_layer.oov_token = None
    layer.set_vocabulary(["a"])
    with pytest.raises(ValueError, match="num_oov_indices=0"):
        layer(np.array(["a b"] * 20, object))


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_an_empty_text_is_no_token_where_texts_are_not_split(mode):
    """As Keras has it: neither learnt nor counted, and not unknown either."""
    layer = keras.layers.TextVectorization(
        split=None, output_mode=mode, standardize=None
    )
    layer.adapt(np.array(["a", "b", "a", "", "c"], object))
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    row = np.asarray(layer(np.array(["a", "", "zz", "b"], object)))
    weights = {"tf_idf": [1.1621183, 0.98082924, 0.0, 1.2527629]}
    np.testing.assert_allclose(row, weights.get(mode, [1, 1, 0, 1]), rtol=1e-6)
    nothing = np.asarray(layer(np.array([""], object)))
    np.testing.assert_array_equal(nothing, np.zeros(4))
