"""What unfinished copies of a table finished, kept for the next one: the draft.

After each range but the last, a copy writes the slices that it has finished into `_draft.json`, in the format of a
manifest. No reader looks there. The next copy takes a slice over where the source's fingerprint in its own snapshot is
that of the draft's files: nothing is taken on trust, and however the source changed in between, bronze is the source.

There is one draft per table, at a name that is known, so that to look for it costs one read whatever the history.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lake_model.bronze_manifest import BronzeFile, Manifest, Slice
from lake_model.lake_layout import DRAFT_NAME
from lakehouse.bronze.slice_index import filled_index
from lakehouse.bronze.stored_fingerprints import without_earlier
from lakehouse.errors import ManifestError, OvertakenError, StorageError
from lakehouse.lake.lake_path import FileState, LakePath, publish, read_state, remove, state, store_time

_log = logging.getLogger(__name__)

Substitutions = Mapping[str, Mapping[str, int]]


class Draft:
    """The draft of a table, as one run finds it and adds to it.

    Args:
        folder: the table's folder.
        head: what the run's manifest will say of table, columns and query; its files and slices mean nothing.
        longest_age: files that are older are left, since upkeep may take them while the copy runs.
        writable: whether a draft of this run could be of use to any other.

    Attributes:
        kept: files of this run that a draft names: another run may have published them, so they must stay.
        files, substitutions: of what was taken over.
    """

    def __init__(self, folder: LakePath, head: Manifest, longest_age: timedelta, writable: bool) -> None:
        self.kept: set[str] = set()
        self.files: dict[str, BronzeFile] = {}
        self.substitutions: Substitutions = {}
        self._folder = folder
        self._head = head
        self._longest_age = longest_age
        self._seen: FileState | None = None
        self._writable = writable
        self._left: Manifest | None = None
        self._taken: dict[str, Slice] = {}

    def find(self) -> Manifest | None:
        """The draft that was left, with those slices whose files are still there; None where it is of no use.

        Raises:
            StorageError: it cannot be read, or the folder cannot be written.
        """
        self._seen = read_state(self._folder / DRAFT_NAME)
        if self._seen.content is None:
            return None
        try:
            left = without_earlier(Manifest.from_json(self._seen.content, self._folder / DRAFT_NAME))
        except ManifestError as error:
            _log.warning("%s: everything is copied afresh", error)
            return None
        head = self._head
        if (left.columns, left.date_column) != (head.columns, head.date_column):
            return None
        # By the clock that upkeep goes by: were this machine's behind, files would be taken over that are about to go.
        not_before = store_time(self._folder) - self._longest_age
        there = {name for name, file in left.files.items() if self._is_there(name, file, not_before)}
        slices = [item for item in left.slices if there.issuperset(item.files)]
        if left.substitutions and len(slices) < len(left.slices):
            # It is not known which slices its counts of substituted values belong to.
            return None
        self._left = filled_index(left, slices, left.files)
        return self._left

    def _is_there(self, name: str, file: BronzeFile, not_before: datetime) -> bool:
        found = state(self._folder / name)
        return found is not None and found.bytes == file.bytes and found.modified >= not_before

    def take(self, proven: Mapping[str, Slice]) -> Mapping[str, Slice]:
        """Take slices over: all of them, or none where the draft's counts cannot be shared out. Gives those that were.

        Args:
            proven: slices of what `find` gave, by name, whose content is the source's in this run's snapshot; their
                `source_fingerprint` may have become known.
        """
        left = self._left
        if left is None:
            return {}
        if left.substitutions and {item.slice for item in left.slices} != set(proven):
            self._left = None
            return {}
        self._taken = dict(proven)
        self.substitutions = left.substitutions
        self.files = {name: left.files[name] for item in proven.values() for name in item.files}
        return proven

    def write(self, finished: Sequence[Slice], files: Mapping[str, BronzeFile], substitutions: Substitutions) -> None:
        """Keep what the run has finished, beside what it took over and what it found.

        Args:
            finished: every slice that it copied so far.
            files: at least the files of these.
            substitutions: what these files, and those that were taken over, could not hold as it was.

        Raises:
            StorageError: it cannot be written.
        """
        if not self._writable:
            return
        left = self._left
        slices = {
            **({item.slice: item for item in left.slices} if left is not None and not left.substitutions else {}),
            **self._taken,
            **{item.slice: item for item in finished},
        }
        known = {**(left.files if left is not None else {}), **files}
        draft = replace(filled_index(self._head, list(slices.values()), known), substitutions=substitutions)
        content = draft.to_json().encode()
        path = self._folder / DRAFT_NAME
        # Before it is written: a write that failed half-way may have been seen.
        self.kept.update(name for item in finished for name in item.files)
        with contextlib.suppress(OvertakenError):
            publish(path, content, self._seen or read_state(path))
            self._seen = read_state(path)
        # Another run of the table writes drafts at the same time: one of the two is enough.
        self._writable = self._seen is not None and self._seen.content == content

    def remove(self, scanned_everything: bool) -> None:
        """Remove the draft that was found or written: what it names is published, or is not the source's any more.

        Args:
            scanned_everything: a run that did not, and took nothing over, leaves a draft to the run that it is for.
        """
        if (
            self.kept
            or self._taken
            or (scanned_everything and self._seen is not None and self._seen.content is not None)
        ):
            with contextlib.suppress(StorageError):
                remove(self._folder / DRAFT_NAME)
