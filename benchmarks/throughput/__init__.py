"""How many messages a second the classifier reads beside what else one would use: `python -m benchmarks.throughput`.

Every contender is a process of its own (`worker`), so that memory can be told apart; they are measured in turns.
"""
