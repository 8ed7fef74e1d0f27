"""The embedded broker: a real Apache Kafka from packages, for demos, tests and small installations."""
