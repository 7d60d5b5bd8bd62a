"""A subscriber that asks another system first."""

from collections.abc import Callable


class Asking:
    """A call to another system that can be held up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.meanwhile: Callable[[], None] | None = None

    def __call__(self, message) -> str:
        self.asked.append(message.body.name)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return f"{message.body.name} by {len(self.asked)}"
