"""The page in the real Airflow: behind its login, in its navigation, and following its address."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.processes import free_port
from tests.kpi.browser import chromium

pytestmark = pytest.mark.airflow

USERS = {"anna": "admin", "vik": "viewer", "nora": "user", "stella": "op", "nobody": ""}
PASSWORD = "only-for-this-test"


@dataclass(frozen=True)
class Airflow:
    """A running API server."""

    url: str

    def token(self, user: str) -> str:
        body = json.dumps({"username": user, "password": PASSWORD}).encode()
        request = urllib.request.Request(f"{self.url}/auth/token", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.load(answer)["access_token"])

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.url + path, headers=headers or {}), timeout=60
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def airflow(
    airflow_environment: dict[str, str], shared_lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """An API server over a lake that has gold."""
    home, port = tmp_path_factory.mktemp("server"), free_port()
    (home / "passwords.json").write_text(json.dumps(dict.fromkeys(USERS, PASSWORD)))
    environment = {
        **airflow_environment,
        "PYTHONPATH": f"{Path(__file__).resolve().parents[2]}/plugins:{Path(__file__).resolve().parents[2]}",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items() if role),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-this-test-that-is-long-enough-for-a-signature-0123456789",
        "LAKEHOUSE_LAKE_ROOT": f"file://{shared_lake}",
        # Stella, an operator, has no role of the contract's.
        "LAKEHOUSE_KPI_ROLES": "viewer=sales_analysts, user=sales_north",
        "LAKEHOUSE_KPI_FOLDER": str(home / "models"),
    }
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "airflow", "api-server"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        found = Airflow(f"http://127.0.0.1:{port}")
        try:
            _wait_until_up(found, server, home / "log")
            yield found
        finally:
            server.terminate()
            server.wait(30)


def _wait_until_up(airflow: Airflow, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            if airflow.get("/api/v2/version")[0] == 200:
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"the API server did not come up: {log.read_text()[-3000:]}")


@pytest.mark.parametrize("path", ["/kpi/", "/kpi/api/tables", "/kpi/api/view", "/kpi/static/page.js", "/kpi/nothing"])
def test_every_path_asks_for_airflows_login(airflow: Airflow, path: str) -> None:
    for headers in ({}, {"Cookie": "_token=forged"}, {"Authorization": "Bearer forged"}):
        assert airflow.get(path, headers)[0] == 401


def test_airflows_users_see_what_their_roles_see(airflow: Airflow) -> None:
    def asked(user: str, query: str) -> tuple[int, str]:
        return airflow.get(f"/kpi/api/view?{query}", {"Authorization": f"Bearer {airflow.token(user)}"})

    def zones(text: str) -> list[str]:
        boards = {board["level"]: board["lines"] for board in json.loads(text)["leaderboards"]}
        return sorted(line["name"] for line in boards["zone"])

    everything, analyst, north = (asked(user, "range=all")[1] for user in ("anna", "vik", "nora"))
    assert ["customer_name" in text for text in (everything, analyst, north)] == [True, False, False]
    assert zones(everything) == zones(analyst) == ["(none)", "Central", "North", "South"]
    assert zones(north) == ["North"]
    assert [asked(user, "f.customer_name=x")[0] for user in ("anna", "vik", "nora")] == [200, 422, 422]
    status, text = asked("stella", "range=all")
    assert (status, json.loads(text)["state"]) == (403, "forbidden")


def test_a_reader_finds_it_in_the_navigation_and_shares_its_address(airflow: Airflow) -> None:
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.goto(f"{airflow.url}/auth/login")
        page.locator('input[name="username"]').fill("anna")
        page.locator('input[name="password"]').fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="KPIs").or_(page.get_by_role("button", name="KPIs")).first.click(timeout=120_000)
        frame = page.frame_locator("iframe")
        frame.locator('[data-key="zone=North"]').click(timeout=120_000)
        page.wait_for_url("**/plugin/kpi/kpi/?f.zone=North")
        frame.locator(".chip b").get_by_text("North").wait_for()
        figure = frame.locator('.card[data-measure="revenue"] .value').get_attribute("title")
        # Another window with this address shows the same.
        other = page.context.new_page()
        other.goto(page.url)
        inside = other.frame_locator("iframe")
        inside.locator(".chip b").get_by_text("North").wait_for(timeout=120_000)
        assert inside.locator('.card[data-measure="revenue"] .value').get_attribute("title") == figure
        # Back takes the filter off, in the frame and in the address.
        page.go_back()
        page.wait_for_url("**/plugin/kpi/kpi/")
        frame.locator("#filters").wait_for(state="hidden")
