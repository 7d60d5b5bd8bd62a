"""The registry of declared sagas, by name and version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import SagaDeclarationError, SagaError

if TYPE_CHECKING:
    from .saga import Saga

_sagas: dict[tuple[str, int], Saga[Any]] = {}


def register(saga: Saga[Any]) -> None:
    """Add a saga. Raises SagaDeclarationError when its name and version are taken."""
    if (saga.name, saga.version) in _sagas:
        raise SagaDeclarationError(
            f"Two sagas are named {saga.name}, version {saga.version}; rename one or raise its version."
        )
    _sagas[saga.name, saga.version] = saga


def forget(saga: Saga[Any]) -> None:
    """Remove a saga, and those of its branches: for tests that declare their own."""
    for one in (saga, *(other for other in _sagas.values() if getattr(other, "parent", None) is saga)):
        _sagas.pop((one.name, one.version), None)


def find(name: str, version: int) -> Saga[Any]:
    """The saga of that name and version. Raises SagaError when this code does not declare it."""
    try:
        return _sagas[name, version]
    except KeyError:
        raise SagaError(
            f"Saga {name}, version {version}, is not declared here. Keep the old declaration registered until its "
            "runs are finished, or finish the deploy. A new one is found when its app is in INSTALLED_APPS, and it is "
            "declared in the app's module `sagas` or imported there."
        ) from None


def all_sagas() -> list[Saga[Any]]:
    """All declared sagas, ordered by name and version."""
    return [_sagas[key] for key in sorted(_sagas)]
