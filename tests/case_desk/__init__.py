"""Tests of the example of case management."""
