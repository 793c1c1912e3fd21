#!/bin/sh
# The part of the official image's contract that Holdfast uses: NAME.template in /etc/nginx/templates becomes NAME in
# NGINX_ENVSUBST_OUTPUT_DIR; only variables of the environment are replaced, so that nginx's own stay.
set -eu
output=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}
known=$(env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/${\1}/p' | tr '\n' ' ')
for template in /etc/nginx/templates/*.template; do
  [ -f "$template" ] || continue
  envsubst "$known" < "$template" > "$output/$(basename "$template" .template)"
done
exec "$@"
