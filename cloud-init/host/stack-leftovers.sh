# shellcheck shell=bash

project=${project:?}

# Compose makes the container that replaces another one under a name of its own, <12 digits>_<name>, until the other is
# gone. One that a killed compose left behind stands in the way of the next. Not one holds data: it is on the volume.
remove_half_made() {
    local id name
    docker ps --all --no-trunc --filter "label=com.docker.compose.project=$project" --format '{{.ID}} {{.Names}}' |
        while read -r id name; do
            [[ $name =~ ^[0-9a-f]{12}_ ]] || continue
            say "removing $name, which a killed deployment left half-made"
            docker stop -t 60 "$id" >/dev/null </dev/null || true
            docker rm --force "$id" >/dev/null </dev/null
        done
}
