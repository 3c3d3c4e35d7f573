"""A base from the hub, the hub being a server of this process."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants, file_download
from transformers import AutoModel

from classifier.errors import TrainingError
from classifier.training.bases.base import load_base
from tests.classifier.training.tiny_bertweet import build_bertweet

COMMIT = "c" * 40


@dataclass
class Hub:
    """Serve one base under tiny/bertweet, and break off or refuse where a test says so."""

    folder: Path
    refusal: tuple[int, str] | None = None
    cut: str = ""
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if self.refusal:
            return self.refusal[0], {"X-Error-Code": self.refusal[1]}, b"{}"
        if path.startswith(f"/api/models/tiny/bertweet/tree/{COMMIT}"):
            return 200, {"Content-Type": "application/json"}, json.dumps([*map(entry, files(self.folder))]).encode()
        if path.startswith("/api/models/tiny/bertweet"):
            return (
                200,
                {"Content-Type": "application/json"},
                json.dumps({"id": "tiny/bertweet", "sha": COMMIT}).encode(),
            )
        content = (self.folder / path.rpartition("/")[2]).read_bytes()
        tag = hashlib.sha256(content).hexdigest()
        return 200, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT}, content


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def entry(path: Path) -> dict[str, Any]:
    return {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": "0" * 40}


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = hub.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                broken_off = hub.cut and self.path.endswith(hub.cut)
                self.wfile.write(body[: len(body) // 2] if broken_off else body)
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_bertweet(tmp_path_factory.mktemp("bases") / "tiny-bertweet")
    (folder / "tf_model.h5").write_bytes(b"not for torch")
    return folder


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(Path(shutil.copytree(folder, tmp_path / "served")))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    # The client waits a second before each of its five retries.
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_base_of_the_hub_is_fetched_once_and_then_read_without_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_base("tiny/bertweet")
    assert (base.name, base.hidden, base.most_tokens) == ("tiny/bertweet", 32, 64)
    assert not any("tf_model" in path for path in hub.asked)

    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load_base("tiny/bertweet").name == "tiny/bertweet"
    assert hub.asked == []


def test_pickled_weights_are_fetched_where_there_are_no_others_and_nobody_is_asked_to_convert_them(
    hub: Hub,
) -> None:
    state = AutoModel.from_pretrained(hub.folder).state_dict()
    (hub.folder / "model.safetensors").unlink()
    torch.save(state, hub.folder / "pytorch_model.bin")

    assert load_base("tiny/bertweet").hidden == 32
    expected = ("/api/models/tiny/bertweet", "/tiny/bertweet/resolve/")
    assert [path for path in hub.asked if not path.startswith(expected) or "discussions" in path] == []


def test_a_model_of_another_kind_is_refused_before_its_weights_are_fetched(hub: Hub) -> None:
    said = json.loads((hub.folder / "config.json").read_text(encoding="utf-8"))
    (hub.folder / "config.json").write_text(json.dumps({**said, "model_type": "gpt2"}), encoding="utf-8")

    with pytest.raises(TrainingError, match="a decoder, which writes text"):
        load_base("tiny/bertweet")
    assert not any("safetensors" in path for path in hub.asked)


def test_a_name_that_nobody_has_says_so(hub: Hub) -> None:
    hub.refusal = (404, "RepoNotFound")

    with pytest.raises(
        TrainingError, match=r"no folder tiny/nobody here and no public base of that name.*hf auth login"
    ):
        load_base("tiny/nobody")


def test_a_gated_base_says_where_to_ask_for_access(hub: Hub) -> None:
    hub.refusal = (403, "GatedRepo")

    with pytest.raises(TrainingError, match=f"is gated: ask for access at {hub.url}/tiny/bertweet, log in"):
        load_base("tiny/bertweet")


def test_a_download_that_breaks_off_goes_on_when_run_again(hub: Hub) -> None:
    hub.cut = "model.safetensors"
    with pytest.raises(TrainingError, match=r"the download of the base tiny/bertweet broke off.*run the command again"):
        load_base("tiny/bertweet")

    hub.cut = ""
    hub.asked.clear()
    assert load_base("tiny/bertweet").hidden == 32
    assert not any(path.endswith("vocab.txt") for path in hub.asked)


def test_a_base_half_fetched_says_so_without_a_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.cut = "model.safetensors"
    with pytest.raises(TrainingError, match="broke off"):
        load_base("tiny/bertweet")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(TrainingError, match="not wholly on this machine, and HF_HUB_OFFLINE forbids to download it"):
        load_base("tiny/bertweet")


def test_a_base_never_fetched_says_so_without_a_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(TrainingError, match="HF_HUB_OFFLINE forbids to download it; unset HF_HUB_OFFLINE, or name a f"):
        load_base("tiny/bertweet")

    assert hub.asked == []


def test_a_hub_out_of_order_says_to_try_again(hub: Hub) -> None:
    hub.refusal = (500, "")

    with pytest.raises(TrainingError, match=r"cannot be reached.*run the command again, what was downloaded is kept"):
        load_base("tiny/bertweet")


@pytest.mark.parametrize("name", ["no one/base", "tiny/bertweet\n", "x" * 200, "-tiny/base"])
def test_a_name_that_no_hub_could_have_is_refused(name: str, hub: Hub) -> None:
    with pytest.raises(TrainingError, match="neither a folder here nor a name on the Hugging Face hub"):
        load_base(name)
