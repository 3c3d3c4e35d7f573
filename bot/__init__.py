"""Watch a community's text and voice, decide by its policy, act, and remember."""

__version__ = "0.1.0"
