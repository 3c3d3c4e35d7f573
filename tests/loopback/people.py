"""What people do in channels."""

import base64
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from tests.loopback import payloads
from tests.loopback.payloads import HAS_SNAPSHOT, VOICE_MESSAGE, ChannelType
from tests.loopback.snowflakes import Payload
from tests.loopback.state import State

_SNAPSHOT = (
    *("type", "content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags", "mentions"),
    *("mention_roles", "components", "sticker_items"),
)
_AUTOMOD_ALERT = 24


class AutoModAction(IntEnum):
    """Number what AutoMod does."""

    BLOCK = 1
    ALERT = 2
    TIMEOUT = 3


class People(State):
    """Say, edit, forward and delete as the members do."""

    async def say(
        self, who: str | Payload, content: str = "", *, channel: str | Payload = "general", **fields: Any
    ) -> Payload:
        """Send a message; `fields` are more fields of its payload, and `age` dates it back."""
        draft = self.draft(who, content, channel=channel, **fields)
        return await self.post(draft)

    async def edit(self, message: Payload, content: str | None = None, **fields: Any) -> Payload:
        """Edit a message."""
        changed = fields if content is None else {"content": content, **fields}
        message.update(changed, edited_timestamp=datetime.now(UTC).isoformat())
        await self.announce("MESSAGE_UPDATE", message)
        return message

    async def unfurl(self, message: Payload, embeds: list[Payload]) -> Payload:
        """Add the embeds that a link gets a moment later; nothing counts as edited."""
        message["embeds"] = embeds
        await self.announce("MESSAGE_UPDATE", message)
        return message

    async def forward(self, who: str | Payload, original: Payload, channel: str | Payload = "general") -> Payload:
        """Forward a message: a copy of it is all that the forward holds."""
        snapshot = {key: original[key] for key in _SNAPSHOT if key in original}
        guild = self.guild_of(original["channel_id"])
        reference = {"type": 1, "message_id": original["id"], "channel_id": original["channel_id"]}
        if guild is not None:
            reference["guild_id"] = guild.id
        return await self.say(
            who,
            channel=channel,
            message_reference=reference,
            message_snapshots=[{"message": snapshot}],
            flags=HAS_SNAPSHOT,
        )

    async def reply(self, who: str | Payload, original: Payload, content: str, **fields: Any) -> Payload:
        """Answer a message."""
        reference = {"type": 0, "message_id": original["id"], "channel_id": original["channel_id"]}
        place = self.place(original["channel_id"])
        more = {"type": 19, "message_reference": reference, "referenced_message": original}
        return await self.say(who, content, channel=place, **more, **fields)

    async def poll(
        self, who: str | Payload, question: str, answers: list[str], channel: str | Payload = "general"
    ) -> Payload:
        """Open a poll."""
        poll = {
            "question": {"text": question},
            "answers": [{"answer_id": n, "poll_media": {"text": text}} for n, text in enumerate(answers, start=1)],
            "expiry": "2099-01-01T00:00:00+00:00",
            "allow_multiselect": False,
            "layout_type": 1,
            "results": {"is_finalized": False, "answer_counts": []},
        }
        return await self.say(who, channel=channel, poll=poll)

    async def sticker(self, who: str | Payload, name: str, channel: str | Payload = "general") -> Payload:
        """Send a sticker."""
        item = {"id": self.ids.next(), "name": name, "format_type": 1}
        return await self.say(who, channel=channel, sticker_items=[item])

    def upload(
        self,
        name: str,
        data: bytes,
        content_type: str = "application/octet-stream",
        *,
        channel: str | Payload = "general",
        **fields: Any,
    ) -> Payload:
        """Return an attachment to pass to `say(attachments=[...])`; `description` is its alternative text."""
        return self.cdn.keep(self.place(channel)["id"], name, data, content_type, **fields)

    async def voice_message(
        self, who: str | Payload, data: bytes, *, seconds: float = 1.5, channel: str | Payload = "general"
    ) -> Payload:
        """Send a voice message, as a phone does."""
        waveform = base64.b64encode(bytes(range(0, 256, 8))).decode()
        clip = self.upload(
            "voice-message.ogg", data, "audio/ogg", channel=channel, duration_secs=seconds, waveform=waveform
        )
        return await self.say(who, channel=channel, flags=VOICE_MESSAGE, attachments=[clip])

    async def webhook_say(self, name: str, content: str, channel: str | Payload = "general", **fields: Any) -> Payload:
        """Send a message as a webhook of that name."""
        hook = payloads.user(self.ids.next(), name, bot=True)
        draft = payloads.message(self.ids.next(), self.place(channel)["id"], hook, content, **fields)
        return await self.post({**draft, "webhook_id": hook["id"]})

    async def delete_by_user(self, message: Payload) -> None:
        """Delete a message as its author or another person."""
        await self.forget([message["id"]], message["channel_id"])

    async def thread_create(
        self, who: str | Payload, name: str, content: str = "", channel: str | Payload = "forum", **fields: Any
    ) -> Payload:
        """Open a thread; in a forum its first message has the thread's own id."""
        parent = self.place(channel)
        guild = self.guild_of(parent["id"])
        assert guild is not None, "a direct message has no threads"
        author = self.user(who)
        made = payloads.thread(self.ids.next(), guild.id, parent["id"], author["id"], name)
        guild.threads[made["id"]] = made
        await self.gateway.dispatch("THREAD_CREATE", {**made, "newly_created": True})
        first = made["id"] if parent["type"] == ChannelType.FORUM else self.ids.next()
        if content or fields or parent["type"] == ChannelType.FORUM:
            await self.post(payloads.message(first, made["id"], author, content, **fields))
        return made

    async def rename_thread(self, thread: Payload, name: str) -> Payload:
        """Give a thread another title."""
        thread["name"] = name
        await self.gateway.dispatch("THREAD_UPDATE", thread)
        return thread

    async def automod(
        self,
        message: Payload,
        action: AutoModAction = AutoModAction.BLOCK,
        *,
        keyword: str | None = None,
        alert_channel: str | Payload = "mod-log",
    ) -> Payload:
        """Let AutoMod act on a message, a `draft` where it is blocked before it is posted; return the event.

        An alert also posts the notice that Discord writes in the offender's name.
        """
        guild = self.guild_of(message["channel_id"])
        assert guild is not None, "AutoMod watches guilds only"
        event: Payload = {
            "guild_id": guild.id,
            "action": {"type": int(action), "metadata": {}},
            "rule_id": next(iter(guild.automod_rules), None) or self.ids.next(),
            "rule_trigger_type": 1,
            "user_id": message["author"]["id"],
            "channel_id": message["channel_id"],
            "content": message["content"],
            "matched_keyword": keyword or message["content"],
            "matched_content": keyword or message["content"],
        }
        if message["id"] in self.messages:
            event["message_id"] = message["id"]
        if action is AutoModAction.TIMEOUT:
            event["action"]["metadata"] = {"duration_seconds": 60}
        if action is AutoModAction.ALERT:
            notice = await self._alert(message, alert_channel)
            event["alert_system_message_id"] = notice["id"]
            event["action"]["metadata"] = {"channel_id": notice["channel_id"]}
        await self.gateway.dispatch("AUTO_MODERATION_ACTION_EXECUTION", event)
        return event

    async def _alert(self, message: Payload, channel: str | Payload) -> Payload:
        embed = {"type": "auto_moderation_message", "description": message["content"], "fields": []}
        return await self.say(message["author"], channel=channel, type=_AUTOMOD_ALERT, embeds=[embed])
