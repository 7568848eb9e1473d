#!/usr/bin/env bash
# Make a base image's file system from the distribution's own packages, without a registry:
#
#     images/base.sh base.tar     then, perhaps on another machine:     oppie images load base.tar
#
# It takes about half a minute and 230 MB, needs mmdebstrap (installed if this is root on Debian or
# Ubuntu and OPPIE_NO_INSTALL is not set), and uses the mirrors that this machine's apt uses.
# Exits 5 with the commands to type where it can't go on.
set -euo pipefail

out=${1:?usage: images/base.sh OUT.tar}
here=$(cd "$(dirname "$0")" && pwd)
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 PATH="$PATH:/usr/sbin:/sbin"

give_up() {
    printf '%s\n' "$1" >&2
    exit 5
}

command -v apt-get >/dev/null || give_up "No base image can be made here: this is neither Debian nor Ubuntu.
Make one there with images/base.sh base.tar, then here: oppie images load base.tar"

if ! command -v mmdebstrap >/dev/null; then
    if [ "$(id -u)" != 0 ] || [ "${OPPIE_NO_INSTALL:-0}" != 0 ]; then
        give_up "mmdebstrap is missing. To install it: sudo apt-get update && sudo apt-get install --yes mmdebstrap"
    fi
    echo "Installing mmdebstrap with apt-get"
    apt-get -q update || true # may fail for a foreign source; the installation itself decides
    apt-get -q -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends mmdebstrap ||
        give_up "apt-get could not install mmdebstrap; its own words are above."
fi

# shellcheck source=/dev/null
. /etc/os-release
case "$ID" in
debian) origin=Debian ;;
ubuntu) origin=Ubuntu ;;
*) give_up "No base image can be made on ${PRETTY_NAME:-$ID}: neither Debian nor Ubuntu." ;;
esac

# The distribution's own sources, as apt knows them here; no third party's.
sources() {
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' "Origin: $origin" | sort -u
}
found=$(sources)
if [ -z "$found" ] && [ "$(id -u)" = 0 ]; then
    apt-get -q update || true # a fresh container image has no lists
    found=$(sources)
fi

proxy=$(apt-config shell value Acquire::http::Proxy)
options=()
if [ -n "$proxy" ]; then
    eval "$proxy"
    options+=("--aptopt=Acquire::http::Proxy \"$value\"")
fi

packages=$(paste -sd, "$here/packages.txt")
part="$out.part"
trap 'rm -f "$part"' EXIT
make_base() {
    mmdebstrap --variant=apt --format=tar --include="$packages" "${options[@]}" \
        --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        "$VERSION_CODENAME" "$part" "$@"
}
if [ -n "$found" ]; then
    make_base - <<<"$found"
else
    make_base # mmdebstrap's own idea of the mirrors
fi
mv "$part" "$out"
