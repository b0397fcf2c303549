# shellcheck shell=bash
# Starts what changed and waits until everything is healthy. Needs deploy.sh, stack-services.sh and
# stack-leftovers.sh.

data=${data:?}
work=${work:?}
compose_file=${compose_file:?}
composer_file=${composer_file:?}
# How long nothing may move before the deployment gives up.
health_seconds=${health_seconds:-180}
# How long a service without a health check has to run to count as up.
settle_seconds=${settle_seconds:-8}
# How long the failing health check of a new container may take to recover.
unhealthy_seconds=${unhealthy_seconds:-15}
# The same for one that stood there before, counted from the first end of compose, which may just have mended what it needs:
# until its next check, the check itself, and some slack.
recovery_seconds=${recovery_seconds:-60}
crash_limit=3
# What compose itself waits for at most: also the end of one that outlives this script.
compose_seconds=1500

# Without an empty file of variables compose would take those of the services for its own.
compose=(docker compose --ansi never --project-directory "$data" --file "$data/$compose_file" --env-file /dev/null)

start_services() {
    local release=$1
    observe >"$work/before"
    : >"$work/compose.log"
    remove_half_made
    run_compose
    await_health "$release" "$!"
}

# Leaves its process in $!.
run_compose() {
    # Its own end is limited, and it holds neither the script nor the lock: it may outlive this shell.
    timeout -k 10 "$compose_seconds" "${compose[@]}" up --detach --remove-orphans --pull never \
        </dev/null >>"$work/compose.log" 2>&1 3>&- 9>&- &
    printf '%s\n' "$!" >"$composer_file"
}

# Whether a container may still recover: it stood there before, and what it needs may only just have been mended.
may_recover() {
    [ -n "${restarts_before[$1]:-}" ] || return 1
    [ "$composing" = yes ] || (($(date +%s) - composed < recovery_seconds))
}

# Sets $verdict (ready, waiting or failed) and $reason for a line of `observe`.
judge() {
    local service=$1 row=$2 id status health restarts exit started policy now
    verdict=waiting
    reason='not made yet'
    [ -n "$row" ] || return 0
    IFS='|' read -r _ id status health restarts exit _ started policy <<<"$row"
    now=$(date +%s)
    [ "$health" = unhealthy ] || unset "unhealthy_since[$id]"
    if may_recover "$id"; then restarts_before[$id]=$restarts; fi
    if [ "$health" != healthy ] && ((restarts - ${restarts_before[$id]:-0} >= crash_limit)); then
        verdict=failed
        reason="it has ended and been restarted $((restarts - ${restarts_before[$id]:-0})) times"
        return
    fi
    reason=$status
    case $status:$health in
        running:healthy) verdict=ready ;;
        running:none)
            if ((now - $(date -d "$started" +%s) >= settle_seconds)); then verdict=ready; else reason=settling; fi
            ;;
        running:unhealthy)
            reason='its health check fails'
            : "${unhealthy_since[$id]:=$now}"
            if ! may_recover "$id" && ((now - unhealthy_since[$id] >= unhealthy_seconds)); then verdict=failed; fi
            ;;
        running:*) reason=$health ;;
        exited:* | dead:*)
            reason="it has ended with exit code $exit"
            # A job that has done its work.
            if [ "$exit" = 0 ] && { [ "$policy" = no ] || [ "$policy" = on-failure ]; }; then
                verdict=ready
            elif [ "$composing" = no ] && [ -z "$ill" ]; then
                verdict=failed
            fi
            ;;
        created:*) reason='it waits for others' ;;
    esac
}

first_few() {
    printf '%s' "${1:-compose}"
    (($# < 2)) || printf ', %s' "${@:2:3}"
    (($# <= 4)) || printf ' and %d more' "$(($# - 4))"
}

# Prints the service for which compose gave up, when it stood there before and may recover. Compose does not wait for one
# that was ill already.
recovering_service() {
    local service id
    service=$(tail -n 3 "$work/compose.log" | grep -oE 'container [A-Za-z0-9_.-]+ is unhealthy' | tail -n 1 | cut -d ' ' -f 2) || return 0
    id=$(observe | awk -F '|' -v name="$service" '$1 == name { print $2; exit }')
    if [ -n "$id" ] && may_recover "$id"; then printf '%s' "$service"; fi
}

# await_health RELEASE PID: returns when everything is up, else blames a service. PID is compose's, 0 when it has ended.
await_health() {
    local release=$1 composer=$2 composing=no composed='' ill='' begun=$SECONDS moved=$SECONDS said=$SECONDS most=0 lines=0
    local service ready total row verdict reason code waiting blamed blamed_reason id restarts
    local -A rows restarts_before=() unhealthy_since=()
    if [ "$composer" = 0 ]; then composed=$(date +%s); else composing=yes; fi
    while IFS='|' read -r _ id _ _ restarts _; do restarts_before[$id]=$restarts; done <"$work/before"
    while :; do
        if [ "$composing" = yes ] && ! kill -0 "$composer" 2>/dev/null; then
            composing=no
            code=0
            wait "$composer" || code=$?
            composer=0
            rm -f "$composer_file"
            : "${composed:=$(date +%s)}"
            if ((code != 0)); then
                ill=$(recovering_service)
                [ -n "$ill" ] || blame_compose
            fi
        fi
        rows=() waiting=() ready=0 total=0 blamed='' blamed_reason=''
        while IFS= read -r row; do rows[${row%%|*}]=$row; done < <(observe)
        while IFS='|' read -r service _; do
            total=$((total + 1))
            judge "$service" "${rows[$service]:-}"
            case $verdict in
                ready) ready=$((ready + 1)) ;;
                failed) give_up "$composer" "$service" "$reason" ;;
                *)
                    waiting+=("$service ($reason)")
                    if [ -z "$blamed" ] || [ "$blamed_reason" = 'it waits for others' ]; then
                        blamed=$service blamed_reason=$reason
                    fi
                    ;;
            esac
        done <"$release/services"
        if [ -n "$ill" ] && [[ ${rows[$ill]:-} != *'|unhealthy|'* ]]; then
            ill=''
            run_compose
            composer=$! composing=yes
        fi
        if ((ready == total)) && [ "$composing" = no ]; then
            ((SECONDS - begun < 2)) || say "all $total services are up after $((SECONDS - begun)) s"
            return 0
        fi
        if ((ready > most || $(wc -l <"$work/compose.log") > lines)); then moved=$SECONDS; fi
        ((ready <= most)) || most=$ready
        lines=$(wc -l <"$work/compose.log")
        if ((SECONDS - said >= 5)); then
            said=$SECONDS
            say "$ready of $total services are up after $((SECONDS - begun)) s, waiting for $(first_few "${waiting[@]}")"
        fi
        ((SECONDS - moved < health_seconds)) ||
            give_up "$composer" "$blamed" "it is not up ($blamed_reason), and nothing has moved for $health_seconds s"
        sleep 1
    done
}

give_up() {
    if [ "$1" != 0 ]; then
        kill "$1" 2>/dev/null || true
        wait "$1" || true
        rm -f "$composer_file"
    fi
    blame "$2" "$3"
}
