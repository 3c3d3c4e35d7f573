"""How long it takes from a message to its deletion, and what the bot costs: `python -m benchmarks.end_to_end`.

The real bot runs as a process on a Discord of our own (`tests.loopback`); `probe` looks into it from inside.
"""
