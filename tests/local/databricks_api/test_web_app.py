"""The web application over a real store, without Spark: what any request is answered, and who sees the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from local.databricks_api.jobs_api import JobsApi
from local.databricks_api.page_addresses import PageAddresses
from local.databricks_api.run_store import RunStore
from local.databricks_api.scheduler import Scheduler
from local.databricks_api.settings import ServerSettings
from local.databricks_api.spark_driver import DriverStatus
from local.databricks_api.statements_api import StatementsApi
from local.databricks_api.task_processes import TaskProcesses
from local.databricks_api.web_app import create_app
from local.databricks_api.web_pages import WebPages

TOKEN = "token-of-the-tests"
NOW = 1_790_000_000_000
ADDRESSES = PageAddresses("http://testserver", TOKEN)
JOBS = "/api/2.2/jobs"
RUNS = f"{JOBS}/runs"


def client_of(home: Path) -> Iterator[TestClient]:
    """The application as a client sees it; a run that it takes stays pending, since nothing starts one."""
    options = ServerSettings(home=home, token=TOKEN, delta_jars=home)
    store = RunStore(options.database)
    scheduler = Scheduler(options, store, TaskProcesses(home / "log", {}), {}, lambda: NOW)
    api = JobsApi(options, store, scheduler, ADDRESSES, lambda: NOW)
    pages = WebPages(options, store, ADDRESSES, lambda: DriverStatus.READY, lambda: NOW)
    statements = StatementsApi("http://testserver", TOKEN, lambda: None, lambda: NOW)
    app = create_app(api, statements, pages, TOKEN, lambda: DriverStatus.READY)
    with TestClient(app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client
    store.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    yield from client_of(tmp_path)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One application that all of a test's examples are put to, one after the other."""
    for client in client_of(tmp_path_factory.mktemp("fuzzed")):
        client.cookies.set(ADDRESSES.cookie, ADDRESSES.overview_key)
        yield client


def body(**changes: Any) -> dict[str, Any]:
    task = {"task_key": "main", "existing_cluster_id": "c", "spark_python_task": {"python_file": "/a.py"}}
    return {"run_name": "nightly", "tasks": [task], **changes}


def submit(client: TestClient, **changes: Any) -> int:
    return int(client.post(f"{RUNS}/submit", json=body(**changes)).json()["run_id"])


def job_body(name: str = "nightly") -> dict[str, Any]:
    file = {"python_file": "/a.py", "parameters": ["{{job.parameters.day}}"]}
    task = {"task_key": "main", "existing_cluster_id": "c", "spark_python_task": file}
    queue = {"enabled": True}
    return {"name": name, "tasks": [task], "parameters": [{"name": "day", "default": "today"}], "queue": queue}


def create_job(client: TestClient, name: str = "nightly") -> int:
    return int(client.post(f"{JOBS}/create", json=job_body(name)).json()["job_id"])


class TestDeployedJobs:
    def test_a_job_is_shown_as_it_was_made_until_it_is_deleted(self, client: TestClient) -> None:
        job_id = create_job(client)

        shown = client.get(f"{JOBS}/get?job_id={job_id}").json()
        assert shown == {
            "job_id": job_id, "created_time": NOW, "creator_user_name": "local", "run_as_user_name": "local",
            "settings": {**job_body(), "max_concurrent_runs": 1},
        }  # fmt: skip
        assert client.post(f"{JOBS}/delete", json={"job_id": job_id}).json() == {}
        for call in ("get", "delete", "run-now"):
            answer = client.request("GET" if call == "get" else "POST", f"{JOBS}/{call}", json={"job_id": job_id})
            assert (answer.status_code, answer.json()) == (
                400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"Job {job_id} does not exist."}
            )  # fmt: skip

    def test_jobs_are_listed_newest_first_by_pages_and_by_a_name_in_any_case(self, client: TestClient) -> None:
        ids = [create_job(client, name) for name in ("a", "Nightly", "nightly")]

        first = client.get(f"{JOBS}/list", params={"limit": 2, "expand_tasks": "False"}).json()
        assert [job["job_id"] for job in first["jobs"]] == [ids[2], ids[1]]
        assert first["jobs"][0]["settings"] == {"name": "nightly"}
        second = client.get(f"{JOBS}/list", params={"limit": 2, "page_token": first["next_page_token"]}).json()
        assert ([job["job_id"] for job in second["jobs"]], second.get("next_page_token")) == ([ids[0]], None)
        named = client.get(f"{JOBS}/list", params={"name": "NIGHTLY", "expand_tasks": "true"}).json()
        assert [job["job_id"] for job in named["jobs"]] == [ids[2], ids[1]]
        assert named["jobs"][1]["settings"]["tasks"] == job_body()["tasks"]
        assert client.get(f"{JOBS}/list", params={"limit": 101}).json()["message"].startswith("Invalid limit 101")

    def test_a_run_of_a_job_says_so_and_with_which_parameters(self, client: TestClient) -> None:
        job_id, submitted = create_job(client), submit(client)
        started = {"job_id": job_id, "job_parameters": {"day": "2026-11-20"}, "idempotency_token": "once"}

        answer = client.post(f"{JOBS}/run-now", json=started).json()

        assert client.post(f"{JOBS}/run-now", json=started).json() == answer
        run = client.get(f"{RUNS}/get?run_id={answer['run_id']}").json()
        assert (run["job_id"], run["run_name"], run["run_type"]) == (job_id, "nightly", "JOB_RUN")
        assert run["job_parameters"] == [{"name": "day", "default": "today", "value": "2026-11-20"}]
        assert run["tasks"][0]["spark_python_task"]["parameters"] == ["2026-11-20"]
        for kind, run_id in {"JOB_RUN": answer["run_id"], "SUBMIT_RUN": submitted}.items():
            listed = client.get(f"{RUNS}/list", params={"run_type": kind}).json()["runs"]
            assert [one["run_id"] for one in listed] == [run_id]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"job_parameters": {"dya": "x"}},
                "Unknown job parameter 'dya'. The parameters of job 'nightly' are: day.",
            ),
            ({"notebook_params": {"a": "b"}}, "notebook_params is not supported by the local Databricks API."),
            ({"idempotency_token": "x" * 65}, "idempotency_token has 65 characters; at most 64 are allowed."),
            ({"job_id": 0}, "Missing required field: job_id"),
        ],
    )
    def test_a_start_that_a_job_does_not_take_is_refused_with_the_reason(
        self, client: TestClient, changes: dict[str, Any], message: str
    ) -> None:
        answer = client.post(f"{JOBS}/run-now", json={"job_id": create_job(client), **changes})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(message)


class TestRequestsThatNoClientShouldSend:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"run_name": "\\ud800"}', "Could not parse request object: it has text that is no valid Unicode"),
            ('{"\\ud800": 1}', "Could not parse request object: it has text that is no valid Unicode"),
            ('{"run_name": NaN}', "Invalid JSON given in the body of the request - failed to parse given JSON"),
            ("[" * 100_000, "Invalid JSON given in the body of the request - failed to parse given JSON"),
            ("9" * 5_000, "Invalid JSON given in the body of the request - failed to parse given JSON"),
            (b"\xff", "Invalid JSON given in the body of the request - failed to parse given JSON"),
            ("[]", "Invalid JSON given in the body of the request - expected a map"),
        ],
    )
    def test_a_body_that_is_no_usable_json_is_malformed(
        self, client: TestClient, content: str | bytes, message: str
    ) -> None:
        answer = client.post(f"{RUNS}/submit", content=content)
        assert (answer.status_code, answer.json()) == (400, {"error_code": "MALFORMED_REQUEST", "message": message})

    def test_deep_json_in_a_field_is_refused(self, client: TestClient) -> None:
        deep = "[" * 900 + "]" * 900
        answer = client.post(f"{RUNS}/submit", content='{"run_as": ' + deep + "}")
        assert answer.status_code == 400

    @pytest.mark.parametrize("call", ["get", "get-output"])
    @pytest.mark.parametrize("run_id", [2**63, -(2**63) - 1, 10**100])
    def test_an_id_that_no_run_can_have_is_refused(self, client: TestClient, call: str, run_id: int) -> None:
        answer = client.get(f"{RUNS}/{call}", params={"run_id": str(run_id)})
        assert (answer.status_code, answer.json()["error_code"]) in {
            (400, "INVALID_PARAMETER_VALUE"),
            (400, "MALFORMED_REQUEST"),
        }

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"limit": 26}, "Invalid limit 26 - it has to be no more than 25."),
            (
                {"offset": 1025},
                "The supplied offset 1025 has exceeded the value of 1000 allowed for this parameter. "
                "Please use the page_token.",
            ),
            ({"page_token": "x"}, "Invalid page_token: it is none that this server gave."),
            ({"page_token": 2**63}, "Invalid page_token: it is none that this server gave."),
            ({"active_onyl": "true"}, "Unknown field: active_onyl"),
            (
                {"active_only": "true", "completed_only": "true"},
                "active_only and completed_only can not both be true.",
            ),
        ],
    )
    def test_a_list_that_cannot_be_given_is_refused_with_the_reason(
        self, client: TestClient, query: dict[str, Any], message: str
    ) -> None:
        answer = client.get(f"{RUNS}/list", params=query)
        assert (answer.status_code, answer.json()) == (
            400,
            {"error_code": "INVALID_PARAMETER_VALUE", "message": message},
        )

    LEAVES = (
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats()
        | st.sampled_from(["", "0", "false", "ALL_DONE", "/x.py", "file:///%00", "//[", "\0", "x" * 20_000, "x.whl"])
        | st.text(st.characters(exclude_categories=()), max_size=8)
    )
    VALUES = st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    )
    PLACES = (
        "run_name", "tasks", "timeout_seconds", "idempotency_token", "environments", "run_as", "anything",
        "tasks.0", "tasks.0.task_key", "tasks.0.spark_python_task", "tasks.0.spark_python_task.python_file",
        "tasks.0.spark_python_task.parameters", "tasks.0.python_wheel_task", "tasks.0.existing_cluster_id",
        "tasks.0.new_cluster", "tasks.0.new_cluster.autoscale", "tasks.0.new_cluster.spark_env_vars",
        "tasks.0.new_cluster.azure_attributes.spot_bid_max_price", "tasks.0.depends_on", "tasks.0.depends_on.0",
        "tasks.0.libraries", "tasks.0.libraries.0.whl", "tasks.0.run_if", "tasks.0.timeout_seconds", "tasks.0.health",
        "tasks.0.environment_key", "environments.0", "environments.0.environment_key", "environments.0.spec",
        "environments.0.spec.dependencies", "environments.0.spec.dependencies.0",
    )  # fmt: skip

    @settings(max_examples=100, deadline=None)
    @given(changes=st.dictionaries(st.sampled_from(PLACES), VALUES, min_size=1, max_size=2))
    def test_whatever_is_submitted_every_answer_is_an_answer(self, fuzzed: TestClient, changes: dict[str, Any]) -> None:
        document = body()
        for place, value in sorted(changes.items()):
            put(document, place.split("."), value)
        answer = fuzzed.post(f"{RUNS}/submit", content=json.dumps(document).encode())
        assert answer.status_code in {200, 400}, answer.text
        if answer.status_code == 400:
            assert set(answer.json()) == {"error_code", "message"}
        assert fuzzed.get(f"{RUNS}/list?expand_tasks=true&limit=2").status_code == 200
        assert fuzzed.get("/").status_code == 200

    CALLS = ("runs/get", "runs/get-output", "runs/cancel", "runs/delete", "runs/list", "runs/submit",
             "get", "list", "create", "delete", "run-now")  # fmt: skip

    FIELDS = ("run_id", "limit", "offset", "page_token", "job_id", "start_time_from", "run_type", "name", "tasks",
              "job_parameters", "parameters", "queue")  # fmt: skip

    @settings(max_examples=100, deadline=None)
    @given(
        call=st.sampled_from(CALLS),
        parameters=st.dictionaries(
            st.sampled_from(FIELDS) | st.text(max_size=5),
            VALUES,
            max_size=3,
        ),
    )
    def test_whatever_is_asked_every_answer_is_an_answer(
        self, fuzzed: TestClient, call: str, parameters: dict[str, Any]
    ) -> None:
        method = "GET" if call.rpartition("/")[2] in {"get", "get-output", "list"} else "POST"
        answer = fuzzed.request(method, f"{JOBS}/{call}", content=json.dumps(parameters).encode())
        assert answer.status_code in {200, 400}, answer.text

    @settings(max_examples=40, deadline=None)
    @given(
        path=st.sampled_from(["/runs/{}", "/?key={}", "/runs/1?key={}", f"{RUNS}/get?run_id={{}}", "/api/{}", "/{}"]),
        text=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
        content=st.binary(max_size=20),
    )
    def test_whatever_the_path_is_every_answer_is_an_answer(
        self, fuzzed: TestClient, path: str, text: str, content: bytes
    ) -> None:
        assert fuzzed.request("GET", path.format(text), content=content).status_code < 500


def put(document: Any, place: list[str], value: Any) -> None:
    """Set what is at a place of a document, and make what is missing on the way to it."""
    key: Any = int(place[0]) if place[0].isdigit() else place[0]
    if isinstance(document, list) and not document:
        document.append({})
    if not isinstance(document, list if isinstance(key, int) else dict):
        return
    if len(place) == 1:
        document[key] = value
        return
    if isinstance(document, dict) and document.get(key) is None:
        document[key] = [] if place[1].isdigit() else {}
    put(document[key], place[1:], value)


class TestWhatTheSdkAsksForBesideRuns:
    def test_a_path_outside_the_api_is_not_found_without_a_token(self, client: TestClient) -> None:
        answer = client.get("/.well-known/databricks-config", headers={"Authorization": ""})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")

    @pytest.mark.parametrize("path", ["/api/2.2/jobs/runs/list", "/api/2.0/preview/scim/v2/Me", "/api/2.2/nothing"])
    def test_a_path_of_the_api_is_closed_without_a_token(self, client: TestClient, path: str) -> None:
        assert client.get(path, headers={"Authorization": ""}).status_code == 401


class TestPages:
    def test_the_printed_address_opens_the_overview_and_leaves_a_cookie_instead_of_a_key(
        self, client: TestClient
    ) -> None:
        run_id = submit(client, run_name="<b>nightly</b>")
        first = client.get(ADDRESSES.overview(), follow_redirects=False)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        assert "HttpOnly" in first.headers["set-cookie"]
        page = client.get("/")
        assert page.status_code == 200
        assert 'Spark is <strong class="good">ready</strong>: a run starts at once.' in page.text
        assert "1 run in flight." in page.text
        assert f'<a href="/runs/{run_id}">&lt;b&gt;nightly&lt;/b&gt;</a>' in page.text
        assert "<b>nightly" not in page.text
        run = client.get(f"/runs/{run_id}")
        assert (run.status_code, "<h1>&lt;b&gt;nightly&lt;/b&gt;</h1>" in run.text) == (200, True)

    def test_no_script_runs_and_nothing_is_loaded(self, client: TestClient) -> None:
        headers = client.get(ADDRESSES.overview()).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")

    def test_without_the_key_no_page_opens(self, client: TestClient) -> None:
        run_id = submit(client)
        for path in ("/", "/?key=x", "/?key=%ed%a0%80", f"/runs/{run_id}", f"/runs/{run_id}?key=x", "/runs/x"):
            answer = client.get(path)
            assert (answer.status_code, "nightly" in answer.text) == (403, False), path

    def test_the_address_of_a_run_opens_this_run_alone(self, client: TestClient) -> None:
        run_id, other = submit(client), submit(client)
        key = ADDRESSES.run(run_id).partition("?")[2]
        assert client.get(f"/runs/{run_id}?{key}").status_code == 200
        assert [client.get(f"{path}?{key}").status_code for path in (f"/runs/{other}", "/")] == [403, 403]

    def test_a_run_that_is_not_there_is_told_to_who_may_see_all(self, client: TestClient) -> None:
        client.get(ADDRESSES.overview())
        answer = client.get("/runs/99")
        assert (answer.status_code, "There is no run 99, or no longer." in answer.text) == (404, True)
