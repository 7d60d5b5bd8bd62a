"""A person at the desk, in a real browser: presses are counted, typing is not."""

from __future__ import annotations

from playwright.sync_api import Browser, Locator, Page

PATIENCE = 60_000  # milliseconds for anything to appear
WINDOW = {"width": 1280, "height": 900}


class Operator:
    """Logged in at `site`. The password is the name."""

    def __init__(self, browser: Browser, site: str, name: str) -> None:
        self.name = name
        self.clicks = 0
        context = browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        self.page: Page = context.new_page()
        self.front = f"{site}/admin/"
        self.page.goto(self.front)
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(name)
        self.page.get_by_role("button", name="Log in").click()

    def begin(self) -> None:
        """Open the first page, and count anew."""
        self.page.goto(self.front)
        self.clicks = 0

    def press(self, what: Locator) -> None:
        """One click."""
        what.click()
        self.clicks += 1

    def link(self, name: str, within: Locator | None = None) -> None:
        """Follow the first link of that name."""
        self.press((within or self.page).get_by_role("link", name=name).first)

    def button(self, name: str) -> None:
        self.press(self.page.get_by_role("button", name=name, exact=True))

    def find(self, text: str) -> None:
        """Type into the search box of the first page."""
        self.page.get_by_label("Find by number").fill(text)
        self.button("Find")

    def type(self, label: str, text: str) -> None:
        self.page.get_by_label(label).fill(text)

    def sees(self, text: str) -> None:
        """Wait until it is on the page, which reads itself again. Raises Playwright's TimeoutError."""
        self.page.get_by_text(text).first.wait_for()

    def cause(self, *words: str) -> Locator:
        """The row of the first page that has these words."""
        rows = self.page.locator(".causes li")
        for word in words:
            rows = rows.filter(has_text=word)
        return rows
