"""Services: the ports and policies that every stage is given, and its only shared argument."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.domain.alerts import Subscription
from monitor.domain.feeds import PollPolicy
from monitor.ports import (
    AssessStore,
    ClaimIndex,
    Clock,
    DeliverStore,
    FeedFetcher,
    LanguageDetector,
    Library,
    Messenger,
    PollStore,
    Reads,
    StanceModel,
)


@dataclass(frozen=True, slots=True)
class Matching:
    """What reading a report against stories needs: no database, no network."""

    index: ClaimIndex
    judge: StanceModel
    language: LanguageDetector


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a stage needs, built once by `bootstrap.open_services`."""

    clock: Clock
    fetcher: FeedFetcher
    matching: Matching
    messenger: Messenger
    poll_store: PollStore
    assess_store: AssessStore
    deliver_store: DeliverStore
    library: Library
    reads: Reads
    polling: PollPolicy
    subscriptions: tuple[Subscription, ...]
