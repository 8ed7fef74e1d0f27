"""Tests of the rules and their terms."""
