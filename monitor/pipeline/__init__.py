"""The straight path: poll, assess, deliver. The stages meet only in the database."""

from __future__ import annotations

from monitor.pipeline.assess import ASSESS
from monitor.pipeline.deliver import DELIVER
from monitor.pipeline.path import STAGES, Progress, run_until_idle
from monitor.pipeline.poll import POLL
from monitor.pipeline.stage import Stage, run_due

__all__ = ["ASSESS", "DELIVER", "POLL", "STAGES", "Progress", "Stage", "run_due", "run_until_idle"]
