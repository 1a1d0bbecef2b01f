"""What tests of several packages use: the real data set, if present, small models, a Hugging Face hub, a browser."""

import hashlib
import json
import os
import random
import re
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import jaxtyping
import pytest
from jaxtyping import install_import_hook, jaxtyped

import isoclr

# One thread a process: the suite itself runs on all cores, and waiting threads would only get in each other's way.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(variable, "1")


# Waiting for the disk takes as long as other programs write to it, and no test could tell that it was left out.
pytest.MonkeyPatch().setattr(os, "fsync", lambda _: None)


def checked(*, typechecker: Any) -> Callable[[Any], Any]:
    """``jaxtyped``, but not for functions within functions, which it would wrap again at every call."""
    check: Any = jaxtyped(typechecker=typechecker)
    return lambda one: one if "<locals>" in getattr(one, "__qualname__", "") else check(one)


# Shapes and types in signatures are checked in tests, and nowhere else.
pytest.MonkeyPatch().setattr(jaxtyping, "jaxtyped", checked)
install_import_hook(["isoclr.pretraining.losses", "isoclr.models"], "beartype.beartype")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Check them in the tests of these packages, not in whole runs of commands, which take twice as long with them."""
    own = item.path.parent.name in ("models", "pretraining", "finetuning")
    whole_run = item.path.stem in ("test_pretrain", "test_finetune")
    jaxtyping.config.update("jaxtyping_disable", not own or whole_run)


ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # benchmarks are not part of the installed package

from benchmarks.browser import Browser, find_chromium, open_browser  # noqa: E402
from tests.forks import NARROW, NARROW_PROJECTION, Forks  # noqa: E402


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real transcripts, genomes and labels; the test is skipped when it is absent."""
    folder = Path(os.environ.get("ISOCLR_DATA", ROOT / "../shared/data")).resolve()
    if not (folder / "transcripts").is_dir():
        pytest.skip(f"no real data at {folder}; set ISOCLR_DATA")
    return folder


@pytest.fixture(scope="session")
def small_encoder() -> Callable[..., Any]:
    """Makes narrow encoders whose batch norms have statistics and scales of either sign, as after training."""
    import torch

    from isoclr.models.encoder import Encoder
    from isoclr.models.resnet import Architecture, DilatedResNet

    def make(pooling: str, *, growing: bool, tracks: int = 6) -> Encoder:
        architecture = Architecture((5, 7, 7, 10), (2, 1, 3, 1), (1, 3, 4, 5), growing, pooling)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = DilatedResNet(architecture, tracks=tracks).eval()
            for name, tensor in network.state_dict().items():
                if name.endswith("running_var"):
                    tensor.uniform_(0.5, 2)
                elif "norm" in name:
                    tensor.normal_()
        return Encoder(network, name="small", tracks=tracks)

    return make


@pytest.fixture
def assay(tmp_path: Path) -> Path:
    """The task file of a reporter assay, whose ``table.tsv`` has columns ``utr`` and ``load``."""
    path = tmp_path / "t.toml"
    path.write_text(
        """
name = "assay"
title = "an assay"
[labels]
file = "table.tsv"
label = "load"
[construct]
insert = "utr"
before = "GG"
cds = "ATGTAA"
after = "CC"
"""
    )
    return path


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a corpus of 40 coding mRNAs, a FASTA of two short ones, and a head that predicts their G + C content."""
    folder, rng = tmp_path_factory.mktemp("workbench"), random.Random(0)
    records, labels, structures = [], [], []
    for i in range(40):
        share = 0.15 + 0.2 * (i % 7) / 6
        weights = [0.5 - share, share, share, 0.5 - share]
        utr5, utr3 = ("".join(rng.choices("ACGT", weights, k=70)) for _ in range(2))
        sense = "".join(rng.choices(["GCT", "AAA", "CTG", "GAT", "TTC", "ACC"], k=100))
        sequence = utr5 + "ATG" + sense + "TAA" + utr3
        records.append(f">t{i} gene:g{i}\n{sequence}\n")
        labels.append(f"t{i}\t{sum(map(sequence.count, 'GC')) / len(sequence)}\n")
        structures.append(f"t{i}\t70\t306\t70\t{len(sequence)}\n")
    (folder / "mrnas.fa").write_text("".join(records))
    (folder / "labels.tsv").write_text("transcript_id\tgc\n" + "".join(labels))
    columns = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"
    (folder / "mrnas.structures.tsv").write_text(columns + "".join(structures))
    (folder / "short.fa").write_text(">ENST00000000001.2 x\nACGGUAGCUAGCUAACGAUCGAU\n>s2\nACGGUAGCUA\n")
    isoclr.build(
        out=folder / "corpus",
        species="human",
        transcripts=folder / "mrnas.fa",
        annotation=(folder / "mrnas.structures.tsv",),
    )
    isoclr.create("isoclr-s", seed=0).save(folder / "model")
    embeddings = isoclr.embed((folder / "corpus",), model=str(folder / "model"), out=folder / "e.parquet")
    isoclr.fit(embeddings, folder / "labels.tsv", out=folder / "head", name="gc", folds=4)
    return folder


@pytest.fixture
def shipped(workbench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what ships: the workbench's model as ``isoclr-s.v1``, its head for ``gc`` of ``human``."""
    shelf = tmp_path / "weights"
    shutil.copytree(workbench / "model", shelf / "isoclr-s.v1")
    shutil.copytree(workbench / "head", shelf / "isoclr-s.v1/heads/gc-human")
    monkeypatch.setattr("isoclr.models.load.PRETRAINED_DIR", shelf)
    return shelf


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Finds a port for the processes of a job."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Starts programs at once; their isoclr-s is narrow."""
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def narrow() -> Iterator[None]:
    """The architecture isoclr-s and its projection head are narrow, as in ``forks``."""
    from isoclr.models.encoder import MODELS
    from isoclr.models.resnet import Architecture, ProjectionHead

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "isoclr-s", Architecture(*NARROW))
        projector = partial(ProjectionHead, **NARROW_PROJECTION)
        patch.setattr("isoclr.pretraining.model.ProjectionHead", projector)
        yield


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch computes on two threads; afterwards on as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class FakeHub:
    """Repositories of the Hugging Face hub: commits served over HTTP, pushes taken by a patched client."""

    def __init__(self) -> None:
        self.commits: dict[tuple[str, str], dict[str, bytes]] = {}
        """Files of every repository and commit."""
        self.refs: dict[tuple[str, str], str] = {}
        """Commit of every repository and branch or tag."""
        self.private: set[str] = set()
        self.requests: list[str] = []
        self.tokens: set[str | None] = set()
        self.answers: dict[str, int | bytes] = {}
        """What to answer instead, by a part of ``METHOD path``: a status, or a body."""
        self.headers: dict[str, str] = {}
        """Headers of files that replace the right ones."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def commit(self, files: dict[str, bytes], repo: str = "lab/model", ref: str = "main", tag: str = "") -> str:
        """Make a commit with exactly these files; a branch or tag points to it."""
        commit = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[repo, commit] = files
        self.refs |= {(repo, name): commit for name in (ref, tag) if name}
        return commit

    def files(self, repo: str, ref: str = "main") -> dict[str, bytes]:
        """Files of a branch."""
        return self.commits[repo, self.refs[repo, ref]]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path.partition("?")[0])
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
                hub.requests.append(f"{self.command} {path}")
                hub.tokens.add(token)
                status, headers, body = hub._answer(f"{self.command} {path}", path, token)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _answer(self, line: str, path: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        for part, answer in self.answers.items():
            if part in line:
                if isinstance(answer, bytes):
                    return 200, {}, answer
                return answer, {"X-Error-Message": "refused by the test"}, b"{}"
        if token not in (None, "hf_valid"):
            return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b"{}"
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path)
        resolve = re.fullmatch(r"/([^/]+/[^/]+)/resolve/(.+)/([^/]+)", path)
        match = api or resolve
        repo, ref = (match[1], match[2] or "main") if match else ("", "")
        commit = self.refs.get((repo, ref), ref)
        if repo not in {name for name, _ in self.commits} or (repo in self.private and not token):
            return 401, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if (repo, commit) not in self.commits:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        files = self.commits[repo, commit]
        if api:
            siblings = [{"rfilename": name} for name in files]
            private = repo in self.private
            info = {"id": repo, "sha": commit, "private": private, "siblings": siblings}
            return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
        assert resolve is not None
        if resolve[3] not in files:
            return 404, {"X-Error-Code": "EntryNotFound"}, b"{}"
        body = files[resolve[3]]
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        return 200, {"X-Repo-Commit": commit, "ETag": etag, **self.headers}, body


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A :class:`FakeHub` as the default endpoint, with an empty cache and no token."""
    import huggingface_hub
    from huggingface_hub import HfApi, constants

    fake = FakeHub()
    home = tmp_path_factory.mktemp("hub-home")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # plain HTTP, the only one of this server
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", fake.url + template)
    monkeypatch.setattr(constants, "ENDPOINT", fake.url)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")

    def create_repo(api: HfApi, repo: str, *, private: bool | None, **_: object) -> None:
        assert api.token == "hf_valid"
        if repo not in {name for name, _ in fake.commits}:
            fake.commit({".gitattributes": b""}, repo)
            fake.private |= {repo} if private else set()

    def create_branch(_: HfApi, repo: str, *, branch: str, **__: object) -> None:
        fake.refs.setdefault((repo, branch), fake.refs[repo, "main"])

    def create_commit(_: HfApi, repo: str, operations: Any, *, revision: str, **__: object) -> Any:
        files = {one.path_in_repo: one.path_or_fileobj for one in operations}
        oid = fake.commit(fake.files(repo, revision) | files, repo, revision)
        return SimpleNamespace(oid=oid, commit_url=f"{fake.url}/{repo}/commit/{oid}")

    for method in (create_repo, create_branch, create_commit):
        monkeypatch.setattr(HfApi, method.__name__, method)
    huggingface_hub.close_session()
    yield fake
    huggingface_hub.close_session()
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A running browser; the test is skipped where there is none."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with open_browser(program) as browser:
        yield browser
