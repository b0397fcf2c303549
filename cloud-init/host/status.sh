#!/bin/bash
# What runs on this mail host, and what should but does not, with the likely cause.
# Usage: status [--json]
# Ends with 0 when nothing is wrong, with 1 when something is. What fails while a deployment, a set-up or a renewal is
# under way is told, and not counted as wrong.
# shellcheck disable=SC2034  # The parts use the settings.
set -euo pipefail
export LC_ALL=C

data=@DATA@
project=@PROJECT@
library=@LIBRARY@
releases=$data/releases
work=/run/mailhost-status.$$
records=/var/lib/mailhost/certificates
lock=/run/mailhost.lock
names=()
values=()
problems=()
# Whether each of them may be so only while work is under way.
passing=()
# What is not settled yet.
unsettled=()
# Says which work is under way.
under_way=

row() {
    names+=("$1")
    values+=("$2")
}

wrong() {
    problems+=("$*")
    passing+=(no)
}

# What work that is under way may cause, or mend.
failing() {
    problems+=("$*")
    passing+=(yes)
}

# Looked at before and after, since work may begin or end meanwhile.
notice_work() {
    local code=0
    [ ! -e "$lock" ] || flock --nonblock --shared --conflict-exit-code 75 "$lock" true || code=$?
    if [ "$code" = 75 ]; then
        under_way="a deployment, a set-up or a renewal of certificates is under way"
    elif [ "$(systemctl is-system-running 2>/dev/null)" = starting ]; then
        under_way="the host is starting"
    fi
}

set_unsettled_apart() {
    local i all=("${problems[@]}")
    [ -n "$under_way" ] || return 0
    problems=()
    for i in "${!all[@]}"; do
        if [ "${passing[$i]}" = yes ]; then unsettled+=("${all[$i]}"); else problems+=("${all[$i]}"); fi
    done
}

known_causes() { cat "$library/causes"; }

@SERVICES@

@PARTS@

if [ "$(id -u)" != 0 ]; then
    printf 'mailhost: error: what the services say is root'\''s: sudo mailhost status\n' >&2
    exit 1
fi
case ${1:-} in
    '' | --json) ;;
    *)
        printf 'mailhost: error: status knows no %s: it takes --json, or nothing\n' "$1" >&2
        exit 64
        ;;
esac
umask 077
mkdir "$work"
trap 'rm -rf "$work"' EXIT
notice_work
look_at_services
look_at_stack_unit
look_at_data
look_at_certificates
look_at_renewal
look_at_units
look_at_firewall
look_at_system
notice_work
set_unsettled_apart
if [ "${1:-}" = --json ]; then report_json; else report; fi
((${#problems[@]} == 0))
