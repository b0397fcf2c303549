# shellcheck shell=bash
# What the steps of the host script are made of. Every step looks first, changes only what differs, and can be killed
# at any moment: what still has to take effect stands in $state/pending until it has.

state=/var/lib/mailhost
pending=$state/pending

say() { printf 'mailhost: %s\n' "$*"; }

fail() {
    printf 'mailhost: error: %s\n' "$*" >&2
    exit 1
}

in_container() { systemd-detect-virt --quiet --container; }

# Runs a step verbosely and keeps its log. Secrets stand in here-documents only, which are not printed.
with_log() {
    install -d -m 0700 /var/log/mailhost
    (
        PS4='+ ${FUNCNAME[0]:-}: '
        printf '=== %s\n' "$(date --utc --iso-8601=seconds)"
        set -x
        "$@"
    ) 2>&1 | (umask 077 && tee -a /var/log/mailhost/host.log)
}

prepare_state() {
    [ "$(id -u)" = 0 ] || fail "this script changes the system: run it as root, not as $(id -un)"
    install -d -m 0755 "$state" "$pending" /run/mailhost
    touch "$state/manifest"
    : >"$state/manifest.next"
}

# The short name is the host's, the full one its canonical name in /etc/hosts.
set_host_name() {
    local short=$1 full=$2 line="127.0.1.1 $2 $1"
    if [ "$(cat /etc/hostname 2>/dev/null)" != "$short" ]; then
        printf '%s\n' "$short" >/etc/hostname
        say "host name: $short"
    fi
    [ "$(uname -n)" = "$short" ] || hostname "$short"
    if [ "$(grep '^127\.0\.1\.1[[:space:]]' /etc/hosts)" != "$line" ]; then
        { grep -v '^127\.0\.1\.1[[:space:]]' /etc/hosts || true; printf '%s\n' "$line"; } >"$state/hosts"
        # Not moved: /etc/hosts may be a mount.
        cat "$state/hosts" >/etc/hosts
        rm "$state/hosts"
        say "/etc/hosts: $full"
    fi
}

mark_pending() {
    local path=$1 effect=$2
    case $path in /etc/systemd/system/*) touch "$pending/daemon-reload" ;; esac
    [ -z "$effect" ] || touch "$pending/$effect"
}

# put PATH MODE CHECK EFFECT <CONTENT
put() {
    local path=$1 mode=$2 check=$3 effect=$4 folder=${1%/*} name=${1##*/} entry
    local next=$folder/.$name.mailhost-new old=$folder/.$name.mailhost-old
    entry=$path$'\t'$effect
    printf '%s\n' "$entry" >>"$state/manifest.next"
    grep -qxF -- "$entry" "$state/manifest" || printf '%s\n' "$entry" >>"$state/manifest"
    [ -d "$folder" ] || install -d -m 0755 "$folder"
    # A run that was killed before its check leaves the file as it was before.
    [ ! -e "$old" ] || mv -f "$old" "$path"
    (umask 077 && cat >"$next")
    if [ ! -L "$path" ] && cmp -s "$next" "$path" && [ "$(stat -c '0%a %u:%g' "$path")" = "$mode 0:0" ]; then
        rm "$next"
        [ -z "$check" ] || "check_$check" || fail "$path does not pass its check any more, see above"
        return
    fi
    chown 0:0 "$next"
    chmod "$mode" "$next"
    mark_pending "$path" "$effect"
    if [ -n "$check" ] && [ -e "$path" ]; then cp -p "$path" "$old"; fi
    mv -f "$next" "$path"
    if [ -n "$check" ] && ! "check_$check"; then
        if [ -e "$old" ]; then mv -f "$old" "$path"; else rm "$path"; fi
        fail "the new $path does not pass its check, see above: it is as it was before"
    fi
    rm -f "$old"
    say "wrote $path"
}

check_sshd() {
    local setting settings
    install -d -m 0755 /run/sshd
    sshd -t || return 1
    settings=$(sshd -T)
    for setting in 'passwordauthentication no' 'kbdinteractiveauthentication no'; do
        case $'\n'$settings$'\n' in *$'\n'$setting$'\n'*) continue ;; esac
        say "sshd does not take '$setting' from /etc/ssh/sshd_config.d: /etc/ssh/sshd_config must begin with" \
            "Include /etc/ssh/sshd_config.d/*.conf" >&2
        return 1
    done
}

check_firewall() { /usr/local/lib/mailhost/firewall check; }

# Files that an earlier plan put and this one does not have.
remove_stale_files() {
    local path effect
    local -A planned=()
    while IFS=$'\t' read -r path effect; do planned[$path]=yes; done <"$state/manifest.next"
    while IFS=$'\t' read -r path effect; do
        [ -z "${planned[$path]:-}" ] || continue
        mark_pending "$path" "$effect"
        case $path in
            /etc/systemd/system/*/*) ;;
            /etc/systemd/system/*) systemctl disable --quiet --now "${path##*/}" 2>/dev/null || true ;;
        esac
        if [ -e "$path" ]; then
            rm -f "$path"
            say "removed $path"
        fi
    done <"$state/manifest"
    mv -f "$state/manifest.next" "$state/manifest"
}

# Restarts and reloads what runs and whose files changed; what does not run takes them when it starts.
apply_effects() {
    local mark verb unit
    if [ -e "$pending/daemon-reload" ]; then
        systemctl daemon-reload
        rm "$pending/daemon-reload"
    fi
    for mark in "$pending"/*:*; do
        [ -e "$mark" ] || continue
        verb=${mark##*/}
        unit=${verb#*:}
        verb=${verb%%:*}
        if systemctl --quiet is-active "$unit"; then
            say "$verb $unit"
            case $verb in
                restart) systemctl try-restart "$unit" ;;
                reload) systemctl try-reload-or-restart "$unit" ;;
            esac
        fi
        rm "$mark"
    done
}

set_sysctl() {
    local key=$1 value=$2 host_only=$3 file=/proc/sys/${1//.//}
    [ "$(cat "$file" 2>/dev/null)" != "$value" ] || return 0
    { printf '%s\n' "$value" >"$file"; } 2>/dev/null || true
    if [ "$(cat "$file" 2>/dev/null)" = "$value" ]; then
        say "sysctl $key = $value"
    elif [ "$host_only" = yes ] && in_container; then
        say "sysctl $key belongs to the machine around this container, which has $(cat "$file" 2>/dev/null): not set"
    else
        fail "the kernel refuses sysctl $key = $value (it has $(cat "$file" 2>/dev/null))"
    fi
}

mask_units() {
    local unit
    for unit in "$@"; do
        [ "$(systemctl is-enabled "$unit" 2>/dev/null)" != masked ] || continue
        # Stopped before its file goes: a timer that runs without one counts as failed.
        systemctl stop --quiet "$unit" 2>/dev/null || true
        systemctl mask --quiet "$unit"
        systemctl reset-failed "$unit" 2>/dev/null || true
        say "masked $unit"
    done
}

enable_units() {
    local unit
    for unit in "$@"; do
        if systemctl --quiet is-enabled "$unit" 2>/dev/null && systemctl --quiet is-active "$unit"; then continue; fi
        systemctl enable --quiet --now "$unit" ||
            fail "$unit does not start: $(systemctl --no-pager --lines=5 status "$unit" 2>&1 | tail -n 5)"
    done
}

add_swap() {
    local file=$1 unit=$2 size_mib=$3 below_kib=$4 memory_kib free_kib
    memory_kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
    ((memory_kib < below_kib)) || return 0
    if in_container; then
        say "swap belongs to the machine around this container: none made"
        return
    fi
    # Swap that is not ours is the image's own choice.
    if awk -v ours="$file" 'NR > 1 && $1 != ours { found = 1 } END { exit !found }' /proc/swaps; then return; fi
    if [ ! -e "$file" ]; then
        free_kib=$(df --output=avail -k / | tail -n 1)
        if ((free_kib < (size_mib + 2048) * 1024)); then
            say "no swap: it takes $size_mib MiB and leaves less than 2 GiB on the root disk ($((free_kib / 1024)) MiB free)"
            return
        fi
        rm -f "$file.new"
        (umask 077 && fallocate -l "${size_mib}M" "$file.new")
        mkswap --quiet "$file.new" 2>/dev/null || mkswap "$file.new" >/dev/null
        mv "$file.new" "$file"
        say "swap: $size_mib MiB in $file"
    fi
    enable_units "$unit"
}
