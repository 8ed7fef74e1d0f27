"""repeat-visits against a second implementation, written from the catalogue's words alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.facts import Wire, alerts, at, later, reversal, settlement
from topics.times import parse_time

H = 3600
BANDS = [("1d", 24 * H, 4, False), ("7d", 168 * H, 8, False), ("1d-same", 24 * H, 3, True)]

Found = tuple[str, str, tuple[str, ...], int]


def naive(visits: list[Wire]) -> set[Found]:
    """(band, earliest settlement, settlements of the burst, most visits in a window), by looking at every window."""
    found = set()
    for band, width, count, same in BANDS:
        groups: dict[tuple[str, str] | None, list[Wire]] = {}
        for visit in visits:
            disease = visit.get("dscg_maindiag_code")
            if not same:
                groups.setdefault(None, []).append(visit)
            elif disease:
                groups.setdefault((visit["fixmedins_code"], disease[:3]), []).append(visit)
        for group in groups.values():
            timed = sorted((parse_time(visit["setl_time"]), visit["setl_id"], visit["mdtrt_id"]) for visit in group)
            windows = [[one for one in timed if end - width < one[0] <= end] for end, _, _ in timed]
            windows = [window for window in windows if len({one[2] for one in window}) >= count]
            members = sorted({one for window in windows for one in window})
            bursts: list[list[tuple[int, str, str]]] = []
            for one in members:
                if bursts and one[0] - bursts[-1][-1][0] < width:
                    bursts[-1].append(one)
                else:
                    bursts.append([one])
            for burst in bursts:
                most = max(len({one[2] for one in window}) for window in windows if set(window) <= set(burst))
                facts = tuple(sorted(f"settlement:{one[1]}" for one in burst))
                found.add((band, burst[0][1], facts, most))
    return found


def engine(objects: list[Wire]) -> set[Found]:
    """The same from the standing alerts."""
    found = set()
    for alert in alerts(objects, rule="repeat-visits"):
        assert alert.evidence is not None
        facts, observed = alert.evidence.facts, alert.evidence.observed
        assert alert.vola_amt == f"{len(facts) * 60}.00"
        found.add((str(alert.discriminator), alert.about.id, tuple(facts), int(observed)))
    return found


@st.composite
def timelines(draw: st.DrawFn) -> list[Wire]:
    """Up to 24 visits with gaps that like to fall on the edges of windows."""
    time = at(0)
    gaps = st.sampled_from([0, 1, 3 * H, 6 * H, 8 * H, 12 * H, 24 * H - 1, 24 * H, 24 * H + 1, 48 * H])
    visits = []
    for number in range(draw(st.integers(3, 24))):
        time = later(time, draw(gaps))
        visits.append(
            settlement(
                f"S{number:02d}",
                setl_time=time,
                mdtrt_id=f"V{draw(st.sampled_from([number, number, number, number // 2]))}",
                fixmedins_code=draw(st.sampled_from(["H1", "H1", "H2"])),
                dscg_maindiag_code=draw(st.sampled_from(["J18", "J189", "K35", None])),
            )
        )
    return visits


@settings(max_examples=120, deadline=None)
@given(timelines(), st.sets(st.integers(0, 23), max_size=3), st.randoms(use_true_random=False))
def test_both_implementations_agree(visits: list[Wire], cancelled: set[int], chance: object) -> None:
    """Bursts, their members, and the most visits of a window; reversed settlements are none."""
    gone = {f"S{number:02d}" for number in cancelled}
    objects = visits + [reversal(name, setl_time=visits[-1]["setl_time"]) for name in sorted(gone)]
    chance.shuffle(objects)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert engine(objects) == naive([visit for visit in visits if visit["setl_id"] not in gone])
