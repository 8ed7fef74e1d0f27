"""Tests of what turns other tables into facts, and of the examples made with it."""
