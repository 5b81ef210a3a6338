"""A monitor of claims.

A user stores a *story*: a news report and its key claims. The program polls news feeds, finds the
reports that follow the story up, judges whether each **supports**, **contradicts** or **updates** a
claim, and posts an alert with the quoted sentence that decided.

The path of one entry, each stage reading, deciding by pure functions, and writing once:

    feeds ──POLL──► entries ──ASSESS──► reports · evidence · alerts ──► deliveries ──DELIVER──► chat

Where things live:

    domain/       what we know and decide; standard library only
    ports.py      what we need from the world
    services.py   the record of ports and policies that every stage is given
    pipeline/     the straight path: poll, assess, deliver
    actions.py    what a person may change          queries.py   what a person may ask
    adapters/     how the world does it: feeds, models, storage, telegram, console
    settings.py   the settings                      bootstrap.py puts it all together
    entrypoints/  who calls us: command line, one-process engine, bot, demo
    lab/          how the judge is made and measured (optional extra)
"""

__version__ = "0.1.0"
