"""Who calls us: the command line, the one-process engine, the bot, the demo."""
