#!/usr/bin/env bash
# As in MongoDB's image: options alone are mongod's, root becomes mongodb, and where nothing is said of addresses mongod
# listens at all of them.
set -euo pipefail

names_addresses() {
    local argument
    for argument in "$@"; do
        case $argument in
            --bind_ip | --bind_ip=* | --bind_ip_all) return 0 ;;
        esac
    done
    return 1
}

if [[ ${1:-} == -* ]]; then
    set -- mongod "$@"
fi
if [[ ${1:-} == mongod ]]; then
    if [[ $(id -u) == 0 ]]; then
        chown -R mongodb /data/db /data/configdb
        exec chroot --userspec=mongodb --skip-chdir / "$0" "$@"
    fi
    names_addresses "$@" || set -- "$@" --bind_ip_all
fi
exec "$@"
