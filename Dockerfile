# The images contain static binaries and nothing else: no shell, no package manager. They do not run as root.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/rollcall ./cmd/rollcall && \
    CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/etcd go.etcd.io/etcd/server/v3
# A named volume gets the owner and the mode of the folder that it is mounted on.
RUN mkdir -p /out/data && chown 65532:65532 /out/data && chmod 0700 /out/data

# A member of the etcd cluster, of the version that the nodes are built with. Like a node, it serves /readyz.
FROM scratch AS etcd
COPY --from=build /out/etcd /etcd
COPY --from=build /out/rollcall /rollcall
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
EXPOSE 2379 2380
VOLUME /data
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["/rollcall", "health", "--url", "http://127.0.0.1:2379"]
ENTRYPOINT ["/etcd"]

FROM scratch AS rollcall
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/rollcall /rollcall
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV ROLLCALL_LISTEN=0.0.0.0:8080 ROLLCALL_DATA=/data ROLLCALL_LOG_FORMAT=json
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["/rollcall", "health"]
ENTRYPOINT ["/rollcall"]
CMD ["serve"]
