# shellcheck shell=bash
# What becomes of the mail services and their certificates. Needs status.sh and stack-services.sh.
# shellcheck disable=SC2154  # status.sh sets what is used here.

# A service that was just started may take so long until its health is known.
patience=180

# Docker asks for each service's health anew when it has itself restarted, which leaves them running.
seconds_of_docker() {
    local at
    at=$(systemctl show --timestamp=utc --property=ActiveEnterTimestamp --value docker.service)
    printf '%d' "$(($(date +%s) - $(date --date "${at:-@0}" +%s)))"
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
            (($(date +%s) - $(date --date "$started" +%s) >= patience && $(seconds_of_docker) >= patience)) || fault=''
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
        failing "$service: $fault. Likely cause: $cause"
    else
        failing "$service: $fault. It last said: ${last:-nothing}. See mailhost logs $service"
    fi
}

look_at_services() {
    local service fault total=0 well=0 release
    local -A rows=()
    if ! timeout 20 docker info >/dev/null 2>&1; then
        row services unknown
        failing "Docker does not answer: systemctl status docker says why"
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
        failing "release $release was not seen to serve: a deployment was cut off. pulumi up goes on"
}

# The unit that starts the services at boot, and tries again every minute when that fails.
look_at_stack_unit() {
    local unit=mailhost-stack.service key value ActiveState='' SubState='' NRestarts=0 cause last
    while IFS='=' read -r key value; do
        case $key in ActiveState | SubState | NRestarts) printf -v "$key" %s "$value" ;; esac
    done < <(systemctl show -p ActiveState -p SubState -p NRestarts "$unit")
    case $ActiveState:$SubState in
        active:*) return ;;
        activating:start)
            if [ "$NRestarts" = 0 ]; then
                under_way=${under_way:-the services are being started}
                return
            fi
            ;;
        activating:* | failed:*) ;;
        *)
            # Before the first deployment there is nothing to start; without the volume nothing can.
            [ -e "$releases/good" ] || return 0
            failing "$unit does not run, so nothing starts the services after a reboot:" \
                "systemctl enable --now $unit on the host"
            return
            ;;
    esac
    journalctl -q -b -u "$unit" -n "$shown_lines" -o cat 2>/dev/null | hide_secrets >"$work/logs" || true
    cause=$(likely_cause "$work/logs")
    # What systemd itself says of it tells nothing.
    last=$(grep -vE "^($unit|Starting |Failed |Stopped |Scheduled |$)|^$" "$work/logs" | tail -n 1) || true
    if [ -n "$cause" ]; then
        failing "the services do not start ($unit). Likely cause: $cause"
    else
        failing "the services do not start ($unit). It last said: ${last:-nothing}. See mailhost logs stack"
    fi
}

look_at_certificates() {
    local name seconds shown=() text
    [ -r /etc/mailhost/certificates ] || return 0
    if ! text=$("$library/certificates" show 2>"$work/certificates"); then
        while IFS= read -r name; do failing "${name#mailhost: error: }"; done <"$work/certificates"
    fi
    while read -r name seconds; do
        [[ $seconds =~ ^-?[0-9]+$ ]] || continue
        shown+=("$name $((seconds / 86400)) days")
        ((seconds > 0)) ||
            failing "there is no valid certificate of $name: mailhost renew on the host obtains one, or says why not"
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
