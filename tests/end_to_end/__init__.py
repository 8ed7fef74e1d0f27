"""Proofs on the real broker with the product's own programs: what is claimed of a live run holds to the byte."""
