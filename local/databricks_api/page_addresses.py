"""The addresses of the pages for a browser, which sends no bearer token: each carries a key that is made from it."""

from __future__ import annotations

import hashlib
import hmac


class PageAddresses:
    """Addresses and keys of the overview and of the run pages."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token

    def overview(self) -> str:
        """Address of the page of the server, from which all other pages can be reached."""
        return f"{self._base_url}/?key={self.overview_key}"

    def run(self, run_id: int) -> str:
        """Address of the page of a run or task run."""
        return f"{self._base_url}/runs/{run_id}?key={self._key(f'run page {run_id}')}"

    @property
    def overview_key(self) -> str:
        """Opens the overview, and as a cookie all pages."""
        return self._key("overview")

    @property
    def cookie(self) -> str:
        """Name of the cookie; a browser gives a cookie to every port of a host, so each server has its own."""
        return f"databricks_{self._key('cookie')[:8]}"

    def opens_all(self, key: str) -> bool:
        """Whether `key`, from an address or a cookie, opens every page."""
        return _is_same(self.overview_key, key)

    def opens_run(self, run_id: int, key: str) -> bool:
        """Whether `key` opens the page of this run."""
        return _is_same(self._key(f"run page {run_id}"), key)

    def _key(self, purpose: str) -> str:
        return hmac.new(self._token.encode(), purpose.encode(), hashlib.sha256).hexdigest()[:32]


def _is_same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))
