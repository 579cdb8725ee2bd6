#!/bin/sh
# stand-in.sh IMAGE makes an image of this name for make compose-check, where the real one
# cannot be pulled: from Debian's packages (debootstrap) and from what Go builds of the same
# sources. It has what docker-compose.yml uses of the real image: the same program, user,
# folders and entry point. The versions of PostgreSQL and Prometheus are Debian's. Exit status
# 3: there is no stand-in for this image.
#
# Images that it made have the label mediaferry.stand-in.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mediaferry
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
image=$1
debian=debian:bookworm-slim
alpine=mediaferry-stand-in:alpine
work=$(mktemp -d -t mediaferry-stand-in-XXXXXX)
trap 'rm -rf "$work" "$work.log"' EXIT
export DOCKER_BUILDKIT=0 # no plugin, no frontend that has to be pulled

have() { docker image inspect "$1" >/dev/null 2>&1; }

# build NAME: what standard input says, with $work as its context.
build() {
	cat >"$work/Dockerfile"
	docker build --label mediaferry.stand-in=true -t "$1" "$work" >"$work.log" 2>&1 || { tail -n 30 "$work.log" >&2; exit 1; }
}

# debian makes the base of all.
debian() {
	have $debian && return
	command -v debootstrap >/dev/null || { echo "stand-in.sh needs debootstrap: apt-get install debootstrap" >&2; exit 1; }
	echo "  $debian: debootstrap from $mirror" >&2
	debootstrap --variant=minbase bookworm "$work/root" "$mirror" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
	rm -rf "$work/root/var/cache/apt/archives"/*.deb
	tar -C "$work/root" -c . | docker import --change 'LABEL mediaferry.stand-in=true' --change 'CMD ["bash"]' - $debian >/dev/null
	rm -rf "$work/root"
}

# alpine makes a base with what images that are based on Alpine have: BusyBox, and a user
# temporal.
alpine() {
	have $alpine && return
	debian
	build $alpine <<-'END'
		FROM debian:bookworm-slim
		RUN apt-get update && apt-get install -y --no-install-recommends busybox ca-certificates && rm -rf /var/lib/apt/lists/* \
		 && for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done \
		 && groupadd -g 1000 temporal && useradd -u 1000 -g 1000 -m temporal
	END
}

# made FOLDER NAME PACKAGE: builds a program of another module into a folder of the cache,
# and copies it to the context.
made() {
	if [ ! -x "$cache/$1/$2" ]; then
		echo "  building $3 (minutes, the first time)" >&2
		GOBIN=$cache/$1 CGO_ENABLED=0 GOFLAGS='' $GO install "$3"
	fi
	cp "$cache/$1/$2" "$work/program"
}

# version MODULE GO_MOD_FOLDER
version() { (cd "$2" && $GO list -m -f '{{.Version}}' "$1"); }

case $image in
postgres:*)
	debian
	cp scripts/stand-in-postgres.sh "$work/entrypoint"
	build "$image" <<-'END'
		FROM debian:bookworm-slim
		RUN groupadd -r -g 999 postgres && useradd -r -u 999 -g postgres -d /var/lib/postgresql postgres \
		 && apt-get update && apt-get install -y --no-install-recommends postgresql && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/* \
		 && install -d -m 1777 -o postgres -g postgres /var/lib/postgresql/data && chmod 3777 /var/run/postgresql && mkdir /docker-entrypoint-initdb.d \
		 && ln -s /usr/lib/postgresql/15/bin/* /usr/local/bin/
		COPY entrypoint /usr/local/bin/docker-entrypoint.sh
		ENV PGDATA=/var/lib/postgresql/data
		ENTRYPOINT ["docker-entrypoint.sh"]
		CMD ["postgres"]
		STOPSIGNAL SIGINT
	END
	;;
prom/prometheus:*)
	debian
	build "$image" <<-'END'
		FROM debian:bookworm-slim
		RUN apt-get update && apt-get install -y --no-install-recommends prometheus busybox && rm -rf /var/lib/apt/lists/* \
		 && ln -s /bin/busybox /usr/local/bin/wget && rm -rf /etc/prometheus/* && install -d -o nobody -g nogroup /prometheus
		USER nobody
		ENTRYPOINT ["/usr/bin/prometheus"]
	END
	;;
temporalio/server:* | temporalio/admin-tools:*)
	alpine
	release=$(version go.temporal.io/server engine)
	if [ "${image#*:}" != "${release#v}" ]; then
		echo "$image is not the version of engine/go.mod, $release" >&2
		exit 1
	fi
	case $image in # scripts/temporal.sh has the same programs
	*server*) name=temporal-server && made "temporal-$release" server "go.temporal.io/server/cmd/server@$release" ;;
	*) name=temporal-sql-tool && made "temporal-$release" sql "go.temporal.io/server/cmd/tools/sql@$release" ;;
	esac
	build "$image" <<-END
		FROM $alpine
		COPY program /usr/local/bin/$name
		WORKDIR /etc/temporal
		USER temporal
	END
	;;
temporalio/ui:*)
	alpine
	module=github.com/temporalio/ui-server/v2
	release=$(version $module engine)
	made "temporal-ui-$release" server "$module/cmd/server@$release"
	cp "$($GO mod download -json "$module@$release" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')"/config/docker.yaml "$work/"
	chmod 644 "$work/docker.yaml"
	build "$image" <<-END
		FROM $alpine
		WORKDIR /home/ui-server
		COPY program ui-server
		COPY docker.yaml config/docker.yaml
		USER temporal
		ENTRYPOINT ["./ui-server", "--env", "docker", "start"]
	END
	;;
versity/versitygw:*)
	alpine
	release=$(version github.com/versity/versitygw internal/sandbox)
	made "versitygw-$release" versitygw "github.com/versity/versitygw/cmd/versitygw@$release"
	build "$image" <<-END
		FROM $alpine
		COPY program /usr/local/bin/versitygw
		ENTRYPOINT ["versitygw"]
	END
	;;
mediaferry:*)
	# The last stage of our Dockerfile, with the programs of bin/.
	debian
	mkdir "$work/programs"
	cp bin/mediaferry bin/mediaferry-worker bin/mediaferry-engine "$work/programs/"
	awk '/^FROM/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }' Dockerfile |
		sed -e '/^COPY --from=engine/d' -e 's|^COPY --from=build /out/|COPY programs/|' | build "$image"
	;;
*)
	exit 3
	;;
esac
