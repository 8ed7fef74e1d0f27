"""The delivery leans on internals of pinned libraries."""

import subprocess
import sys

import pytest

from monitor.delivery import internals


def test_the_internals_of_the_libraries_are_those_the_delivery_was_written_for() -> None:
    """If this fails after an upgrade: read again what is named, run the delivery's tests, renew the digests.

    In a process of its own: CPython 3.11's parser, which finds the source of a class, is not safe beside other threads.
    """
    program = "from monitor.delivery import internals; print(internals.changed())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_a_change_or_a_loss_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "faust.transport.consumer:Consumer.ack"
    digests = {name: "0" * 16, "faust.transport.consumer:Consumer.no_such_method": "0" * 16}
    monkeypatch.setattr(internals, "DIGESTS", digests)
    assert internals.changed() == [name, "faust.transport.consumer:Consumer.no_such_method (gone)"]
