#!/bin/sh
# boot.sh FOLDER PACKAGES: boot the Debian in FOLDER; its systemd becomes process 1. To be run in fresh mount, pid, uts, ipc and
# cgroup namespaces. It gets what a container gets: /proc, /sys and cgroup tree of its own, the harmless devices, and for apt the
# folder with PACKAGES that were downloaded.
set -e
cd "$1"

mount --make-rprivate /
mount --bind . .
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount --bind "$2" var/cache/apt/archives

mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for name in null zero full random urandom tty; do
    : >dev/$name
    mount --bind /dev/$name dev/$name
done

hostname fresh
mkdir run/outside
pivot_root . run/outside
cd /
exec env -i container=proxyd-deb-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c 'umount -l /run/outside && rmdir /run/outside && exec /lib/systemd/systemd'
