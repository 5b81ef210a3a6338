"""Telegram: `messenger` sends, `outcomes` says what an error means, `pace` spaces, `request` reads statuses."""
