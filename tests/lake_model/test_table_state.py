"""What a job says of a table at its end comes back as it was said; what cannot be read says nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lake_model.table_state import TableState, TableVersion, state_path

STATE = TableState(
    business_date="2026-11-20",
    run_id="scheduled__1",
    ledger_row="sales.silver.ab.json",
    since="2026-11-18",
    contract="c1",
    texts="x1",
    by_calendar=True,
    landed="l1",
    waivers={"now": "w1", "2026-11-02": "w2"},
    table=TableVersion("t1", 7),
    made_from={"customer": TableVersion("t2", 3)},
)


@pytest.mark.parametrize("state", [STATE, replace(STATE, waivers={}, made_from={})])
def test_a_state_is_read_back_as_it_was_written(state: TableState) -> None:
    assert TableState.from_json(state.to_json()) == state


def test_what_is_no_state_of_this_version_says_nothing() -> None:
    content = json.loads(STATE.to_json())
    others = [
        content | {"format": 2},
        {name: value for name, value in content.items() if name != "landed"},
        content | {"table": {"id": "t1"}},
        [],
        None,
    ]
    for text in [None, b"", "{", *map(json.dumps, others)]:
        assert TableState.from_json(text) is None


def test_each_table_and_stage_has_an_object_of_its_own() -> None:
    assert state_path("shop", "sales", "silver") == "state/schema=shop/sales.silver.json"
