"""What a model is given: windows of token ids as the inputs of its graph."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Windows = Sequence[Sequence[int]]
Feed = dict[str, NDArray[np.int64]]


def packed(windows: Windows) -> Feed:
    """Return the inputs of a graph without padding: all tokens one behind the other, and where each belongs.

    `slots` says which token is at each place of each window, or -1 behind its end; `places` where in it each token is.
    """
    lengths = np.fromiter(map(len, windows), np.int64, len(windows))
    longest, tokens = int(lengths.max()), int(lengths.sum())
    ends = np.cumsum(lengths)
    starts = ends - lengths
    token_ids = np.fromiter((token for window in windows for token in window), np.int64, tokens)
    positions = np.arange(tokens) - np.repeat(starts, lengths)
    place = np.arange(longest)
    slots = np.where(place < lengths[:, None], starts[:, None] + place, -1)
    places = np.repeat(np.arange(len(windows)) * longest, lengths) + positions
    return {"token_ids": token_ids, "positions": positions, "slots": slots, "places": places}


def padded(windows: Windows) -> Feed:
    """Return the inputs of a graph that takes all windows at one length, padded to the longest of them."""
    longest = max(len(window) for window in windows)
    ids = np.zeros((len(windows), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, window in enumerate(windows):
        ids[i, : len(window)] = window
        mask[i, : len(window)] = 1
    return {"input_ids": ids, "attention_mask": mask}
