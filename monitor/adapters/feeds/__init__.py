"""Feeds: fetched over HTTP from servers that may be broken or hostile, read into drafts of entries.

`http` asks and follows; `addresses` says where it may connect; `answers` and `bodies` judge and bound
what comes back; `charsets`, `parse` and `jsonfeed` read it; `items` and `cleaning` make plain text of
it. `opml` carries lists of feeds in and out.
"""
