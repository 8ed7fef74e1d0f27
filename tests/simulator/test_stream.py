"""The stream: reproducible, ordered, admitted, with sums that agree."""

import dataclasses
import itertools
from collections import Counter, defaultdict
from decimal import Decimal

import msgspec
import pytest

from monitor.simulator import SimulationConfig, ending_at, preset, simulate
from tests.naive.standing import seconds
from tests.simulator.conftest import Stream
from topics.admission import Bounds, admit
from topics.decoding import Decoder, family_of, received_at
from topics.times import DAY, HOUR, to_record_time

REGISTRY = {"institution", "agreement", "quota", "physician", "item", "calendar"}


def test_same_seed_same_bytes() -> None:
    """The same configuration and seed give the same bytes, another seed gives others."""
    config = SimulationConfig(persons=500, days=40)
    first, again, other = ([msgspec.json.encode(fact) for _, fact in simulate(config, seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_each_iteration_starts_anew() -> None:
    """A simulation can be read twice, and its labels speak of the same ids."""
    simulation = simulate(SimulationConfig(persons=200, days=40), seed=1)
    assert list(simulation) == list(simulation)


def test_made_while_read() -> None:
    """Facts of the first day come out without the rest of a long span being made."""
    config = dataclasses.replace(preset("small"), days=20_000, clean=True)
    first = list(itertools.islice(simulate(config), 4_000))
    assert first[-1][0] < (config.begin + 10) * DAY


def test_in_order_of_arrival(planted_stream: Stream) -> None:
    """Record times never go back, and each object carries its own as `_recv`."""
    times = [received for received, _ in planted_stream]
    assert times == sorted(times)
    assert all(seconds(fact["_recv"]) == received for received, fact in planted_stream)


def test_registry_comes_first(planted_stream: Stream) -> None:
    """No fact comes before the last registry object."""
    kinds = [fact["type"] in REGISTRY for _, fact in planted_stream]
    assert kinds == sorted(kinds, reverse=True)
    assert {fact["type"] for _, fact in planted_stream if fact["type"] in REGISTRY} == REGISTRY


@pytest.mark.parametrize("stream", ["planted_stream", "clean_stream"])
def test_every_object_is_admitted(stream: str, request: pytest.FixtureRequest) -> None:
    """The product's own decoder reads every object, and every fact keeps the bounds of admission."""
    decode, bounds = Decoder("any"), Bounds()
    late = 0
    for received, fact in request.getfixturevalue(stream):
        record = msgspec.json.encode(fact)
        decoded = decode(record)
        assert received_at(record) == received
        if family_of(decoded[0]) == "registry":
            continue
        admit(decoded, to_record_time(received), bounds)
        late += fact["type"] == "settlement" and received - seconds(fact["setl_time"]) > 2 * DAY
    assert late > 10, "late facts belong to a believable stream"


def test_money_adds_up(planted_stream: Stream) -> None:
    """Fund, account and cash make the total; so do own expense, self-payment and scope; so do the lines."""
    lines: dict[str, dict[str, tuple[Decimal, Decimal]]] = defaultdict(dict)
    settlements = [fact for _, fact in planted_stream if fact["type"] == "settlement"]
    for _, fact in planted_stream:
        for line in fact.get("lines", ()):
            amount = Decimal(line["det_item_fee_sumamt"])
            assert amount == Decimal(line["pric"]) * Decimal(line["cnt"])
            lines[fact["mdtrt_id"]][line["feedetl_sn"]] = (amount, Decimal(line["inscp_scp_amt"]))
    assert len(settlements) > 1_000
    for one in settlements:
        total = Decimal(one["medfee_sumamt"])
        in_scope = Decimal(one["inscp_scp_amt"])
        assert total > 0
        assert sum(Decimal(one[name]) for name in ("fund_pay_sumamt", "acct_pay", "psn_cash_pay")) == total
        assert (
            in_scope + sum(Decimal(one[n]) for n in ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt")) == total
        )
        assert Decimal(one["fund_pay_sumamt"]) <= in_scope
        if one["mdtrt_id"] in lines:
            of_visit = lines[one["mdtrt_id"]].values()
            assert (sum(a for a, _ in of_visit), sum(s for _, s in of_visit)) == (total, in_scope)


def test_ticks_every_ten_minutes_and_three_days_after(planted_stream: Stream) -> None:
    """Ticks follow record time in steps of ten minutes; the last comes three days after the last fact."""
    ticks = [received for received, fact in planted_stream if fact["type"] == "tick"]
    last_fact = max(received for received, fact in planted_stream if fact["type"] != "tick")
    steps = {later - earlier for earlier, later in itertools.pairwise(ticks[:-1])}
    assert steps == {600}
    assert ticks[-1] == last_fact + 3 * DAY


def test_noise_is_there(clean_stream: Stream) -> None:
    """Duplicates, disorder, corrections, voids, reversals with a new settlement, cancelled lines."""
    facts = [fact for _, fact in clean_stream]
    kinds = Counter(fact["type"] for fact in facts)
    assert kinds["reversal"] > 50
    assert kinds["void"] > 20
    assert kinds["transfer"] > 0
    assert kinds["complaint"] > 0
    settlements = [fact for fact in facts if fact["type"] == "settlement"]
    visits_of = defaultdict(set)
    for one in settlements:
        visits_of[one["mdtrt_id"]].add(one["setl_id"])
    assert sum(len(numbers) > 1 for numbers in visits_of.values()) > 50
    assert sum("upld_time" in one for one in settlements) > 20
    copies = Counter(msgspec.json.encode({k: v for k, v in one.items() if k != "_recv"}) for one in settlements)
    assert sum(count > 1 for count in copies.values()) > 20
    assert any("init_feedetl_sn" in line for fact in facts for line in fact.get("lines", ()))
    events = [seconds(one["setl_time"]) for one in settlements]
    assert sum(later < earlier for earlier, later in itertools.pairwise(events)) > 100


def test_identity_numbers_are_sound_and_belong_nowhere(planted_stream: Stream) -> None:
    """Enrolled identity numbers decode, agree with sex and birth date, are unique, and their area code is 99...."""
    enrolments = {fact["psn_no"]: fact for _, fact in planted_stream if fact["type"] == "enrolment"}
    numbers = [one["certno"] for one in enrolments.values()]
    assert len(set(numbers)) == len(numbers) > 1_500
    for one in enrolments.values():
        assert one["certno"].startswith("99")
        assert one["certno"][6:14] == one["brdy"].replace("-", "")
        assert int(one["certno"][16]) % 2 == int(one["gend"]) % 2
        assert Decoder("any")(msgspec.json.encode(one))[0].certno == one["certno"]


@pytest.mark.parametrize("speed", [None, 4_320.0])
def test_a_live_span_ends_when_playing_does(speed: float | None) -> None:
    """Moved to end now (or when accelerated playing is over), nothing happens or arrives after that."""
    now = 20_600 * DAY + 10 * HOUR + 1_234
    config = ending_at(SimulationConfig(persons=300, days=40), now, speed)
    stream = list(simulate(config, seed=2))
    end = now if speed is None else now + 40 * DAY // 4_320
    assert config.until == end
    assert max(received for received, _ in stream) <= end
    assert max(received for received, fact in stream if fact["type"] == "settlement") > end - DAY
    assert config.begin == -(-end // DAY) - 40


@pytest.mark.parametrize(
    ("change", "message"),
    [({"institutions": 9}, "at least 10"), ({"days": 0}, "at least 1"), ({"most_late_days": 31}, "lateness")],
)
def test_impossible_configurations_are_refused(change: dict[str, int], message: str) -> None:
    """A configuration that breaks the contract, or cannot be laid out, says so."""
    with pytest.raises(ValueError, match=message):
        SimulationConfig(**change)  # type: ignore[arg-type]
