# shellcheck shell=bash
# How the services of the stack are, what they say, and what that means. Needs known_causes.

project=${project:?}
releases=${releases:?}
work=${work:?}
shown_lines=30

# One line a container: service|id|status|health|restarts|exit code|out of memory|started|restart policy
observe() {
    local containers
    mapfile -t containers < <(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project")
    ((${#containers[@]} > 0)) || return 0
    # One may go meanwhile: compose replaces them.
    docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}|{{.ID}}|{{.State.Status}}|{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}|{{.RestartCount}}|{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.State.StartedAt}}|{{.HostConfig.RestartPolicy.Name}}' "${containers[@]}" 2>/dev/null || true
}

# Secrets of any kept release never leave the host: they come from files, so they stand in no command line.
hide_secrets() {
    # The longest first: one may be a part of another.
    { cat "$work/release/secrets" "$releases"/2*/secrets 2>/dev/null || true; } | sort -u |
        awk '{ print length($0), $0 }' | sort -rn | cut -d ' ' -f 2- >"$work/secrets"
    # One awk waits for much input before it reads a line, unless it is told not to; another does not know that word.
    LC_ALL=C awk -W interactive -v secrets="$work/secrets" '
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
            fflush()
        }' 2>/dev/null
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
