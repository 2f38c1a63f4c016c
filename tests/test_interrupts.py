"""Ctrl-C and SIGTERM wait for the end of what would lose them."""

import os
import signal
import threading

import pytest

from nnlab.interrupts import no_interrupts


@pytest.fixture(autouse=True)
def handlers():
    """Put back the handlers of a test."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_comes_once_and_behind_the_block(number):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    done = []

    def work():
        with no_interrupts():
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            done.append("the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the block"]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with no_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_an_error_of_the_block_goes_on_where_nobody_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), no_interrupts():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) == before


def test_other_threads_leave_the_handlers_alone():
    seen = []

    def work():
        with no_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
