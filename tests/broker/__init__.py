"""Tests of the embedded broker, of connections to brokers, and of the topics' administration."""
