"""The text of message components, whatever their kind and however they are nested."""

from collections.abc import Iterable, Iterator

_TEXTS = ("content", "label", "placeholder", "description", "name")
_NESTED = ("children", "items", "options", "accessory", "component")
_MOST = 500
"""More components than any message may have, so that one which nests without end is left at some point."""


def component_texts(components: Iterable[object]) -> Iterator[str]:
    """Yield what components show, from the top down: text, labels, placeholders, options and descriptions.

    A component of a kind that is not known yet is read by the same names, and passed over where it has none of them.
    """
    waiting = list(components)[::-1]
    for _ in range(_MOST):
        if not waiting:
            return
        component = waiting.pop()
        yield from (text for name in _TEXTS if isinstance(text := getattr(component, name, None), str))
        waiting.extend(reversed(list(_inside(component))))


def _inside(component: object) -> Iterator[object]:
    for name in _NESTED:
        found = getattr(component, name, None)
        if isinstance(found, list | tuple):
            yield from found
        elif found is not None:
            yield found
