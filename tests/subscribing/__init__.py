"""Tests of alert subscribers."""
