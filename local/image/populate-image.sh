#!/bin/sh
# Turns mmdebstrap's tree ($1) into what a machine boots from, inside mmdebstrap's namespaces. Writes only into the tree
# and into the current folder, by relative paths: an ordinary user's subordinate root may not pass through that user's
# folders. Makes stock.img and packages.tar; where SNAPSHOT_DISK is not empty also snapshot.img, vmlinuz and initrd.
# Variables: STOCK_DISK, SNAPSHOT_DISK (sizes), HOST_PACKAGES, REPOSITORY_KEY (ASCII armoured).
set -eu
tree=$1
aside=$(mktemp -d /var/tmp/mailhost-image.XXXXXX)

# What mmdebstrap needs while packages are installed and a booted machine must not have.
builders_files="usr/sbin/policy-rc.d usr/sbin/start-stop-daemon etc/resolv.conf etc/hostname"
builders_files="$builders_files etc/apt/sources.list etc/apt/apt.conf.d/00mmdebstrap"

hide_builders_files() {
    for file in $builders_files; do
        mkdir -p "$aside/$(dirname "$file")"
        mv "$tree/$file" "$aside/$file"
    done
    mv "$tree/usr/sbin/start-stop-daemon.REAL" "$tree/usr/sbin/start-stop-daemon"
    mv "$tree/var/lib/apt/lists" "$aside/lists"
    mkdir -p "$tree/var/lib/apt/lists/partial"
    mv "$tree/var/cache/apt" "$aside/apt"
    mkdir -p "$tree/var/cache/apt/archives/partial"
    ln -s ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
    echo localhost >"$tree/etc/hostname"
    # Of each machine's own, made at its first boot.
    rm -f "$tree"/etc/ssh/ssh_host_*
    : >"$tree/etc/machine-id"
    : >"$tree/etc/fstab"
}

restore_builders_files() {
    mv "$tree/usr/sbin/start-stop-daemon" "$tree/usr/sbin/start-stop-daemon.REAL"
    rm -rf "$tree/etc/resolv.conf" "$tree/var/lib/apt/lists" "$tree/var/cache/apt"
    for file in $builders_files; do
        mv "$aside/$file" "$tree/$file"
    done
    mv "$aside/lists" "$tree/var/lib/apt/lists"
    mv "$aside/apt" "$tree/var/cache/apt"
}

write_disk() { # FILE SIZE
    hide_builders_files
    # The tree without the file systems that are mounted in it.
    mount --bind "$tree" "$tree/mnt"
    mke2fs -q -t ext4 -L root -m 1 -d "$tree/mnt" "$1" "$2"
    umount "$tree/mnt"
    restore_builders_files
}

apt_install() { # OPTION PACKAGES...
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive chroot "$tree" \
        apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >&2
}

printf '%s\n' "$REPOSITORY_KEY" >"$tree/usr/share/keyrings/laptop-cloud.asc"
# Nobody's data is at stake in a machine that can be made again.
echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/90-unsafe-io"
cat >"$tree/etc/cloud/cloud.cfg.d/90-laptop-cloud.cfg" <<'END'
datasource_list: [NoCloud, None]
# As on the rented servers that it stands for: keys are root's, and there is no other user.
disable_root: false
users: []
# There is no internet to list; the machine's vendor data names the package repository.
apt: { preserve_sources_list: true }
system_info: { network: { renderers: [netplan, networkd] } }
END
chroot "$tree" systemctl -q enable systemd-networkd systemd-resolved

echo "I: writing the stock disk" >&2
write_disk stock.img "$STOCK_DISK"
if [ "$SNAPSHOT_DISK" ]; then
    cat "$tree"/boot/vmlinuz-* >vmlinuz
    cat "$tree"/boot/initrd.img-* >initrd
fi

echo "I: downloading the host's packages" >&2
rm -f "$tree"/var/cache/apt/archives/*.deb
# shellcheck disable=SC2086 # a list of words
apt_install --download-only $HOST_PACKAGES
tar -C "$tree/var/cache/apt/archives" --exclude=lock --exclude=partial -cf packages.tar .

if [ "$SNAPSHOT_DISK" ]; then
    echo "I: installing the host's packages for the snapshot" >&2
    # shellcheck disable=SC2086
    apt_install $HOST_PACKAGES
    echo "I: writing the snapshot's disk" >&2
    write_disk snapshot.img "$SNAPSHOT_DISK"
fi
rm -r "$aside"
