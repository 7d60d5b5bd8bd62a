"""`manage.py show_saga checkout`: the steps of a saga in running order, with their undos."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sagas import Saga
from sagas.declare import registry
from sagas.presentation import diagram


class Command(BaseCommand):
    help = "Shows a declared saga as a table, or as a Mermaid flowchart; without a name lists all declared sagas."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Free the option `--version`, which Django's commands have for Django's version."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="the saga to show")
        parser.add_argument("--version", type=int, metavar="N", dest="number", help="which version (default: newest)")
        parser.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart")

    def handle(self, *_args: Any, name: str | None, number: int | None, mermaid: bool, **_options: Any) -> None:
        if name is None:
            self.stdout.write(_declared())
        else:
            show = diagram.mermaid if mermaid else diagram.table
            self.stdout.write(show(_chosen(name, number)))


def _declared() -> str:
    sagas = [saga for saga in registry.all_sagas() if not saga.is_branch]
    if not sagas:
        raise CommandError("No saga is declared. Declare one in <app>/sagas.py of an installed app.")
    return "\n".join(f"{saga.name}, version {saga.version}, {len(saga.declared)} steps" for saga in sagas)


def _chosen(name: str, number: int | None) -> Saga[Any]:
    versions = {saga.version: saga for saga in registry.all_sagas() if saga.name == name and not saga.is_branch}
    if not versions:
        names = sorted({saga.name for saga in registry.all_sagas() if not saga.is_branch})
        raise CommandError(f"No saga is named {name}. There is: {', '.join(names) or 'none'}.")
    if number is not None and number not in versions:
        raise CommandError(f"{name} has no version {number}. There is: {', '.join(map(str, versions))}.")
    return versions[max(versions) if number is None else number]
