"""What becomes of messages when far more of them come than can be scored: `python -m benchmarks.overload`.

The real bot runs as a process on a Discord of our own (`tests.loopback`); `probe` looks into it from inside.
"""
