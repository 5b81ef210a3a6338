"""`python -m monitor`, and the `monitor` script."""

from __future__ import annotations

import sys

from monitor.errors import MonitorError


def main() -> None:
    """Run the command line; a failure ends with its message on stderr and its exit code."""
    from monitor.entrypoints.cli import app
    from monitor.entrypoints.cli.output import complain

    try:
        app()
    except MonitorError as error:
        complain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
