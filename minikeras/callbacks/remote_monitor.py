"""RemoteMonitor: results of each epoch sent to a web server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.callbacks.callback import Callback, Logs
from minikeras.engine.warn import warn_user

_SECONDS = 10.0  # a server that does not answer must not hold training for long


class RemoteMonitor(Callback):
    """Sends each epoch's results to a server, by HTTP POST.

    What is sent is a JSON object with `epoch` and the results. A server that cannot be
    reached is one warning an epoch; training goes on.

    Args:
        root: The server.
        path: The path on it.
        field: The form's field that holds the JSON, unless `send_as_json`.
        headers: HTTP headers, or None.
        send_as_json: Whether the JSON is the whole body, as `application/json`.

    Example:
        >>> keras.callbacks.RemoteMonitor("http://localhost:9000").path
        '/publish/epoch/end/'
    """

    _on_first_rank = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ValueError(
                f"RemoteMonitor: root={naming.shown(root)}; expected an address that begins with "
                "http:// or https://."
            )
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Send the results."""
        # Slow to import, and rarely needed.
        import urllib.parse
        import urllib.request

        send = {"epoch": epoch, **{k: _plain(v) for k, v in (logs or {}).items()}}
        text = json.dumps(send)
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body = urllib.parse.urlencode({self.field: text})
            kind = "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path,
            data=body.encode(),
            headers={"Content-Type": kind, **(self.headers or {})},
            method="POST",
        )
        try:
            urllib.request.urlopen(request, timeout=_SECONDS).close()
        except OSError as error:
            warn_user(
                f"RemoteMonitor: could not reach the server at {self.root}: {error}."
            )


def _plain(value: object) -> Any:
    """A value that JSON has."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value
