# shellcheck shell=bash
# What is said of a release that does not serve, and the way back to the one that did. Needs deploy.sh and
# stack-services.sh.

work=${work:?}
releases=${releases:?}

# Sets $blamed and $why from what the failed attempt left.
read_failure() {
    blamed=-
    why='a step ended without a word, see above'
    [ ! -e "$work/failure" ] || { IFS= read -r blamed && why=$(cat); } <"$work/failure"
    why=$(hide_secrets <<<"$why")
}

explain() {
    local subject=$1 cause
    : >"$work/logs"
    if [ "$blamed" != - ]; then gather "$blamed" 2>&1 | hide_secrets >"$work/logs" || true; fi
    complain "$subject: $([ "$blamed" = - ] || printf '%s: ' "$blamed")$why"
    sed '/^$/d; s/^/mailhost:   | /' "$work/logs" >&2 || true
    { printf '%s\n' "$why" && cat "$work/logs"; } >"$work/said"
    cause=$(likely_cause "$work/said")
    [ -z "$cause" ] || complain "likely cause: $cause"
}

# What compose said when it gave up, and of which service.
blame_compose() {
    local said name restarts
    said=$(grep -vE '^ ?Container .* Error *$' "$work/compose.log" | grep -iE 'error|unhealthy|fail|exited' | tail -n 2 | paste -sd ' ' -) ||
        said=$(tail -n 1 "$work/compose.log")
    if [[ $said =~ container\ ([A-Za-z0-9_.-]+)\ is\ unhealthy ]]; then
        name=${BASH_REMATCH[1]}
        # One that ends before it is looked at is unhealthy too.
        restarts=$(observe | awk -F '|' -v name="$name" '$1 == name { print $5; exit }')
        ((${restarts:-0} == 0)) || blame "$name" "it ends again and again"
        blame "$name" 'its health check fails'
    elif [[ $said =~ container\ ([A-Za-z0-9_.-]+)\ exited\ \(([0-9]+)\) ]]; then
        blame "${BASH_REMATCH[1]}" "it has ended with exit code ${BASH_REMATCH[2]}"
    fi
    name=$(grep -oE 'Container [A-Za-z0-9_.-]+ +Error' "$work/compose.log" | tail -n 1 | cut -d ' ' -f 2) || true
    blame "${name:--}" "it does not start: ${said:-compose says nothing}"
}

# Which services run and are well, and which are not, whatever release they are of.
state_of_services() {
    local service status health well=() ill=()
    while IFS='|' read -r service _ status health _; do
        case $status/$health in
            running/healthy | running/none) well+=("$service") ;;
            *) ill+=("$service") ;;
        esac
    done < <(observe | sort)
    printf 'Well: %s; not well: %s' "${well[*]:-none}" "${ill[*]:-none}"
}

# Puts the last release that served back, and says whether it serves again.
go_back() {
    local failed=${1##*/} good blamed why begun=$SECONDS
    read_failure
    explain "release $failed does not serve"
    good=$(readlink "$releases/good") || good=
    if [ -z "$good" ] || [ ! -d "$releases/$good" ]; then
        complain "no release has served on this host before, so there is none to go back to. The containers are left" \
            "as they are: docker ps --all, docker logs NAME. Mend the cause and run pulumi up again"
        return
    fi
    if [ "$good" = "$failed" ]; then
        complain "this very release has served before: the cause is on the host, not in the release. The containers" \
            "are left as they are: docker ps --all, docker logs NAME. Mend the cause and run pulumi up again"
        return
    fi
    say "going back to release $good"
    try bring_up "$releases/$good"
    if ((${tried:?} == 0)); then
        complain "release $failed was not taken into service. The release before it, $good, serves again after" \
            "$((SECONDS - begun)) s. Mend the cause and run pulumi up again"
        enable_stack_unit
        # Only what may be gone back to is kept.
        rm -rf "$1"
        return
    fi
    read_failure
    explain "release $good, the last that served, does not come back"
    complain "neither release is in service whole. $(state_of_services). docker ps --all and docker logs NAME on the host" \
        "tell more. Mend the cause and run pulumi up again"
}
