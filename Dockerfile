# The image of web and worker alike: the server's own packages, no compiler, no embedded servers.

FROM python:3.13-slim-trixie AS packages
WORKDIR /build
COPY requirements/tools.txt requirements/server.txt ./
# Wheels only (--no-build): nothing here or in the final stage needs a compiler.
RUN python -m pip install --no-cache-dir --require-hashes -r tools.txt \
    && python -m venv --without-pip /opt/onsale \
    && uv pip install --python /opt/onsale/bin/python --no-cache --no-build --compile-bytecode \
        --require-hashes -r server.txt

FROM node:22-trixie-slim AS graphiql
WORKDIR /build
COPY web/graphiql ./
RUN npm ci --ignore-scripts --no-audit --no-fund && npm run build

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="onsale" \
      org.opencontainers.image.description="The open-source GraphQL ticketing server" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin onsale \
    && install --directory --owner=onsale --mode=0700 /data
COPY --from=packages /opt/onsale /opt/onsale
WORKDIR /app
COPY LICENSE pyproject.toml ./
COPY compiled_documents compiled_documents
COPY models models
COPY box_office box_office
COPY schema schema
COPY resolvers resolvers
COPY subscriptions subscriptions
COPY migrations migrations
COPY onsale onsale
COPY demo demo
COPY --from=graphiql /build/dist web/graphiql/dist
RUN /opt/onsale/bin/python -m compileall -q .
# What is kept: the key that signs buyers' tokens, unless ONSALE_TOKEN_KEY gives one.
VOLUME /data
ENV PATH="/opt/onsale/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ONSALE_HOST=0.0.0.0 \
    ONSALE_PORT=8000 \
    ONSALE_DATA_DIR=/data \
    ONSALE_LOG_FORMAT=json
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"ONSALE_PORT\"]}/readyz', timeout=3)"]
ENTRYPOINT ["python", "-m", "onsale"]
CMD ["serve"]
