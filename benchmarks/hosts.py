"""Two hosts on one machine: network namespaces with a wire between them that takes its time.

Linux and root only. The wire is a pair of veth devices with netem's delay or, where the
kernel has no netem, a process that passes packets from one TAP device to another after the
delay (some 50 us more, and one processor's time, so that its bandwidth says nothing).
`Hosts` makes them and takes them away again; what runs on them is started through
`agent`, which stands in for ssh.
"""

from __future__ import annotations

import fcntl
import os
import select
import shlex
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from types import TracebackType

_NAMES, _NET = ("minikeras-a", "minikeras-b"), "10.77.25"
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h
_FRAME = 65_000


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Hosts:
    """Two hosts, in a `with` block.

    Args:
        delay: Milliseconds that the wire adds each way.
        folder: Where the stand-in for ssh is written.
    """

    def __init__(self, delay: float, folder: Path) -> None:
        self._delay = delay
        self._agent = folder / "agent"
        self._relay: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Hosts:
        for name in _NAMES:
            _ip("netns", "add", name)
        if not (self._delay and self._by_netem()):
            self._by_relay() if self._delay else self._by_veth()
        agent = f"{shlex.quote(sys.executable)} -m benchmarks.hosts agent"
        self._agent.write_text(f'#!/bin/sh\nexec {agent} "$@"\n')
        self._agent.chmod(0o755)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._relay is not None:
            self._relay.terminate()
            self._relay.wait()
        for name in _NAMES:
            subprocess.run(["ip", "netns", "del", name], check=False)

    def _by_veth(self) -> None:
        a, b = _NAMES
        _ip(
            "link",
            "add",
            "wire",
            "netns",
            a,
            "type",
            "veth",
            "peer",
            "name",
            "wire",
            "netns",
            b,
        )
        self._up()

    def _by_netem(self) -> bool:
        """Whether the kernel has it."""
        self._by_veth()
        for name in _NAMES:
            words = ["tc", "-n", name, "qdisc", "add", "dev", "wire", "root", "netem"]
            words += ["delay", f"{self._delay}ms"]
            done = subprocess.run(words, capture_output=True, check=False)
            if done.returncode:
                _ip("-n", _NAMES[0], "link", "del", "wire")
                return False
        return True

    def _by_relay(self) -> None:
        words = [sys.executable, "-m", "benchmarks.hosts", "relay", str(self._delay)]
        self._relay = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert self._relay.stdout is not None
        self._relay.stdout.readline()  # its devices are there
        self._up()

    def _up(self) -> None:
        for number, name in enumerate(_NAMES, 1):
            _ip("-n", name, "addr", "add", f"{_NET}.{number}/24", "dev", "wire")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "wire", "mtu", str(_FRAME), "up")

    def words(self) -> list[str]:
        """What a command begins with that runs on the first host."""
        return ["ip", "netns", "exec", _NAMES[0]]

    def launch(self, ranks: int) -> list[str]:
        """Words of `minikeras launch`, for as many ranks on each."""
        each = -(-ranks // 2)
        return ["--hosts", f"{_NET}.1:{each},{_NET}.2:{each}"]

    def environment(self) -> dict[str, str]:
        """For Open MPI: TCP, over this wire alone, and our own ssh."""
        wire = f"{_NET}.0/24"
        return {
            "PRTE_MCA_plm_ssh_agent": str(self._agent),
            "PRTE_MCA_prte_if_include": wire,
            "OMPI_MCA_pml": "ob1",
            "OMPI_MCA_btl": "self,tcp",
            "OMPI_MCA_btl_tcp_if_include": wire,
        }


def agent(words: list[str]) -> None:
    """`[options] HOST COMMAND...`, as ssh takes it: run it in that host's namespace."""
    while words[0].startswith("-"):
        words = words[1:]
    host, *command = words
    name = _NAMES[int(host.rpartition(".")[2]) - 1]
    inside = f"hostname {name}; {' '.join(command)}"
    os.execvp("ip", ["ip", "netns", "exec", name, "unshare", "-u", "sh", "-c", inside])


def _tap(name: str) -> int:
    """A TAP device in a namespace, as a file."""
    found = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", b"wire", _IFF_TAP | _IFF_NO_PI)
    fcntl.ioctl(found, _TUNSETIFF, request)
    _ip("link", "set", "wire", "netns", name)
    return found


def relay(delay: float) -> None:
    """Pass packets from each device to the other, so many milliseconds later."""
    ends = [_tap(name) for name in _NAMES]
    print("ready", flush=True)
    waiting: deque[tuple[float, int, bytes]] = deque()
    while True:
        left = waiting[0][0] - time.monotonic() if waiting else None
        ready, _, _ = select.select(
            ends, [], [], None if left is None else max(left, 0)
        )
        due = time.monotonic() + delay / 1e3
        for end in ready:
            other = ends[1 - ends.index(end)]
            waiting.append((due, other, os.read(end, _FRAME + 64)))
        while waiting and waiting[0][0] <= time.monotonic():
            _, other, packet = waiting.popleft()
            try:
                os.write(other, packet)
            except OSError:  # a device that is not up yet, or full: TCP sends it again
                continue


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    relay(float(rest[0])) if what == "relay" else agent(rest)
