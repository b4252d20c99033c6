# One image, several commands (see docker-compose.yml). Chromium comes from Debian, with its security updates.
FROM python:3.12-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium-headless-shell fonts-liberation tzdata \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/portunus
COPY requirements/runtime.lock requirements/build.lock requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.lock -r requirements/build.lock
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY broker broker
COPY api api
COPY workers workers
COPY carrier_scripts carrier_scripts
COPY portunus_client portunus_client
COPY tests/portals tests/portals
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && python -m compileall -q . \
    && useradd --system --uid 10001 --home-dir /var/lib/portunus --create-home portunus \
    && install -d -o portunus -g portunus -m 0700 /var/lib/portunus /run/portunus
USER portunus
ENV PORTUNUS_DATA_DIR=/var/lib/portunus PORTUNUS_LOG_JSON=true PYTHONUNBUFFERED=1
# a new volume takes its owner from the folder it covers
VOLUME /var/lib/portunus /run/portunus
EXPOSE 8400
CMD ["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8400", "--no-access-log", "--no-server-header", "--ws-per-message-deflate", "false", "--ws-max-size", "65536", "--timeout-graceful-shutdown", "3"]
