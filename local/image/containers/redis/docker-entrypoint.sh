#!/bin/sh
# As in Redis's image: options and a configuration file alone are redis-server's, root becomes redis, files are its own
# alone, and protected mode, which refuses others while there is no password, is off.
set -eu
case ${1:-} in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ]; then
    if [ "$(id -u)" = 0 ]; then
        chown -R redis .
        exec chroot --userspec=redis --skip-chdir / "$0" "$@"
    fi
    umask 0077
    shift
    # Before everything that was asked for, which outranks it; a file has to stand first.
    case ${1:-} in
        "" | -*) set -- redis-server --protected-mode no "$@" ;;
        *)
            file=$1
            shift
            set -- redis-server "$file" --protected-mode no "$@"
            ;;
    esac
fi
exec "$@"
