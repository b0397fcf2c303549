# shellcheck shell=bash
# The deployment of a release, from its checks to its success or its way back. Needs the other deploy-*.sh and
# stack-images.sh. What it goes by are files: killed at any moment and run again, it converges.

data=${data:?}
state=${state:?}
library=${library:?}
work=${work:?}
composer_file=${composer_file:?}
stack_unit=mailhost-stack.service
# How long the unit may take to start the stack before a deployment does it.
unit_seconds=${unit_seconds:-300}

# One file of the release, from standard input: release_file PATH MODE OWNER
release_file() {
    local file=$work/release/files/$1
    mkdir -p "${file%/*}"
    cat >"$file"
    printf '%s|%s|%s\n' "$1" "$2" "$3" >>"$work/release/manifest"
}

# One table of the release, from standard input: release_table NAME
release_table() { cat >"$work/release/$1"; }

prepare_work() {
    umask 077
    install -d -m 0755 /run/mailhost "$state"
    rm -rf "$work"
    install -d -m 0700 "$work" "$work/release/files"
    : >"$work/release/manifest"
    # Where bash keeps a here-document: secrets stay in memory.
    TMPDIR=$work
}

# Compose outlives a deployment that is killed, and would go on beside the next one.
end_former_composer() {
    local pid
    [ -e "$composer_file" ] || return 0
    pid=$(cat "$composer_file")
    if { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -F -- "--project-directory $data " >/dev/null; then
        say "ending what a former deployment left running ($pid)"
        kill "$pid" 2>/dev/null || true
        timeout 30 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2>/dev/null || true
    fi
    rm -f "$composer_file"
}

# What is to blame for a failure and why: remembered where the way back finds it. blame SERVICE REASON
blame() {
    printf '%s\n%s\n' "$1" "$2" >"$work/failure"
    exit 1
}

# try COMMAND: in a shell of its own, strictly; $tried is its result. Never called in a condition, where bash would be
# lenient with everything inside.
try() {
    rm -f "$work/failure"
    set +e
    (
        set -e
        "$@"
    )
    tried=$?
    set -e
}

bring_up() {
    local release=$1
    find_owners "$release"
    point_to current "${release##*/}"
    prepare_folders "$release"
    place_files "$release"
    install_certificates
    start_services "$release"
    renew_in_containers
    verify_ports "$release"
    # Something may have ended while the ports were looked at.
    await_health "$release" 0
}

install_certificates() {
    "$library/certificates" install >"$work/certificates.log" 2>&1 ||
        blame - "the certificates could not be installed: $(tail -n 5 "$work/certificates.log")"
    cat "$work/certificates.log" || true
}

# A certificate that only the release before had a use for goes with its domain, once there is no way back to that.
remove_former_certificates() {
    local folder=$data/nginx/certificates former
    [ -d "$folder" ] || return 0
    former=$(find "$folder" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -vxFf <(cut -d '|' -f 4 "$1/verify")) || true
    [ -n "$former" ] || return 0
    "$library/certificates" install || warn "a certificate that is not needed any more stays in $folder, see above"
}

# What compose had no reason to make anew may have started before the certificate was placed.
renew_in_containers() {
    local service
    "$library/certificates" reload >"$work/certificates.log" 2>&1 || {
        service=$(sed -nE 's/^mailhost: error: ([a-z0-9_-]+) (is not healthy|does not restart).*/\1/p' "$work/certificates.log" | tail -n 1)
        blame "${service:--}" "the services do not take their certificates: $(tail -n 5 "$work/certificates.log")"
    }
    cat "$work/certificates.log" || true
}

# The unit starts the stack with a compose of its own, at boot and a while after that failed: two would be in each other's
# way. It has its time to end; where the stack does not come up, this deployment may be what mends it.
await_stack_unit() {
    local begun=$SECONDS state said=no
    while :; do
        state=$(systemctl show --property=ActiveState,SubState,Job "$stack_unit")
        grep -qE '^(ActiveState=activating|Job=[1-9])' <<<"$state" || return 0
        # It has failed and waits for its next attempt.
        ! grep -q '^SubState=auto-restart' <<<"$state" || break
        if [ "$said" = no ]; then
            said=yes
            say "$stack_unit is starting the services: waiting until it has, for $unit_seconds s at most"
        elif ((SECONDS - begun >= unit_seconds)); then
            break
        fi
        sleep 1
    done
    say "$stack_unit has not brought the services up: it is ended, this deployment starts them"
    # Before it has started, its end stops no service.
    timeout 60 systemctl stop "$stack_unit" ||
        fail "$stack_unit does not end, nothing was changed: systemctl status $stack_unit on the host says more"
}

# A unit's own start finds everything running, and returns.
enable_stack_unit() {
    rm -f "$state/stopped-containers"
    systemctl --quiet is-enabled "$stack_unit" 2>/dev/null || systemctl enable --quiet "$stack_unit"
    systemctl --quiet is-active "$stack_unit" || systemctl start "$stack_unit" ||
        warn "$stack_unit does not start: after a reboot the services may not start by themselves (systemctl status $stack_unit)"
}

summarise() {
    local -A before=()
    local service id status health restarts exit oom started policy made=() restarted=() same=0
    while IFS='|' read -r service id status health restarts exit oom started policy; do
        before[$service]=$id/$started
    done <"$work/before"
    # shellcheck disable=SC2034
    while IFS='|' read -r service id status health restarts exit oom started policy; do
        case ${before[$service]:-} in
            "$id/$started") same=$((same + 1)) ;;
            "$id/"*) restarted+=("$service") ;;
            *) made+=("$service") ;;
        esac
    done < <(observe)
    ((${#made[@]} == 0)) || say "started anew: ${made[*]}"
    ((${#restarted[@]} == 0)) || say "restarted: ${restarted[*]}"
    say "untouched: $same services"
}

deploy() {
    local tried=0 release='' begun=$SECONDS
    prepare_work
    end_former_composer
    receive_release
    check_everything
    keep_release
    await_stack_unit
    say "release ${release##*/} goes into service"
    try bring_up "$release"
    if ((tried != 0)); then
        go_back "$release"
        exit 1
    fi
    point_to good "${release##*/}"
    remove_former_certificates "$release"
    enable_stack_unit
    remove_old_releases
    remove_old_images
    summarise
    say "release ${release##*/} serves after $((SECONDS - begun)) s"
    rm -rf "$work"
}
