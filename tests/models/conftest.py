"""What tests of the encoder's parts share."""

import base64
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

import huggingface_hub
import pytest
from huggingface_hub import constants

import isoclr

TOKEN = "hf_secret_of_the_tests"
Files = dict[str, bytes]
Answer = tuple[int, dict[str, str], bytes]


class Request(NamedTuple):
    """What a route needs to know."""

    body: bytes
    token: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def is_large(name: str) -> bool:
    """Whether the hub keeps a file apart from git, and answers with a redirect."""
    return name.endswith((".safetensors", ".bin", ".pt", ".ckpt"))


@dataclass
class Repo:
    """One repository: its commits, and what points to them."""

    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def commit(self, files: Files, branch: str = "main", tag: str | None = None) -> str:
        """Add files to what a branch has; the new commit."""
        whole = {**self.commits.get(self.branches.get(branch, ""), {}), **files}
        text = repr((len(self.commits), sorted((n, sha256(c)) for n, c in whole.items())))
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[commit] = whole
        self.branches[branch] = commit
        if tag is not None:
            self.tags[tag] = commit
        return commit

    def resolve(self, revision: str) -> str | None:
        found = self.branches.get(revision) or self.tags.get(revision) or revision
        return found if found in self.commits else None

    @property
    def head(self) -> Files:
        return self.commits[self.branches["main"]]


class RefusalError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


class Hub:
    """Keeps repositories, serves them, and remembers what was asked.

    Attributes:
        repos: by ``user/name``.
        asked: ``METHOD path`` of every request.
        tokens: of every request; None where there was none.
        answers: by route, what a test wants instead of the right answer: a status, or a body.
        headers: by route, headers that take the place of the right ones.
        silent: accept connections and never answer.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.answers: dict[str, int | bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.warnings: list[str] = []
        self.silent = False
        self._large: dict[str, bytes] = {}
        self._closing = threading.Event()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.handle(self)

            def do_HEAD(self) -> None:
                hub.handle(self)

            def do_POST(self) -> None:
                hub.handle(self)

            def do_PUT(self) -> None:
                hub.handle(self)

            def log_message(self, *words: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def store(self) -> str:
        """Another host for large files, as the hub has: no token may reach it."""
        return f"http://localhost:{self._server.server_address[1]}/large"

    def add(self, name: str = "lab/model", **what: Any) -> Repo:
        self.repos[name] = Repo(**what)
        return self.repos[name]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def handle(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path = unquote(request.path.partition("?")[0])
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        bearer = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.asked.append(f"{request.command} {path}")
        self.tokens.append(bearer or None)
        if self.silent:
            self._closing.wait(5)
            request.close_connection = True
            return
        try:
            status, headers, content = self._answer(request.command, path, body, bearer)
        except RefusalError as no:
            status, content = no.status, json.dumps({"error": no.message}).encode()
            headers = {"X-Error-Code": no.code, "X-Error-Message": no.message}
        for route, wanted in self.headers.items():
            headers |= wanted if route in f"{request.command} {path}" else {}
        request.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            if value:
                request.send_header(key, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)

    def _answer(self, method: str, path: str, body: bytes, token: str) -> Answer:
        for route, wanted in self.answers.items():
            if route in f"{method} {path}":
                if isinstance(wanted, int):
                    raise RefusalError(wanted, message="as the test wants it")
                return 200, {}, wanted
        if token and token != TOKEN:
            raise RefusalError(401, message="Invalid credentials in Authorization header")
        if method in ("POST", "PUT") and not token and not path.startswith("/large/"):
            raise RefusalError(401, message="Invalid username or password.")
        for pattern, answer in self._routes:
            if found := re.fullmatch(pattern, f"{method} {path}"):
                return answer(self, Request(body, token), *found.groups())
        raise RefusalError(404, message=f"no route for {method} {path}")

    def _repo(self, name: str, token: str) -> Repo:
        repo = self.repos.get(name)
        if repo is None or (repo.private and not token):
            raise RefusalError(404 if token else 401, "RepoNotFound", "Repository not found")
        return repo

    def _commit(self, name: str, revision: str, token: str) -> tuple[Repo, str]:
        repo = self._repo(name, token)
        commit = repo.resolve(revision)
        if commit is None:
            raise RefusalError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repo, commit

    def _info(self, request: Request, name: str, revision: str | None = None) -> Answer:
        repo, commit = self._commit(name, revision or "main", request.token)
        siblings = [{"rfilename": file} for file in repo.commits[commit]]
        told = {"id": name, "sha": commit, "private": repo.private, "siblings": siblings}
        return _json(told)

    def _refs(self, request: Request, name: str) -> Answer:
        repo = self._repo(name, request.token)

        def told(refs: dict[str, str]) -> list[dict[str, str]]:
            return [{"name": n, "ref": n, "targetCommit": c} for n, c in refs.items()]

        return _json({"branches": told(repo.branches), "tags": told(repo.tags), "converts": []})

    def _resolve(self, request: Request, name: str, revision: str, file: str) -> Answer:
        repo, commit = self._commit(name, revision, request.token)
        if repo.gated and request.token != TOKEN:
            raise RefusalError(403, "GatedRepo", "Access to this model is restricted")
        if file not in repo.commits[commit]:
            raise RefusalError(404, "EntryNotFound", "Entry not found")
        content = repo.commits[commit][file]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{sha256(content)[:40]}"'}
        if not is_large(file):
            return 200, headers, content
        self._large[sha256(content)] = content
        headers |= {"X-Linked-ETag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        return 302, headers | {"Location": f"{self.store}/{sha256(content)}"}, b""

    def _large_file(self, _: Request, oid: str) -> Answer:
        return 200, {"ETag": f'"{oid}"'}, self._large[oid]

    def _create(self, request: Request) -> Answer:
        asked = request.json
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.repos:
            raise RefusalError(409, message="You already created this model repo")
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.add(name, private=private).commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        return _json({"url": f"{self.url}/{name}", "name": name})

    def _branch(self, request: Request, name: str, branch: str) -> Answer:
        repo = self._repo(name, request.token)
        if branch in repo.branches:
            raise RefusalError(409, message="Reference already exists")
        repo.branches[branch] = repo.branches["main"]
        return _json({})

    def _validate(self, _: Request) -> Answer:
        return _json({"errors": [], "warnings": [{"message": text} for text in self.warnings]})

    def _preupload(self, request: Request, name: str, revision: str) -> Answer:
        repo, commit = self._commit(name, revision, request.token)
        told = []
        for file in request.json["files"]:
            mode = "lfs" if is_large(file["path"]) else "regular"
            here = repo.commits[commit].get(file["path"])
            oid = here and (sha256(here) if mode == "lfs" else _git_hash(here))
            told.append(
                {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}
            )
        return _json({"files": told})

    def _batch(self, request: Request, name: str) -> Answer:
        self._repo(name, request.token)
        told = []
        for asked in request.json["objects"]:
            upload, verify = f"{self.store}/{asked['oid']}", f"{self.url}/verify/{asked['oid']}"
            actions = {"upload": {"href": upload}, "verify": {"href": verify}}
            told.append({**asked, "actions": actions})
        return _json({"transfer": "basic", "objects": told})

    def _put(self, request: Request, oid: str) -> Answer:
        if sha256(request.body) != oid:
            raise RefusalError(400, message="content is not what was announced")
        self._large[oid] = request.body
        return 200, {}, b""

    def _verify(self, request: Request, oid: str) -> Answer:
        if len(self._large[oid]) != request.json["size"]:
            raise RefusalError(400, message="size differs")
        return _json({})

    def _add_commit(self, request: Request, name: str, branch: str) -> Answer:
        repo = self._repo(name, request.token)
        lines = [json.loads(line) for line in request.body.splitlines()]
        files: Files = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self._large[value["oid"]]
        commit = repo.commit(files, branch)
        url = f"{self.url}/{name}/commit/{commit}"
        return _json({"commitOid": commit, "commitUrl": url, "success": True})

    _NAME = r"([^/]+/[^/]+)"
    _routes: tuple[tuple[str, Callable[..., Answer]], ...] = (
        (rf"GET /api/models/{_NAME}", _info),
        (rf"GET /api/models/{_NAME}/revision/(.+)", _info),
        (rf"GET /api/models/{_NAME}/refs", _refs),
        (rf"(?:GET|HEAD) /{_NAME}/resolve/(.+)/([^/]+)", _resolve),
        (r"(?:GET|HEAD) /large/(\w+)", _large_file),
        (r"POST /api/repos/create", _create),
        (rf"POST /api/models/{_NAME}/branch/(.+)", _branch),
        (r"POST /api/validate-yaml", _validate),
        (rf"POST /api/models/{_NAME}/preupload/(.+)", _preupload),
        (rf"POST /{_NAME}\.git/info/lfs/objects/batch", _batch),
        (r"PUT /large/(\w+)", _put),
        (r"POST /verify/(\w+)", _verify),
        (rf"POST /api/models/{_NAME}/commit/(.+)", _add_commit),
    )


def _json(value: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Files]:
    """The files of three models that differ in their weights."""
    found = []
    for seed in range(3):
        folder = isoclr.create("isoclr-s", seed=seed).save(tmp_path_factory.mktemp("model"))
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    return found


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub of its own for each test, with an empty cache, no token, and nothing else within reach."""
    home = tmp_path_factory.mktemp("hub-home")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # plain HTTP, as this server speaks
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    huggingface_hub.close_session()
    server = Hub()
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + template)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    yield server
    huggingface_hub.close_session()
    server.close()
