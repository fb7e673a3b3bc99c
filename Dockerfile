# The server as an image: docker build -t nestwire .
# No RUN names a path outside its WORKDIR, so that scripts/check-dockerfile.mjs can run the steps without an engine.

FROM node:24-bookworm-slim AS build
WORKDIR /build
# First what changes seldom: a change of the sources alone installs nothing anew.
COPY package.json package-lock.json .npmrc ./
# No package needs its install script here: lmdb and msgpackr come compiled for this system.
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY scripts/make-executable.mjs scripts/
COPY src src/
RUN npm run --silent build && npm prune --omit=dev --ignore-scripts
RUN mkdir data

FROM node:24-bookworm-slim
# Every interface, since the container's network decides who gets in. The HTTP side answers whoever reaches it: publish 7421
# to those who watch and operate, never to the open network.
ENV NODE_ENV=production \
    NESTWIRE_HOST=0.0.0.0 \
    NESTWIRE_HTTP_HOST=0.0.0.0 \
    NESTWIRE_DATA_DIR=/var/lib/nestwire
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=build /build/node_modules node_modules/
COPY --from=build /build/dist dist/
COPY --from=build --chown=node:node /build/data /var/lib/nestwire
USER node
# Messages, members and the secrets that were made at the first start. A node of a cluster needs none of it.
VOLUME /var/lib/nestwire
EXPOSE 7420 7421
# Whether the process answers, not whether it is ready: nobody is helped by a restart while NATS is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.NESTWIRE_HTTP_PORT || 7421}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# No shell in between: node is process 1, and SIGTERM begins the drain.
CMD ["node", "dist/main.js"]
