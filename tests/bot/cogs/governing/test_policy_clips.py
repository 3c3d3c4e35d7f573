"""`/policy words` and `/policy clips`: changed by managers, listed for moderators, kept in the history."""

from pathlib import Path

from bot.app.setup import STEPS
from bot.clip_words import MOST_WORDS
from bot.cogs.governing import policy
from bot.policy import Policy
from bot.policy_presets import Preset
from tests.bot.cogs.governing.test_policy_commands import attached, refusal, said
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.seats import outsider

WORDLESS = b'version = 1\n[category.insult]\nmode = "live"\n'
CHANGES = [("words", {"add": "x"}), ("words", {"remove": "gank"}), ("clips", {"foreign": "show"})]
NONSENSE = [
    ("add", ", ,", "names no words"),
    ("add", "x" * 41, "40 are the most"),
    ("add", "a\u202eb", "can be seen"),
    ("add", "<|endoftext|>", "can be seen"),
    ("add", ",".join(f"w{n}" for n in range(100)), "101 words"),
    ("add", "```@everyone " + "x" * 2000, "1000 at once"),
    ("remove", "Nexus", "is not in the list"),
    ("remove", "`" * 3000, "is not in the list"),
]


def in_force(bench: DiscordBench) -> Policy:
    return bench.bot.services.communities.of(bench.community)


async def test_words_are_added_listed_and_taken_out_and_the_history_tells(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        assert "No words are set" in await said(bench, "words")

        text = await said(bench, "words", add="gank, Roshan, the ``` Nexus")
        assert "words likely in clips, added: gank, Roshan, the ''' Nexus" in text
        assert in_force(bench).clip_words == ("gank", "Roshan", "the ``` Nexus")
        listed = await said(bench, "words")
        assert f"(3 of {MOST_WORDS})" in listed
        assert listed.count("```") == 2
        assert "words likely in clips: gank, Roshan" in await said(bench, "show")

        assert "taken out: Roshan" in await said(bench, "words", remove="ROSHAN", add="Baron")
        assert in_force(bench).clip_words == ("gank", "the ``` Nexus", "Baron")
        history = await said(bench, "history")
        assert "words for clips: gank, Roshan" in history
        assert "no longer a word for clips: ROSHAN" in history
        assert f"<@{bench.ada.id}> changed the policy: words for clips: Baron" in bench.log.last_message.content
        assert "already" in await said(bench, "words", add="BARON")


async def test_a_full_list_takes_another_word_in_place_of_one(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        await said(bench, "words", add=",".join(f"w{n}" for n in range(MOST_WORDS)))

        assert "101 words" in await refusal(bench, "words", add="gank")
        await said(bench, "words", remove="w0", add="gank")

        assert in_force(bench).clip_words[0] == "w1"
        assert in_force(bench).clip_words[-1] == "gank"


async def test_what_makes_no_sense_is_refused_and_changes_nothing(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        await said(bench, "words", add="gank")
        before = bench.bot.services.communities.get(bench.community)

        for option, typed, says in NONSENSE:
            text = await refusal(bench, "words", **{option: typed})
            assert says in text, (option, typed)
            assert len(text) < 500
        assert bench.bot.services.communities.get(bench.community) == before


async def test_foreign_clips_are_shown_or_not_and_back_to_the_default(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)

        assert "shown to moderators -> not shown for that alone" in await said(bench, "clips", foreign="ignore")
        assert in_force(bench).review_foreign_clips is False
        await said(bench, "clips", foreign="show")
        assert bench.bot.services.communities.rules(bench.community).review_foreign_clips is True
        await said(bench, "clips", foreign="default")
        assert bench.bot.services.communities.rules(bench.community).review_foreign_clips is None
        assert "clips in a language that cannot be judged: ignore" in await said(bench, "history")


async def test_words_survive_presets_imports_without_any_and_a_restart(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        await said(bench, "words", add="gank")
        await said(bench, "clips", foreign="ignore")

        exported = (await attached(bench, "export"))["policy.toml"]
        await said(bench, "preset", preset="strict")
        await said(bench, "import", file=("policy.toml", WORDLESS))
        await bench.bot.services.communities.load()
        assert (in_force(bench).clip_words, in_force(bench).review_foreign_clips) == (("gank",), False)

        await said(bench, "reset")
        assert (in_force(bench).clip_words, in_force(bench).review_foreign_clips) == ((), True)
        await said(bench, "import", file=("policy.toml", exported))
        assert (in_force(bench).clip_words, in_force(bench).review_foreign_clips) == (("gank",), False)


async def test_managers_change_moderators_look_and_nobody_else_does_either(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        await said(bench, "words", add="gank")
        before, hal = bench.bot.services.communities.get(bench.community), outsider(bench)

        for somebody in (hal, bench.mia):
            for command, options in (
                ("words", {"add": "x"}),
                ("words", {"remove": "gank"}),
                ("clips", {"foreign": "show"}),
            ):
                refused = await somebody.slash(bench.lobby, f"policy {command}", **options)
                assert refused.ephemeral
                assert "Manage Server" in refused.response.content
        assert bench.bot.services.communities.get(bench.community) == before
        assert "gank" in (await bench.mia.slash(bench.lobby, "policy words")).response.content
        assert "Only moderators" in (await hal.slash(bench.lobby, "policy words")).response.content
        assert await hal.autocomplete(bench.lobby, "policy words", "remove", "") == []


async def test_the_words_there_are_are_offered_for_taking_out(tmp_path: Path):
    async with open_discord(tmp_path, policy.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        await said(bench, "words", add=",".join(["gank", "Roshan", *(f"w{n}" for n in range(50))]))

        async def offered(typed: str) -> list[str]:
            found = await bench.ada.autocomplete(bench.lobby, "policy words", "remove", typed)
            return [choice["value"] for choice in found]

        assert await offered("RO") == ["Roshan"]
        assert len(await offered("")) == 25
        assert await offered("`" * 3000) == []


async def test_the_whole_bot_has_each_of_the_commands_once(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        group = bench.bot.tree.get_command("policy")

        names = [command.name for command in group.commands]
        assert names.count("words") == names.count("clips") == 1
