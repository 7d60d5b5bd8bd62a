"""An amount as companies are told of it: a whole number of the smallest unit of its currency."""

from __future__ import annotations

from typing import Annotated

from orders.money import decimals_of
from sagas import MinorUnits

Minor = Annotated[int, MinorUnits(decimals_of)]
"""An int; the desk asks for it as money. Its currency is named beside it, or by the run's input."""
