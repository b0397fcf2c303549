#!/bin/sh
set -eu
case ${1:-} in
    -*) set -- nginx "$@" ;;
esac
exec "$@"
