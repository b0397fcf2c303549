#!/bin/bash
# What runs on this mail host, and what should but does not, with the likely cause.
# Usage: status [--json]
# Ends with 0 when all is well, with 1 when something is wrong.
set -euo pipefail
export LC_ALL=C

data=@DATA@
# shellcheck disable=SC2034  # The part on services uses it.
project=@PROJECT@
library=@LIBRARY@
releases=$data/releases
work=/run/mailhost-status.$$
records=/var/lib/mailhost/certificates
# A service that was just started may take so long until its health is known.
patience=180
full_percent=90
names=()
values=()
problems=()

row() {
    names+=("$1")
    values+=("$2")
}

wrong() { problems+=("$*"); }

known_causes() { cat "$library/causes"; }

@SERVICES@

@REPORT@

last_said() { journalctl -q -b _SYSTEMD_UNIT="$1" -n 1 -o cat 2>/dev/null || true; }

used_percent() { df --output=pcent "$1" | tail -n 1 | tr -dc 0-9; }

look_at_disk() {
    local name=$1 path=$2 mend=$3 percent
    percent=$(used_percent "$path")
    row "$name" "$percent % of $(df --output=size -BG "$path" | tail -n 1 | tr -dc 0-9) GB used"
    ((percent < full_percent)) || wrong "the $name is $percent % full: $mend"
}

look_at_data() {
    if mountpoint -q "$data"; then
        look_at_disk "data volume" "$data" "enlarge it (mailhost:server.volumeSizeGb), then pulumi up"
        return
    fi
    row "data volume" "not mounted"
    wrong "the data volume is not mounted at $data:" \
        "$(cat /run/mailhost/data-volume-failure 2>/dev/null || last_said mailhost-data.service)"
}

# judge ROW: sets $fault, to nothing where the service is well.
judge() {
    local status health restarts exit started
    fault='it is not there'
    [ -n "$1" ] || return 0
    IFS='|' read -r _ _ status health restarts exit _ started _ <<<"$1"
    case $status:$health in
        running:healthy | running:none) fault='' ;;
        running:starting)
            fault="it has not become healthy in $patience s"
            (($(date +%s) - $(date --date "$started" +%s) >= patience)) || fault=''
            ;;
        running:*) fault='its health check fails' ;;
        exited:*)
            fault='it was stopped'
            [ "$exit" = 0 ] || fault="it has ended with exit code $exit"
            ;;
        *) fault="it is $status, with exit code $exit, after $restarts restarts" ;;
    esac
}

explain() {
    local service=$1 cause last
    gather "$service" 2>&1 | hide_secrets >"$work/logs" || true
    cause=$(likely_cause "$work/logs")
    last=$(sed '/^$/d' "$work/logs" | tail -n 1)
    if [ -n "$cause" ]; then
        wrong "$service: $fault. Likely cause: $cause"
    else
        wrong "$service: $fault. It last said: ${last:-nothing}. See mailhost logs $service"
    fi
}

look_at_services() {
    local service fault total=0 well=0 release
    local -A rows=()
    if ! timeout 20 docker info >/dev/null 2>&1; then
        row services unknown
        wrong "Docker does not answer: systemctl status docker says why"
        return
    fi
    release=$(readlink "$releases/current" 2>/dev/null) || release=
    if [ -z "$release" ]; then
        row services "nothing is deployed yet: pulumi up does that"
        return
    fi
    while IFS= read -r service; do rows[${service%%|*}]=$service; done < <(observe)
    while IFS='|' read -r service _; do
        total=$((total + 1))
        judge "${rows[$service]:-}"
        if [ -z "$fault" ]; then well=$((well + 1)); else explain "$service"; fi
    done <"$releases/current/services"
    row services "$well of $total run"
    row release "$release"
    [ "$release" = "$(readlink "$releases/good" 2>/dev/null)" ] ||
        wrong "release $release was not seen to serve: a deployment was cut off. pulumi up goes on"
}

look_at_certificates() {
    local name seconds shown=() text
    [ -r /etc/mailhost/certificates ] || return 0
    if ! text=$("$library/certificates" show 2>"$work/certificates"); then
        while IFS= read -r name; do wrong "${name#mailhost: error: }"; done <"$work/certificates"
    fi
    while read -r name seconds; do
        [[ $seconds =~ ^-?[0-9]+$ ]] || continue
        shown+=("$name $((seconds / 86400)) days")
        ((seconds > 0)) || wrong "there is no valid certificate of $name: mailhost renew obtains one, or says why not"
    done <<<"$text"
    ((${#shown[@]} == 0)) || row certificates "$(printf '%s, ' "${shown[@]}" | sed 's/, $//')"
}

look_at_renewal() {
    local last=$records/last-renew when result
    [ -e "$last" ] || return 0
    IFS=' ' read -r when result <"$last"
    row renewal "last $when: ${result%%:*}; next $(systemctl show -P NextElapseUSecRealtime mailhost-renew.timer)"
    case $result in
        failed*)
            wrong "the renewal of certificates failed at $when: ${result#failed: };" \
                "mend that, then on the host: mailhost renew"
            ;;
    esac
}

look_at_units() {
    local unit last
    while IFS=' ' read -r unit _; do
        [ -n "$unit" ] || continue
        # Said above.
        if [ "$unit" = mailhost-renew.service ] && grep -q ' failed: ' "$records/last-renew" 2>/dev/null; then continue; fi
        last=$(last_said "$unit")
        wrong "$unit: ${last:-$(systemctl show -P Result "$unit")}"
    done < <(systemctl list-units --failed --plain --no-legend)
    systemctl --quiet is-active mailhost-firewall.service ||
        wrong "the host's firewall is not loaded: systemctl status mailhost-firewall says why"
}

look_at_system() {
    local stamp=/var/lib/apt/periodic/upgrade-stamp
    look_at_disk "system disk" / "docker system df and du -xh / show what takes it"
    row memory "$(awk '$1 == "MemTotal:" { all = $2 } $1 == "MemAvailable:" { free = $2 } END { printf "%.1f of %.1f GB available", free / 1048576, all / 1048576 }' /proc/meminfo)"
    row clock "$([ "$(timedatectl show -P NTPSynchronized 2>/dev/null)" = yes ] && echo synchronised || echo 'not synchronised')"
    row upgrades "security upgrades every night$([ ! -e "$stamp" ] || date --utc --reference "$stamp" '+, last %F')"
    [ ! -e /run/reboot-required ] || row reboot "pending, for an upgrade: at the time of mailhost:rebootTime, or now by hand"
}

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
look_at_services
look_at_data
look_at_certificates
look_at_renewal
look_at_units
look_at_system
if [ "${1:-}" = --json ]; then report_json; else report; fi
((${#problems[@]} == 0))
