# The monitor's image. Not built in CI, where no container engine runs.
FROM python:3.12-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY topics topics
COPY detectors detectors
COPY monitor monitor
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock \
 && /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data monitor && install -d -o monitor /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
VOLUME /data
ENTRYPOINT ["claims-monitor"]
CMD ["worker", "--data", "/data", "--http-host", "0.0.0.0", "--http-port", "9400"]
