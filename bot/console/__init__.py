"""The terminal: every command of `referee`, one module each over what they share.

Modules here are light to import, so that `referee --help` is quick: what a command needs it imports when it runs.
"""
