# shellcheck shell=bash
# What becomes of the system below the mail services: disks, units, firewall. Needs status.sh.
# shellcheck disable=SC2154  # status.sh sets what is used here.

full_percent=90
# What does not happen without each.
declare -A timer_of=(
    [mailhost-renew.timer]="certificates are not renewed"
    [apt-daily.timer]="security upgrades are not looked for"
    [apt-daily-upgrade.timer]="security upgrades are not installed"
)
timers=(mailhost-renew.timer apt-daily.timer apt-daily-upgrade.timer)

last_said() { journalctl -q -b _SYSTEMD_UNIT="$1" -n 1 -o cat 2>/dev/null || true; }

used_percent() { df --output=pcent "$1" | tail -n 1 | tr -dc 0-9; }

look_at_disk() {
    local name=$1 path=$2 mend=$3 percent
    percent=$(used_percent "$path")
    row "$name" "$percent % of $(df --output=size -BG "$path" | tail -n 1 | tr -dc 0-9) GB used"
    ((percent < full_percent)) || wrong "the $name is $percent % full: $mend"
}

look_at_data() {
    local options
    if mountpoint -q "$data"; then
        options=$(findmnt --noheadings --output OPTIONS --mountpoint "$data") || options=
        # What the kernel calls it when an error made it so.
        [[ ! ,$options, =~ ,(ro|emergency_ro), ]] ||
            wrong "the data volume is mounted read-only, so no mail can be kept: journalctl -k says why, most often" \
                "errors of the disk. Make a snapshot of the volume, then reboot the host: that checks the file system"
        look_at_disk "data volume" "$data" "@ENLARGE@"
        return
    fi
    row "data volume" "not mounted"
    wrong "the data volume is not mounted at $data:" \
        "$(cat /run/mailhost/data-volume-failure 2>/dev/null || last_said mailhost-data.service)"
}

look_at_units() {
    local unit last
    while IFS=' ' read -r unit _; do
        [ -n "$unit" ] || continue
        # Said above.
        [ "$unit" != mailhost-stack.service ] || continue
        if [ "$unit" = mailhost-renew.service ] && grep -q ' failed: ' "$records/last-renew" 2>/dev/null; then continue; fi
        last=$(last_said "$unit")
        failing "$unit: ${last:-$(systemctl show -P Result "$unit")}"
    done < <(systemctl list-units --failed --plain --no-legend)
    for unit in "${timers[@]}"; do
        systemctl --quiet is-active "$unit" ||
            wrong "$unit is not active: ${timer_of[$unit]}. systemctl enable --now $unit on the host"
    done
}

# The unit stays active when something else has thrown the rules away, as the distribution's nftables.service does.
look_at_firewall() {
    if ! systemctl --quiet is-active mailhost-firewall.service; then
        wrong "the host's firewall is not loaded: systemctl status mailhost-firewall says why"
    elif ! nft list chain inet mailhost input 2>/dev/null | grep 'policy drop' >/dev/null; then
        wrong "the firewall's rules are gone, so every port of the host is open: systemctl restart mailhost-firewall" \
            "on the host loads them; look for what flushes them (another firewall, nftables.service)"
    fi
}

look_at_system() {
    local stamp=/var/lib/apt/periodic/upgrade-stamp
    look_at_disk "system disk" / "docker system df and du -xh / show what takes it"
    row memory "$(awk '$1 == "MemTotal:" { all = $2 } $1 == "MemAvailable:" { free = $2 } END { printf "%.1f of %.1f GB available", free / 1048576, all / 1048576 }' /proc/meminfo)"
    row clock "$([ "$(timedatectl show --property=NTPSynchronized --value 2>/dev/null)" = yes ] && echo synchronised || echo 'not synchronised')"
    row upgrades "security upgrades every night$([ ! -e "$stamp" ] || date --utc --reference "$stamp" '+, last %F')"
    [ ! -e /run/reboot-required ] || row reboot "pending, for an upgrade: at the time of mailhost:rebootTime, or now by hand"
}
