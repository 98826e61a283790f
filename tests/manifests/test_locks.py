"""Locks between processes."""

import contextlib
import errno
import signal
import subprocess
import sys
import threading

import pytest
from taskpaint.manifests.errors import FolderBusyError
from taskpaint.manifests.locks import held, take, wait_for, waited_for

HOLDS = """
import sys
from pathlib import Path
from taskpaint.manifests.locks import held
with held(Path(sys.argv[1]), "somebody else has it"):
    print("held", flush=True)
    if sys.stdin.read() == "fail":
        raise SystemExit(3)
"""


@contextlib.contextmanager
def another(file):
    """A process that holds the file until its standard input ends."""
    command = [sys.executable, "-c", HOLDS, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def assert_busy(file):
    with pytest.raises(FolderBusyError, match=r"^run 7 has it; wait$"), held(file, "run 7 has it; wait"):
        pass


@pytest.mark.parametrize(("last_words", "code"), [("", 0), ("fail", 3)])
def test_a_lock_ends_with_the_process_that_holds_it(tmp_path, last_words, code):
    file = tmp_path / "lock"
    with another(file) as process:
        assert_busy(file)
        process.communicate(last_words)
        assert process.returncode == code
        with held(file, "nobody has it"):
            pass


def test_a_lock_ends_with_a_process_that_is_killed(tmp_path):
    file = tmp_path / "lock"
    with another(file) as process:
        assert_busy(file)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        with held(file, "nobody has it"):
            pass


def test_a_second_opening_is_refused_in_this_process_too(tmp_path):
    file = tmp_path / "lock"
    with held(file, "nobody has it"):
        assert_busy(file)
    with pytest.raises(RuntimeError), held(file, "nobody has it"):
        raise RuntimeError
    with held(file, "nobody has it"):
        pass


def test_what_a_file_says_is_kept(tmp_path):
    file = tmp_path / "lock"
    file.write_text("mine")
    with held(file, ""), pytest.raises(FolderBusyError), held(file, ""):
        pass
    with waited_for(file):
        pass
    assert file.read_text() == "mine"


def test_some_hold_together_what_others_want_alone(tmp_path):
    file = tmp_path / "lock"
    with file.open("a+") as first:
        take(first, "", together=True)
        with file.open("a+") as second:
            take(second.fileno(), "", together=True)
            assert_busy(file)
            with pytest.raises(FolderBusyError, match="others"):
                take(first, "others")
        take(first, "nobody else")  # alone now
        with file.open("a+") as third, pytest.raises(FolderBusyError, match="alone"):
            take(third, "alone", together=True)


def test_the_next_one_waits(tmp_path):
    file, done = tmp_path / "lock", threading.Event()

    def wait():
        with waited_for(file):
            done.set()

    thread = threading.Thread(target=wait)
    with waited_for(file):
        thread.start()
        assert not done.wait(0.2)
    assert done.wait(10)
    thread.join()


def test_what_cannot_be_opened_or_locked_is_no_rival(tmp_path):
    with pytest.raises(FileNotFoundError), held(tmp_path / "missing" / "lock", ""):
        pass
    for lock in (lambda descriptor: take(descriptor, ""), wait_for):
        with pytest.raises(OSError) as caught:
            lock(10**6)
        assert caught.value.errno == errno.EBADF
