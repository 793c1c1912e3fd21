# One image for every service; the command picks which, as a path below /app:
#   docker run ... holdfast services/hold-service/dist/main.js
# Written for BuildKit and for the older builder that docker-compose 1.29 uses, so without mounts and here-documents.
ARG NODE_IMAGE=node:24-bookworm-slim

# The manifests alone: packages are installed anew only when one of these changes, not at every change of a source.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete

# What runs needs no install script of a package, so none is run.
FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY --from=manifests /app ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM modules AS build
RUN npm ci --ignore-scripts --prefer-offline
COPY . .
RUN npx tsc -b services/hold-service services/payment-service services/expiry-worker services/webhook-service \
      infra/migrate infra/sandbox-provider infra/dead-letters infra/payments infra/timer-journal
# What runs: compiled sources, migrations and scripts, without types and build notes.
RUN for project in libs/* services/* infra/*; do \
      [ -d "$project/dist" ] || continue; \
      mkdir -p "/out/$project"; \
      for part in package.json dist migrations scripts; do \
        if [ -e "$project/$part" ]; then cp -R "$project/$part" "/out/$project/"; fi; \
      done; \
    done \
 && find /out -name '*.d.ts' -delete \
 && find /out -name '*.d.ts.map' -delete \
 && find /out -name '*.tsbuildinfo' -delete \
 && cp package.json infra/images/health-check.mjs /out/

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Holdfast" \
      org.opencontainers.image.description="A seat-hold engine for ticket sales: hold named seats, pay, or they go back on sale at the deadline." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

WORKDIR /app
COPY --from=modules /app/node_modules ./node_modules
COPY --from=build /out ./

# Every service listens on the same port of its own container, so one health check fits all.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    HOLDFAST_HTTP_HOST=0.0.0.0 \
    HOLDFAST_HTTP_PORT=8080 \
    HOLDFAST_SANDBOX_PORT=8080 \
    HOLDFAST_SANDBOX_DATA=/var/lib/holdfast \
    HOLDFAST_TIMER_JOURNAL=/var/lib/holdfast
EXPOSE 8080

# The user `node` of the base image, as a number: orchestrators that forbid root cannot judge a name. Volumes mounted at
# the data folder begin with its owner.
RUN install -d -o 1000 -g 1000 /var/lib/holdfast
USER 1000:1000

HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "health-check.mjs", "/health/live"]

# Node itself is process 1. The services handle SIGTERM and SIGINT themselves: they drain, and end within
# HOLDFAST_STOP_TIMEOUT_MS (20 s); they start no children that somebody would have to bury.
STOPSIGNAL SIGTERM
# The bound keeps garbage from piling up on machines with much memory; see infra/local/services.mjs.
ENTRYPOINT ["node", "--enable-source-maps", "--max-old-space-size=1024", "--max-semi-space-size=16"]
CMD ["services/hold-service/dist/main.js"]
