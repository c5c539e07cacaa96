"""The tables of the demo source, in the physical types that the contracts name."""

from __future__ import annotations

TABLES: dict[str, str] = {
    "customer": """
        CREATE TABLE customer (
            customer_code varchar(16) NOT NULL,
            customer_name varchar(64) DEFAULT NULL,
            customer_type varchar(32) DEFAULT NULL,
            PRIMARY KEY (customer_code)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
    "product": """
        CREATE TABLE product (
            product_code varchar(16) NOT NULL,
            division varchar(32) DEFAULT NULL,
            segment varchar(32) DEFAULT NULL,
            category varchar(32) DEFAULT NULL,
            product_name varchar(64) DEFAULT NULL,
            variant varchar(32) DEFAULT NULL,
            PRIMARY KEY (product_code)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
    "market": """
        CREATE TABLE market (
            market_code varchar(16) NOT NULL,
            market_name varchar(64) DEFAULT NULL,
            zone varchar(32) DEFAULT NULL,
            PRIMARY KEY (market_code)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
    "date": """
        CREATE TABLE `date` (
            `date` date NOT NULL,
            cy_date date DEFAULT NULL,
            `year` int(11) DEFAULT NULL,
            month_name varchar(16) DEFAULT NULL,
            date_yy_mmm varchar(16) DEFAULT NULL,
            PRIMARY KEY (`date`)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
    "transactions": """
        CREATE TABLE transactions (
            product_code varchar(16) DEFAULT NULL,
            customer_code varchar(16) DEFAULT NULL,
            market_code varchar(16) DEFAULT NULL,
            order_date date DEFAULT NULL,
            sales_qty int(11) DEFAULT NULL,
            sales_amount decimal(14,2) DEFAULT NULL,
            currency varchar(8) DEFAULT NULL,
            KEY order_date (order_date)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4""",
}
"""Table name and its DDL, the fact table last: its rows are loaded last, and tell whether the schema is complete."""
