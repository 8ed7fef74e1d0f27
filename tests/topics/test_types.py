"""Every type of the contract: decoded with its required fields, refused without one of them."""

from typing import Any

import msgspec
import pytest

from tests.topics.contract import TYPES, T
from tests.topics.decode import fact, facts, refused
from topics.admission import LATENESS, MAY_LIE_AHEAD
from topics.decoding import TYPES as KNOWN
from topics.decoding import Decoder, family_of
from topics.reasons import MEANING
from topics.registry import Entry
from topics.times import parse_time
from topics.wire import canonical_json, fields_of

NINE = parse_time(T)
NUMBERS = {
    *("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay", "fulamt_ownpay_amt", "overlmt_selfpay"),
    *("preselfpay_amt", "inscp_scp_amt", "quota_amt", "base_avg_cost", "unit_quota", "pric_uplmt_amt", "cnt"),
    *("lng", "lat", "target_stay_days"),
}
REQUIRED = [(name, field) for name, kind in TYPES.items() for field in kind.required]
OPTIONAL = [(name, field) for name, kind in TYPES.items() for field in kind.optional]


def wire(name: str, /, **changes: object) -> dict[str, Any]:
    return {"type": name} | TYPES[name].required | changes


def test_the_table_and_the_code_know_the_same_types() -> None:
    """A new type cannot be added without the tests of this file."""
    assert set(TYPES) | {"void"} == KNOWN


@pytest.mark.parametrize("name", TYPES)
def test_required_fields_are_enough(name: str) -> None:
    """An object with nothing but its required fields is taken, in its own topic and in no other."""
    (found,) = facts(wire(name))
    assert family_of(found) == TYPES[name].family
    assert found.kind == {"fee-lines": "fee-line"}.get(name, name)
    families = {"person", "institution"} if name == "tick" else {TYPES[name].family}
    for family in ("person", "institution", "registry"):
        if family in families:
            assert facts(wire(name), Decoder(family)) == [found]
        else:
            assert refused(wire(name), Decoder(family))[0] == "wrong-topic"


@pytest.mark.parametrize("name", TYPES)
def test_the_event_time_is_the_one_of_the_contract(name: str) -> None:
    """The field marked with @ gives the event time; a registry entry begins to hold at valid_from."""
    found = fact(wire(name))
    assert (found.valid_from if isinstance(found, Entry) else found.at) == NINE


@pytest.mark.parametrize(("name", "field"), REQUIRED)
@pytest.mark.parametrize("how", ["absent", "null", "blank"])
def test_a_missing_field_is_named(name: str, field: str, how: str) -> None:
    """Without a required field the record is refused, and the detail names the field."""
    record = wire(name)
    if how == "absent":
        del record[field]
    else:
        record[field] = None if how == "null" else ""
    reason, detail = refused(record)
    if how == "blank" and field in NUMBERS | {"lines"}:  # a blank is no number and no list
        assert reason in {"bad-number", "wrong-type"}
    else:
        assert reason == "missing-field"
    assert field in detail


@pytest.mark.parametrize(
    "field", ["feedetl_sn", "fee_ocur_time", "med_list_codg", "cnt", "pric", "det_item_fee_sumamt"]
)
@pytest.mark.parametrize("name", ["fee-lines", "settlement"])
def test_a_missing_field_of_a_line_is_named_with_its_line(name: str, field: str) -> None:
    """One bad line refuses the whole record and says which line it is."""
    good = TYPES["fee-lines"].required["lines"][0]
    bad = {key: value for key, value in good.items() if key != field} | {"feedetl_sn": "2"}
    if field == "feedetl_sn":
        del bad["feedetl_sn"]
    assert refused(wire(name, lines=[good, bad])) == ("missing-field", f"lines[1].{field} is required")


@pytest.mark.parametrize(("name", "field"), OPTIONAL)
def test_an_optional_field_is_read_and_may_be_null(name: str, field: str) -> None:
    """An optional field changes the fact; null is the same as its absence."""
    bare = fact(wire(name))
    given = fact(wire(name, **{field: TYPES[name].optional[field]}))
    assert given != bare
    assert fact(wire(name, **{field: None})) == bare


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, field in OPTIONAL if isinstance(TYPES[name].optional[field], str)]
)
def test_a_blank_optional_text_is_no_value(name: str, field: str) -> None:
    """A blank text, time, flag or code counts as absent; a blank identity number is a data fault."""
    if field in NUMBERS:
        assert refused(wire(name, **{field: ""}))[0] == "bad-number"
    elif field in {"certno", "certno_seen"}:
        assert getattr(fact(wire(name, **{field: ""})), field) == ""
    else:
        assert fact(wire(name, **{field: ""})) == fact(wire(name))


@pytest.mark.parametrize("name", sorted(set(TYPES) - {"fee-lines"}))  # lines: see test_versions
def test_all_fields_together_survive_their_canonical_form(name: str) -> None:
    """Decoding the canonical JSON of a fact gives the fact again."""
    full = fact(wire(name, **TYPES[name].optional))
    again = msgspec.json.decode(canonical_json(full))
    assert fact({"type": name} | again) == full


@pytest.mark.parametrize("name", TYPES)
def test_unknown_fields_are_ignored(name: str) -> None:
    """Within v1 fields are only added: what is not known does not matter."""
    assert facts(wire(name, brand_new={"deep": [1, {"er": None}]}, another=1.5)) == facts(wire(name))


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("presence-check", "present", ["in-bed", "on-premises", "absent"]),
        ("complaint", "kind", ["refused-patient", "attitude", "overcharge", "other"]),
        ("settlement", "pay_way", ["service", "case", "unit-quota", "bed-day"]),
        ("agreement", "status", ["active", "suspended", "terminated"]),
        ("physician", "status", ["registered", "suspended", "cancelled"]),
        ("item", "nursing_grade", ["special", "1", "2", "3"]),
        ("calendar", "kind", ["working", "weekend", "holiday"]),
        ("model", "role", ["active", "shadow"]),
    ],
)
def test_codes_are_those_of_the_contract(name: str, field: str, values: list[str]) -> None:
    """Each code of the list is taken, another is refused with the field's name."""
    for value in values:
        assert fact(wire(name, **{field: value}))
    for other in ("Absent", values[0].upper() + " ", "0"):
        reason, detail = refused(wire(name, **{field: other}))
        assert (reason, detail.startswith(field + ":")) == ("bad-code", True)


def test_flags_are_yes_only_for_1() -> None:
    """A flag is yes for "1", no for anything else, unknown when absent."""
    assert fact(wire("settlement", final="1")).final is True
    assert fact(wire("settlement", final="0")).interim
    assert not fact(wire("settlement", final="1")).interim
    assert not fact(wire("settlement")).interim
    assert not fact(wire("settlement", final="")).interim


def test_diagnoses_are_compared_upper_case_without_dots() -> None:
    """`j18.9` is `J189`; dots alone are no diagnosis."""
    assert fact(wire("settlement", dscg_maindiag_code="j18.9")).diagnosis == "J189"
    assert fact(wire("settlement", dscg_maindiag_code=" . ")).diagnosis is None


def test_the_care_time_is_begntime_else_setl_time() -> None:
    """Windows over visits use the time of care."""
    assert fact(wire("settlement")).care_time == NINE
    assert fact(wire("settlement", begntime="2026-03-01 08:00:00")).care_time == NINE - 25 * 3600


def test_every_reason_has_a_meaning() -> None:
    """People can look up each value of the `reason` header."""
    from topics import reasons

    names = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert names == set(MEANING)


def test_admission_looks_at_attributes_that_exist() -> None:
    """The table of times that lateness looks at fits the facts."""
    for kind, attribute in LATENESS.items():
        assert attribute in kind.__struct_fields__
    assert all(fields_of(kind) for kind in MAY_LIE_AHEAD)
