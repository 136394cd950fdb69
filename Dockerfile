# syntax=docker/dockerfile:1

# The bundles are plain JavaScript, so they are built once for all target platforms.
FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No package that the bundle needs has an install script.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# docker build --build-arg COMMIT=$(git rev-parse --short HEAD) .
ARG COMMIT=unknown
RUN VIRTRIGAUD_COMMIT=$COMMIT node hack/bundle.ts operator

FROM build AS build-fakepve
RUN node hack/bundle.ts fakepve

# The fake Proxmox VE, for demos in a cluster.
FROM gcr.io/distroless/nodejs24-debian12:nonroot AS fakepve
WORKDIR /app
COPY --from=build-fakepve /build/dist/fakepve ./
USER 65532:65532
EXPOSE 8006
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "/app/fakepve.mjs", "--host", "0.0.0.0"]

FROM gcr.io/distroless/nodejs24-debian12:nonroot AS operator
WORKDIR /app
COPY --from=build /build/dist/virtrigaud-proxmox.mjs /build/dist/virtrigaud-proxmox.mjs.map ./
COPY --from=build /build/dist/virtrigaud-proxmox-worker.mjs /build/dist/virtrigaud-proxmox-worker.mjs.map ./
USER 65532:65532
# A small young generation keeps memory use low; few objects outlive a pass.
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "--max-semi-space-size=16", "/app/virtrigaud-proxmox.mjs"]
