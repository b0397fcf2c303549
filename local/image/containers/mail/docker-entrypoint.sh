#!/bin/sh
# As in images that are made from Node's: an option or a script is for Node.
set -eu
case ${1:-} in
    -* | *.js) set -- node "$@" ;;
esac
exec "$@"
