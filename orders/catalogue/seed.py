"""The catalogue for local use: what the shop offers and what the stand-in warehouse has. Imports no Django."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """A product, its price in euros, and how many pieces the warehouse starts with."""

    sku: str
    name: str
    description: str
    price: Decimal
    stock: int


CATALOGUE: tuple[Item, ...] = (
    Item("lamp-arc", "Arc lamp", "A quiet reading light in brushed brass.", Decimal("129.00"), 1_000),
    Item("mug-slate", "Slate mug", "Stoneware, 350 ml, warm to the last sip.", Decimal("18.50"), 5_000),
    Item("notebook-dot", "Dot notebook", "192 pages that lie flat.", Decimal("14.00"), 5_000),
    Item("kettle-pour", "Pour-over kettle", "A long spout for a slow morning.", Decimal("74.90"), 2_000),
    Item("tote-canvas", "Canvas tote", "Heavy cotton, carries a week of groceries.", Decimal("24.00"), 5_000),
    Item("clock-wall", "Wall clock", "Silent movement, oak frame.", Decimal("89.00"), 2_000),
    Item("vase-tall", "Tall vase", "Thrown by hand; the last of its series.", Decimal("149.00"), 1),
    Item("chair-ash", "Ash chair", "Bent ash, woven seat. Back in spring.", Decimal("349.00"), 0),
)
