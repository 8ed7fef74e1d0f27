"""What is suspicious: histories, findings, terms, and one file per detector.

A rule `a-b` is the one `Detector` in `detectors/a_b.py`, found by its name. Nothing here knows Kafka, Faust,
files or a clock; a detector is a pure function of a history, the registry and its terms.
"""
