"""Decode damaged clips for as long as it takes: `python -m tests.hostile.fuzz_decode --inputs 20000`.

It says how far it is, ends with a summary, and names the seed and the number of an input that broke something.
"""

import argparse
import asyncio
import sys
import time

from bot.speech.decoder_process import DecoderProcess
from tests.hostile.decoding import LIMITS, Tried, take
from tests.hostile.mutations import chosen

_SAID_EVERY_S = 5.0


def main() -> int:
    """Run the command; return 0 where every outcome was one that may come."""
    options = _options()
    return asyncio.run(fuzz(options.first, options.inputs, options.seed))


async def fuzz(first: int, inputs: int, seed: int) -> int:
    """Decode so many damaged clips, from the number `first` on; return 1 at the first that breaks something."""
    decoder, tried, began = DecoderProcess(LIMITS), Tried(), time.monotonic()
    said = began
    await decoder.start()
    try:
        for number in range(first, first + inputs):
            try:
                await take(decoder, chosen(seed, number), tried)
            except Exception as error:  # Whatever it is, the input that did it is named.
                _say(f"input {number} of seed {seed}: {type(error).__name__}: {error}")
                _say(f"again: python -m tests.hostile.fuzz_decode --seed {seed} --first {number} --inputs 1")
                return 1
            if time.monotonic() - said > _SAID_EVERY_S:
                said = time.monotonic()
                _say(f"{tried} (of {inputs}, {tried.inputs / (said - began):.0f} a second)")
    finally:
        await decoder.close()
    _say(f"seed {seed}, {tried}, {time.monotonic() - began:.0f} s; every outcome was sound or a refusal with a reason")
    for reason, times in tried.reasons.most_common(8):
        _say(f"  {times:>6}  {reason}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Decode damaged clips in the real decoding child.")
    parser.add_argument("--inputs", type=int, default=20_000, help="how many clips")
    parser.add_argument("--seed", type=int, default=1, help="which clips: the same ones for the same seed")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
