#!/bin/sh
# Runs inside image builds, as root: install those of packages.txt that the base lacks, and trust the
# certificates that were handed in. Needs the network only if something is missing.
set -eu
here=$(dirname "$0")
handed_in=/usr/local/share/ca-certificates/oppie

complete() {
    for program in git python3 tini; do
        command -v "$program" >/dev/null || return 1
    done
    [ -e /etc/ssl/certs/ca-certificates.crt ] && python3 -c 'import ensurepip, pytest' 2>/dev/null
}

if ! complete; then
    command -v apt-get >/dev/null || {
        echo "The base image lacks packages ($(paste -sd' ' "$here/packages.txt")), and has no apt-get." >&2
        exit 1
    }
    # Before ca-certificates is there, apt itself must trust a proxy that opens TLS.
    bundle=$(mktemp)
    cat /etc/ssl/certs/ca-certificates.crt "$handed_in"/*.crt >"$bundle" 2>/dev/null || true
    chmod 644 "$bundle"
    trust=
    [ ! -s "$bundle" ] || trust="-oAcquire::https::CAInfo=$bundle"
    apt-get -q update $trust
    DEBIAN_FRONTEND=noninteractive xargs apt-get -q install --yes --no-install-recommends $trust \
        <"$here/packages.txt"
    rm -rf "$bundle" /var/lib/apt/lists/*
fi
update-ca-certificates >/dev/null

# A base with a Python of its own (not the distribution's) has no use for python3-pytest.
python3 -c 'import pytest' 2>/dev/null ||
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt python3 -m pip install --no-cache-dir pytest
