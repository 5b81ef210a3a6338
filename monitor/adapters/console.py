"""The console as a messenger: alerts are printed instead of posted."""

from __future__ import annotations

from collections.abc import Callable

from monitor.domain.delivery import SendOutcome, Sent, TryLater, Undeliverable
from monitor.domain.messages import Message

RULE = "─" * 40


class ConsoleMessenger:
    """Prints each message as plain text, a rule below it; keeps the `Messenger` contract.

    `write` takes a piece of text, as `sys.stdout.write` does.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    async def send(self, message: Message, *, chat: str, thread: int) -> SendOutcome:  # noqa: ARG002 - one console
        """Print one message; characters that the terminal lacks are written as escapes."""
        text = f"{message.text.rstrip()}\n{RULE}\n"
        try:
            self._print(text)
        except BrokenPipeError:
            return TryLater("the program that read the output has ended")
        except OSError as error:
            return TryLater(f"the output cannot be written: {error.strerror or error}")
        except ValueError:
            return Undeliverable("the output is closed; start the program again with an open one")
        return Sent(None)

    def _print(self, text: str) -> None:
        try:
            self._write(text)
        except UnicodeEncodeError as error:
            self._write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
