#!/bin/bash
# The mail host's own command.
set -euo pipefail

usage() {
    cat <<'END'
Usage: mailhost COMMAND

  renew            renews the certificates that are due, and makes the services use them
  renew --force    renews all of them now; the authority's limits count these too
  help             says this
END
}

case ${1:-help} in
    help | -h | --help) usage ;;
    renew)
        if [ "$(id -u)" != 0 ]; then
            printf 'mailhost: error: certificates are root'\''s: sudo mailhost renew\n' >&2
            exit 1
        fi
        exec /usr/local/lib/mailhost/certificates "$@"
        ;;
    *)
        printf 'mailhost: error: there is no command %s\n' "$1" >&2
        usage >&2
        exit 2
        ;;
esac
