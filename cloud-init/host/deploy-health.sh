# shellcheck shell=bash
# Starts what changed and waits until everything is healthy. Needs deploy.sh.

data=${data:?}
work=${work:?}
project=${project:?}
compose_file=${compose_file:?}
composer_file=${composer_file:?}
# How long nothing may move before the deployment gives up.
health_seconds=${health_seconds:-180}
# How long a service without a health check has to run to count as up.
settle_seconds=${settle_seconds:-8}
# How long a failing health check may take to recover.
unhealthy_seconds=15
crash_limit=3
# What compose itself waits for at most: also the end of one that outlives this script.
compose_seconds=1500

# Without an empty file of variables compose would take those of the services for its own.
compose=(docker compose --ansi never --project-directory "$data" --file "$data/$compose_file" --env-file /dev/null)

# One line a container: service|id|status|health|restarts|exit code|out of memory|started|restart policy
observe() {
    local containers
    mapfile -t containers < <(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project")
    ((${#containers[@]} > 0)) || return 0
    # One may go meanwhile: compose replaces them.
    docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}|{{.ID}}|{{.State.Status}}|{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}|{{.RestartCount}}|{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.State.StartedAt}}|{{.HostConfig.RestartPolicy.Name}}' "${containers[@]}" 2>/dev/null || true
}

start_services() {
    local release=$1
    observe >"$work/before"
    : >"$work/compose.log"
    # Its own end is limited, and it holds neither the script nor the lock: it may outlive this shell.
    timeout -k 10 "$compose_seconds" "${compose[@]}" up --detach --remove-orphans --pull never \
        </dev/null >"$work/compose.log" 2>&1 3>&- 9>&- &
    printf '%s\n' "$!" >"$composer_file"
    await_health "$release" "$!"
}

# Sets $verdict (ready, waiting or failed) and $reason for a line of `observe`.
judge() {
    local service=$1 row=$2 composing=$3 id status health restarts exit started policy now
    verdict=waiting
    reason='not made yet'
    [ -n "$row" ] || return 0
    IFS='|' read -r _ id status health restarts exit _ started policy <<<"$row"
    now=$(date +%s)
    [ "$health" = unhealthy ] || unset "unhealthy_since[$id]"
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
            ((now - unhealthy_since[$id] < unhealthy_seconds)) || verdict=failed
            ;;
        running:*) reason=$health ;;
        exited:* | dead:*)
            reason="it has ended with exit code $exit"
            # A job that has done its work.
            if [ "$exit" = 0 ] && { [ "$policy" = no ] || [ "$policy" = on-failure ]; }; then
                verdict=ready
            elif [ "$composing" = no ]; then
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

# await_health RELEASE PID: returns when everything is up, else blames a service. PID is compose's, 0 when it has ended.
await_health() {
    local release=$1 composer=$2 composing=no begun=$SECONDS moved=$SECONDS said=$SECONDS most=0 lines=0
    local service ready total row verdict reason code waiting blamed blamed_reason id restarts
    local -A rows restarts_before=() unhealthy_since=()
    [ "$composer" = 0 ] || composing=yes
    while IFS='|' read -r _ id _ _ restarts _; do restarts_before[$id]=$restarts; done <"$work/before"
    while :; do
        if [ "$composing" = yes ] && ! kill -0 "$composer" 2>/dev/null; then
            composing=no
            code=0
            wait "$composer" || code=$?
            rm -f "$composer_file"
            ((code == 0)) || blame_compose
        fi
        rows=() waiting=() ready=0 total=0 blamed='' blamed_reason=''
        while IFS= read -r row; do rows[${row%%|*}]=$row; done < <(observe)
        while IFS='|' read -r service _; do
            total=$((total + 1))
            judge "$service" "${rows[$service]:-}" "$composing"
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
