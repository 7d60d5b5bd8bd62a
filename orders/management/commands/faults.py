"""`manage.py faults`: the switches of the fault panel on the command line."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.faults import client, switches
from orders.faults.client import ALL, Company, Fault, Wish
from orders.faults.errors import FaultsError


class Command(BaseCommand):
    help = "Makes a stand-in slow, refusing, down or forgetful, and well again. Local and staging only."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        listing = commands.add_parser("list", help="what each company does, and what goes wrong with it")
        preset = commands.add_parser("preset", help="a switch of the page: slow, refusing, down, closed …")
        chosen = commands.add_parser("set", help="any fault that a company knows")
        for one in (preset, chosen):
            one.add_argument("company", metavar="COMPANY")
            _add_scope(one)
        preset.add_argument("switch", choices=switches.BY_NAME, metavar="SWITCH", help=", ".join(switches.BY_NAME))
        chosen.add_argument("kind", metavar="KIND", help="as `list` names it")
        chosen.add_argument("--times", type=int, help="how often; else until it is cleared, or its time is up")
        chosen.add_argument("--delay", type=float, default=0, metavar="SECONDS")
        chosen.add_argument("--code", default="", help="of a refusal; else the company's usual one")
        clear = commands.add_parser("clear", help="all is well again")
        clear.add_argument("company", nargs="?", default="", metavar="COMPANY", help="else all companies")
        clear.add_argument("--operation", default="")
        clear.add_argument("--order", help='a number; "" is the faults that are for every order')
        for one in (listing, preset, chosen, clear):
            one.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: Any, command: str, **given: Any) -> None:
        doors: dict[str, Callable[[dict[str, Any]], None]] = {
            "list": self._list,
            "preset": self._preset,
            "set": self._set,
            "clear": self._clear,
        }
        try:
            doors[command](given)
        except FaultsError as error:
            raise CommandError(str(error)) from error

    def _list(self, given: dict[str, Any]) -> None:
        companies = switches.companies()
        if given["json"]:
            self._print(msgspec.to_builtins(companies))
            return
        for company in companies:
            self.stdout.write(f"{company.name}: {company.keeps}. {'' if company.faults else 'It is well.'}".rstrip())
            for operation in company.operations:
                own = "" if operation.called else f" Faults: {', '.join(operation.kinds)}."
                self.stdout.write(f"  {operation.name:<14} {operation.says}{own}")
            for fault in company.faults:
                self.stdout.write(f"  ! {_line(company, fault)}")
        kinds = next((one.kinds for company in companies for one in company.operations if one.called), {})
        self.stdout.write(f"Faults of every call: {', '.join(kinds)}.")

    def _preset(self, given: dict[str, Any]) -> None:
        self._tell(given, switches.turn(given["company"], switches.BY_NAME[given["switch"]], _wish("", given)))

    def _set(self, given: dict[str, Any]) -> None:
        more = {name: given[name] for name in ("times", "delay", "code")}
        self._tell(given, switches.set_fault(given["company"], _wish(given["kind"], given, **more)))

    def _clear(self, given: dict[str, Any]) -> None:
        number = switches.all_well(given["company"], operation=given["operation"], order=given["order"])
        if given["json"]:
            self._print({"cleared": number})
        else:
            self.stdout.write(
                f"{switches.ended(number).capitalize()}. Orders that wait go on by themselves, within a minute."
            )

    def _tell(self, given: dict[str, Any], fault: Fault) -> None:
        if given["json"]:
            self._print(msgspec.to_builtins(fault))
        else:
            self.stdout.write(switches.told(client.company(given["company"]), fault))

    def _print(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, indent=2))


def _add_scope(parser: CommandParser) -> None:
    parser.add_argument("--operation", default=ALL, help="one that `list` names; else every call")
    parser.add_argument("--order", default="", metavar="NUMBER", help="else every order")
    parser.add_argument(
        "--minutes", type=float, default=switches.MINUTES, help="0 is until it is cleared (default %(default)g)"
    )


def _wish(kind: str, given: dict[str, Any], **more: Any) -> Wish:
    scope = {"operation": given["operation"], "order": given["order"], "minutes": given["minutes"] or None}
    return Wish(kind, set_by=getpass.getuser()[:100], **scope, **more)


def _line(company: Company, fault: Fault) -> str:
    calls = f"{fault.hits} call{'' if fault.hits == 1 else 's'} hit"
    by = f"; set by {fault.set_by}" if fault.set_by else ""
    return f"{switches.says(company, fault)}: {switches.scope(fault)}; {calls}{by}"
