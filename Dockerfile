# The monitor's image. Not built in CI, where no container engine runs; a test builds the package from what it copies.
FROM python:3.12.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY topics topics
COPY detectors detectors
COPY monitor monitor
COPY dashboards dashboards
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock \
 && /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data monitor && install -d -o monitor /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 9400
# a worker that opens a large state answers all the same: it is healthy while it makes progress
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9400/health', timeout=4)"]
ENTRYPOINT ["claims-monitor"]
CMD ["worker", "--data", "/data", "--http-host", "0.0.0.0", "--http-port", "9400"]
