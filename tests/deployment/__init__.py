"""Tests of the files by which the monitor is deployed."""
