"""Domain values to rows and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from bot.domain import (
    Action,
    Decision,
    Incident,
    Mode,
    Outcome,
    Platform,
    Review,
    ReviewState,
    ReviewVerdict,
    SourceKey,
    Surface,
)
from bot.errors import InputError
from bot.store.cipher import ContentCipher
from bot.store.sealed import INCIDENT_AUTHOR, MODERATOR, REVISION

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Return the microseconds from 1970 in UTC; raise InputError for a moment without a time zone."""
    if moment.tzinfo is None:
        raise InputError(f"The moment {moment.isoformat()} has no time zone. Give it one.")
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the moment in UTC."""
    return _EPOCH + micros * _MICROSECOND


def message_values(key: SourceKey) -> dict[str, str]:
    """Return the columns that identify a message, whichever of its revisions."""
    return {
        "platform": key.platform.value,
        "community": key.community,
        "channel": key.channel,
        "message": key.message,
    }


def incident_values(incident: Incident, cipher: ContentCipher) -> dict[str, Any]:
    """Return the row of an incident, content and names sealed; the number is left to the database."""
    return {
        **message_values(incident.key),
        "revision": cipher.seal_name(incident.key.revision, REVISION),
        **_decision_values(incident.decision, cipher),
        "author": cipher.seal_name(incident.author, INCIDENT_AUTHOR),
        "at": to_micros(incident.at),
        "created_at": to_micros(incident.created_at or datetime.now(UTC)),
        "content": _seal(incident, cipher),
        "toxic": incident.toxic,
        "categories": _dump(dict(incident.categories)),
        "model_version": incident.model_version,
        "transcript_doubt": incident.transcript_doubt,
        "outcome": incident.outcome.value,
        "outcome_detail": cipher.seal_text(incident.outcome_detail),
        "state": incident.state.value,
        "final_category": incident.final_category,
        "surface": incident.surface.value,
        "clip_at": incident.clip_at,
    }


def incident_of(row: RowMapping, cipher: ContentCipher) -> Incident:
    """Return the incident of a row; raise ContentKeyError where no key opens what is sealed in it."""
    content = _unseal(row, cipher)
    return Incident(
        id=row["id"],
        key=_key_of(row, cipher),
        author=cipher.open_name(row["author"], INCIDENT_AUTHOR, f"the author of incident {row['id']}"),
        at=from_micros(row["at"]),
        created_at=from_micros(row["created_at"]),
        text=content.get("text"),
        words=tuple(content.get("words", ())),
        clip_name=content.get("clip_name"),
        decision=_decision_of(row, cipher),
        toxic=row["toxic"],
        categories=json.loads(row["categories"]),
        model_version=row["model_version"],
        transcript_doubt=row["transcript_doubt"],
        outcome=Outcome(row["outcome"]),
        outcome_detail=cipher.open_text(row["outcome_detail"], f"the outcome of incident {row['id']}"),
        state=ReviewState(row["state"]),
        final_category=row["final_category"],
        surface=Surface(row["surface"]),
        clip_at=row["clip_at"],
    )


def stored(incident: Incident, number: int, values: Mapping[str, Any]) -> Incident:
    """Return an incident as it was just written: what `incident_of` makes of its row, without unsealing that."""
    return replace(
        incident,
        id=number,
        at=from_micros(values["at"]),
        created_at=from_micros(values["created_at"]),
        words=tuple(incident.words),
        categories=dict(incident.categories),
        decision=replace(incident.decision, reasons=tuple(incident.decision.reasons)),
    )


def review_values(review: Review, cipher: ContentCipher) -> dict[str, object]:
    """Return the row of a verdict; who gave it is sealed, and its note, which may quote the message."""
    return {
        "incident_id": review.incident_id,
        "verdict": review.verdict.value,
        "moderator": cipher.seal_name(review.moderator, MODERATOR),
        "at": to_micros(review.at),
        "category": review.category,
        "note": cipher.encrypt(review.note) if review.note else None,
    }


def review_of(row: RowMapping, cipher: ContentCipher) -> Review:
    """Return the verdict of a row."""
    note = row["note"]
    return Review(
        incident_id=row["incident_id"],
        verdict=ReviewVerdict(row["verdict"]),
        moderator=cipher.open_name(row["moderator"], MODERATOR, f"a verdict on incident {row['incident_id']}"),
        at=from_micros(row["at"]),
        category=row["category"],
        note="" if note is None else cipher.decrypt(note, f"a note on incident {row['incident_id']}"),
    )


def _key_of(row: RowMapping, cipher: ContentCipher) -> SourceKey:
    revision = cipher.open_name(row["revision"], REVISION, f"the revision of incident {row['id']}")
    return SourceKey(Platform(row["platform"]), row["community"], row["channel"], row["message"], revision)


def _decision_values(decision: Decision, cipher: ContentCipher) -> dict[str, object]:
    return {
        "action": decision.action.value,
        "would": decision.would.value,
        "mode": decision.mode.value,
        "category": decision.category,
        "confidence": decision.confidence,
        "reasons": cipher.seal_text(_dump(decision.reasons)),
        "strike": decision.strike,
        "duration": None if decision.duration is None else decision.duration // _MICROSECOND,
    }


def _decision_of(row: RowMapping, cipher: ContentCipher) -> Decision:
    duration = row["duration"]
    reasons = cipher.open_text(row["reasons"], f"the reasons of incident {row['id']}")
    return Decision(
        action=Action(row["action"]),
        would=Action(row["would"]),
        mode=Mode(row["mode"]),
        category=row["category"],
        confidence=row["confidence"],
        reasons=tuple(json.loads(reasons)),
        strike=row["strike"],
        duration=None if duration is None else duration * _MICROSECOND,
    )


def _seal(incident: Incident, cipher: ContentCipher) -> bytes | None:
    if incident.text is None and not incident.words and incident.clip_name is None:
        return None
    # The name of a clip is chosen by the member, so it is content too.
    return cipher.encrypt(_dump({"text": incident.text, "words": incident.words, "clip_name": incident.clip_name}))


def with_words(token: bytes, words: Sequence[str], cipher: ContentCipher, name: str) -> bytes:
    """Return the token of the same content with these words; raise ContentKeyError, naming `name`."""
    return cipher.encrypt(_dump({**json.loads(cipher.decrypt(token, name)), "words": list(words)}))


def _unseal(row: RowMapping, cipher: ContentCipher) -> Mapping[str, Any]:
    if row["content"] is None:
        return {}
    content: Mapping[str, Any] = json.loads(cipher.decrypt(row["content"], f"the content of incident {row['id']}"))
    return content


def _dump(value: object) -> str:
    # Escaped, two lone surrogates side by side would come back as one character.
    return json.dumps(value, ensure_ascii=False)
