"""Names of Keras 2 that nothing here answers: the error says what to use."""

import pytest

pytestmark = pytest.mark.usefixtures("aliased")


@pytest.mark.parametrize(
    ("module", "name", "instead"),
    [
        ("layers", "RandomHeight", "keras.layers.RandomZoom"),
        ("layers", "RandomWidth", "keras.layers.RandomZoom"),
        ("layers", "DenseFeatures", "keras.utils.FeatureSpace"),
        ("layers", "SequenceFeatures", "keras.layers.Embedding"),
        ("backend", "get_graph", "no graph to hold"),
    ],
)
def test_names_what_to_use(module, name, instead):
    import tensorflow as tf

    with pytest.raises(AttributeError, match=f"has no attribute '{name}'.*{instead}"):
        getattr(getattr(tf.keras, module), name)
