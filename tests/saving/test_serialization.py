"""Objects from configs and names."""

import minikeras as keras


def test_a_name_among_module_objects_is_an_object_or_a_function():
    """As packages look their own classes up: `samplers.get("greedy")`."""

    class Greedy:
        def __init__(self, k=3):
            self.k = k

        def get_config(self):
            return {"k": self.k}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    known = {"greedy": Greedy, "double": len}
    deserialize = keras.saving.deserialize_keras_object
    assert deserialize("greedy", module_objects=known).k == 3
    assert deserialize("double", module_objects=known) is len
    assert deserialize("greedy", custom_objects=known) is Greedy
    assert deserialize("other", module_objects=known) == "other"
