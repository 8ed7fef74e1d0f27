"""Other engines that do the three checks, each in a virtual environment of its own (`make bench-peers`).

A folder an engine: what it needs, pinned, and its program, written as the engine's documentation advises, with fault
tolerance on. What a program has to know comes in environment variables (`bench.peers.given`). The checks themselves are
`bench.checks` in all of them.
"""
