# One image for every process; which one runs is the command. Started as it is, it is the whole of Matinee, embedded.
FROM oven/bun:1.4.5-slim
WORKDIR /app
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile --production --ignore-scripts
COPY src ./src
RUN mkdir /data && chown bun:bun /data
USER bun
ENV DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["bun", "-e", "process.exit((await fetch(`http://localhost:${process.env.PORT || 8080}/health/ready`)).ok ? 0 : 1)"]
CMD ["bun", "src/entrypoints/standalone.ts"]
