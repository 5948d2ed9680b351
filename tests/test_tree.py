"""`keras.tree`: every name, on nested and odd structures."""

import collections
import inspect

import pytest

from minikeras import tree
from tests.goldens.oracle import keras

Point = collections.namedtuple("Point", ["x", "y"])
NESTED = {"b": [1, (2, None)], "a": Point(3, {"z": 4})}


def test_flatten_and_pack():
    assert tree.flatten(NESTED) == [3, 4, 1, 2, None]
    assert tree.flatten_with_path(NESTED)[1] == (("a", 1, "z"), 4)
    packed = tree.pack_sequence_as(NESTED, range(5))
    assert packed == {"b": [2, (3, 4)], "a": Point(0, {"z": 1})}
    with pytest.raises(ValueError, match="1 leaves for a structure with 5"):
        tree.pack_sequence_as(NESTED, [1])
    assert tree.is_nested(()) and not tree.is_nested("ab")


def test_map():
    doubled = tree.map_structure(lambda v: v and 2 * v, NESTED)
    assert doubled == {"b": [2, (4, None)], "a": Point(6, {"z": 8})}
    assert tree.map_structure(lambda v: v + 1, [1, None], none_is_leaf=False) == [
        2,
        None,
    ]
    assert tree.map_structure_up_to(
        {"a": 0, "b": 0}, len, {"a": [1, 2], "b": (3,)}
    ) == {
        "a": 2,
        "b": 1,
    }
    assert tree.map_shape_structure(len, {"a": (1, 2), "b": [(None,)]}) == {
        "a": 2,
        "b": [1],
    }
    assert tree.lists_to_tuples([1, [2, {"a": [3]}]]) == (1, (2, {"a": (3,)}))
    with pytest.raises(ValueError, match="differ"):
        tree.map_structure(lambda a, b: a, [1], [1, 2])
    with pytest.raises(ValueError, match="at least one"):
        tree.map_structure(len)
    with pytest.raises(TypeError, match="cannot be called"):
        tree.map_structure(3, [1])
    with pytest.raises(ValueError, match="does not have the form"):
        tree.map_structure_up_to([0, 0], len, [1])


def test_traverse():
    down = tree.traverse(
        lambda v: sum(v) if isinstance(v, tuple) else None, [1, (2, 3)]
    )
    assert down == [1, 5]
    up = tree.traverse(
        lambda v: sum(v) if isinstance(v, list) else v, [1, [2, 3]], False
    )
    assert up == 6
    gone = tree.traverse(lambda v: tree.MAP_TO_NONE if v == 2 else None, [1, [2, 3]])
    assert gone == [1, [None, 3]]


def test_same():
    tree.assert_same_structure(NESTED, NESTED)
    tree.assert_same_paths([1, (2,)], (3, [4]))
    with pytest.raises(ValueError, match="differ"):
        tree.assert_same_structure([1], (1,))
    with pytest.raises(ValueError, match="only in b"):
        tree.assert_same_paths([1], [1, 2])


@pytest.mark.oracle
@pytest.mark.parametrize("name", sorted(set(tree.__all__) - {"MAP_TO_NONE"}))
def test_signatures_are_those_of_keras(name):
    ours = inspect.signature(getattr(tree, name)).parameters.values()
    theirs = inspect.signature(getattr(keras().tree, name)).parameters.values()
    assert [(p.name, p.kind, p.default) for p in ours] == [
        (p.name, p.kind, p.default) for p in theirs
    ]
