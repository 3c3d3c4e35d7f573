"""Where in a clip something was said, as a player shows it."""


def clip_time(seconds: float) -> str:
    """Return a moment of a clip as minutes and seconds, such as "0:42", or "1:02:07" from an hour on."""
    minutes, rest = divmod(max(int(seconds), 0), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
