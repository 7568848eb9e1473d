#!/usr/bin/env bash
# Get Docker Compose v2 on Debian 12, whose own docker-compose package is still version 1:
#
#     images/compose-plugin.sh [FOLDER]      (default: ~/.docker/cli-plugins)
#
# Debian 13's docker-compose package holds the plugin as a static binary, which runs on Debian 12 as
# well. It is fetched and verified by apt from a source list of its own, and unpacked; nothing is
# installed, and this machine's own apt sources stay as they are. Prints the plugin's path.
set -euo pipefail

folder=${1:-${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins}
plugin="$folder/docker-compose"
if "$plugin" version >/dev/null 2>&1; then
    echo "$plugin"
    exit 0
fi
command -v apt-get >/dev/null || {
    echo "This needs apt-get; elsewhere see https://docs.docker.com/compose/install/" >&2
    exit 5
}

# The mirror that this machine's own packages come from.
mirror=${OPPIE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 -E '/debian/?$' || true)}
if [ -z "$mirror" ]; then
    echo "No Debian mirror among this machine's apt sources; name one with OPPIE_DEBIAN_MIRROR" >&2
    exit 5
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt drops to a user of its own
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/empty"
echo "deb [signed-by=$keyring] $mirror trixie main" >"$work/trixie.list"
apt=(apt-get -q
    -o "Dir::Etc::SourceList=$work/trixie.list" -o "Dir::Etc::SourceParts=$work/empty"
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache::Archives=$work/archives"
    -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o "Acquire::Languages=none")
{
    "${apt[@]}" update
    cd "$work"
    "${apt[@]}" download docker-compose
    dpkg -x docker-compose_*.deb unpacked
    mkdir -p "$folder"
    install -m 755 unpacked/usr/libexec/docker/cli-plugins/docker-compose "$plugin.part"
    mv "$plugin.part" "$plugin"
} >&2
"$plugin" version >&2
echo "$plugin"
