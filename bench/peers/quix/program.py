"""The three checks in Quix Streams: a StreamingDataFrame with state in RocksDB and changelog topics, and `group_by`.

As its documentation has it: stateful `apply` (docs/advanced/stateful-processing.md), repartition by `group_by`
(docs/groupby.md), changelogs on and commits each five seconds by default (docs/configuration.md).
"""

from quixstreams import Application

from bench.checks import is_inpatient, judge_institution, judge_person, key_of
from bench.peers import given

progress = given.progress()


def person(claim, state):
    held, found = judge_person(state.get("held"), claim)
    state.set("held", held)
    progress.persons += 1
    return found


def institution(claim, state):
    held, found = judge_institution(state.get("held"), claim, given.QUOTAS[claim["fixmedins_code"]])
    state.set("held", held)
    progress.institutions += 1
    return found


def main():
    app = Application(
        broker_address=given.SERVERS,
        consumer_group=given.NAME,
        auto_offset_reset="earliest",
        state_dir=given.FOLDER / "state",
    )
    claims = app.topic(given.CLAIMS, key_deserializer="str", value_deserializer="json")
    alerts = app.topic(given.ALERTS, key_serializer="str", value_serializer="json")
    settlements = app.dataframe(claims).filter(lambda one: one["type"] == "settlement")
    settlements.apply(person, stateful=True, expand=True).to_topic(alerts, key=key_of)
    inpatient = settlements.filter(is_inpatient).group_by("fixmedins_code", key_deserializer="str", key_serializer="str")
    inpatient.apply(institution, stateful=True, expand=True).to_topic(alerts, key=key_of)
    app.run()


if __name__ == "__main__":
    main()
