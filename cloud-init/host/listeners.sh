# shellcheck shell=bash
# Who listens at the ports that the stack needs.

project=${project:?}

# Reads what `ss -Hltnp` prints; prints the processes that hold the port.
holders_of_port() {
    awk -v port=":$1" 'substr($4, length($4) - length(port) + 1) == port' | grep -oE 'pid=[0-9]+' | cut -c 5- | sort -u
}

# Prints who listens at a port and is not of the stack: a sentence with its remedy.
foreign_listener() {
    local pid=$1 port=$2 group container unit
    group=$(cat "/proc/$pid/cgroup" 2>/dev/null) || return 0
    container=$(grep -oE '[0-9a-f]{64}' <<<"$group" | head -n 1) || true
    if [ -n "$container" ]; then
        [ "$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$container" 2>/dev/null)" != "$project" ] || return 0
        container=$(docker inspect --format '{{.Name}}' "$container" 2>/dev/null | tr -d /) || true
        printf 'port %s is taken by the container %s: docker rm -f %s' "$port" "$container" "$container"
        return
    fi
    unit=$(sed -n 's|.*/\([^/]*\.service\).*|\1|p' <<<"$group" | head -n 1)
    printf 'port %s is taken by the process %s (%s)%s' "$port" "$(cat "/proc/$pid/comm" 2>/dev/null)" "$pid" \
        "${unit:+ of $unit: systemctl disable --now $unit}"
}
