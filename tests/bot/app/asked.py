"""What tests ask of a running bot's health, and what it says."""

import json
from contextlib import closing
from dataclasses import dataclass
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

Labels = dict[str, str]


def free_port() -> int:
    """Return a port that nobody uses just now."""
    with closing(socket(AF_INET, SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Said:
    """Hold an answer."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def told(self) -> Any:
        """Return the JSON of it."""
        return json.loads(self.body)

    def value(self, name: str, **labels: str) -> float:
        """Return a metric; one that is not there is 0."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.body)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        assert len(found) <= 1, found
        return found[0] if found else 0.0


async def ask(port: int, path: str, method: str = "GET", host: str = "127.0.0.1", **more: Any) -> Said:
    """Ask once."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{host}:{port}{path}", **more) as got,
    ):
        return Said(got.status, dict(got.headers), await got.text())
