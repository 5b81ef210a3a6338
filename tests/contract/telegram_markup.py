"""Telegram's own parser of message markup, from tdjson: the code that the Bot API server runs."""

from __future__ import annotations

import json
from typing import Any

import tdjson

tdjson.td_execute(b'{"@type": "setLogVerbosityLevel", "new_verbosity_level": 0}')


def parse_html(text: str) -> dict[str, Any]:
    """Parse Telegram HTML as Telegram does: a `formattedText`, or an `error` with its message."""
    query = {"@type": "parseTextEntities", "text": text, "parse_mode": {"@type": "textParseModeHTML"}}
    answer = tdjson.td_execute(json.dumps(query).encode())
    assert answer is not None
    parsed: dict[str, Any] = json.loads(answer)
    return parsed


def utf16_length(text: str) -> int:
    """Count as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def bot_api_entity(entity: dict[str, Any]) -> dict[str, Any]:
    """Write TDLib's entity as the Bot API does: `textEntityTypeTextUrl` is `text_link`."""
    kind = entity["type"]["@type"].removeprefix("textEntityType")
    name = {"TextUrl": "text_link", "BlockQuote": "blockquote"}.get(kind, kind.lower())
    extra = {"url": entity["type"]["url"]} if kind == "TextUrl" else {}
    return {"type": name, "offset": entity["offset"], "length": entity["length"]} | extra
