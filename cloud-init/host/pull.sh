# shellcheck shell=bash
# Pulls the images of the stack that are missing. Needs stack-images.sh.

state=${state:?}
pull_attempts=${pull_attempts:-5}
pull_pause=${pull_pause:-3}
least_free_mib=${least_free_mib:-512}

registry_of() {
    case ${1%%/*} in
        "$1") printf 'docker.io' ;;
        *.* | *:* | localhost) printf '%s' "${1%%/*}" ;;
        *) printf 'docker.io' ;;
    esac
}

# Why an image could not be pulled and what to do; fails when it may work in a moment.
explain_pull() {
    local image=$1 output=$2 root
    case $output in
        *'no space left on device'*)
            root=$(docker_root)
            complain "there is no room for the image $image: $(disk_use "$root")give the server a larger disk, or" \
                "remove what it does not need (docker system df, docker image prune --all)"
            ;;
        *'no matching manifest for '*)
            complain "the image $image is not made for this host's processor ($(uname -m)): choose another tag, or" \
                "another type of server"
            ;;
        *'manifest unknown'* | *'not found'* | *'name unknown'*)
            complain "the registry $(registry_of "$image") has no image $image: look at the tag and the digest in the" \
                "setting stack.images; npx mailhost pin (in a clone: npm run mailhost -- pin) writes those that exist"
            ;;
        *'pull access denied'* | *denied* | *unauthorized* | *'authentication required'*)
            complain "the registry $(registry_of "$image") does not give the image $image to this host: look at its" \
                "name, or log in on the host (docker login $(registry_of "$image"))"
            ;;
        *x509:* | *'server gave HTTP response to HTTPS client'*)
            complain "the registry $(registry_of "$image") has no certificate that this host trusts: ${output##*$'\n'}"
            ;;
        *) return 1 ;;
    esac
}

pull_image() {
    local image=$1 begun=$SECONDS attempt output
    for ((attempt = 1; attempt <= pull_attempts; attempt++)); do
        # A registry that falls silent is tried again.
        if output=$(timeout 1200 docker pull --quiet "$image" 2>&1); then
            say "pulled $image in $((SECONDS - begun)) s"
            return
        fi
        ! explain_pull "$image" "$output" || return 1
        say "attempt $attempt of $pull_attempts to pull $image failed: ${output##*$'\n'}"
        ((attempt == pull_attempts)) || sleep "$((attempt * pull_pause))"
    done
    complain "the image $image can't be pulled, its registry $(registry_of "$image") does not answer as it should:" \
        "${output##*$'\n'}. What runs goes on running. Look whether the registry is up and whether this host reaches" \
        "it, then run pulumi up again"
    return 1
}

# pull_images IMAGE...: all at once, so that every fault is reported.
pull_images() {
    local image root pid failed=0 missing=() said=$SECONDS
    local -A pulling=()
    install -d -m 0755 /run/mailhost "$state"
    docker info >/dev/null 2>&1 || fail "Docker does not run on this host: systemctl status docker says why"
    for image in "$@"; do
        docker image inspect "$image" >/dev/null 2>&1 || missing+=("$image")
    done
    if ((${#missing[@]} == 0)); then
        say "all $# images are here"
        return
    fi
    root=$(docker_root)
    (($(free_mib "$root") >= least_free_mib)) ||
        fail "there is no room for images ($(disk_use "$root")$least_free_mib MB are needed at least): give the server" \
            "a larger disk, or remove what it does not need (docker system df, docker image prune --all)"
    # What no release names any more is removed by a deployment that succeeds.
    printf '%s\n' "${missing[@]}" >>"$state/pulled-images"
    for image in "${missing[@]}"; do
        say "pulling $image"
        pull_image "$image" &
        pulling[$!]=$image
    done
    while ((${#pulling[@]} > 0)); do
        for pid in "${!pulling[@]}"; do
            ! kill -0 "$pid" 2>/dev/null || continue
            wait "$pid" || failed=$((failed + 1))
            unset "pulling[$pid]"
        done
        if ((SECONDS - said >= 15)); then
            said=$SECONDS
            say "still pulling ${pulling[*]}"
        fi
        ((${#pulling[@]} == 0)) || sleep 0.5
    done
    ((failed == 0)) || fail "$failed of $# images could not be pulled, see above"
}

# learn_user IMAGE USER: done here because nothing waits for it here. What it can't tell is the deployment's to report.
learn_user() { image_user "$1" "$2" >/dev/null || true; }
