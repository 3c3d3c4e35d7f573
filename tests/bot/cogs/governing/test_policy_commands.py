"""`/policy`: shown, changed, kept with its author, and refused to whoever may not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.cogs.governing import policy
from bot.domain import Action, Mode
from bot.errors import PolicyError
from bot.policy import CategoryRule
from bot.policy_change import LARGEST_DOCUMENT
from bot.policy_community import CommunityPolicy, to_json
from bot.policy_presets import Preset
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.seats import outsider

FILE = b'version = 1\n[category.insult]\nmode = "live"\nflag = 0.9\nact = 0.95\nladder = ["ban"]\n'
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("set", {"category": "insult", "flag": "0.7"}),
    ("preset", {"preset": "strict"}),
    ("mode", {"mode": "off"}),
    ("import", {"file": ("policy.toml", FILE)}),
    ("reset", {}),
]
NONSENSE = [
    ("flag", "0"),
    ("flag", "nan"),
    ("flag", "9" * 1001),
    ("act", "-1"),
    ("act", "`@everyone`"),
    ("ladder", "ban, warn"),
    ("ladder", "timeout:9999d"),
    ("ladder", "warn," * 199),
]
NO_POLICIES = [
    (b"#" * (LARGEST_DOCUMENT + 1), "The file has 65537 bytes"),
    (b"\xff\xfe\x00", "UTF-8"),
    (b"version = 1\n" + b"a" + b".a" * 30_000 + b" = 1", "dots"),
    (b"[" * 10_000, "imported policy"),
    (b"", "version"),
    (b'version = 1\n[category."@everyone"]\n', "categories of this model"),
]


async def said(bench: DiscordBench, command: str, **options: Any) -> str:
    """Return what Ada is told."""
    result = await bench.ada.slash(bench.lobby, f"policy {command}", **options)
    assert result.ephemeral
    return " ".join([result.response.content, *(more.content for more in result.followups)])


async def refusal(bench: DiscordBench, command: str, **options: Any) -> str:
    """Return what Ada is told where the command fails as it should."""
    before = len(bench.env.errors)
    text = await said(bench, command, **options)
    assert len(bench.env.errors) == before + 1
    return text


async def attached(bench: DiscordBench, command: str, **options: Any) -> dict[str, bytes]:
    """Return the files that Ada is given, by name."""
    result = await bench.ada.slash(bench.lobby, f"policy {command}", **options)
    return {file.filename: await file.read() for file in result.response.attachments}


def insult(bench: DiscordBench) -> CategoryRule:
    return bench.bot.services.communities.of(bench.community).categories["insult"]


def rules(bench: DiscordBench) -> CommunityPolicy:
    return bench.bot.services.communities.rules(bench.community)


async def test_the_policy_is_shown_whole_or_by_category(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)

        whole, one = await said(bench, "show"), await said(bench, "show", category="insult")

        assert "Preset: standard" in whole
        assert all(f"\n{name}: " in whole for name in ("hate", "insult", "threat", "exempt roles"))
        assert "insult: live" in one
        assert "hate" not in one
        assert "there is no category 'x`@everyone'" in await refusal(bench, "show", category="x`@everyone")


async def test_a_change_shows_before_and_after_and_is_kept_with_its_author(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        before = insult(bench).flag

        text = await said(
            bench, "set", category="insult", flag="70%", act="0.95", ladder="delete, timeout:2h", human_only="yes"
        )

        rule = insult(bench)
        assert (rule.flag, rule.act, rule.human_only) == (0.7, 0.95, True)
        assert [rung.action for rung in rule.ladder] == [Action.DELETE, Action.TIMEOUT]
        assert f"insult: flagged from {before:.2f} -> 0.70" in text
        assert "insult: human only no -> yes" in text
        change = (await bench.stores.communities.changes(bench.community))[0]
        assert change.author == str(bench.ada.id)
        assert change.what.startswith("set insult: flag 70%")
        assert f"insult: flagged from {before:.2f} -> 0.70" in change.lines
        assert f"<@{bench.ada.id}> changed the policy: set insult" in bench.log.last_message.content


async def test_a_change_to_what_is_already_so_is_not_kept(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)

        assert "already" in await said(bench, "preset", preset="standard")
        assert f"insult: live; flagged from {insult(bench).flag:.2f}" in await said(bench, "set", category="insult")
        assert len(await bench.stores.communities.changes(bench.community)) == 1


async def test_what_makes_no_sense_is_refused_and_changes_nothing(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        before = insult(bench)

        for entry, typed in NONSENSE:
            text = await refusal(bench, "set", category="insult", **{entry: typed})
            assert "insult" in text, (entry, typed)
            assert len(text) < 500
        assert insult(bench) == before
        assert len(await bench.stores.communities.changes(bench.community)) == 1


async def test_a_mode_is_set_for_one_category_or_all_of_them_and_taken_back(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        modes = bench.bot.services.communities.of

        await said(bench, "mode", mode="off", category="insult")
        assert insult(bench).mode is Mode.OFF
        await said(bench, "mode", mode="shadow")
        assert {rule.mode for rule in modes(bench.community).categories.values()} == {Mode.SHADOW}
        await said(bench, "mode", mode="default")
        assert insult(bench).mode is Mode.LIVE
        assert "there is no category" in await refusal(bench, "mode", mode="off", category="")


async def test_under_shadow_it_is_said_that_nothing_becomes_live_yet(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.SHADOW)

        text = await said(bench, "mode", mode="live", category="profanity")
        assert insult(bench).mode is Mode.SHADOW
        assert "preset is *shadow*" in text
        assert "preset is *shadow*" in await said(bench, "set", category="insult", act="0.9")

        await said(bench, "preset", preset="standard")
        assert bench.bot.services.communities.of(bench.community).categories["profanity"].mode is Mode.LIVE
        assert "preset is *shadow*" not in await said(bench, "set", category="insult", act="0.95")


async def test_roles_and_channels_are_exempt_listed_and_watched_again(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        role = bench.guild.create_role("``` @everyone")

        text = await said(bench, "exempt", role=role, channel=bench.lobby)
        assert "channels now exempt: #lobby" in text
        in_force = bench.bot.services.communities.of(bench.community)
        assert (in_force.exempt_roles, in_force.exempt_channels) == ({str(role.id)}, {str(bench.lobby.id)})
        listed = await said(bench, "exempt")
        assert "exempt channels: #lobby" in listed
        assert listed.count("```") == 2

        await said(bench, "exempt", channel=bench.lobby, remove=True)
        assert bench.bot.services.communities.of(bench.community).exempt_channels == frozenset()


async def test_nobody_is_left_unwatched_by_exempting_everybody(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        before, everybody = rules(bench), bench.guild.default_role

        assert "nobody would be watched" in await refusal(bench, "exempt", role=everybody)
        assert "nobody would be watched" in await refusal(bench, "exempt", role=everybody, channel=bench.lobby)
        for named in (everybody.name, str(everybody.id)):
            text = FILE + f'[exempt]\nroles = ["{named}"]\n'.encode()
            assert "nobody would be watched" in await refusal(bench, "import", file=("policy.toml", text))
        assert rules(bench) == before


async def test_an_exported_policy_is_imported_again_and_undone_by_the_file_that_comes_back(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        await said(bench, "set", category="insult", flag="0.7")
        before = bench.bot.services.communities.of(bench.community)

        exported = (await attached(bench, "export"))["policy.toml"]
        result = await bench.ada.slash(bench.lobby, "policy import", file=("policy.toml", FILE))

        assert "insult: flagged from 0.70 -> 0.90" in result.response.content
        assert list(bench.bot.services.communities.of(bench.community).categories) == ["insult"]
        (old,) = [f for f in result.response.attachments if f.filename == "policy-before.toml"]
        assert await old.read() == exported
        await said(bench, "import", file=("policy-before.toml", exported))
        assert bench.bot.services.communities.of(bench.community) == before


async def test_a_file_that_is_no_policy_is_refused_and_changes_nothing(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        before = rules(bench)

        for content, why in NO_POLICIES:
            assert why in await refusal(bench, "import", file=("policy.toml", content))
        assert rules(bench) == before


async def test_a_policy_that_makes_no_sense_any_more_is_told_and_repaired_by_a_reset(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        communities = bench.bot.services.communities
        broken = CommunityPolicy(Preset.STRICT, changes={"gone": {"mode": "live"}})
        with pytest.raises(PolicyError):
            communities.build(broken)
        await store(bench, broken)

        assert "not in force" in await said(bench, "show")
        assert "gone" in await refusal(bench, "preset", preset="relaxed")
        await said(bench, "reset")

        assert communities.trouble(bench.community) == ""
        assert rules(bench) == CommunityPolicy(Preset.STRICT)


async def store(bench: DiscordBench, broken: CommunityPolicy) -> None:
    """Store rules that made sense to an earlier model."""
    communities = bench.bot.services.communities
    settings = replace(communities.get(bench.community), policy=to_json(broken))
    await communities.save(settings, str(bench.ada.id), bench.bot.services.clock.now(), "earlier")


async def test_the_history_names_who_changed_what_and_goes_on_in_a_file(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        assert "Nothing has been changed" in await said(bench, "history")
        await bench.set_up(Preset.SHADOW)
        for preset in ("strict", "relaxed", "standard", "strict", "shadow"):
            await said(bench, "preset", preset=preset)

        result = await bench.ada.slash(bench.lobby, "policy history")

        text = result.response.content
        assert len(text) <= 2000
        assert text.count("```") % 2 == 0
        assert text.index("preset shadow") < text.index("preset strict")
        assert f"<@{bench.ada.id}>" in text
        (file,) = result.response.attachments
        whole = (await file.read()).decode()
        assert whole.count("preset strict") == 2
        assert "set up" in whole


async def test_a_long_answer_is_cut_with_a_note_and_comes_whole_as_a_file(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        for number in range(8):
            channel = bench.guild.create_text_channel(f"{number}" + "y" * 99)
            await said(bench, "exempt", channel=channel)

        result = await bench.ada.slash(bench.lobby, "policy show")

        text = result.response.content
        assert len(text) <= 2000
        assert text.count("```") == 2
        assert "in the file" in text
        (file,) = result.response.attachments
        assert "#7" + "y" * 99 in (await file.read()).decode()


async def test_only_managers_change_the_policy(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        before, hal = bench.bot.services.communities.get(bench.community), outsider(bench)

        for command, options in [*CHANGES, ("exempt", {"channel": bench.lobby})]:
            for somebody in (hal, bench.mia):
                refused = await somebody.slash(bench.lobby, f"policy {command}", **options)
                assert refused.ephemeral
                assert "Manage Server" in refused.response.content
        assert bench.bot.services.communities.get(bench.community) == before


async def test_only_moderators_see_the_policy(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        hal = outsider(bench)

        for command in ("show", "export", "history", "exempt"):
            refused = await hal.slash(bench.lobby, f"policy {command}")
            assert "Only moderators" in refused.response.content
            assert refused.response.attachments == []
            allowed = await bench.mia.slash(bench.lobby, f"policy {command}")
            assert "Only moderators" not in allowed.response.content


async def test_categories_are_offered_as_they_are_typed(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:

        async def offered(typed: str) -> list[str]:
            found = await bench.ada.autocomplete(bench.lobby, "policy show", "category", typed)
            return [choice["value"] for choice in found]

        assert await offered("HA") == ["hate", "self_harm"]
        assert "insult" in await offered("")
        assert await offered("`" * 3000) == []
