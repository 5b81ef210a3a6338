FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY alembic ./alembic
COPY seeds ./seeds
COPY monitor ./monitor
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . && /app/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home monitor && mkdir /var/lib/monitor && chown monitor /var/lib/monitor
COPY --from=build /app /app
COPY seeds /seeds
USER monitor
WORKDIR /var/lib/monitor
ENV PATH=/app/bin:$PATH MONITOR_DATABASE_URL=sqlite:////var/lib/monitor/monitor.db MONITOR_SEEDS=/seeds
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s CMD ["monitor", "status"]
ENTRYPOINT ["monitor"]
CMD ["run"]
