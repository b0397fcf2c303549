# shellcheck shell=bash
# Whether a machine that was there before can be made the mail host. Changes nothing; every fault is found before the
# first is reported. Needs listeners.sh, data-device.sh, is-blank.sh and
# admission-firewall.sh.

root=${root-}
system=${system:?}
systems=${systems:?}
fqdn=${fqdn:?}
ipv4=${ipv4:?}
ipv6=${ipv6-}
ports=${ports-}
mount_point=${mount_point:?}
device_file=${device_file:?}
data_device=${data_device-}
described_memory_mib=${described_memory_mib:?}
packages=${packages-}
state=$root/var/lib/mailhost
problems=()

say() { printf 'mailhost: %s\n' "$*"; }

problem() { problems+=("$*"); }

# Set up by us before, to the end or not: what we wrote stands in the manifest.
is_ours() { [ -s "$state/manifest" ]; }

installed() {
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) in [ih]i*) ;; *) return 1 ;; esac
}

# Its first boot may still install packages.
wait_for_cloud_init() {
    ! command -v cloud-init >/dev/null || timeout 900 cloud-init status --wait >/dev/null 2>&1 || true
}

os_release() { sed -n "s/^$1=//p" "$root/etc/os-release" 2>/dev/null | tr -d '"' || true; }

check_system() {
    local found program
    found=$(os_release ID)-$(os_release VERSION_ID)
    [ "$(id -u)" = 0 ] || problem "the login is $(id -un), not root: the set-up changes the system. Let root log in with this key"
    if [[ " $systems " != *" $found "* ]]; then
        problem "the system is $(os_release PRETTY_NAME | grep . || echo unknown), which the set-up does not know:" \
            "install one of $systems"
    elif [ "$found" != "$system" ]; then
        problem "the system is $found, and $system is described: set server.system to $found, or install $system"
    fi
    case $(uname -m) in
        x86_64 | aarch64) ;;
        *) problem "the processor is $(uname -m), for which the services have no images: take x86_64 or aarch64" ;;
    esac
    [ -d "$root/run/systemd/system" ] || problem "systemd does not run here: take a machine that boots with it"
    [ -e "$root/proc/net/if_inet6" ] ||
        problem "the kernel has no IPv6, at whose sockets the services listen even without an address of it: remove" \
            "ipv6.disable=1 from the kernel's command line and reboot"
    for program in ip ss sshd; do
        command -v "$program" >/dev/null || problem "the program $program is missing: apt-get install iproute2 openssh-server"
    done
}

check_size() {
    local memory_mib path least_mib
    memory_mib=$(($(awk '$1 == "MemTotal:" { print $2 }' "$root/proc/meminfo") / 1024))
    if ((memory_mib < 1750)); then
        problem "it has $memory_mib MiB of memory: the services need what is sold as 2 GB at least, and 4 GB are advised"
    elif ((memory_mib * 100 < described_memory_mib * 85)); then
        problem "it has $memory_mib MiB of memory, and $described_memory_mib are described: set server.memoryMb to what it is sold with (2048 for 2 GB), or leave it out"
    fi
    # Its own images and data are there already.
    ! is_ours || return 0
    for path in /var/lib /root; do
        least_mib=6144
        if [ "$path" = /root ]; then
            [ -z "$data_device" ] || continue
            least_mib=4096
        elif [ -z "$data_device" ] && [ "$(stat -c %d "$root/var/lib")" = "$(stat -c %d "$root/root")" ]; then
            least_mib=10240
        fi
        if (($(df --output=avail -k "$root$path" | tail -n 1) < least_mib * 1024)); then
            problem "the disk of $path has $(($(df --output=avail -k "$root$path" | tail -n 1) / 1024)) MiB free:" \
                "$least_mib are needed at least. Give it a larger disk, or remove what it does not need"
        fi
    done
}

# What the mail services take for the machine's address: the first of IPv4 at a link that is up, loopback left out.
first_ipv4() {
    local up
    up=$(ip -o link show up | awk -F': ' '/[<,]LOWER_UP[,>]/ { sub(/@.*/, "", $2); printf " %s ", $2 }')
    ip -o -4 address show up |
        awk -v up="$up" 'index(up, " " $2 " ") && $4 !~ /^127\./ { sub(/\/.*/, "", $4); print $4; exit }'
}

check_addresses() {
    local first
    command -v ip >/dev/null || return 0
    first=$(first_ipv4)
    if [ "$first" != "$ipv4" ]; then
        problem "its first IPv4 address is ${first:-missing}, and $ipv4 is described: the mail services send from the" \
            "first, check SPF against it, and send nothing when it is not the public one. Make $ipv4 the first address of" \
            "its first interface; behind 1:1 NAT that can't be"
    fi
    [ -z "$ipv6" ] || ip -o -6 address show scope global | awk '{ sub(/\/.*/, "", $4); print $4 }' | grep -xF -- "$ipv6" >/dev/null ||
        problem "none of its interfaces has the address $ipv6: set it on the machine, or leave server.ipv6 out"
}

check_ports() {
    local port pid found listeners
    command -v ss >/dev/null || return 0
    listeners=$(ss -Hltnp)
    for port in $ports; do
        while IFS= read -r pid; do
            found=$(foreign_listener "$pid" "$port")
            [ -z "$found" ] || problem "$found"
        done < <(holders_of_port "$port" <<<"$listeners")
    done
}

# Others that would take the ports at the next boot.
check_services() {
    local unit
    for unit in postfix exim4 sendmail opensmtpd stalwart stalwart-mail maddy dovecot courier-imap cyrus-imapd \
        apache2 nginx caddy lighttpd haproxy; do
        if systemctl --quiet is-enabled "$unit.service" 2>/dev/null && [[ "${problems[*]}" != *"$unit"* ]]; then
            problem "$unit starts at boot, and this is to be the only mail and web server of the machine:" \
                "systemctl disable --now $unit"
        fi
    done
}

# Another mail host's data, and what containers hold.
check_data() {
    local folder containers
    ! is_ours || return 0
    for folder in /opt/mailcow-dockerized /home/user-data /opt/stalwart /var/vmail; do
        [ ! -e "$root$folder" ] || problem "$folder belongs to another mail host: move its mail first, then remove it"
    done
    # A set-up of ours that was moved here has releases, and is asked for its keys by the deployment.
    if [ -n "$(ls -A "$root$mount_point" 2>/dev/null)" ] && [ ! -d "$root$mount_point/releases" ]; then
        problem "$mount_point holds files of another mail host: move them away"
    fi
    if command -v docker >/dev/null && containers=$(docker ps --all --format '{{.Names}}' 2>/dev/null); then
        [ -z "$containers" ] || problem "Docker has containers already, which the set-up would cut off from the network:" \
            "$(paste -sd ' ' <<<"$containers"). Move them to another machine"
    elif [ -n "$(ls -A "$root/var/lib/docker/containers" 2>/dev/null)" ]; then
        problem "/var/lib/docker has containers, and Docker does not say which: start it, then run this again"
    fi
}

check_packages() {
    local package others=()
    ! is_ours || return 0
    case " $packages " in
        *' docker.io '*) set -- docker-ce docker-ce-cli containerd.io podman-docker ;;
        *) set -- docker.io docker-cli containerd runc podman-docker ;;
    esac
    for package in "$@"; do ! installed "$package" || others+=("$package"); done
    ((${#others[@]} == 0)) ||
        problem "Docker is installed from another source: apt-get remove ${others[*]}"
    [ ! -e "$root/snap/bin/docker" ] || problem "Docker is installed as a snap: snap remove docker"
}

# Reads paths, a line each: files that the set-up would write over, though it did not put them there.
check_files() {
    local path found=()
    while IFS= read -r path; do
        if [ -e "$root$path" ] && ! cut -f 1 "$state/manifest" 2>/dev/null | grep -xF -- "$path" >/dev/null; then
            found+=("$path")
        fi
    done
    ((${#found[@]} == 0)) || problem "the set-up would write over files that are not its own: ${found[*]}. Move them away"
}

check_name() {
    local before
    is_ours || return 0
    before=$(awk '$1 == "127.0.1.1" { print $2 }' "$root/etc/hosts")
    [ -z "$before" ] || [ "$before" = "$fqdn" ] ||
        problem "it is the mail host $before already, and $fqdn is described: take another machine, or, if $before is given" \
            "up, run sed -i '/^127\\.0\\.1\\.1/d' /etc/hosts there"
}

# Nothing moves the data: another place would be taken at the next boot, and a blank disk formatted.
check_data_place() {
    local folder=$root$mount_point elsewhere remedy="Describe it as before"
    elsewhere=$(data_lies_elsewhere "${data_device:-$folder}" "$folder" "$root$device_file")
    [ -n "$elsewhere" ] || return 0
    # The page has a way from the root disk alone.
    case $elsewhere in "$folder" | *"[$mount_point]") remedy+=", or move the data: docs/existing-server.md of the program says how" ;; esac
    problem "the data lies on ${elsewhere/#"$folder"/the root disk}, and server.dataDevice is ${data_device:-left out}:" \
        "nothing moves it. $remedy"
}

check_device() {
    local type label target
    [ -n "$data_device" ] || return 0
    if [ ! -b "$data_device" ]; then
        problem "there is no disk $data_device: ls -l /dev/disk/by-id shows those that there are"
        return
    fi
    target=$(lsblk --noheadings --raw --output MOUNTPOINT "$data_device" | grep . | grep -vxF -- "$mount_point" | paste -sd ' ') || true
    [ -z "$target" ] || problem "$data_device is in use at $target: choose another disk"
    if [ "$(lsblk --noheadings --raw --output NAME "$data_device" | wc -l)" != 1 ]; then
        problem "$data_device has partitions or volumes: choose a whole disk that is blank"
        return
    fi
    type=$(blkid -p -s TYPE -o value "$data_device") || true
    label=$(blkid -p -s LABEL -o value "$data_device") || true
    case $type in
        "") is_blank "$data_device" ||
            problem "$data_device is not blank ($(blkid -p "$data_device" 2>/dev/null | grep . || echo "bytes that nobody knows")):" \
                "if what it holds can go, run wipefs --all $data_device && blkdiscard --zeroout --length 1MiB $data_device" ;;
        ext4) [ "$label" = mailhost-data ] ||
            problem "$data_device holds a file system that was not made for a mail host (label '$label'): choose a blank disk" ;;
        *) problem "$data_device holds $type: choose a blank disk" ;;
    esac
}

check_pointers() {
    local address name
    for address in "$ipv4" $ipv6; do
        name=$(timeout 10 getent -s dns hosts "$address" | awk '{ print $2; exit }') || true
        [ "$name" = "$fqdn" ] ||
            say "the PTR record of $address is ${name:-missing}: set it to $fqdn where the machine is rented"
    done
}

admit() {
    local each
    wait_for_cloud_init
    check_system
    check_size
    check_addresses
    check_ports
    check_services
    check_firewall
    check_login
    check_data
    check_packages
    check_files < <(planned_files)
    check_name
    check_data_place
    check_device
    if ((${#problems[@]} > 0)); then
        for each in "${problems[@]}"; do printf 'mailhost: error: %s\n' "$each" >&2; done
        printf 'mailhost: error: %s, see above: nothing was changed\n' \
            "${#problems[@]} of the things that $fqdn needs of this machine are not as they should be" >&2
        exit 1
    fi
    check_pointers
    if is_ours; then say "the machine is $fqdn already"; else say "the machine can be made $fqdn"; fi
}
