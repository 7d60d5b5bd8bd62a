#!/bin/sh
# As root on a Debian without Docker: install the engine, take the compose plugin of Debian 13, and run a private engine
# in the folder $1 until it is told to stop. Its socket is $1/socket.
set -eu
folder=$(realpath "$1")
plugin=docker-compose_2.26.1-4_amd64.deb
sum=47681197cb2b1ab88206b42a1a92fc75f50d9530a6322d03494a473eed0408ea

if ! command -v dockerd >/dev/null || ! command -v debootstrap >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables debootstrap
fi
if ! docker compose version >/dev/null 2>&1; then
    curl -fsSo "$folder/$plugin" "http://deb.debian.org/debian/pool/main/d/docker-compose/$plugin"
    echo "$sum  $folder/$plugin" | sha256sum --check --quiet
    dpkg --extract "$folder/$plugin" "$folder/plugin"
    mkdir -p "$DOCKER_CONFIG/cli-plugins"
    ln -sf "$folder/plugin/usr/libexec/docker/cli-plugins/docker-compose" "$DOCKER_CONFIG/cli-plugins/docker-compose"
fi
exec dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/socket"
