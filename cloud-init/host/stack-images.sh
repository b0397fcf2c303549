# shellcheck shell=bash
# What the pull and the deployment share: words, and what they know of images and disks. A cut connection must not end
# them half-way, so nothing that they say can fail.

state=${state:?}

trap '' PIPE

say() { printf 'mailhost: %s\n' "$*" || true; }

warn() { say "warning: $*"; }

complain() { printf 'mailhost: error: %s\n' "$*" >&2 || true; }

fail() {
    complain "$@"
    exit 1
}

docker_root() { docker info --format '{{.DockerRootDir}}'; }

free_mib() { df --output=avail -m "$1" | tail -n 1 | tr -d ' '; }

# What a full disk is mended with, in numbers.
disk_use() {
    local path
    for path in "$@"; do
        df --output=avail,size,target -BM "$path" | awk 'NR == 2 { printf "%s MB free of %s MB on %s; ", $1 + 0, $2 + 0, $3 }'
    done
}

# Prints UID:GID of a user of an image, or of the user that it runs as. An image's id is its content's, so it is asked
# once.
image_user() {
    local image=$1 user=${2:-} known=$state/image-users id found
    id=$(docker image inspect --format '{{.ID}}' "$image" 2>/dev/null) || {
        printf 'the image %s is not on this host' "$image"
        return 1
    }
    found=$(awk -F '\t' -v id="$id" -v user="$user" '$1 == id && $2 == user { print $3; exit }' "$known" 2>/dev/null) || true
    if [ -z "$found" ]; then
        found=$(docker run --rm --pull never --network none --read-only --cap-drop ALL --log-driver none \
            --security-opt no-new-privileges --entrypoint id "$image" ${user:+"$user"} 2>&1) || true
        if ! [[ $found =~ uid=([0-9]+)[^[:space:]]*[[:space:]]+gid=([0-9]+) ]]; then
            printf 'the image %s does not tell the numbers of its user %s: %s' "$image" "$user" "${found%%$'\n'*}"
            return 1
        fi
        found=${BASH_REMATCH[1]}:${BASH_REMATCH[2]}
        printf '%s\t%s\t%s\n' "$id" "$user" "$found" >>"$known"
    fi
    printf '%s' "$found"
}
