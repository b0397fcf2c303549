#!/bin/sh
# Turns mmdebstrap's tree ($1), of packages that were unpacked and never configured, into the file system that the
# stack's images share: does by hand what little of the package scripts' work is needed, and drops what no service uses.
# mmdebstrap itself clears what apt left, for which it needs apt's folders.
set -eu
tree=$1

base_files() {
    # Known to everyone; an image's own users are added by its own layer.
    cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
    cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
    printf '%s\n' "passwd: files" "group: files" "hosts: files dns" >"$tree/etc/nsswitch.conf"
    # The builder's own.
    rm -f "$tree/etc/resolv.conf" "$tree/etc/hostname"
    mkdir -p "$tree/root" "$tree/run" "$tree/tmp" "$tree/mnt" "$tree/var/cache" "$tree/var/lib" "$tree/var/log"
    chmod 0700 "$tree/root"
    chmod 1777 "$tree/tmp"
    ln -sf nc.openbsd "$tree/usr/bin/nc"
    find "$tree/usr/share/ca-certificates" -name '*.crt' | sort | while read -r file; do
        cat "$file"
    done >"$tree/etc/ssl/certs/ca-certificates.crt"
}

# The router's image has a script of this name, which loads what upstream's nginx has built in.
nginx_files() {
    mv "$tree/usr/sbin/nginx" "$tree/usr/lib/nginx/nginx"
    find "$tree/etc/nginx" -mindepth 1 -maxdepth 1 ! -name mime.types ! -name '*_params' \
        -exec rm -r {} +
    rm -rf "$tree/var/lib/nginx" "$tree/var/log/nginx"
    # Where upstream's keeps request bodies and the like.
    mkdir -p "$tree/var/cache/nginx" "$tree/etc/nginx/conf.d"
    ln -s ../cache/nginx "$tree/var/lib/nginx"
}

drop_unused() {
    # Package management and its scripts' interpreter, other distributions' integration, tools of libraries.
    rm -rf "$tree"/usr/bin/perl* "$tree"/usr/lib/*/perl* "$tree"/usr/share/perl* \
        "$tree"/usr/lib/*/gconv "$tree"/usr/bin/localedef "$tree"/usr/sbin/ldconfig \
        "$tree"/usr/share/debconf "$tree"/usr/share/base-passwd "$tree"/usr/share/ca-certificates \
        "$tree"/usr/share/bash-completion "$tree"/usr/share/info "$tree"/usr/share/vim \
        "$tree"/usr/share/nodejs/corepack "$tree"/usr/share/nodejs/@types \
        "$tree"/usr/share/nodejs/undici-types "$tree"/usr/lib/systemd "$tree"/etc/systemd \
        "$tree"/etc/init.d "$tree"/etc/rc?.d "$tree"/etc/logrotate.d "$tree"/var/cache/debconf
    # Of packages that only the configuring of others needs: adduser, passwd, iproute2, and their libraries.
    for name in adduser addgroup deluser delgroup useradd userdel usermod groupadd groupdel groupmod \
        newusers chpasswd chgpasswd ip tc bridge devlink arpd rtacct; do
        rm -f "$tree/usr/sbin/$name" "$tree/usr/bin/$name"
    done
    rm -rf "$tree"/usr/bin/ss "$tree"/usr/bin/nstat "$tree"/usr/include "$tree"/usr/lib/*/libbpf.so* \
        "$tree"/usr/lib/*/libdb-5* "$tree"/usr/lib/*/libsemanage.so* "$tree"/usr/lib/*/libsepol.so* \
        "$tree"/usr/lib/*/libicutu.so* "$tree"/usr/lib/*/libicutest.so*
    # One program under two names.
    rm -f "$tree/usr/bin/redis-benchmark"
    ln -sf redis-check-rdb "$tree/usr/bin/redis-check-aof"
}

base_files
nginx_files
drop_unused
