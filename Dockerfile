# syntax=docker/dockerfile:1

# By digest, so that a tag that is moved changes nothing. `make pin-images` writes the digests of today.
ARG BUILD_IMAGE=node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot@sha256:14d42e2511532589a7c7e01a753667a74fcc96266e137e8125006b87b0c32d0a

# The bundles are plain JavaScript, so they are built once for all target platforms.
FROM --platform=$BUILDPLATFORM $BUILD_IMAGE AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
# docker build --build-arg COMMIT=$(git rev-parse --short HEAD) .
ARG COMMIT=unknown
RUN VIRTRIGAUD_COMMIT=$COMMIT node hack/bundle.ts operator

FROM build AS build-fakepve
RUN node hack/bundle.ts fakepve

# The fake Proxmox VE, for demos in a cluster.
FROM $RUNTIME_IMAGE AS fakepve
WORKDIR /app
COPY --from=build-fakepve /build/dist/fakepve ./
# The bundle contains code of other packages, whose licences have to come with it.
COPY LICENSE THIRD_PARTY_NOTICES ./
USER 65532:65532
EXPOSE 8006
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "/app/fakepve.mjs", "--host", "0.0.0.0"]

FROM build AS build-loadgen
RUN node hack/bundle.ts loadgen

# virtrigaud-loadgen, which measures the operator in a cluster.
FROM $RUNTIME_IMAGE AS loadgen
WORKDIR /app
COPY --from=build-loadgen /build/dist/loadgen ./
COPY LICENSE THIRD_PARTY_NOTICES ./
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "/app/virtrigaud-loadgen.mjs"]

FROM $RUNTIME_IMAGE AS operator
WORKDIR /app
COPY --from=build /build/dist/virtrigaud-proxmox.mjs ./
COPY --from=build /build/dist/virtrigaud-proxmox-main.mjs /build/dist/virtrigaud-proxmox-main.mjs.map ./
COPY --from=build /build/dist/virtrigaud-proxmox-worker.mjs /build/dist/virtrigaud-proxmox-worker.mjs.map ./
COPY --from=build /build/dist/virtrigaud-proxmox-decompress.mjs /build/dist/virtrigaud-proxmox-decompress.mjs.map ./
COPY LICENSE THIRD_PARTY_NOTICES ./
USER 65532:65532
# A small young generation keeps memory use low; few objects outlive a pass.
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "--max-semi-space-size=16", "/app/virtrigaud-proxmox.mjs"]
