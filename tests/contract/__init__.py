"""Tests of what consumers and producers rely on: schemas, examples, compatibility."""
