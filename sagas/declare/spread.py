"""What a step starts runs of: branches beside each other, one for each item, or a run of another saga.

Such a step waits until its runs have ended. Its undo cancels those that have not, and undoes the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .context import StepContext, UndoContext

if TYPE_CHECKING:
    from .saga import Saga


@dataclass(eq=False, kw_only=True)
class Spread(ABC):
    """A step's runs: `saga_of(item)` is the saga of run number `item`."""

    branches: bool
    """Whether its runs are parts of the parent's run rather than runs in their own right."""

    @abstractmethod
    def saga_of(self, item: int) -> Saga[Any]: ...

    @abstractmethod
    def key_of(self, parent_key: str, item: int) -> str:
        """The key of run number `item`; another process that starts it uses the same."""

    @abstractmethod
    def count(self, input: Any) -> int:
        """How many runs the step has for this input of the parent."""


@dataclass(eq=False, kw_only=True)
class Group(Spread):
    """Steps side by side, each in a run of its own."""

    branches: bool = True
    sagas: tuple[Saga[Any], ...]
    names: tuple[str, ...]
    after: tuple[frozenset[int], ...]
    """By branch: the branches that must be done before it starts, and that are undone after it."""

    def saga_of(self, item: int) -> Saga[Any]:
        return self.sagas[item]

    def key_of(self, parent_key: str, item: int) -> str:
        return f"{parent_key}.{self.names[item]}"

    def count(self, input: Any) -> int:
        return len(self.sagas)


@dataclass(eq=False, kw_only=True)
class Items(Spread):
    """One step for each item of the parent's input."""

    branches: bool = True
    saga: Saga[Any]
    name: str
    items: Callable[[Any], Sequence[Any]]
    at_once: int

    def saga_of(self, item: int) -> Saga[Any]:
        return self.saga

    def key_of(self, parent_key: str, item: int) -> str:
        return f"{parent_key}.{self.name}.{item}"

    def count(self, input: Any) -> int:
        return len(self.items(input))


@dataclass(eq=False, kw_only=True)
class ChildSaga(Spread):
    """A run of another saga."""

    branches: bool = False
    saga: Saga[Any]
    name: str
    make: Callable[[StepContext[Any]], Any]
    """From the parent's step to the child's input."""
    key: Callable[[Any], str] | None
    """From the child's input to its key."""
    own_undo: Callable[[UndoContext[Any, Any]], None] | None = None
    """How the parent undoes a child that has completed, where the child's saga cannot be undone."""

    def saga_of(self, item: int) -> Saga[Any]:
        return self.saga

    def key_of(self, parent_key: str, item: int) -> str:
        return f"{parent_key}.{self.name}"

    def count(self, input: Any) -> int:
        return 1
