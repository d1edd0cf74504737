# The whole platform, or one part: `docker run tidegate start cash-flow`. The image brings Node, so the package's own is left out.
FROM node:26-slim
ENV NODE_ENV=production TIDEGATE_HOST=0.0.0.0 TIDEGATE_OPERATOR_HOST=0.0.0.0 TIDEGATE_DATA=/var/lib/tidegate
WORKDIR /opt/tidegate

# The OWASP Core Rule Set, for policies with a `ruleset` from /usr/share/modsecurity-crs/rules (docs/firewall.md); rules only, no server.
RUN apt-get update && apt-get install -y --no-install-recommends modsecurity-crs && rm -rf /var/lib/apt/lists/*

COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY src src
COPY config config
COPY policies policies

RUN install -d -o node -g node -m 700 /var/lib/tidegate
USER node
VOLUME /var/lib/tidegate
# The edge and the operator; 8101 to 8105 are the services, for containers that run one each.
EXPOSE 8080 8081 8101 8102 8103 8104 8105

# Where the edge runs. A container with one service asks that one's /healthz instead.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (Number(process.env.TIDEGATE_PORT ?? 8080) + 1) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# More room for what lives for one request only: see docs/adr/0038.
ENTRYPOINT ["node", "--max-semi-space-size=64", "src/cli/main.ts"]
CMD ["start"]
