"""RemoteMonitor: results of each epoch sent to a web server."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.callbacks.callback import Callback, Logs
from minikeras.engine.warn import warn_user

_SECONDS = 10.0  # a server that does not answer must not hold training for long


class RemoteMonitor(Callback):
    """Sends each epoch's results to a server, by HTTP POST.

    What is sent is a JSON object with `epoch` and the results, by the package `requests`
    where it is installed. A server that cannot be reached, or does not answer within ten
    seconds, is one warning an epoch; training goes on.

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
        send = {"epoch": epoch, **{k: _plain(v) for k, v in (logs or {}).items()}}
        error = _failure_of(self._post, send)
        if error is not None:
            warn_user(
                f"Could not reach RemoteMonitor root server at {self.root}: {error}."
            )

    def _post(self, send: dict[str, Any]) -> None:
        try:
            # It knows proxies, certificates and logins that its users have set up.
            requests = importlib.import_module("requests")
        except ImportError:
            self._by_urllib(send)
            return
        address, headers = self.root + self.path, self.headers
        if self.send_as_json:
            requests.post(address, json=send, headers=headers)
        else:
            requests.post(address, {self.field: json.dumps(send)}, headers=headers)

    def _by_urllib(self, send: dict[str, Any]) -> None:
        # Slow to import, and rarely needed.
        import urllib.parse
        import urllib.request

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
        urllib.request.urlopen(request, timeout=_SECONDS).close()


def _failure_of(
    post: Callable[[dict[str, Any]], None], send: dict[str, Any]
) -> OSError | None:
    """What came of a post: None, or why it failed; that it takes too long is a reason.

    Another error is raised as it is.
    """
    raised: list[Exception] = []

    def run() -> None:
        try:
            post(send)
        except Exception as error:  # raised anew where the callback is
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    if thread.is_alive():
        return TimeoutError(f"no answer in {_SECONDS:g} seconds")
    for error in raised:
        if isinstance(error, OSError):
            return error
        raise error
    return None


def _plain(value: object) -> Any:
    """A value that JSON has; an array of one number is that number."""
    if isinstance(value, np.ndarray) and value.size == 1:
        return value.item()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value
