import tomllib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Action
from bot.policy import Rung
from bot.policy_document import rung_entry, to_toml
from bot.policy_file import DEFAULT, parse_policy, read_rule
from tests.fakes.communities import shipped

law = settings(deadline=None, max_examples=40)
texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=8)


def test_the_shipped_policy_is_written_and_read_back() -> None:
    basis = shipped()

    assert parse_policy(to_toml(basis.policy), basis.labels, basis.curves) == basis.policy
    assert parse_policy(DEFAULT.read_text(encoding="utf-8"), basis.labels, basis.curves) == basis.policy


@law
@given(st.frozensets(texts, max_size=4), st.floats(0.01, 36_500), st.floats(0, 300), st.floats(0, 1, exclude_min=True))
def test_every_name_and_number_is_written_so_that_it_reads_back(
    names: frozenset[str], days: float, seconds: float, share: float
) -> None:
    basis = shipped()
    policy = replace(
        basis.policy,
        exempt_roles=names,
        exempt_channels=names,
        toxic_flag=share,
        most_doubt=share,
        strike_half_life=timedelta(days=days),
        history_window=timedelta(days=days),
        join_window=timedelta(seconds=seconds),
        burst=timedelta(seconds=seconds),
        clip_words=("gank", 'a "b" \\ ]', "Ноунейм"),
        review_foreign_clips=seconds > 150,
    )

    assert parse_policy(to_toml(policy), basis.labels, basis.curves) == policy


@pytest.mark.parametrize("name", ['a"b', "back\\slash", "two\nlines", "\x00\x1f\x7f\x85", "\u2028", "😀", "]", "# no"])
def test_no_name_breaks_out_of_its_quotes(name: str) -> None:
    written = to_toml(replace(shipped().policy, exempt_roles=frozenset({name})))

    assert tomllib.loads(written)["exempt"] == {"roles": [name], "channels": []}


@pytest.mark.parametrize(
    ("minutes", "entry"), [(1, "1m"), (60, "1h"), (90, "90m"), (1440, "1d"), (25 * 60, "25h"), (28 * 1440, "28d")]
)
def test_a_timeout_is_written_in_its_largest_unit(minutes: int, entry: str) -> None:
    rung = Rung(Action.TIMEOUT, timedelta(minutes=minutes))

    assert rung_entry(rung) == f"timeout:{entry}"
    assert read_rule("insult", {"flag": 0.5, "act": 0.9, "ladder": [rung_entry(rung)]}, {}).ladder == (rung,)
