"""What a check found, in words: the verdict, what made it, and what the policy of a server makes of it."""

from collections.abc import Iterator

from bot.clip_time import clip_time
from bot.domain import UNCHECKED, Action, Decision, Mode, Transcript
from bot.policy import Policy
from bot.previewing import Preview
from bot.ui.panel import Panel
from bot.ui.quote import escaped, spoiler
from bot.ui.words import asked_words, category_words, confidence_words, doubt_words
from classifier import NotScored, Verdict

NOTHING_KEPT = "-# Only you see this, and nothing of it is stored."

_GREEN, _YELLOW, _RED, _GREY = 0x3BA55D, 0xF0B232, 0xDA373C, 0x80848E
_TOXIC, _SURELY, _CLEAN = 0.5, 0.8, 0.2
_MOST_BARS, _MOST_WORDS, _MOST_NOTES = 5, 8, 5
_BAR = 10
_LONGEST_QUOTE = 600
_CAPPED = ": flagged only"
_HELD = " Automatic actions are stopped at the moment, so that it would only be flagged."
_PARTIAL = "The text is longer than what is read of one message: its end was not judged."


def judgement(preview: Preview, policy: Policy, *, held: bool = False, about: str = "") -> Panel:
    """Return what came of a check; `held` says that automatic actions are stopped, `about` what was checked."""
    blocks = (
        f"### {_verdict_words(preview)}" + (f"\n{about}" if about else ""),
        _quote(preview),
        _bars(preview.verdict) if isinstance(preview.verdict, Verdict) else "",
        _words(preview),
        _heard(preview.transcript) if preview.transcript else "",
        f"**Here:** {_here(preview, policy)}" + (_HELD if held and preview.decision.action.punishes else ""),
        "\n".join(f"-# {escaped(reason)}" for reason in preview.decision.reasons),
        _PARTIAL if isinstance(preview.verdict, Verdict) and preview.verdict.partial else "",
        _model(preview.verdict),
    )
    return Panel(tuple(block for block in blocks if block), _colour(preview.verdict))


def share_words(p: float) -> str:
    """Return a probability as a number that never reads as a certainty."""
    if p > 0.99:
        return "over 0.99"
    return "under 0.01" if p < 0.01 else f"{p:.2f}"


def _verdict_words(preview: Preview) -> str:
    verdict = preview.verdict
    if isinstance(verdict, NotScored):
        return f"No verdict: {verdict.reason}. Try again in a moment."
    if verdict is None:
        return "Could not be checked"
    number = f"P(toxic) {share_words(verdict.toxic)}"
    if verdict.toxic < _TOXIC:
        return f"{'Looks fine' if verdict.toxic < _CLEAN else 'Rather not toxic'}: {number}"
    category = category_words(verdict.top[0])
    return f"Toxic, {confidence_words(verdict.toxic).split(' (')[0]}: {number}, mostly {escaped(category, 40)}"


def _quote(preview: Preview) -> str:
    if not preview.text.strip():
        return ""
    is_found = preview.at is not None and preview.decision.action is not Action.NONE
    at = f"At {clip_time(preview.at or 0.0)}: " if is_found else ""
    return at + spoiler(preview.text, _LONGEST_QUOTE)


def _bars(verdict: Verdict) -> str:
    ranked = sorted(verdict.categories.items(), key=lambda entry: -entry[1])[:_MOST_BARS]
    width = max(len(category_words(name)) for name, _ in ranked)
    lines = [f"{category_words(name):<{width}} {_bar(p)} {share_words(p)}" for name, p in ranked]
    return "```\n" + "\n".join(lines) + "\n```"


def _bar(p: float) -> str:
    full = round(p * _BAR)
    return "█" * full + "░" * (_BAR - full)


def _words(preview: Preview) -> str:
    verdict = preview.verdict
    counts = preview.decision.action is not Action.NONE or (isinstance(verdict, Verdict) and verdict.toxic >= _TOXIC)
    words = list(dict.fromkeys(weight.word for weight in preview.words))[:_MOST_WORDS] if counts else []
    return f"because of: {spoiler(', '.join(words), 200)}" if words else ""


def _heard(transcript: Transcript) -> str:
    text = spoiler(transcript.text, _LONGEST_QUOTE) if transcript.text else "*nothing was heard*"
    notes = [f"-# {escaped(note)}" for note in transcript.notes[:_MOST_NOTES]]
    foreign = f"spoken in {escaped(transcript.foreign, 40)}, " if transcript.foreign else ""
    how = foreign + doubt_words(transcript.doubt)
    return "\n".join([f"**Heard** ({transcript.seconds:.0f} s, {how}): {text}", *notes])


def _here(preview: Preview, policy: Policy) -> str:
    decision = preview.decision
    if decision.action is Action.NONE:
        scored = isinstance(preview.verdict, Verdict)
        return "nothing would be done." if scored else "nothing would be done; it is counted as not scored."
    if decision.action.punishes:
        return f"the policy asks for {asked_words(decision.action, decision.duration)}, without earlier strikes."
    if decision.category == UNCHECKED:
        return "it would be shown to the moderators, because it could not be checked whole."
    why = " and ".join(_caps(decision, policy))
    if decision.would.punishes:
        return f"the policy would ask for {asked_words(decision.would)}, but {why or 'not here'}: it is only flagged."
    return f"it would be flagged for the moderators{f' ({why})' if why else ''}."


def _caps(decision: Decision, policy: Policy) -> Iterator[str]:
    """Yield why no more is done than flagging."""
    if decision.mode is Mode.SHADOW:
        live = any(rule.mode is Mode.LIVE for rule in policy.categories.values())
        what = escaped(category_words(decision.category), 40) if live else "this server"
        yield f"{what} is in shadow mode"
    for reason in decision.reasons:
        if reason.endswith(_CAPPED) and not reason.startswith("shadow mode"):
            yield escaped(reason.removesuffix(_CAPPED), 200)


def _model(verdict: Verdict | NotScored | None) -> str:
    version = f" Judged by the model {escaped(verdict.model_version, 60)}." if isinstance(verdict, Verdict) else ""
    return NOTHING_KEPT + version


def _colour(verdict: Verdict | NotScored | None) -> int:
    if not isinstance(verdict, Verdict):
        return _GREY
    return _RED if verdict.toxic >= _SURELY else _YELLOW if verdict.toxic >= _TOXIC else _GREEN
