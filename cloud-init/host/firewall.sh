#!/bin/bash
# Loads the host's firewall in one transaction; an error leaves the one that is loaded.
# Usage: firewall        checks and loads
#        firewall check  checks only
set -euo pipefail

rules=/etc/mailhost/firewall.nft
remembered=/var/lib/mailhost/ssh-ports

# Where sshd really listens: a closed SSH port would lock everyone out.
ssh_ports() {
    # Not there yet when the firewall is loaded at boot.
    install -d -m 0755 /run/sshd
    sshd -T 2>/dev/null | awk '$1 == "listenaddress" { sub(/.*:/, "", $2); print $2 }'
    if systemctl --quiet is-enabled ssh.socket 2>/dev/null; then
        systemctl show --property Listen --value ssh.socket | awk '/Stream/ { sub(/.*:/, "", $1); print $1 }'
    fi
}

ports=$( (ssh_ports || true) | grep -x '[0-9]\+' | sort -nu | paste -sd , || true)
if [ -n "$ports" ]; then
    printf '%s\n' "$ports" >"$remembered"
else
    ports=$(cat "$remembered" 2>/dev/null || echo 22)
    printf 'sshd does not say where it listens: SSH stays open at %s\n' "$ports" >&2
fi

install -d -m 0755 /run/mailhost
loaded=/run/mailhost/firewall.nft
{
    printf 'define ssh_ports = { %s }\n' "$ports"
    cat "$rules"
} >"$loaded"
nft --check --file "$loaded"
[ "${1:-}" = check ] || nft --file "$loaded"
