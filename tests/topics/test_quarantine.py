"""Records that are no facts: each goes to the dead-letter topic with its reason, none breaks the worker."""

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.topics.contract import TYPES, VOIDS
from tests.topics.decode import facts, refused
from topics.decoding import Decoder, received_at
from topics.reasons import MEANING, Quarantined
from topics.times import parse_time
from topics.versions import standing

GOOD = msgspec.json.encode({"type": "settlement"} | TYPES["settlement"].required)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "broken-json"),
        (b"{", "broken-json"),
        (b'{"type":"tick",}', "broken-json"),
        (b"{'type': 'tick'}", "broken-json"),
        (b'{"type":"tick"} {"type":"tick"}', "broken-json"),
        (b'{"type":"death","psn_no":"\\ud800","death_time":"2026-01-01 00:00:00"}', "broken-json"),
        (b'{"type":"death","psn_no":"\xff"}', "bad-utf8"),
        (b'{"type":"death","psn_no":"\xed\xa0\x80"}', "bad-utf8"),
        ('{"type":"death","psn_no":"病'.encode("gbk"), "bad-utf8"),
        (b'{"type":"tick","x":' + b"[" * 100_000, "too-deep"),
        (b'{"type":"tick","x":' + b'{"y":' * 100_000, "too-deep"),
        (b"[]", "not-an-object"),
        (b'"tick"', "not-an-object"),
        (b"null", "not-an-object"),
        (b"7", "not-an-object"),
        (b"{}", "missing-field"),
        (b'{"type":"settlment"}', "unknown-type"),
        (b'{"type":""}', "unknown-type"),
        (b'{"type":"fee-line"}', "unknown-type"),
        (b'{"type":null}', "wrong-type"),
        (b'{"type":7}', "wrong-type"),
        (b'{"type":"death","psn_no":7,"death_time":"2026-01-01 00:00:00"}', "wrong-type"),
        (b'{"type":"settlement","lines":{}}', "wrong-type"),
        (b'{"type":"settlement","lines":[7]}', "wrong-type"),
        (b'{"type":"settlement","lines":[null]}', "wrong-type"),
        (b'{"type":"item-change","fixmedins_code":["H1"]}', "wrong-type"),
    ],
)
def test_each_fault_has_its_reason(value: bytes, reason: str) -> None:
    """The reason is the one of the contract, and the detail says something."""
    found, detail = refused(value)
    assert found == reason
    assert detail


def test_a_record_without_value() -> None:
    """A tombstone is no fact."""
    with pytest.raises(Quarantined) as caught:
        Decoder("person")(None)
    assert caught.value.reason == "not-an-object"


def test_too_large_is_one_byte_over_the_limit() -> None:
    """At the limit is taken, one byte more is not."""
    assert Decoder("person", len(GOOD))(GOOD)
    assert refused(GOOD, Decoder("person", len(GOOD) - 1))[0] == "too-large"
    assert refused(b" " * ((1 << 20) + 1))[0] == "too-large"


@pytest.mark.parametrize("field", ["psn_no", "setl_id", "fixmedins_code", "med_type", "atddr_no"])
@pytest.mark.parametrize("letter", ["x", "病", "\U00020000"])
def test_a_code_has_at_most_120_bytes(field: str, letter: str) -> None:
    """In UTF-8: codes are keys of the state. One letter more is refused with the field's name."""
    record = {"type": "settlement"} | TYPES["settlement"].required
    most = letter * (120 // len(letter.encode()))
    assert facts(record | {field: most})
    reason, detail = refused(record | {field: most + letter})
    assert (reason, detail.startswith(field)) == ("too-long", True)


def test_white_space_and_order_of_fields_do_not_matter() -> None:
    """The same object in other notations is the same fact."""
    turned = dict(reversed(msgspec.json.decode(GOOD, type=dict[str, object]).items()))
    assert facts(msgspec.json.format(msgspec.json.encode(turned), indent=4)) == facts(GOOD)


def test_empty_lines() -> None:
    """A settlement may have no lines; an upload of no lines is missing them."""
    assert len(facts({"type": "settlement", "lines": []} | TYPES["settlement"].required)) == 1
    record = {"type": "fee-lines"} | TYPES["fee-lines"].required | {"lines": []}
    assert refused(record) == ("missing-field", "lines is required")


@pytest.mark.parametrize(
    ("received", "reason"), [(7, "wrong-type"), ("soon", "bad-time"), (["2026-01-01 00:00:00"], "wrong-type")]
)
def test_a_bad_recv_time_is_a_fault_of_the_line(received: object, reason: str) -> None:
    """`_recv` is a time or absent."""
    with pytest.raises(Quarantined) as caught:
        received_at(msgspec.json.encode({"type": "tick", "_recv": received}))
    assert caught.value.reason == reason


def test_recv_time() -> None:
    """`_recv` stands for the record time; null is absence; in a text it is only a text."""
    assert received_at(b'{"_recv":"2026-03-02T01:00:00Z"}') == parse_time("2026-03-02 09:00:00")
    assert received_at(b'{"_recv":null}') is None
    assert received_at(b'{"x":"\\"_recv\\""}') is None
    assert received_at(GOOD) is None


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["2026-03-02 09:00:00", "2026-13-02 09:00:00", "1e999", "NaN", "-1", "1", "0.001", "H1", ""]),
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = sorted(
    {field for kind in TYPES.values() for field in (*kind.required, *kind.optional)} | {"kind", "void_time"}
)
_LINES = st.lists(
    st.dictionaries(
        st.sampled_from([*TYPES["fee-lines"].required["lines"][0], "init_feedetl_sn", "drug_trac_codg"]), _SCALARS
    ),
    max_size=2,
)


@st.composite
def almost_facts(draw: st.DrawFn) -> bytes:
    """An object of a known type, some of whose fields were replaced with anything."""
    name = draw(st.sampled_from([*TYPES, "void"]))
    record = {"type": name}
    if name == "void":
        kind = draw(st.sampled_from(sorted(VOIDS)))
        record |= {"kind": kind, "psn_no": "P1", "fixmedins_code": "H1", "void_time": "2026-03-02 09:00:00"}
        record |= VOIDS[kind][1]
    else:
        record |= TYPES[name].required
    changes = draw(st.dictionaries(st.sampled_from(_FIELDS), _ANYTHING, max_size=3))
    if draw(st.booleans()):
        changes["lines"] = draw(_LINES)
    return msgspec.json.encode(record | changes)


@settings(max_examples=300, deadline=None)
@given(st.one_of(almost_facts(), st.binary(max_size=60), _ANYTHING.map(msgspec.json.encode)))
@example(
    b'{"type":"quota","fixmedins_code":"H1","period":"2026-1\xc2\xb2","quota_amt":1,"valid_from":"2026-01-01 00:00:00"}'
)
def test_nothing_but_a_reason_comes_out(value: bytes) -> None:
    """Whatever bytes arrive, in whatever topic: facts that the engine can use, or a reason that people can look up."""
    for family in ("person", "institution", "registry", "any"):
        try:
            found = Decoder(family)(value)
        except Quarantined as why:
            assert why.reason in MEANING
            continue
        assert found
        for fact in found:
            if family in {"person", "institution"} and fact.kind != "tick":
                assert isinstance(fact.person if family == "person" else fact.institution, str)
            if family in {"person", "institution"}:
                assert fact.ref.encode()
                assert standing(fact, fact) == fact


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_one_wrong_byte(place: int, byte: int) -> None:
    """A record with one byte changed is a fact or has a reason."""
    value = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    try:
        assert facts(value)
    except Quarantined as why:
        assert why.reason in MEANING
