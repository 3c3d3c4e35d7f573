"""Measurements that anybody can repeat: each folder is a command, run with `python -m benchmarks.NAME`."""
