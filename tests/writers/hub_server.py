"""A stand-in for the Hugging Face Hub on the loopback: the part of its HTTP protocol that the real client speaks.

Dataset repositories, branches, commits (NDJSON), trees in pages, the git LFS batch protocol with upload and
verification, uploads through Xet, and downloads with redirects and ranges (readers are not told of Xet). Every commit
is kept, so that tests can look at what a reader saw at any moment.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from xet_store import XetStore

TOKEN = "hf_LoopbackTokenThatMustNeverBeShown"
XET_TOKEN = "xet-token-of-the-loopback"
_LFS_SUFFIXES = (".parquet", ".jpg", ".png", ".arrow")
_PAGE = 7


@dataclass(frozen=True)
class Entry:
    """A file in a commit: its content's SHA-256, and whether it is in the large file storage."""

    sha256: str
    size: int
    lfs: bool
    oid: str


@dataclass
class Repo:
    private: bool
    commits: dict[str, dict[str, Entry]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def history(self) -> list[str]:
        return list(self.commits)


@dataclass
class Fault:
    """What goes wrong: requests whose "METHOD path" matches, `times` times after `skip` that pass.

    kind: a status; "drop" closes the connection unanswered; "lose" does the work, then closes it unanswered.
    """

    pattern: str
    kind: int | str
    times: int = 1
    skip: int = 0


class HubServer:
    """Use as a context manager; `endpoint` goes to HF_ENDPOINT."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.uploads: Counter[str] = Counter()
        self.log: list[str] = []
        self.faults: list[Fault] = []
        self.token = TOKEN
        self.xet = XetStore()
        self.may_write = True
        self.token_echo = False
        self.busy = 0
        self.before_upload: Callable[[int], None] = lambda number: None
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def storage(self) -> str:
        """Where content is: another host than the Hub, as in life, to which no token may go."""
        return f"http://localhost:{self._server.server_port}"

    def content(self, repo: str, path: str, commit: str) -> bytes:
        return self.blobs[self.repos[repo].commits[commit][path].sha256]

    def create(self, name: str, private: bool) -> Repo:
        repo = self.repos[name] = Repo(private)
        attributes = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in _LFS_SUFFIXES)
        self.commit(name, "main", "initial commit", {".gitattributes": self.store(attributes.encode(), lfs=False)}, [])
        return repo

    def store(self, data: bytes, *, lfs: bool) -> Entry:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return _entry(digest, data, lfs)

    def commit(self, name: str, branch: str, title: str, adds: dict[str, Entry], deletes: list[str]) -> str:
        repo = self.repos[name]
        files = dict(repo.commits.get(repo.branches.get(branch, ""), {}))
        for path in deletes:
            gone = [one for one in files if one == path or (path.endswith("/") and one.startswith(path))]
            if not gone:
                raise KeyError(path)
            for one in gone:
                del files[one]
        files |= adds
        oid = hashlib.sha1(f"{len(repo.commits)} {title} {sorted(files)}".encode()).hexdigest()
        repo.commits[oid], repo.titles[oid] = files, title
        repo.changes[oid] = len(adds) + len(deletes)
        repo.branches[branch] = oid
        return oid


def _entry(digest: str, data: bytes, lfs: bool) -> Entry:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()
    blob = pointer if lfs else data
    return Entry(digest, len(data), lfs, hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest())


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def _handler_of(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        server_state = hub

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that dies is nobody's mistake here; anything else is said."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server_state: HubServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece, else each waits for the acknowledgement of its headers

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        with self.server_state.lock:
            self.server_state.busy += 1
        try:
            self._serve()
        finally:
            with self.server_state.lock:
                self.server_state.busy -= 1

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _serve(self) -> None:
        hub = self.server_state
        address = urlsplit(self.path)
        self.query, path = parse_qs(address.query), address.path
        body = self._chunked() if self.headers.get("Transfer-Encoding") else self._sized()
        with hub.lock:
            hub.log.append(f"{self.command} {self.path}")
            fault = self._fault(f"{self.command} {path}")
        if fault == "drop":
            self.close_connection = True
            return
        try:
            if isinstance(fault, int):
                raise _Refused(fault, f"a {fault} on purpose{self._echo()}")
            with hub.lock if not path.startswith(("/upload/", "/xet/")) else _NoLock():
                status, answer, headers = self._route(path, body)
        except _Refused as refused:
            headers = {"X-Error-Message": refused.message, **({"X-Error-Code": refused.code} if refused.code else {})}
            status, answer = refused.status, json.dumps({"error": refused.message}).encode()
        if fault == "lose":
            self.close_connection = True
            return
        self._answer(status, answer, headers)

    def _sized(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunked(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _echo(self) -> str:
        """What a careless proxy may say: the headers that it was sent."""
        return f" for {self.headers.get('Authorization')}" if self.server_state.token_echo else ""

    def _fault(self, request: str) -> int | str | None:
        for fault in self.server_state.faults:
            if re.search(fault.pattern, request) and fault.times:
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault.kind
        return None

    def _answer(self, status: int, answer: bytes | object, headers: dict[str, str]) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _route(self, path: str, body: bytes) -> tuple[int, bytes | object, dict[str, str]]:
        for pattern, action in _ROUTES:
            if found := re.fullmatch(pattern, path):
                answer = getattr(self, action)(*(unquote(part or "") for part in found.groups()), body)
                return answer if isinstance(answer, tuple) else (200, answer, {})
        raise _Refused(404, f"no such page: {self.command} {path}", "EntryNotFound")

    # Who asks, and for what

    def _require_token(self) -> None:
        given = self.headers.get("Authorization", "")
        if not given:
            raise _Refused(401, "Invalid username or password.")
        if given != f"Bearer {self.server_state.token}":
            raise _Refused(401, "Invalid credentials in Authorization header")

    def _require_write(self) -> None:
        self._require_token()
        if not self.server_state.may_write:
            raise _Refused(403, "You don't have the required permissions to perform this action")

    def _repo(self, name: str) -> Repo:
        if self.headers.get("Authorization"):
            self._require_token()
        repo = self.server_state.repos.get(name)
        if repo is None or (repo.private and not self.headers.get("Authorization")):
            raise _Refused(404 if repo is None else 401, "Repository not found", "RepoNotFound")
        return repo

    def _commit_of(self, repo: Repo, revision: str) -> str:
        commit = repo.branches.get(revision, revision)
        if commit not in repo.commits:
            raise _Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    # The API

    def whoami(self, _: bytes) -> object:
        self._require_token()
        return {"type": "user", "name": "me", "auth": {"accessToken": {"role": "write"}}}

    def create_repo(self, body: bytes) -> object:
        self._require_write()
        asked = json.loads(body)
        assert asked["type"] == "dataset"
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        url = {"url": f"{self.server_state.endpoint}/datasets/{name}"}
        if name in self.server_state.repos:
            return 409, {"error": "You already created this dataset repo", **url}, {}
        self.server_state.create(name, asked.get("visibility") == "private" or bool(asked.get("private")))
        return url

    def validate_yaml(self, body: bytes) -> object:
        content = json.loads(body)["content"]
        try:
            head = yaml.safe_load(content.split("---", 2)[1])
        except (yaml.YAMLError, IndexError) as fault:
            return 400, {"errors": [{"message": f"YAML is not valid: {fault}"}], "warnings": []}, {}
        name = head.get("license_name")
        if name and not re.fullmatch(r"[a-z0-9-.]+", name):
            return 400, {"errors": [{"message": '"license_name" is not valid'}], "warnings": []}, {}
        return {"errors": [], "warnings": [{"message": "an empty warning"}] if not head.get("license") else []}

    def repo_info(self, name: str, body: bytes) -> object:
        return self.revision_info(name, "main", body)

    def revision_info(self, name: str, revision: str, _: bytes) -> object:
        repo = self._repo(name)
        commit = self._commit_of(repo, revision)
        info = {"_id": "0", "id": name, "sha": commit, "private": repo.private, "tags": []}
        info["siblings"] = [{"rfilename": path} for path in repo.commits[commit]]
        if head := self._card_head(repo.commits[commit].get("README.md")):
            info["cardData"] = head
        return info

    def _card_head(self, readme: Entry | None) -> object:
        """The YAML of a card, which the Hub sends along."""
        text = self.server_state.blobs[readme.sha256].decode() if readme else ""
        return yaml.safe_load(text.split("---", 2)[1]) if text.startswith("---") else None

    def branch(self, name: str, branch: str, _: bytes) -> object:
        self._require_write()
        repo = self._repo(name)
        if branch in repo.branches:
            raise _Refused(409, f"Reference already exists: refs/heads/{branch}")
        repo.branches[branch] = repo.branches["main"]
        return {}

    def preupload(self, name: str, revision: str, body: bytes) -> object:
        self._require_write()
        repo = self._repo(name)
        files = repo.commits[self._commit_of(repo, revision)]
        answers = []
        for asked in json.loads(body)["files"]:
            path = asked["path"]
            there = files.get(path)
            oid = {"oid": there.sha256 if there.lfs else there.oid} if there else {}
            mode = "lfs" if path.endswith(_LFS_SUFFIXES) else "regular"
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **oid})
        return {"files": answers}

    def lfs_batch(self, name: str, body: bytes) -> object:
        self._require_write()
        self._repo(name)
        hub, objects = self.server_state, []
        asked = json.loads(body)
        assert asked["operation"] == "upload" and asked["hash_algo"] == "sha256"
        for one in asked["objects"]:
            answer = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in hub.blobs:
                answer["actions"] = {
                    "upload": {"href": f"{hub.endpoint}/upload/{one['oid']}"},
                    "verify": {"href": f"{hub.endpoint}/datasets/{name}.git/info/lfs/objects/verify"},
                }
            objects.append(answer)
        return 200, {"transfer": "basic", "objects": objects}, {}

    # Xet: a token of its own, xorbs, and shards that make files of them

    def xet_token(self, name: str, _: str, __: bytes) -> object:
        self._require_write()
        self._repo(name)
        place, ends = f"{self.server_state.storage}/xet", str(int(time.time()) + 3600)
        headers = {"X-Xet-Cas-Url": place, "X-Xet-Access-Token": XET_TOKEN, "X-Xet-Token-Expiration": ends}
        return 200, {"casUrl": place, "accessToken": XET_TOKEN, "exp": int(ends)}, headers

    def xorb(self, name: str, body: bytes) -> object:
        self._require_xet()
        hub = self.server_state
        hub.before_upload(len(hub.xet.xorbs))
        with hub.lock:
            return {"was_inserted": hub.xet.add_xorb(name, body)}

    def shard(self, body: bytes) -> object:
        self._require_xet()
        hub = self.server_state
        with hub.lock:
            try:
                found = hub.xet.add_shard(body)
            except (KeyError, ValueError) as fault:
                raise _Refused(400, f"the shard does not hold: {fault}") from fault
            for digest in found:
                hub.blobs[digest] = hub.xet.files[digest]
                hub.uploads[digest] += 1
        return {"result": 1}

    def _require_xet(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {XET_TOKEN}":
            raise _Refused(401, "not the token of the storage")

    def upload(self, oid: str, body: bytes) -> object:
        hub = self.server_state
        with hub.lock:
            number = sum(hub.uploads.values())
        hub.before_upload(number)
        if hashlib.sha256(body).hexdigest() != oid:
            raise _Refused(400, "the content is not what its name says")
        with hub.lock:
            hub.uploads[oid] += 1
            hub.blobs[oid] = body
        return b""

    def lfs_verify(self, name: str, body: bytes) -> object:
        self._require_write()
        asked = json.loads(body)
        if len(self.server_state.blobs.get(asked["oid"], b"")) != asked["size"]:
            raise _Refused(404, f"{asked['oid']} is not in {name}")
        return {}

    def commit(self, name: str, branch: str, body: bytes) -> object:
        self._require_write()
        hub, repo = self.server_state, self._repo(name)
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit") not in (None, self._commit_of(repo, branch)):
            raise _Refused(412, "A commit has happened since. Please refresh and try again.")
        adds: dict[str, Entry] = {}
        deletes: list[str] = []
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                adds[value["path"]] = hub.store(base64.b64decode(value["content"]), lfs=False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in hub.blobs:
                    raise _Refused(400, f"LFS object {value['oid']} was never uploaded")
                adds[value["path"]] = _entry(value["oid"], hub.blobs[value["oid"]], True)
            else:
                assert line["key"] in ("deletedFile", "deletedFolder"), line["key"]
                folder = line["key"] == "deletedFolder"
                deletes.append(value["path"].rstrip("/") + ("/" if folder else ""))
        try:
            oid = hub.commit(name, branch, header["summary"], adds, deletes)
        except KeyError as gone:
            raise _Refused(404, f"A file with this name doesn't exist: {gone}", "EntryNotFound") from gone
        return {"success": True, "commitOid": oid, "commitUrl": f"{hub.endpoint}/datasets/{name}/commit/{oid}"}

    def tree(self, name: str, revision: str, folder: str, _: bytes) -> object:
        repo = self._repo(name)
        files = repo.commits[self._commit_of(repo, revision)]
        prefix = folder.strip("/") + "/" if folder.strip("/") else ""
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries: dict[str, object] = {}
        for path, entry in sorted(files.items()):
            if not path.startswith(prefix):
                continue
            parts = path[len(prefix) :].split("/")
            for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
                above = prefix + "/".join(parts[:depth])
                entries[above] = {"type": "directory", "path": above, "oid": "0" * 40, "size": 0}
            if recursive or len(parts) == 1:
                entries[path] = _described(path, entry)
        if prefix and not entries:
            raise _Refused(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        start = int(self.query.get("cursor", ["0"])[0])
        listed = list(entries.values())
        headers = {}
        if start + _PAGE < len(listed):
            base = f"{self.server_state.endpoint}{urlsplit(self.path).path}?recursive={recursive}"
            headers["Link"] = f'<{base}&cursor={start + _PAGE}>; rel="next"'
        return 200, listed[start : start + _PAGE], headers

    def paths_info(self, name: str, revision: str, body: bytes) -> object:
        repo = self._repo(name)
        files = repo.commits[self._commit_of(repo, revision)]
        given = body.decode()
        wanted = json.loads(given)["paths"] if given.startswith("{") else parse_qs(given)["paths"]
        found: list[object] = []
        for path in wanted:
            if path in files:
                found.append(_described(path, files[path]))
            elif any(one.startswith(f"{path}/") for one in files):
                found.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return found

    def resolve(self, name: str, revision: str, path: str, body: bytes) -> object:
        repo = self._repo(name)
        commit = self._commit_of(repo, revision)
        entry = repo.commits[commit].get(path)
        if entry is None:
            raise _Refused(404, f"{path} does not exist", "EntryNotFound")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{entry.oid}"'}
        if entry.lfs:
            linked = {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"'}
            return 302, b"", {**headers, **linked, "Location": f"{self.server_state.storage}/content/{entry.sha256}"}
        return self._content(entry.sha256, headers)

    def content(self, digest: str, _: bytes) -> object:
        assert "Authorization" not in self.headers, "the token was sent to the storage"
        return self._content(digest, {"ETag": f'"{digest}"'})

    def _content(self, digest: str, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        data = self.server_state.blobs[digest]
        headers = {**headers, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return 200, data, headers
        start, stop = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else len(data), len(data))
        return 206, data[start:stop], {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}


def _described(path: str, entry: Entry) -> dict[str, object]:
    lfs = {"lfs": {"oid": entry.sha256, "size": entry.size, "pointerSize": 130}} if entry.lfs else {}
    return {"type": "file", "path": path, "oid": entry.oid, "size": entry.size, **lfs}


class _NoLock:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_NAME = r"([^/]+/[^/]+)"
_ROUTES = (
    (r"/api/whoami-v2", "whoami"),
    (r"/api/repos/create", "create_repo"),
    (r"/api/validate-yaml", "validate_yaml"),
    (rf"/api/datasets/{_NAME}", "repo_info"),
    (rf"/api/datasets/{_NAME}/revision/(.+)", "revision_info"),
    (rf"/api/datasets/{_NAME}/branch/(.+)", "branch"),
    (rf"/api/datasets/{_NAME}/preupload/(.+)", "preupload"),
    (rf"/api/datasets/{_NAME}/commit/(.+)", "commit"),
    (rf"/api/datasets/{_NAME}/tree/([^/]+)(/.*)?", "tree"),
    (rf"/api/datasets/{_NAME}/paths-info/([^/]+)", "paths_info"),
    (r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", "lfs_batch"),
    (r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/verify", "lfs_verify"),
    (rf"/api/datasets/{_NAME}/xet-write-token/(.+)", "xet_token"),
    (r"/xet/v1/xorbs/default/([0-9a-f]{64})", "xorb"),
    (r"/xet/v1/shards", "shard"),
    (r"/upload/([0-9a-f]{64})", "upload"),
    (r"/content/([0-9a-f]{64})", "content"),
    (rf"/datasets/{_NAME}/resolve/([^/]+)/(.+)", "resolve"),
)
