"""Which tables a run copies, from what the source shows, the contracts and what was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.daily_run.planning import AwaitedTable, TablePlan, dropped_tables, left_out, plan_tables
from lakehouse.errors import SourceDriftError, SourceError

from lake_model.contracts.copy_spec import ContractedColumn
from lake_model.contracts.table_contracts import ContractSet, TableContract


@dataclass(frozen=True)
class Shown:
    """A table or view as the source lists it."""

    name: str
    is_view: bool = False


def contract(table: str, name: str | None = None, excluded: bool = False) -> TableContract:
    """A dimension's contract with one column."""
    return TableContract(
        contract_file=f"{name or table}.odcs.yaml",
        schema="shop",
        table=table,
        name=name or table,
        kind="dimension",
        change_detection="full",
        date_column=None,
        contracted_columns=(ContractedColumn("code", "varchar(16)"),),
        measures=(),
        excluded=excluded,
    )


def contracts(*tables: TableContract) -> ContractSet:
    """The contracts of the schema `shop`."""
    return ContractSet("shop", MappingProxyType({table.table: table for table in tables}), MappingProxyType({}))


def test_a_contracted_table_is_planned_as_its_contract_says() -> None:
    (plan,) = plan_tables([Shown("Order Lines")], contracts(contract("Order Lines", "order_lines")))

    assert plan == TablePlan(
        schema="shop",
        table="Order Lines",
        label="Order Lines",
        contracted=True,
        lake_name="order_lines",
        kind="dimension",
        change_detection="full",
        date_column=None,
        contract_file="order_lines.odcs.yaml",
        contracted_columns=(ContractedColumn("code", "varchar(16)"),),
        measures=(),
    )


def test_a_table_without_a_contract_is_copied_and_marked() -> None:
    (plan,) = plan_tables([Shown("zzz / 'ü'")], contracts(contract("gone", excluded=True)))

    assert plan.as_dict() == {
        "schema": "shop",
        "table": "zzz / 'ü'",
        "label": "zzz / 'ü'",
        "contracted": False,
        "lake_name": None,
        "kind": None,
        "change_detection": "fingerprint",
        "date_column": None,
        "contract_file": None,
        "contracted_columns": [],
        "everything": False,
        "change_scope": None,
        "drift_policy": "contracted",
        "parallel_ranges": 1,
        "measures": [],
        "waits_for": [],
    }


def test_a_view_is_copied_only_with_a_contract() -> None:
    source = [Shown("plain", is_view=True), Shown("wanted", is_view=True)]
    known = contracts(contract("wanted"))

    assert [plan.table for plan in plan_tables(source, known)] == ["wanted"]
    assert left_out(source, known) == ["plain: is a view without a contract: write one to have it copied"]


def test_a_landed_table_that_was_dropped_is_reported() -> None:
    known = contracts(contract("kept"), contract("put away", excluded=True))
    assert dropped_tables(["kept", "put away", "new", "old"], [Shown("kept"), Shown("new")], known) == [
        "old: is not at the source any more; what was landed of it stays in bronze"
    ]


def test_an_excluded_table_is_left_out_and_reported() -> None:
    source = [Shown("b"), Shown("a")]
    known = contracts(contract("b", excluded=True))

    assert [plan.table for plan in plan_tables(source, known)] == ["a"]
    assert left_out(source, known) == ["b: is excluded by b.odcs.yaml"]


@pytest.mark.parametrize("requested", [["customer", "b"], "b, customer ,", [" customer ", "b", "b"]])
def test_only_the_tables_asked_for_are_planned(requested: str | list[str]) -> None:
    source = [Shown("customer"), Shown("b"), Shown("c")]

    plans = plan_tables(source, contracts(contract("customer"), contract("elsewhere")), requested)

    assert [plan.table for plan in plans] == ["b", "customer"]


def test_a_table_may_be_asked_for_by_its_name_in_the_lake() -> None:
    known = contracts(contract("Order Lines", "order_lines"))

    assert [plan.table for plan in plan_tables([Shown("Order Lines"), Shown("b")], known, "order_lines")] == [
        "Order Lines"
    ]


def test_unknown_tables_asked_for_are_all_named_with_near_matches() -> None:
    with pytest.raises(SourceError) as caught:
        plan_tables([Shown("customer"), Shown("market")], contracts(), ["custommer", "xyz"])

    assert str(caught.value).splitlines() == [
        "params.tables names 'custommer', but the schema shop shows no such table: did you mean customer?",
        "params.tables names 'xyz', but the schema shop shows no such table: there are customer, market",
    ]


def test_a_table_asked_for_that_is_excluded_is_refused_and_not_passed_over() -> None:
    with pytest.raises(SourceError) as caught:
        plan_tables([Shown("a"), Shown("b")], contracts(contract("b", excluded=True)), "a,b")

    assert str(caught.value) == "params.tables names b: is excluded by b.odcs.yaml"


def test_contracted_tables_that_are_gone_from_the_source_are_named_with_their_contracts() -> None:
    with pytest.raises(SourceDriftError) as caught:
        plan_tables([Shown("customers")], contracts(contract("customer"), contract("x")))

    cure = (
        "restore it or its grant, correct physicalName, or take the contract out (excluded: true keeps what was landed)"
    )
    assert str(caught.value).splitlines() == [
        f"customer.odcs.yaml: the table shop.customer is not at the source any more (there is customers): {cure}",
        f"x.odcs.yaml: the table shop.x is not at the source any more: {cure}",
    ]


def test_an_excluded_table_may_be_gone() -> None:
    assert len(plan_tables([Shown("a")], contracts(contract("gone", excluded=True)))) == 1


def test_an_empty_schema_says_what_to_check() -> None:
    with pytest.raises(SourceError) as caught:
        plan_tables([], contracts(contract("customer")))

    assert str(caught.value) == (
        "the schema shop shows no table: check its name, and that the user of the connection was granted SELECT on "
        "shop.*"
    )


def test_a_schema_of_which_nothing_is_left_says_why() -> None:
    with pytest.raises(SourceError) as caught:
        plan_tables([Shown("v", is_view=True)], contracts())

    assert str(caught.value) == (
        "no table of shop is left to copy: v: is a view without a contract: write one to have it copied"
    )


def test_more_tables_than_one_run_maps_over_are_refused_before_anything_runs() -> None:
    tables = [Shown(f"t{number}") for number in range(1025)]

    assert len(plan_tables(tables[:1024], contracts())) == 1024
    with pytest.raises(SourceError, match=r"^shop has 1025 tables to copy, and one run maps over 1024 at most: "):
        plan_tables(tables, contracts())


names = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True)


@given(names=names, seed=st.randoms())
def test_plans_are_sorted_complete_and_the_same_in_any_order_of_the_source(names: list[str], seed: object) -> None:
    known = contracts(*(replace(contract(name), name=f"t{number}") for number, name in enumerate(names[::2])))
    shuffled = list(names)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]

    plans = plan_tables([Shown(name) for name in shuffled], known)

    assert [plan.table for plan in plans] == sorted(names)
    assert {plan.table for plan in plans if plan.contracted} == set(names[::2])
    assert plans == plan_tables([Shown(name) for name in names], known)


@given(names=names)
def test_a_plan_survives_the_way_through_json(names: list[str]) -> None:
    for plan in plan_tables([Shown(name) for name in names], contracts(contract(names[0]))):
        assert msgspec.convert(json.loads(json.dumps(plan.as_dict())), TablePlan) == plan


def test_a_fact_waits_for_the_dimensions_of_the_run_that_it_is_judged_against() -> None:
    fact = replace(contract("Bookings"), name="sales", judged_against=("market", "product"))
    shop = contracts(fact, contract("Products", "product"), contract("Markets", "market"))
    shown = [Shown("Bookings"), Shown("Products"), Shown("Markets")]

    plans = plan_tables(shown, shop)
    alone = plan_tables(shown, shop, ["Bookings", "Products"])

    assert [(plan.table, plan.waits_for) for plan in plans] == [
        ("Bookings", (AwaitedTable("Markets", "market"), AwaitedTable("Products", "product"))),
        ("Markets", ()),
        ("Products", ()),
    ]
    assert [plan.waits_for for plan in alone] == [(AwaitedTable("Products", "product"),), ()]
    assert [msgspec.convert(json.loads(json.dumps(plan.as_dict())), TablePlan) for plan in alone] == alone
