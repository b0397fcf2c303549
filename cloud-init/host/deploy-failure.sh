# shellcheck shell=bash
# What is said of a release that does not serve, and the way back to the one that did. Needs deploy.sh.

work=${work:?}
releases=${releases:?}
project=${project:?}
shown_lines=30

# Secrets of any kept release never leave the host: they come from files, so they stand in no command line.
hide_secrets() {
    # The longest first: one may be a part of another.
    { cat "$work/release/secrets" "$releases"/2*/secrets 2>/dev/null || true; } | sort -u |
        awk '{ print length($0), $0 }' | sort -rn | cut -d ' ' -f 2- >"$work/secrets"
    LC_ALL=C awk -v secrets="$work/secrets" '
        BEGIN { while ((getline line < secrets) > 0) if (length(line) >= 4) secret[++count] = line }
        {
            text = $0
            gsub(/\033\[[0-9;]*[A-Za-z]/, "", text)
            for (i = 1; i <= count; i++) {
                shown = ""
                while ((at = index(text, secret[i])) > 0) {
                    shown = shown substr(text, 1, at - 1) "***"
                    text = substr(text, at + length(secret[i]))
                }
                text = shown text
            }
            print text
        }'
}

container_of() {
    docker ps --all --quiet --no-trunc --latest --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$1"
}

# How the container of a service stands, and the last that it said.
gather() {
    local service=$1 container
    container=$(container_of "$service") || true
    [ -n "$container" ] || return 0
    docker inspect --format 'state: {{.State.Status}}, exit code {{.State.ExitCode}}, out of memory: {{.State.OOMKilled}}, restarts: {{.RestartCount}}{{with .State.Error}}, {{.}}{{end}}' "$container"
    docker inspect --format '{{with .State.Health}}{{range .Log}}{{if ne .ExitCode 0}}health check: {{.Output}}
{{end}}{{end}}{{end}}' "$container" | grep 'health check: .' | tail -n 3 || true
    docker logs --tail "$shown_lines" "$container" 2>&1
}

# Prints the first of the known causes whose sign is in the text.
likely_cause() {
    local text=$1 sign cause mend found=
    while IFS=$'\t' read -r sign cause mend; do
        if [ -z "$found" ] && grep -qE -- "$sign" "$text"; then found="$cause. $mend"; fi
    done < <(known_causes)
    printf '%s' "$found"
}

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
        # Only what may be gone back to is kept.
        rm -rf "$1"
        return
    fi
    read_failure
    explain "release $good, the last that served, does not come back"
    complain "neither release serves now: docker ps --all and docker logs NAME on the host tell more. Mend the cause and" \
        "run pulumi up again"
}
