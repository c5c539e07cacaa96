"""The pace of a copy and the settings of its sessions: what a busy production server is spared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.errors import SettingError
from lakehouse.settings import load_settings
from lakehouse.source.source_load import Pace, SourceLoad, source_load

LAKE = {"LAKEHOUSE_LAKE_ROOT": "file:///data/lake"}


def test_a_session_is_set_up_as_the_settings_say() -> None:
    chosen = '{"max_statement_time": 0.5, "lock_wait_timeout": 30, "optimizer_switch": "mrr=on,it\'s=off"}'
    load = source_load(load_settings({**LAKE, "LAKEHOUSE_COPY_SESSION_SETTINGS": chosen}))
    assert load.statements == (
        "SET SESSION max_statement_time = 0.5",
        "SET SESSION lock_wait_timeout = 30",
        "SET SESSION optimizer_switch = 'mrr=on,it''s=off'",
    )
    assert (load.connect_attempts, load.pace) == (3, None)
    assert SourceLoad().statements == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", 'must be a JSON object of session settings, such as {"max_statement_time": 0}'),
        ("{", "must be a JSON object (not JSON: "),
        ('{"a = 1; DROP TABLE t": 1}', "names 'a = 1; DROP TABLE t', which is no name of a session setting"),
        ('{"Sql_Mode": ""}', "names 'Sql_Mode', which is no name of a session setting: use small letters"),
        ('{"sql_mode": "ANSI"}', "names sql_mode, which the copy sets itself or is exact only because of"),
        ('{"time_zone": "+05:30"}', "names time_zone, which the copy sets itself"),
        ('{"sql_select_limit": 10}', "names sql_select_limit, which the copy sets itself"),
        ('{"transaction_isolation": "READ-COMMITTED"}', "names transaction_isolation, which the copy sets itself"),
        ('{"character_set_results": "latin1"}', "names character_set_results, which the copy sets itself"),
        ('{"wait_timeout": null}', "gives wait_timeout the value None: use a text or a number"),
        ('{"foreign_key_checks": true}', "gives foreign_key_checks the value True: use a text or a number (ON and OFF"),
    ],
)
def test_a_session_setting_that_cannot_be_used_is_named(text: str, problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({**LAKE, "LAKEHOUSE_COPY_SESSION_SETTINGS": text})
    assert problem in str(caught.value)
    assert "correct the environment variable LAKEHOUSE_COPY_SESSION_SETTINGS" in str(caught.value)


def test_rows_are_paced() -> None:
    pace = Pace(rows_per_second=100)
    assert pace.seconds_to_wait(10.0, 200, 1e9) == pytest.approx(2.0)
    assert pace.seconds_to_wait(12.0, 100, 1e9) == pytest.approx(1.0)
    # The wait is not over yet: the next one comes on top.
    assert pace.seconds_to_wait(12.5, 50, 1e9) == pytest.approx(1.0)
    # A stall of 100 seconds gives no leave to rush.
    assert pace.seconds_to_wait(113.0, 100, 1e9) == pytest.approx(1.0)


def test_bytes_are_paced_and_the_stricter_bound_holds() -> None:
    assert Pace(bytes_per_second=1000).seconds_to_wait(0.0, 10**9, 500) == pytest.approx(0.5)
    assert Pace(rows_per_second=10, bytes_per_second=1000).seconds_to_wait(0.0, 20, 1000) == pytest.approx(2.0)
    assert Pace(rows_per_second=10, bytes_per_second=1000).seconds_to_wait(0.0, 5, 4000) == pytest.approx(4.0)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5000)), min_size=1, max_size=30), st.integers(1, 10_000))
def test_whatever_the_batches_the_pace_is_kept(batches: list[tuple[float, int]], bound: int) -> None:
    pace, now, rows = Pace(rows_per_second=bound), 0.0, 0
    for seconds, count in batches:
        now += seconds
        now += pace.seconds_to_wait(now, count, 0)
        rows += count
    assert rows <= bound * now * (1 + 1e-9) + 1e-6


def test_the_pace_comes_from_the_settings() -> None:
    settings = load_settings({**LAKE, "LAKEHOUSE_COPY_ROWS_PER_SECOND": "50", "LAKEHOUSE_SOURCE_CONNECT_ATTEMPTS": "5"})
    load = source_load(settings)
    assert load.connect_attempts == 5
    assert load.pace is not None
    assert load.pace.seconds_to_wait(0.0, 100, 0) == pytest.approx(2.0)
