"""The dimension tables of the demo source, and what is planted in them.

They are the same for every seed and size, so that a person can learn them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from local.demo_data.defects import DimensionDefects

BRICK_AND_MORTAR = "Brick & Mortar"
E_COMMERCE = "E-Commerce"
ZONES = ("North", "Central", "South")

KNOWN_PRODUCTS = 300
UNKNOWN_PRODUCTS = 60
"""Codes that are sold, though the product table lacks them."""

_RETAILERS = (
    "Amberline", "Bluefern", "Cedar Point", "Dawnmart", "Everkart", "Fairdale", "Goldleaf", "Harbour View",
    "Indigo Lane", "Juniper", "Kestrel", "Lotus Square", "Meadowlark", "Northgate", "Orchid", "Pinewood",
    "Quartzite", "Riverstone", "Sunrise",
)  # fmt: skip
_CITIES = (
    ("Mark001", "Chennai", "South"), ("Mark002", "Mumbai", "Central"), ("Mark003", "Ahmedabad", "North"),
    ("Mark004", "Delhi", "North"), ("Mark005", "Kanpur", "North"), ("Mark006", "Bengaluru", "South"),
    ("Mark007", "Bhopal", "Central"), ("Mark008", "Lucknow", "North"), ("Mark009", "Patna", "North"),
    ("Mark010", "Kochi", "South"), ("Mark011", "Nagpur", "Central"), ("Mark012", "Surat", "North"),
    ("Mark013", "Hyderabad", "South"), ("Mark014", "Bhubaneswar", "South"), ("Mark015", "Jaipur", "North"),
    ("Mark016", "Hyderabad", "Central"), ("Mark097", "New York", ""), ("Mark998", "Singapore", "nan"),
    ("Mark999", "Paris", "  "),
)  # fmt: skip
_CATEGORIES = (
    ("Peripherals", "Input devices", "Keyboards", "Keyboard", 900),
    ("Peripherals", "Input devices", "Mice", "Mouse", 450),
    ("Peripherals", "Displays", "Monitors", "Monitor", 9_500),
    ("Peripherals", "Audio", "Headsets", "Headset", 1_800),
    ("Computers", "Desktops", "Personal desktops", "Desktop", 24_000),
    ("Computers", "Desktops", "Workstations", "Workstation", 48_000),
    ("Computers", "Notebooks", "Business laptops", "Laptop", 39_000),
    ("Computers", "Notebooks", "Gaming laptops", "Gaming Laptop", 56_000),
    ("Components", "Processing", "Processors", "Processor", 13_000),
    ("Components", "Processing", "Graphics cards", "Graphics Card", 21_000),
    ("Storage & Network", "Storage", "Internal drives", "Drive", 4_200),
    ("Storage & Network", "Network", "Wi-Fi routers", "Router", 2_600),
)
_SERIES = ("Falcon", "Comet", "Ridge", "Tide", "Ember", "Sierra", "Nimbus")
_VARIANTS = ("Standard 1", "Standard 2", "Plus 1", "Plus 2", "Premium")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_CUSTOMERS_TRAILING_BLANKS = {3, 11, 24, 33}
_CUSTOMERS_MISSPELT_NAME = {7, 29}
_CUSTOMERS_MISSPELT_TYPE = {16}
_PRODUCTS_TRAILING_BLANKS = {12, 45, 102, 188, 240, 271}
_PRODUCTS_MISSPELT_NAME = {30, 133, 219}
_PRODUCTS_NULL_CATEGORY = {77}
_PRODUCTS_BLANK_CATEGORY = {204}
PRODUCTS_WITHOUT_CATEGORY = frozenset(_PRODUCTS_NULL_CATEGORY | _PRODUCTS_BLANK_CATEGORY)
"""Numbers (from 0) of the products that break their contract."""


class Customer(NamedTuple):
    """One row of `customer`."""

    customer_code: str
    customer_name: str
    customer_type: str


class Product(NamedTuple):
    """One row of `product`."""

    product_code: str
    division: str
    segment: str
    category: str | None
    product_name: str
    variant: str


class Market(NamedTuple):
    """One row of `market`."""

    market_code: str
    market_name: str
    zone: str


class CalendarDay(NamedTuple):
    """One row of `date`."""

    date: datetime.date
    cy_date: datetime.date
    year: int
    month_name: str
    date_yy_mmm: str


@dataclass(frozen=True)
class Dimensions:
    """The rows of the four dimension tables, and what was planted in them."""

    customers: tuple[Customer, ...]
    products: tuple[Product, ...]
    markets: tuple[Market, ...]
    dates: tuple[CalendarDay, ...]
    defects: DimensionDefects


def build_dimensions(first_date: date, last_date: date) -> Dimensions:
    """Build all four; the calendar covers the whole years of the sales, and the weeks after the last one."""
    return Dimensions(
        customers=(*map(_customer, range(2 * len(_RETAILERS))), Customer("Cus-39", "Teststore", BRICK_AND_MORTAR)),
        products=tuple(map(_product_as_stored, range(KNOWN_PRODUCTS))),
        markets=tuple(Market(*city) for city in _CITIES),
        dates=_calendar(date(first_date.year, 1, 1), date((last_date + timedelta(days=45)).year, 12, 31)),
        defects=DimensionDefects(
            customers_with_trailing_blanks=len(_CUSTOMERS_TRAILING_BLANKS),
            customers_with_misspelt_name=len(_CUSTOMERS_MISSPELT_NAME),
            customers_with_misspelt_type=len(_CUSTOMERS_MISSPELT_TYPE),
            customers_with_malformed_code=1,
            products_with_trailing_blanks=len(_PRODUCTS_TRAILING_BLANKS),
            products_with_misspelt_name=len(_PRODUCTS_MISSPELT_NAME),
            products_without_category=len(PRODUCTS_WITHOUT_CATEGORY),
            markets_with_blank_zone=sum(not zone.strip() for _, _, zone in _CITIES),
            markets_with_nan_zone=sum(zone == "nan" for _, _, zone in _CITIES),
            market_names_with_two_codes=len(_CITIES) - len({name for _, name, _ in _CITIES}),
        ),
    )


def customer_codes() -> tuple[str, ...]:
    """Give the codes of the customers that buy."""
    return tuple(_customer(number).customer_code for number in range(2 * len(_RETAILERS)))


def market_codes() -> tuple[str, ...]:
    """Give the codes of all markets."""
    return tuple(code for code, _, _ in _CITIES)


def product_codes() -> tuple[str, ...]:
    """Give the codes of all products that are sold: the known ones first, then those that the product table lacks."""
    return tuple(product(number).product_code for number in range(KNOWN_PRODUCTS + UNKNOWN_PRODUCTS))


def product(number: int) -> Product:
    """Give a product (numbered from 0) as it should be, whether the product table has it or not."""
    division, segment, category, noun, _ = _CATEGORIES[number % len(_CATEGORIES)]
    model = number // len(_CATEGORIES)
    series = _SERIES[model // len(_VARIANTS) % len(_SERIES)]
    variant = _VARIANTS[model % len(_VARIANTS)]
    return Product(f"Prod{number + 1:03d}", division, segment, category, f"AQ {series} {noun}", variant)


def list_price(number: int) -> int:
    """Give a product's list price in rupees."""
    return _CATEGORIES[number % len(_CATEGORIES)][4] * (80 + number * 37 % 41) // 100


def correct_customer_name(number: int) -> str:
    """Give the name of a customer (numbered from 0) as it should be."""
    return f"{_RETAILERS[number // 2]} {'Online' if number % 2 else 'Stores'}"


def _customer(number: int) -> Customer:
    name = correct_customer_name(number)
    if number in _CUSTOMERS_MISSPELT_NAME:
        name = _misspelt(name)
    if number in _CUSTOMERS_TRAILING_BLANKS:
        name += "  "
    kind = E_COMMERCE if number % 2 else BRICK_AND_MORTAR
    if number in _CUSTOMERS_MISSPELT_TYPE:
        kind = "Brik & Mortar"
    return Customer(f"Cus{number + 1:03d}", name, kind)


def _product_as_stored(number: int) -> Product:
    row = product(number)
    if number in _PRODUCTS_MISSPELT_NAME:
        row = row._replace(product_name=_misspelt(row.product_name))
    if number in _PRODUCTS_TRAILING_BLANKS:
        row = row._replace(product_name=row.product_name + " ")
    if number in _PRODUCTS_NULL_CATEGORY:
        row = row._replace(category=None)
    if number in _PRODUCTS_BLANK_CATEGORY:
        row = row._replace(category="")
    return row


def _misspelt(name: str) -> str:
    return f"{name[:4]}{name[5]}{name[4]}{name[6:]}"


def _calendar(first: date, last: date) -> tuple[CalendarDay, ...]:
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple(
        CalendarDay(
            date=day,
            cy_date=day.replace(day=1),
            year=day.year,
            month_name=_MONTHS[day.month - 1],
            date_yy_mmm=f"{day.year % 100:02d}-{_MONTHS[day.month - 1][:3]}",
        )
        for day in days
    )
