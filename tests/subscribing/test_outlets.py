"""Where changes go: shapes, a webhook that fails and recovers, a command, a file that was cut."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from monitor.pseudonyms import Pseudonyms
from monitor.subscribing.memory import Memory, StateUnusable
from monitor.subscribing.outlets import Command, FileOutlet, NotDelivered, Webhook
from monitor.subscribing.shapes import masked, written
from tests.subscribing.made import change, raised, withdrawn


class Desk(HTTPServer):
    """A receiver that answers with the codes it is given, then with 204."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Receiver)


class Receiver(BaseHTTPRequestHandler):
    server: Desk

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        code = self.server.codes.pop(0) if self.server.codes else 204
        self.server.got.append(({name.lower(): text for name, text in self.headers.items()}, body))
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def desk() -> Iterator[Desk]:
    server = Desk()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_shapes() -> None:
    """The value as it is; a CloudEvent with the alert as data; one line for people without persons' numbers."""
    names = Pseudonyms(b"0123456789abcdef")
    one = change("revised", raised("P1"), 2)
    assert written(one, "alert") == one.value
    event = json.loads(written(one, "event"))
    assert event["type"] == "claims-monitor.alert.revised.v1"
    assert (event["specversion"], event["revision"], event["sourceoffset"]) == ("1.0", "2", "7")
    assert all(name.isalnum() for name in event)
    assert event["data"]["psn_no"] == "P1"
    hidden = masked(one, names)
    for shape in ("alert", "event", "text"):
        assert b"P1" not in written(hidden, shape)
    line = written(hidden, "text").decode()
    assert "revised/修订" in line
    assert "100.00 yuan/元" in line
    assert "\n" not in written(masked(change("withdrawn", withdrawn("P1")), names), "text").decode()


def test_a_webhook_gets_a_cloud_event(desk: Desk) -> None:
    """Attributes are headers, the alert is the body, a token is sent when there is one."""
    hook = Webhook(f"http://127.0.0.1:{desk.server_port}/x", "t0ken")
    one = change("raised", raised("张三"))
    hook.deliver(one)
    ((headers, body),) = desk.got
    assert body == one.value
    assert headers["ce-id"] == one.event
    assert headers["ce-type"] == "claims-monitor.alert.raised.v1"
    assert headers["ce-subject"].isascii()
    assert headers["authorization"] == "Bearer t0ken"


def test_a_webhook_that_fails_for_a_while_is_tried_again(desk: Desk) -> None:
    """5xx and 429 are waited out with growing pauses; the event arrives."""
    pauses: list[float] = []
    desk.codes = [503, 429, 500]
    Webhook(f"http://127.0.0.1:{desk.server_port}/", wait=pauses.append).deliver(change("raised", raised("P1")))
    assert len(desk.got) == 4
    assert pauses == [0.5, 1.0, 2.0]


def test_a_webhook_that_refuses_or_never_answers_ends_it(desk: Desk) -> None:
    """4xx at once, nobody there after some tries; the message does not tell the path or the token."""
    desk.codes = [422, 302]
    url = f"http://127.0.0.1:{desk.server_port}/secret-path"
    with pytest.raises(NotDelivered, match="422") as told:
        Webhook(url, "t0ken").deliver(change("raised", raised("P1")))
    assert "secret-path" not in str(told.value)
    with pytest.raises(NotDelivered, match="302"):
        Webhook(url).deliver(change("raised", raised("P1")))
    pauses: list[float] = []
    with pytest.raises(NotDelivered, match="8 times"):
        Webhook("http://127.0.0.1:1/", wait=pauses.append).deliver(change("raised", raised("P1")))
    assert len(pauses) == 7
    for wrong in ("ftp://x/", "file:///etc/passwd", "desk.example"):
        with pytest.raises(ValueError, match="--webhook"):
            Webhook(wrong)


def test_a_command_gets_the_line_and_the_attributes(tmp_path: Path) -> None:
    """Standard input and CE_ variables; a failing command ends it."""
    out = tmp_path / "out"
    Command(f"""sh -c 'cat >> {out}; echo "$CE_TYPE" >> {out}'""", "alert").deliver(change("raised", raised("P1")))
    value, kind = out.read_text(encoding="utf-8").splitlines()
    assert json.loads(value)["psn_no"] == "P1"
    assert kind == "claims-monitor.alert.raised.v1"
    with pytest.raises(NotDelivered, match="exit code 3"):
        Command("sh -c 'exit 3'", "alert").deliver(change("raised", raised("P1")))
    with pytest.raises(NotDelivered, match="no-such-program"):
        Command("no-such-program", "alert").deliver(change("raised", raised("P1")))
    with pytest.raises(ValueError, match="empty"):
        Command(" ", "alert")


def test_a_file_is_cut_to_what_counts(tmp_path: Path) -> None:
    """What was written and not remembered is cut off; a file that is too short is refused."""
    path = tmp_path / "out"
    path.write_bytes(b"one\ntwo\nhal")
    outlet = FileOutlet(path, "alert", 8)
    outlet.deliver(change("raised", raised("P1")))
    length = outlet.flush()
    outlet.close()
    assert path.read_bytes().startswith(b"one\ntwo\n{")
    assert length == path.stat().st_size
    with pytest.raises(NotDelivered, match="shorter"):
        FileOutlet(path, "alert", path.stat().st_size + 1)


def test_a_state_file_belongs_to_one_subscription(tmp_path: Path) -> None:
    """Another topic or filter, a second process, and a file that is no database are refused."""
    path = tmp_path / "state"
    first = Memory(path, "a")
    first.told["j"] = "e"
    first.keep({0: 5}, 10)
    first.told["k"] = "not kept"
    with pytest.raises(StateUnusable, match="locked"):
        Memory(path, "a")
    first.close()
    again = Memory(path, "a")
    assert (again.positions(), again.length(), dict(again.told)) == ({0: 5}, 10, {"j": "e"})
    again.close()
    with pytest.raises(StateUnusable, match="another subscription"):
        Memory(path, "b")
    (tmp_path / "text").write_text("no database " * 50, encoding="ascii")
    with pytest.raises(StateUnusable, match="cannot be used"):
        Memory(tmp_path / "text", "a")
