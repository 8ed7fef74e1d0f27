"""Bad records go to the dead-letter topic, raw and with the reason; what comes after them is judged as ever."""

import msgspec
import pytest

from tests.facts import at, line, reversal, settlement
from tests.worker.conftest import MakeSite, StartWorker, record_ms, times
from tests.worker.processes import eventually
from topics.catalogue import CLAIMS, dead_letters
from topics.reasons import MEANING

pytestmark = pytest.mark.broker

NOON = record_ms(at(0, "12:00:00"))
KEY = b"P1"


def _json(**fields: object) -> bytes:
    return msgspec.json.encode(settlement("BAD", **fields))


def _line(**fields: object) -> bytes:
    return _json(lines=[line(), line("2", **fields)])


BAD: list[tuple[str, bytes | None, bytes | None]] = [
    ("broken-json", KEY, b""),
    ("broken-json", KEY, b'{"type":"settlement",'),
    ("broken-json", KEY, b"\x00\x01\x02"),
    ("bad-utf8", KEY, '{"type":"death","psn_no":"病'.encode("gbk")),
    ("too-deep", KEY, b'{"type":"tick","x":' + b"[" * 100_000),
    ("too-large", KEY, b" " * ((1 << 20) + 1)),
    ("not-an-object", KEY, b"[]"),
    ("not-an-object", KEY, b"null"),
    ("unknown-type", KEY, b'{"type":"settlment"}'),
    (
        "wrong-topic",
        b"H1",
        b'{"type":"complaint","cmpl_id":"K1","fixmedins_code":"H1","cmpl_time":"2026-03-02 09:00:00"}',
    ),
    ("wrong-key", b"P2", _json()),
    ("wrong-key", None, _json()),
    ("wrong-key", b"\xff", _json()),
    ("missing-field", KEY, b"{}"),
    ("missing-field", KEY, _json(setl_time=None)),
    ("wrong-type", KEY, _json(mdtrt_id=7)),
    ("too-long", KEY, _json(mdtrt_id="V" * 5_000)),
    ("bad-time", KEY, _json(setl_time="2026-02-30 09:00:00")),
    ("bad-number", KEY, _json(medfee_sumamt="many")),
    ("over-precise", KEY, _json(medfee_sumamt="1.001")),
    ("negative", KEY, _json(fund_pay_sumamt="-1.00")),
    ("not-negative", KEY, _line(init_feedetl_sn="1", cnt=1, det_item_fee_sumamt="1.5")),
    ("bad-code", KEY, b'{"type":"void","kind":"nothing","psn_no":"P1","void_time":"2026-03-02 09:00:00"}'),
    ("in-the-future", KEY, _json(setl_time=at(0, "13:00:01"))),
    ("too-late", KEY, _json(setl_time="2026-01-01 09:00:00")),
    ("too-late", KEY, msgspec.json.encode(reversal("S9", orig_setl_time="2020-01-01 09:00:00", setl_time=at(0)))),
]


def test_every_kind_of_bad_record(make_site: MakeSite, start_worker: StartWorker) -> None:
    """All reasons there are, one good visit after each of the first: only the good ones are judged, all of them."""
    assert {reason for reason, _, _ in BAD} == set(MEANING)
    site = make_site()
    visits = [settlement(f"S{n}", setl_time=time) for n, time in enumerate(times("2026-03-02", len(BAD)))]
    records = []
    for (_, key, value), visit in zip(BAD, visits, strict=True):
        records.append((CLAIMS, 0, key, value, NOON))
        records.append((CLAIMS, 0, KEY, msgspec.json.encode(visit), NOON))
    offsets = site.send(*records)[::2]
    worker = start_worker(site.options, "--no-quarantine-limit")
    worker.wait_ready()
    eventually(lambda: site.evidence("repeat-visits") == [len(BAD)] * 2)
    letters = site.read(dead_letters(CLAIMS))
    assert len(letters) == len(BAD)
    for letter, (reason, key, value), offset in zip(letters, BAD, offsets, strict=True):
        headers = dict(letter.headers)
        assert headers["reason"].decode() == reason, headers
        assert (letter.key, letter.value, letter.timestamp) == (key, value, NOON)
        assert headers["source_topic"].decode() == site.prefix + CLAIMS
        assert headers["source_partition"] == b"0"
        assert headers["source_offset"].decode() == str(offset)
        assert headers["detail"]
        assert b"P1" not in headers["detail"]
    text = worker.get("/metrics")[1]
    for reason in MEANING:
        assert f'reason="{reason}"' in text
    assert worker.stop() == 0
    assert len(worker.log) < 20_000, "bad records are counted, not logged one by one"


def test_a_record_without_a_value(make_site: MakeSite, start_worker: StartWorker) -> None:
    """A tombstone is no fact; it is put aside like any other bad record."""
    site = make_site()
    site.send((CLAIMS, 0, KEY, None, NOON))
    site.facts(
        *(settlement(f"S{n}", setl_time=time) for n, time in enumerate(times("2026-03-02", 4))), at=at(0, "12:00:00")
    )
    start_worker(site.options).wait_ready()
    eventually(lambda: site.about("repeat-visits"))
    letters = site.read(dead_letters(CLAIMS))
    assert [(letter.key, letter.value) for letter in letters] == [(KEY, None)]
    assert dict(letters[0].headers)["reason"] == b"not-an-object"
