#!/bin/sh
# The official image's default: reachable through a published port, also without a password.
set -eu
[ "$1" = redis-server ] || exec "$@"
exec "$@" --protected-mode no
