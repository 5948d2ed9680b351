"""`keras.utils.Config`: settings of a program, as attributes, that can be frozen."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any


class Config:
    """Named settings: a dict whose entries are attributes too.

    Frozen, it refuses every change until `unfreeze`.

    Args:
        **kwargs: The settings.

    Raises:
        ValueError: If it is changed while frozen.
        AttributeError: If there is no such setting, or a method has its name.

    Example:

    >>> config = keras.utils.Config(rate=0.1)
    >>> config.units = 8
    >>> config.freeze()
    >>> config["rate"], config.as_dict()
    (0.1, {'rate': 0.1, 'units': 8})
    """

    def __init__(self, **kwargs: object) -> None:
        self.__dict__["_settings"] = dict(kwargs)
        self.__dict__["_frozen"] = False

    def _changed(self) -> dict[str, Any]:
        """The settings, to be changed."""
        if self.frozen:
            raise ValueError("Config: it is frozen; call unfreeze() to change it.")
        settings: dict[str, Any] = self.__dict__["_settings"]
        return settings

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_settings"][name]
        except KeyError:
            raise AttributeError(f"Config: there is no setting {name!r}.") from None

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(type(self), name):
            raise AttributeError(
                f"Config: {name!r} is a part of every Config; write config[{name!r}]."
            )
        self._changed()[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f"Config: there is no setting {name!r}.")
        del self._changed()[name]

    def __getitem__(self, key: str) -> Any:
        return self.__dict__["_settings"][key]

    def __setitem__(self, key: str, value: object) -> None:
        self._changed()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._changed()[key]

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__["_settings"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__["_settings"])

    def __len__(self) -> int:
        return len(self.__dict__["_settings"])

    def __repr__(self) -> str:
        return f"<Config {self.as_dict()}>"

    # Copies and pickles come to life without __init__.
    def __getstate__(self) -> dict[str, Any]:
        return {"_settings": self.as_dict(), "_frozen": self.frozen}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self.as_dict().keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self.as_dict().values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of names and values."""
        return self.as_dict().items()

    def get(self, keyname: str, value: object = None) -> Any:
        """A setting, or `value` if there is none of that name."""
        return self.__dict__["_settings"].get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Take a setting out: `pop(name)`, or `pop(name, default)`."""
        return self._changed().pop(*args)

    def update(self, *args: object, **kwargs: object) -> None:
        """Change several, given as for a dict's `update`."""
        self._changed().update(*args, **kwargs)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return bool(self.__dict__["_frozen"])

    def freeze(self) -> None:
        """Refuse changes from now on."""
        self.__dict__["_frozen"] = True

    def unfreeze(self) -> None:
        """Take changes again."""
        self.__dict__["_frozen"] = False

    def as_dict(self) -> dict[str, Any]:
        """The settings as a dict of its own."""
        return dict(self.__dict__["_settings"])

    def to_json(self) -> str:
        """The settings as JSON.

        Raises:
            TypeError: If JSON has no form for a value.
        """
        return json.dumps(self.as_dict())
