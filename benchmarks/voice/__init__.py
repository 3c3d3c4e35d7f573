"""The voice path measured: spoken game chat, in game noise, beside the same lines as text and beside the plain way.

Run it with `python -m benchmarks.voice`. All speech and all noise are synthetic, save what `--speech` names.
"""
