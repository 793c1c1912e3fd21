#!/bin/sh
# Makes base images under local tags for a machine that reaches no image registry but has a Debian mirror:
#   holdfast-local/node, holdfast-local/postgres, holdfast-local/redis, holdfast-local/rabbitmq, holdfast-local/nginx
# A Debian tree comes from debootstrap, the servers from Debian's packages, npm from this machine, Node from the installed
# packages or this machine.
# docs/containers.md says how to use them, and what they promise of the official images' contract.
#
# Usage, as root: infra/images/build-local-images.sh [--fresh]
#   --fresh  make the Debian tree anew, even if there is one
#
# Settings, all optional:
#   HOLDFAST_DEBIAN_SUITE    default: bookworm
#   HOLDFAST_DEBIAN_MIRROR   default: the mirror this machine's apt uses for that suite, else Debian's own
#   HOLDFAST_BUILD_NETWORK   network of the builds, for example "host"; default: the engine's
set -eu

SUITE=${HOLDFAST_DEBIAN_SUITE:-bookworm}
NETWORK=${HOLDFAST_BUILD_NETWORK:-default}
FOLDER=$(dirname "$(readlink -f "$0")")/local
BASE=holdfast-local/debian
DEBIAN_MIRROR=http://deb.debian.org/debian

# Where this machine's apt gets Debian from: lines "site suite".
debian_sources() {
  command -v apt-get > /dev/null || return 0
  apt-get indextargets --format '$(ORIGIN) $(SITE) $(RELEASE)' 'Created-By: Packages' |
    sed -n "s/^Debian \([^ ]*\) \($SUITE[^ ]*\)$/\1 \2/p" | sort -u
}

make_base() {
  command -v debootstrap > /dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
  [ "$(id -u)" = 0 ] || { echo "debootstrap needs root." >&2; exit 1; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  tree=$work/tree
  sources=$(debian_sources)
  mirror=${HOLDFAST_DEBIAN_MIRROR:-$(echo "$sources" | sed -n "s/ $SUITE\$//p" | head -n 1)}
  echo "Making a Debian $SUITE tree ..."
  debootstrap --variant=minbase "$SUITE" "$tree" "${mirror:-$DEBIAN_MIRROR}" > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
  # Updates and security fixes come from where this machine gets them.
  [ -n "${HOLDFAST_DEBIAN_MIRROR:-}" ] || echo "$sources" |
    while read -r site suite; do [ -z "$site" ] || echo "deb $site $suite main"; done > "$tree/etc/apt/sources.list"
  [ -s "$tree/etc/apt/sources.list" ] || echo "deb ${mirror:-$DEBIAN_MIRROR} $SUITE main" > "$tree/etc/apt/sources.list"
  # A package's installation starts no server: there is no init to stop it.
  printf '#!/bin/sh\nexit 101\n' > "$tree/usr/sbin/policy-rc.d"
  chmod 755 "$tree/usr/sbin/policy-rc.d"
  # Nor does it leave the downloaded packages in the image.
  printf 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nDPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };\n' \
    > "$tree/etc/apt/apt.conf.d/holdfast-lean"
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/*
  tar -C "$tree" --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' -c . |
    docker import --change 'ENV LANG=C.UTF-8' --change 'CMD ["bash"]' - "$BASE" > /dev/null
  rm -rf "$work"
  trap - EXIT
}

# Image NAME from a folder with a Dockerfile.
make_image() {
  echo "Making holdfast-local/$1 ..."
  docker build --quiet --network "$NETWORK" --build-arg BASE="$BASE" --tag "holdfast-local/$1" "$2" > /dev/null
}

# Node's image is the Node that package.json pins (without installed packages, this machine's), this machine's npm, and
# the certificate authorities it trusts: a network that has its own lets nobody install packages without them.
make_node_image() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$FOLDER/node/Dockerfile" "$work/"
  node=$FOLDER/../../../node_modules/.bin/node
  [ -x "$node" ] || node=$(command -v node)
  cp "$(readlink -f "$node")" "$work/node"
  cp -R "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$work/npm"
  cp /etc/ssl/certs/ca-certificates.crt "$work/"
  make_image node "$work"
  rm -rf "$work"
  trap - EXIT
}

docker info > /dev/null 2>&1 || { echo "No container engine answers." >&2; exit 1; }
if [ "${1:-}" = --fresh ] || ! docker image inspect "$BASE" > /dev/null 2>&1; then make_base; fi
make_node_image
for name in postgres redis rabbitmq nginx; do make_image "$name" "$FOLDER/$name"; done
docker images --filter 'reference=holdfast-local/*' --format '{{.Repository}}  {{.Size}}'
