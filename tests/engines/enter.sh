#!/bin/sh
# Run an engine in a root file system of its own; the caller has made namespaces for mounts,
# network and processes, which end with this shell's successor.
#
#     enter.sh ROOT HOME SOCKET_FOLDER COMMAND...
set -eu
root=$1 home=$2 sockets=$3
shift 3

mount --bind "$root" "$root" # containers' roots can only be pivoted to from a mount point
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
# crun refuses a unified hierarchy beside those that hold the limits.
if [ -d "$root/sys/fs/cgroup/unified" ]; then umount "$root/sys/fs/cgroup/unified"; fi
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t tmpfs -o mode=755 run "$root/run"
if [ -c "$root/dev/net/tun" ]; then # for every user, as elsewhere; only here
    mknod -m 666 "$root/run/tun" c 10 200
    mount --bind "$root/run/tun" "$root/dev/net/tun"
fi
mount --rbind /tmp "$root/tmp" # what a task mounts is found at the same place
mkdir -p "$root/srv/engine" "$root/srv/socket"
mount --bind "$home" "$root/srv/engine"
mount --bind "$sockets" "$root/srv/socket"
ip link set lo up

# Not chroot alone: in it, nobody may make a user namespace, which rootless engines need.
mkdir -p "$root/srv/old"
cd "$root"
pivot_root . srv/old
exec chroot . sh -c 'umount -l /srv/old; mount --make-rshared /; exec tini -g -- "$@"' sh "$@"
