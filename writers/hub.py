"""The Hugging Face Hub, as far as a push needs it: one branch of one dataset repository.

All talking is done by `huggingface_hub`; the endpoint is its `HF_ENDPOINT`, the token its `HF_TOKEN` or login. The
token is never shown: every message from outside is cleared of it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from ..manifests.errors import DatasetFolderError, HubError, UsageError
from .hub_plan import README, Commit, HubFile, Remote, shown_by

_FILES_AT_ONCE: Final = 8
_RETRIED: Final = frozenset({408, 409, 412, 425, 429, 500, 502, 503, 504})

_NO_XET: Final = re.compile(r"\b404\b.*xet-write-token")
"""What hf_xet says of an endpoint that gives out no token for Xet."""


class BusyHubError(HubError):
    """The Hub cannot do it now, or somebody else has changed the branch: worth another try from the present state."""


@dataclass(frozen=True)
class Hub:
    """A branch of a dataset repository.

    Attributes:
        repo: USER/NAME.
        revision: the branch.
    """

    repo: str
    revision: str = "main"

    def __post_init__(self) -> None:
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id

        try:
            validate_repo_id(self.repo)
        except HFValidationError as fault:
            raise UsageError(f"{self.repo!r} is no name of a repository; give USER/NAME") from fault
        if self.repo.count("/") != 1:
            raise UsageError(f"{self.repo!r} names no user or organization; give USER/NAME")

    @property
    def has_token(self) -> bool:
        """Whether there is a token at all."""
        return bool(_token())

    @cached_property
    def _api(self) -> Any:
        from huggingface_hub import HfApi

        return HfApi()

    def check_login(self) -> str:
        """Name of the user whose token this is.

        Raises:
            HubError: there is no token, or it is refused.
        """
        if not self.has_token:
            raise HubError("no token for the Hub: set HF_TOKEN, or log in with `hf auth login`")
        with _hub_errors(self.repo):
            return str(self._api.whoami()["name"])

    def stated_license(self) -> str:
        """The licence that the card's head names; empty when it names none.

        Raises:
            HubError: the repository cannot be read.
        """
        with _hub_errors(self.repo):
            card = self._api.dataset_info(self.repo, revision=self.revision).card_data
        stated = card.get("license") if card else None
        return stated if isinstance(stated, str) else ""

    def open(self, private: bool | None) -> bool:
        """Create the repository and the branch where they are missing; returns whether the repository is private.

        Args:
            private: for a new repository, which is private unless this is False; an old one must agree.

        Raises:
            HubError: it cannot be created or written, or it is public where private was asked for, or the reverse.
        """
        with _hub_errors(self.repo):
            self._api.create_repo(self.repo, repo_type="dataset", private=private is not False, exist_ok=True)
            found = self._api.repo_info(self.repo, repo_type="dataset")
            if private is not None and bool(found.private) != private:
                is_, wanted = ("private", "public") if found.private else ("public", "private")
                raise HubError(
                    f"{self.repo} exists and is {is_}, and {wanted} was asked for; change it in its settings on the "
                    f"Hub, or leave --{wanted} out"
                )
            if self.revision != "main":
                self._api.create_branch(self.repo, branch=self.revision, repo_type="dataset", exist_ok=True)
        return bool(found.private)

    def state(self, wanted: Mapping[str, HubFile]) -> tuple[Remote, str | None]:
        """What the branch holds, and its commit; nothing and None when the repository does not exist.

        Args:
            wanted: files whose content the caller knows; files outside the large file storage are listed by their
                git name, which only such a file can be compared with.

        Raises:
            HubError: it cannot be read.
        """
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        with _hub_errors(self.repo):
            try:
                commit = str(self._api.repo_info(self.repo, repo_type="dataset", revision=self.revision).sha)
            except (RepositoryNotFoundError, RevisionNotFoundError):
                return Remote(), None
            listed = self._api.list_repo_tree(self.repo, repo_type="dataset", revision=commit, recursive=True)
            entries = [entry for entry in listed if hasattr(entry, "blob_id")]
            files = {entry.path: _digest(entry, wanted.get(entry.path)) for entry in entries}
            shown = shown_by(self._read(README, commit)) if README in files else None
        return Remote(files, shown), commit

    def _read(self, path: str, commit: str) -> bytes:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        answer = get_session().get(
            hf_hub_url(self.repo, path, repo_type="dataset", revision=commit, endpoint=self._api.endpoint),
            headers=build_hf_headers(),
            follow_redirects=True,
        )
        hf_raise_for_status(answer)
        return bytes(answer.content)

    def commit(self, commit: Commit, parent: str | None, threads: int, advance: Callable[[int], None]) -> str:
        """Upload what the Hub does not have, then commit; returns the new commit.

        Args:
            commit: what to change.
            parent: the commit that the branch must still be at; None for any.
            threads: files uploaded at a time.
            advance: called with the bytes of files that are up.

        Raises:
            BusyHubError: worth another try.
            HubError: refused.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        adds = []
        for path, file in commit.adds.items():
            content = file.content if isinstance(file.content, bytes) else str(file.content)
            adds.append(CommitOperationAdd(path, content))
            adds[-1].upload_info.sha256 = bytes.fromhex(file.sha256)
        where = {"repo_id": self.repo, "repo_type": "dataset", "revision": self.revision, "num_threads": threads}
        with _hub_errors(self.repo), _quiet():
            for start in range(0, len(adds), _FILES_AT_ONCE):
                some = adds[start : start + _FILES_AT_ONCE]
                self._api.preupload_lfs_files(additions=some, free_memory=False, **where)
                advance(sum(operation.upload_info.size for operation in some))
            gone = [CommitOperationDelete(path) for path in commit.deletes]
            done = self._api.create_commit(
                operations=[*adds, *gone], commit_message=f"{commit.title} (taskpaint)", parent_commit=parent, **where
            )
        return str(done.oid)

    def first_row(self, split: str, commit: str) -> dict[str, Any]:
        """The first row of a split as a reader gets it; images as their bytes.

        Raises:
            HubError: it cannot be loaded.
        """
        import datasets

        with _hub_errors(self.repo):
            try:
                rows = datasets.load_dataset(self.repo, split=split, streaming=True, revision=commit)
                for name, feature in (rows.features or {}).items():
                    if isinstance(feature, datasets.Image):
                        rows = rows.cast_column(name, datasets.Image(decode=False))
                return dict(next(iter(rows)))
            except (datasets.exceptions.DatasetsError, FileNotFoundError, ValueError, StopIteration) as fault:
                raise HubError(
                    f"{self.repo} is uploaded, but its first row of {split} cannot be loaded: {_clear(str(fault))}"
                ) from fault


def _digest(entry: Any, wanted: HubFile | None) -> str:
    if entry.lfs is not None:
        return str(entry.lfs.sha256)
    if wanted is not None and wanted.size == entry.size and wanted.git_sha1 == entry.blob_id:
        return wanted.sha256
    return f"git:{entry.blob_id}"


def _token() -> str | None:
    from huggingface_hub import get_token

    return get_token()


def _clear(text: str) -> str:
    """A message in one line, without the token."""
    token = _token()
    line = " ".join(text.split())
    return line.replace(token, "***") if token else line


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's bars, one a file, and the validator's advice on the card, which is no fault of the push."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        if shown:
            enable_progress_bars()


@contextmanager
def _hub_errors(repo: str) -> Iterator[None]:
    """Turn what the Hub's library raises into one sentence with a remedy."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HubError:
        raise
    except (HfHubHTTPError, httpx2.HTTPError, RuntimeError, ValueError, OSError) as fault:
        causes = list(_causes(fault))
        if unreadable := next((one.filename for one in causes if isinstance(one, OSError) and one.filename), None):
            raise DatasetFolderError(f"{unreadable} cannot be read: {_clear(str(causes[-1]))}") from fault
        answer = next((one for one in causes if isinstance(one, HfHubHTTPError)), None)
        if answer is None and isinstance(fault, ValueError):
            raise HubError(f"the Hub does not accept this: {_clear(str(fault))}") from fault
        told = answer or causes[-1]
        status = answer.response.status_code if answer else None
        raise _refusal(status, repo, _clear(str(told) or type(told).__name__)) from fault


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__


def _refusal(status: int | None, repo: str, text: str) -> HubError:
    if status == 401:
        return HubError(
            "the Hub refused the token (401): it is wrong or has expired; set HF_TOKEN anew or run `hf auth login`, "
            "then run the same command again, nothing that is uploaded is uploaded twice"
        )
    if status == 403:
        return HubError(f"the token may not write to {repo} (403); use one with write access to it")
    if status == 404:
        return HubError(f"{repo} or the branch does not exist on the Hub, or the token may not see it (404)")
    if status is None and _NO_XET.search(text):
        return HubError("this Hub has no Xet storage; set HF_HUB_DISABLE_XET=1, which uploads through git LFS")
    if status is None or status in _RETRIED:
        what = "the connection to the Hub failed" if status is None else f"the Hub answered {status}"
        return BusyHubError(f"{what}: {text}")
    return HubError(f"the Hub answered {status}: {text}")
