#!/bin/bash
# What services and units of this mail host have said, without secrets.
# Usage: logs [NAME…] [--follow] [--since TIME] [--lines N]
set -euo pipefail

data=@DATA@
# shellcheck disable=SC2034  # The part on services uses it.
project=@PROJECT@
releases=$data/releases
work=/run/mailhost-logs.$$
last_renewal=/var/lib/mailhost/certificates/last-renew
# Beside the services of the stack.
units=(data firewall renew stack)

fail() {
    printf 'mailhost: error: %s\n' "$1" >&2
    exit "${2:-1}"
}

@SERVICES@

show_units() {
    local unit arguments=(--quiet --no-pager --output short-iso --lines "$lines")
    [ "$follow" = no ] || arguments+=(--follow)
    # Docker's 1h is the journal's -1h.
    [[ ! $since =~ ^([0-9]+[smh])+$ ]] || since=-$since
    [ -z "$since" ] || arguments+=(--since="$since")
    for unit in "$@"; do arguments+=(--unit "mailhost-$unit"); done
    journalctl "${arguments[@]}"
}

show_services() {
    local arguments=(logs --no-color --timestamps --tail "$lines")
    [ "$follow" = no ] || arguments+=(--follow)
    [ -z "$since" ] || arguments+=(--since "$since")
    docker compose --ansi never --project-directory "$data" --file "$data/@COMPOSE_FILE@" --env-file /dev/null \
        "${arguments[@]}" "$@" 2>&1
}

# Hands on what there is, without secrets, and remembers whether there was anything.
show() {
    local first
    "$@" | hide_secrets | if IFS= read -r first; then
        printf '%s\n' "$first"
        cat
    else
        : >"$work/nothing"
    fi
}

# note_nothing WHERE WHAT ADVICE
note_nothing() {
    [ -e "$work/nothing" ] && [ "$lines" != 0 ] || return 0
    printf 'mailhost: %s no entries of %s%s%s\n' "$1" "$2" "${since:+ since $since}" "$3" >&2
}

show_last_renewal() {
    local when result
    IFS=' ' read -r when result <"$last_renewal"
    printf 'The last renewal, by the timer or by hand, ended at %s: %s\n' "$when" "$result"
}

[ "$(id -u)" = 0 ] || fail "what the services say is root's: sudo mailhost logs"
follow=no since='' lines=100 services=() chosen=()
[ ! -e "$releases/current/services" ] || mapfile -t services < <(cut -d '|' -f 1 "$releases/current/services")
while (($# > 0)); do
    case $1 in
        -f | --follow) follow=yes ;;
        --since | --lines)
            (($# > 1)) || fail "$1 wants a value" 64
            if [ "$1" = --since ]; then since=$2; else lines=$2; fi
            shift
            ;;
        -*) fail "logs knows no $1: it takes --follow, --since TIME and --lines N" 64 ;;
        *)
            [[ " ${services[*]} ${units[*]} " = *" $1 "* ]] ||
                fail "nothing here is called $1. There are ${services[*]:-no services yet}; and ${units[*]}" 64
            chosen+=("$1")
            ;;
    esac
    shift
done
[[ $lines =~ ^([0-9]+|all)$ ]] || fail "--lines $lines: give a number, or all" 64
umask 077
mkdir "$work"
trap 'rm -rf "$work"' EXIT
of_units=() of_services=()
for name in "${chosen[@]}"; do
    if [[ " ${units[*]} " = *" $name "* ]]; then of_units+=("$name"); else of_services+=("$name"); fi
done
((${#of_units[@]} == 0 || ${#of_services[@]} == 0)) || fail "services and units are shown apart: name one kind" 64
if ((${#of_units[@]} > 0)); then
    show show_units "${of_units[@]}"
    if [[ " ${of_units[*]} " = *" renew "* ]]; then
        note_nothing "the journal has" "${of_units[*]}" ": mailhost renew by hand says everything where it is called."
        [ ! -e "$last_renewal" ] || show show_last_renewal
    else
        note_nothing "the journal has" "${of_units[*]}" ". How they are: mailhost status"
    fi
elif ((${#services[@]} == 0)); then
    fail "nothing is deployed yet: pulumi up does that. Units that have logs: ${units[*]}"
else
    [[ $since =~ ^(|([0-9]+[smh])+|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]+)?)$ ]] ||
        fail "--since $since: give 90s, 30m or 2h, a day (2026-01-31), or a time (2026-01-31T08:00)" 64
    show show_services "${of_services[@]}"
    note_nothing "there are" "${of_services[*]:-any service}" ". How the services are: mailhost status"
fi
