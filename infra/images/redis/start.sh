#!/bin/sh
# Starts Redis with a user for each service that needs it. The passwords come from the environment, so the users are
# written when the container starts; a file keeps them out of the process list.
#
# Redis holds nothing that Postgres does not know: it says an early "no". So it keeps nothing on disk, and a restart
# begins empty; what that costs is a few questions to Postgres. For the same reason its memory has a bound, and what was
# not used for long makes room: docs/decisions/032-bounded-redis.md.
set -eu
umask 077
config=/tmp/redis.conf
case "${EXPIRY_ENGINE:-}" in
  *keyspace*) keyspace_events=Ex ;;
  *) keyspace_events= ;;
esac

# A service may use data and scripts; it may not reconfigure, flush or spy on the server. INFO is how a client asks
# whether it is ready.
cat > "$config" << END
save ""
appendonly no
maxmemory $REDIS_MEMORY_MAX
maxmemory-policy volatile-lru
user default on >$REDIS_ADMIN_PASSWORD ~* &* +@all
user hold-service on >$REDIS_HOLD_PASSWORD ~* &* +@all -@admin -@dangerous +info
user expiry-worker on >$REDIS_EXPIRY_PASSWORD ~* &* +@all -@admin -@dangerous +info
# The engine keyspace hears of expired keys; the services may not configure that themselves.
notify-keyspace-events "$keyspace_events"
END
exec redis-server "$config"
