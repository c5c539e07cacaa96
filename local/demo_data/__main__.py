"""Fills a MySQL or MariaDB schema with the demo data: `python -m local.demo_data --help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import date
from pathlib import Path

import MySQLdb

from local.demo_data.build import DEFAULT_ROWS, DEFAULT_SEED
from local.demo_data.defects import PlantedDefects
from local.demo_data.loading import generate, is_filled
from local.errors import DemoDataError, LocalError

PASSWORD_VARIABLE = "LAKEHOUSE_DEMO_MYSQL_PASSWORD"


def main(arguments: list[str] | None = None) -> int:
    """Fill the schema; print what was planted. Gives the exit status: 0, or 1 with one message on stderr."""
    options = _parser().parse_args(arguments)
    try:
        with _connect(options) as connection:
            if options.if_empty and is_filled(connection):
                print(f"{options.schema} already holds sales; nothing to do", file=sys.stderr)
                return 0
            print(f"filling {options.schema} with {options.rows:,} transactions …", file=sys.stderr)
            planted = generate(connection, options.rows, options.seed, last_date=options.last_date)
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(planted.as_dict(), indent=2) if options.json else _table(planted))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.demo_data",
        description="Fill a MySQL or MariaDB schema with generated sales, and print the defects planted in them.",
        epilog=f"The password is read from --password-file, or else from the environment variable {PASSWORD_VARIABLE}.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=3306, help="default: %(default)s")
    parser.add_argument("--user", required=True, help="account that may create tables in the schema")
    parser.add_argument("--password-file", type=Path, help="file that holds the password alone")
    parser.add_argument("--schema", default="atliqsale", help="created if it is missing; default: %(default)s")
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="transactions; default: %(default)s")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="same seed, same data; default: %(default)s")
    parser.add_argument("--last-date", type=_date, required=True, help="day of the last sales, as YYYY-MM-DD")
    parser.add_argument("--if-empty", action="store_true", help="do nothing if the schema already holds sales")
    parser.add_argument("--json", action="store_true", help="print the planted defects as JSON")
    return parser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-11-20") from error


def _connect(options: argparse.Namespace) -> MySQLdb.connections.Connection:
    password = _password(options.password_file)
    where = f"{options.user}@{options.host}:{options.port}"
    try:
        connection = MySQLdb.connect(
            host=options.host,
            port=options.port,
            user=options.user,
            password=password,
            charset="utf8mb4",
            autocommit=True,
            local_infile=1,
        )
        quoted = "`" + options.schema.replace("`", "``") + "`"
        connection.query(f"CREATE DATABASE IF NOT EXISTS {quoted} CHARACTER SET utf8mb4")
        connection.select_db(options.schema)
    except MySQLdb.Error as error:
        raise DemoDataError(f"cannot use schema {options.schema} as {where}: {error}") from error
    return connection


def _password(file: Path | None) -> str:
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE, "")
    try:
        return file.read_text().strip()
    except OSError as error:
        raise DemoDataError(f"--password-file {file}: {error.strerror}") from error


def _table(planted: PlantedDefects) -> str:
    numbers = planted.as_dict()
    width = max(map(len, numbers))
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {value:>20}" for name, value in numbers.items())


if __name__ == "__main__":
    sys.exit(main())
