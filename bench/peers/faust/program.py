"""The three checks in stock faust-streaming: agents, Tables with changelogs in RocksDB, an internal topic to repartition.

As its user guide has it: state in `app.Table` (https://faust-streaming.github.io/faust/userguide/tables.html), RocksDB
for production (userguide/application.html), one agent that forwards to another by a topic (userguide/agents.html).
"""

import faust

from bench.checks import is_inpatient, judge_institution, judge_person, key_of
from bench.peers import given

app = faust.App(
    given.NAME,
    broker=f"kafka://{given.SERVERS}",
    store="rocksdb://",
    datadir=str(given.FOLDER / "data"),
    topic_partitions=given.PARTITIONS,
    topic_replication_factor=1,
    web_enabled=False,
)
claims = app.topic(given.CLAIMS, key_type=str, value_serializer="json")
inpatient = app.topic(
    f"{given.NAME}-inpatient", key_type=str, value_serializer="json", partitions=given.PARTITIONS, internal=True
)
alerts = app.topic(given.ALERTS, key_type=str, value_serializer="json")
persons = app.Table("persons", partitions=given.PARTITIONS)
institutions = app.Table("institutions", partitions=given.PARTITIONS)
progress = given.progress()


@app.agent(claims)
async def by_person(stream):
    async for claim in stream:
        if claim["type"] != "settlement":
            continue
        person = claim["psn_no"]
        persons[person], found = judge_person(persons.get(person), claim)
        for alert in found:
            await alerts.send(key=key_of(alert), value=alert)
        if is_inpatient(claim):
            await inpatient.send(key=claim["fixmedins_code"], value=claim)
        progress.persons += 1


@app.agent(inpatient)
async def by_institution(stream):
    async for claim in stream:
        code = claim["fixmedins_code"]
        institutions[code], found = judge_institution(institutions.get(code), claim, given.QUOTAS[code])
        for alert in found:
            await alerts.send(key=key_of(alert), value=alert)
        progress.institutions += 1


if __name__ == "__main__":
    app.main()
