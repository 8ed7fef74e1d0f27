"""Tests of the engine: invariance, state, forgetting, time."""
