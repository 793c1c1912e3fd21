#!/bin/sh
# Starts RabbitMQ with a virtual host and a user for each service. The passwords come from the environment, so the
# definitions are filled in when the container starts; a changed password counts from the next start on.
set -eu
umask 077
sed -e "s/{HOLD_PASSWORD}/$RABBITMQ_HOLD_PASSWORD/" \
  -e "s/{PAYMENT_PASSWORD}/$RABBITMQ_PAYMENT_PASSWORD/" \
  -e "s/{EXPIRY_PASSWORD}/$RABBITMQ_EXPIRY_PASSWORD/" \
  /etc/holdfast/definitions.json.template > /tmp/definitions.json
exec docker-entrypoint.sh rabbitmq-server
