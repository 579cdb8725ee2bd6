# One image with the three programs. The engine takes minutes to compile, so it
# is built in a stage of its own, which changes only with engine/ and the simulated
# vendors that it holds.

FROM golang:1.26-bookworm AS engine
WORKDIR /src/engine
COPY engine/go.mod engine/go.sum ./
COPY engine/stubs/ stubs/
COPY internal/guard/ ../internal/guard/
COPY internal/sandbox/go.mod internal/sandbox/go.sum ../internal/sandbox/
RUN go mod download
COPY engine/ ./
COPY internal/sandbox/ ../internal/sandbox/
RUN go build -trimpath -ldflags "-s -w" -o /out/mediaferry-engine .

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY internal/guard/go.mod internal/guard/
RUN go mod download
COPY . .
RUN go build -trimpath -ldflags "-s -w" -o /out/ ./starter/mediaferry \
 && go build -trimpath -ldflags "-s -w" -o /out/ ./worker/mediaferry-worker

# /data and /dropped are for whichever user the container runs as; mediaferry closes /data
# where it belongs to that user, and makes a closed folder in it elsewhere (--data /data/NAME).
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl libheif-examples && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 mediaferry && install -d -m 1777 -o mediaferry /data /dropped && install -d /media
COPY --from=build /out/ /usr/local/bin/
COPY --from=engine /out/ /usr/local/bin/
USER 1000:1000
ENV MEDIAFERRY_DATA=/data
VOLUME /data
ENTRYPOINT ["mediaferry"]
