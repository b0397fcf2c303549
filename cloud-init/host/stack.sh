#!/bin/bash
# Starts and stops the mail stack in the order of its dependencies, as it was last deployed.
# Usage: stack start          what runs already is left alone
#        stack stop           the databases last
#        stack data-key NAME  prints a key that the data is encrypted with
set -euo pipefail

data=@DATA@
project=@PROJECT@
compose_file=$data/@COMPOSE_FILE@
state=/var/lib/mailhost
start_seconds=900

say() { printf 'mailhost: %s\n' "$*"; }

fail() {
    printf 'mailhost: error: %s\n' "$*" >&2
    exit 1
}

compose() {
    # Without an empty file of variables compose would take those of the services for its own.
    docker compose --ansi never --project-directory "$data" --file "$compose_file" --env-file /dev/null "$@"
}

# Containers of the stack in one of these states: count STATE...
count() {
    docker ps --all --quiet --filter "label=com.docker.compose.project=$project" "${@/#/--filter=status=}" | wc -l
}

start() {
    local begun=$SECONDS
    mountpoint --quiet "$data" || fail "the data volume is not mounted at $data: the stack does not run without it"
    if [ ! -e "$compose_file" ]; then
        say "nothing is deployed yet"
        return
    fi
    remove_half_made
    # A container that was stopped for a shutdown stays stopped for Docker, so everything is started here, in order.
    # What fails at first, its own restarts may mend.
    until [ "$(count running)" != 0 ] && [ "$(count created exited dead restarting paused)" = 0 ]; do
        timeout 600 "${BASH_SOURCE[0]}" up && break
        ((SECONDS - begun < start_seconds)) || fail "the stack is not up after $((SECONDS - begun)) s: docker ps --all"
        sleep 5
    done
    rm -f "$state/stopped-containers"
    say "the stack is up after $((SECONDS - begun)) s"
}

stop() {
    # Whoever stopped Docker first has stopped the containers too, or wants them to go on.
    systemctl --quiet is-active docker.service || return 0
    [ -e "$compose_file" ] || return 0
    compose stop
}

@LEFTOVERS@

@ENV_VALUE@
case ${1:-} in
    start) start ;;
    up) compose up --detach --no-recreate --pull never ;;
    stop) stop ;;
    data-key)
        case ${2:-} in
            HELPER_ENCRYPTION_KEY | TXT_ENCRYPTION_KEY) ;;
            *) fail "the keys that data is encrypted with are HELPER_ENCRYPTION_KEY and TXT_ENCRYPTION_KEY" ;;
        esac
        file=$(file_of_key "$2")
        [ -n "$file" ] || fail "neither $data/.env nor a kept release holds $2"
        env_value "$2" <"$file"
        ;;
    *)
        sed -n '2,/^set /{/^# /s/^# //p}' "${BASH_SOURCE[0]}"
        exit 64
        ;;
esac
