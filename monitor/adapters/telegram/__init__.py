"""Telegram: sending messages through the Bot API."""
