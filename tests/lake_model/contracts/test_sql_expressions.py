"""Which columns a Spark SQL expression uses, and which texts are none."""

from __future__ import annotations

import pytest

from lake_model.contracts.sql_expressions import ColumnReference, ExpressionError, columns_of


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("trim(customer_code)", [("", "customer_code")]),
        ("cast(trunc(transactions.order_date, 'MM') as date)", [("transactions", "order_date")]),
        ("`order lines`.`a b` <=> c", [("", "c"), ("order lines", "a b")]),
        ("transform(split(tags, ','), x -> trim(x))", [("", "tags")]),
        ("sales_amount > 0 and sales_amount < cap -- why not", [("", "cap"), ("", "sales_amount")]),
        ("date", [("", "date")]),
        ("'customer_code'", []),
        ("current_date()", []),
    ],
)
def test_the_columns_that_an_expression_uses(expression: str, columns: list[tuple[str, str]]) -> None:
    assert columns_of(expression) == tuple(ColumnReference(table, column) for table, column in columns)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  ", "is empty: write a Spark SQL expression"),
        ("a +", "is no Spark SQL expression: "),
        ("trim(a", "is no Spark SQL expression: "),
        ("a; drop table b", "is no Spark SQL expression: "),
        ("a) from t where (b", "is no Spark SQL expression: "),
        ("(select max(a) from t)", "is a query: write an expression over the columns of one row"),
        ("a, b", "holds several expressions: write one"),
        ("'never closed", "is no Spark SQL expression: "),
    ],
)
def test_what_is_no_single_expression_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        columns_of(text)

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
