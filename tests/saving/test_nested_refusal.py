"""What is unknown inside of a model is named, without a hint at the model's own config."""

import pytest

import minikeras as keras


def test_the_inner_error_stays_itself(tmp_path):
    class Own(keras.layers.Layer):
        pass

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), Own()]).save(path)
    with pytest.raises(TypeError, match=r"could not locate class 'Own'") as caught:
        keras.saving.load_model(path)
    assert "get_config" not in str(caught.value)
    assert "docs guides/saving#classes-of-your-own" in str(caught.value)
