"""Turns tables that others wrote into facts of the contract: Synthea exports, and one's own tables by a mapping.

Every object that leaves here has been read by the contract's own decoder. Rows that cannot be used are reported with
file, line and column, and left out. Nothing here judges, and nothing here needs Kafka.
"""
