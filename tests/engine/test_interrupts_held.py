"""An interrupt that is held back comes at the block's end, whatever else happens there."""

import signal
import subprocess
import sys
import textwrap

import pytest

from minikeras.engine.background import interrupts_held


@pytest.fixture(autouse=True)
def as_pythons_own():
    """A process that a shell started behind itself ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(error=None):
    with interrupts_held():
        signal.raise_signal(signal.SIGINT)
        if error is not None:
            raise error


def test_it_comes_at_the_end():
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted()
    assert caught.value.__context__ is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_block_does_not_swallow_it():
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted(ValueError("of the block"))
    assert isinstance(caught.value.__context__, ValueError)


def test_where_the_system_itself_is_to_end_the_process():
    script = """
        import signal
        from minikeras.engine.background import interrupts_held
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
        print("lived on")
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=60)
    assert ended.returncode == -signal.SIGINT
