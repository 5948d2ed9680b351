"""The progress bar: on a terminal in place, elsewhere one finished line."""

import io
import logging
import re
import sys

import pytest

from minikeras import utils
from minikeras.callbacks import CallbackList, Progbar, ProgbarLogger, progbar_logger
from minikeras.callbacks import progbar as module
from minikeras.callbacks.progbar import clock, duration, shown
from tests.callbacks.screen import Screen
from tests.training.models import line, linear


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def make_terminal(monkeypatch):
    """Call it in the test: pytest sets its own output between fixtures and test."""

    def make():
        stream = Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    return make


@pytest.fixture
def time(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_a_terminal_gets_one_line_drawn_over_and_over(make_terminal, time):
    terminal = make_terminal()
    bar = Progbar(4)
    for step in range(1, 5):
        time[0] += 0.1
        bar.update(step, [("loss", 0.5 / step)])
    out = terminal.getvalue()
    assert out.count("\r") == 4 and out.count("\n") == 1 and out.endswith("\n")
    last = out.split("\r")[-1]
    assert "4/4" in last and "loss: 0.1250" in last and "100ms/step" in last


def test_a_terminal_is_drawn_at_most_every_interval(make_terminal, time):
    terminal = make_terminal()
    bar = Progbar(1000)
    for step in range(1, 1001):
        time[0] += 0.001
        bar.update(step, [("loss", 1.0)])
    assert 18 <= terminal.getvalue().count("\r") <= 22


def test_a_shorter_line_leaves_nothing_of_a_longer_one(make_terminal, time):
    terminal = make_terminal()
    bar = Progbar(2)
    time[0] += 1
    bar.update(1, [("loss", 123456.0)])
    time[0] += 1
    bar.update(2, [("loss", 1.0)])
    first, last = terminal.getvalue().split("\r")[1:]
    assert len(last.rstrip("\n")) >= len(first)


def test_a_file_gets_one_line_without_control_characters(capsys):
    bar = Progbar(3, interval=0.01)
    for step in range(1, 4):
        bar.update(step, [("loss", 1.0)])
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "\r" not in out and "\x1b" not in out
    assert out.startswith("3/3 ━━━━━━━━━━━━━━━━━━━━ ")


def test_unknown_targets_and_add(make_terminal, time):
    terminal = make_terminal()
    bar = Progbar(None)
    time[0] += 1
    bar.add(3, [("loss", 1.0)])
    assert "3/Unknown" in terminal.getvalue()
    bar.update(3, finalize=True)
    assert terminal.getvalue().endswith("\n")


def test_silence(capsys):
    Progbar(1, verbose=0).update(1, [("loss", 1.0)])
    assert capsys.readouterr().out == ""


def test_numbers_and_times():
    assert [shown(v) for v in (0.5, 0, 1e-5, 1234.5, "text")] == [
        "0.5000", "0.0000", "1.0000e-05", "1234.5000", "text",
    ]  # fmt: skip
    assert [clock(s) for s in (3.7, 65, 3723)] == ["3s", "1:05", "1:02:03"]
    assert [duration(s) for s in (2, 0.012, 4.5e-5)] == ["2s", "12ms", "45us"]


def test_fit_on_a_terminal(make_terminal):
    terminal = make_terminal()
    x, y = line()
    linear().fit(x, y, batch_size=4, epochs=2, validation_split=0.2, verbose=1)
    out = terminal.getvalue()
    assert "Epoch 1/2\n" in out and "Epoch 2/2\n" in out
    assert out.count("\n") == 4
    assert "8/8" in out.splitlines()[-1] and "val_loss" in out.splitlines()[-1]


def test_fit_of_unknown_length(capsys):
    x, y = line()
    linear().fit(((x, y) for _ in range(3)), verbose=1)
    assert capsys.readouterr().out.startswith("3/3 ")


def test_one_epoch_has_no_headline_and_evaluation_has_one_line(capsys):
    x, y = line()
    model = linear()
    model.fit(x, y, verbose=2)
    out = capsys.readouterr().out
    assert re.match(r"2/2 - \d+s - \d+[mu]?s/step - loss: ", out)
    model.evaluate(x, y, verbose=2)
    assert re.match(r"2/2 - \d+s - \d+[mu]?s/step - ", capsys.readouterr().out)


def test_a_logger_given_by_hand_is_the_only_one(capsys):
    x, y = line()
    linear().fit(x, y, verbose=1, callbacks=[ProgbarLogger()])
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.fixture(params=[80, 40, 12])
def screen(request, monkeypatch):
    """A terminal of so many columns; call it in the test."""
    monkeypatch.setenv("COLUMNS", str(request.param))

    def make():
        made = Screen(request.param)
        monkeypatch.setattr(sys, "stdout", made)
        return made

    return make


@pytest.mark.parametrize(
    "names",
    [
        ("loss",),
        ("accuracy", "auc", "loss", "precision", "recall"),
        (
            "a_metric_of_a_name_longer_than_a_line_of_eighty_columns_can_ever_be_shown_on",
        ),
        tuple(f"metric_{i}" for i in range(12)),
    ],
)
def test_a_terminal_of_few_columns_shows_one_line_that_never_wraps(screen, time, names):
    screen, words = screen(), [f"{name}:" for name in names]
    bar = Progbar(10)
    for step in range(1, 11):
        time[0] += 0.1
        values = [(name, 10.0 ** (5 - step)) for name in names]
        bar.update(step, values)
        if step < 10:
            assert len(screen.lines) == 1 and screen.wraps == 0
            assert (
                screen.lines[0].lstrip().startswith(f"{step}/10"[: screen.columns - 1])
            )
    # Nothing is lost in the end; only a name longer than a line may wrap there.
    assert all(word in "".join(screen.lines) for word in words)
    longest = max(map(len, words)) + len("    - 1.0000e-05")
    assert screen.wraps == 0 or longest > screen.columns
    assert sum("10/10"[: screen.columns] in line for line in screen.lines) == 1


def test_the_bar_shrinks_before_numbers_are_left_out(screen, time):
    screen = screen()
    bar = Progbar(10)
    time[0] += 1
    bar.update(1, [("loss", 1.0), ("accuracy", 0.5), ("auc", 0.25)])
    if screen.columns == 80:
        assert "auc: 0.2500" in screen.lines[0] and screen.lines[0].count("━") < 20
    else:
        assert screen.lines[0].endswith("...") or screen.columns == 12


def test_a_stream_that_lacks_the_characters_gets_others(monkeypatch):
    for encoding in ("ascii", "cp1252", "utf-8", "no-such-encoding"):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(
            raw, encoding="ascii" if "no" in encoding else encoding
        )
        if "no" in encoding:
            stream = Named(encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        Progbar(2).update(2, [("loss", 1e-7), ("métrique", 2.0)])
        Progbar(2, verbose=2).update(2, [("中", 1.0)])
        text = stream.text if "no" in encoding else raw.getvalue().decode(encoding)
        monkeypatch.undo()
        full = "━" if encoding == "utf-8" else "="
        assert text.startswith(f"2/2 {full * 20} ") and "loss: 1.0000e-07" in text
        assert ("métrique" in text) == (encoding in ("utf-8", "cp1252"))
        assert text.splitlines()[1].endswith(
            "中: 1.0000" if full == "━" else "?: 1.0000"
        )


class Named:
    """A stream with an encoding of any name."""

    def __init__(self, encoding):
        self.encoding, self.text = encoding, ""

    def write(self, text):
        self.text += text

    def flush(self):
        """Nothing is held back."""


def test_no_console_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    x, y = line()
    assert linear().fit(x, y, verbose=1).history["loss"]


def test_without_interactive_logging_the_log_gets_the_lines(capsys, caplog):
    x, y = line()
    utils.disable_interactive_logging()
    try:
        assert not utils.is_interactive_logging_enabled()
        with caplog.at_level(logging.INFO, "minikeras"):
            linear().fit(x, y, epochs=2)
            linear().predict(x, verbose=1)
    finally:
        utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()
    assert capsys.readouterr().out == ""
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "Epoch 1/2" and "loss: " in messages[1] and len(messages) == 5


class Counted:
    """A result on the device; counts how often it is fetched."""

    fetched = 0
    shape = ()

    def __float__(self):
        Counted.fetched += 1
        return 0.5


def test_steps_of_a_millisecond_are_drawn_ten_times_a_second(time, monkeypatch):
    """What progress costs is its drawings: all other steps draw and fetch nothing."""
    drawn = []
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(progbar_logger, "Tensor", Counted)
    draw = Progbar._draw
    monkeypatch.setattr(Progbar, "_draw", lambda *a: (drawn.append(1), draw(*a)))
    Counted.fetched = 0
    bars = CallbackList(add_progbar=True, verbose=1, epochs=1, steps=2000)
    bars.on_train_begin()
    bars.on_epoch_begin(0)
    for batch in range(2000):
        bars.on_train_batch_begin(batch)
        time[0] += 0.001
        bars.on_train_batch_end(batch, {"loss": Counted()})
    bars.on_epoch_end(0, {"loss": 0.5})
    assert 15 <= len(drawn) <= 22  # two seconds
    assert Counted.fetched <= len(drawn)


@pytest.mark.parametrize(
    ("names", "second"),
    [
        ({}, (1, 1)),
        ({"stateful_metrics": []}, (1, 1)),
        ({"stateless_metrics": []}, (2, 2)),
        ({"stateful_metrics": ["a"]}, (2, 1)),
        ({"stateless_metrics": ["a"]}, (1, 2)),
    ],
)
def test_which_values_are_means(lib, names, second, capsys):
    """Each update is written where the interval is 0; the end shows what it is given."""
    bar = lib.utils.Progbar(3, verbose=1, interval=0.0, **names)
    for step, value in ((1, 0.0), (2, 2.0), (3, 7.0)):
        bar.update(step, [("a", value), ("b", value)])
    out = capsys.readouterr().out
    values = [
        tuple(map(float, v)) for v in re.findall(r"a: ([\d.e+]+) - b: ([\d.]+)", out)
    ]
    assert values[1:] == [second, (7, 7)]
    with pytest.raises(ValueError, match="stateless_metrics"):
        lib.utils.Progbar(3, stateful_metrics=[], stateless_metrics=[])
