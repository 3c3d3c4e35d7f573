"""What Referee listens to in Discord, and the commands it answers.

- `watching`: everything that is said, from an event of the gateway to the pipeline.
- `reviewing`: what people do about what was said: check it, report it, look at what was flagged, erase what is theirs.
- `governing`: how a server wants Referee to work: welcome, set-up, policy, status.
- `admission`: who may go on with a command, and what the command then works with.
- `listing`: lists of lines as Discord takes them.
"""
