# shellcheck shell=bash
# Whether others rule the machine's network and its login. Needs admission.sh.

root=${root-}
# Address blocks that SSH is to be narrowed to: the bits of their prefixes behind the family, `4:11001011`.
ssh_blocks=${ssh_blocks-}

# Reads what `nft list ruleset` prints; prints the rules that are neither ours nor Docker's.
foreign_rules() {
    awk '
        /^table / { table = $2 " " $3; kind = ""; next }
        /^\t[a-z]/ { kind = $1; chain = $2; next }
        table == "inet mailhost" || table ~ / docker-bridges$/ || kind != "chain" || chain ~ /^DOCKER/ { next }
        /^\t\t/ {
            rule = $0
            sub(/^\t+/, "", rule)
            if (rule ~ /^#/ || rule ~ /DOCKER|docker0|docker_gwbridge|"br-/) next
            # Docker shuts forwarding.
            if (rule ~ /^type / && (rule !~ /policy drop/ || (table ~ /^ip6? filter$/ && chain == "FORWARD"))) next
            print table " " chain ": " rule
        }'
}

# The same, of what `iptables-save` prints.
foreign_iptables_rules() {
    grep -E '^-A|^:(INPUT|OUTPUT) DROP' | grep -vE 'DOCKER|docker0|docker_gwbridge| br-' || true
}

every_foreign_rule() {
    local tool
    if command -v nft >/dev/null; then
        nft --stateless list ruleset 2>/dev/null | foreign_rules
    else
        for tool in iptables-save ip6tables-save; do
            ! command -v "$tool" >/dev/null || "$tool" 2>/dev/null | foreign_iptables_rules
        done
    fi
    # The older kind of iptables; asking it where it has no tables would load them.
    if [ -s "$root/proc/net/ip_tables_names" ] && command -v iptables-legacy-save >/dev/null; then
        iptables-legacy-save 2>/dev/null | foreign_iptables_rules
    fi
}

check_firewall() {
    local unit rules managers=no
    if grep -qi '^ENABLED=yes' "$root/etc/ufw/ufw.conf" 2>/dev/null && command -v ufw >/dev/null; then
        managers=yes
        problem "ufw is active, and the host has a firewall of its own: ufw disable"
    fi
    for unit in firewalld nftables netfilter-persistent shorewall; do
        if systemctl --quiet is-enabled "$unit.service" 2>/dev/null || systemctl --quiet is-active "$unit.service" 2>/dev/null; then
            managers=yes
            problem "$unit rules the firewall, and the host has one of its own: systemctl disable --now $unit"
        fi
    done
    [ "$managers" = no ] || return 0
    rules=$(every_foreign_rule)
    [ -z "$rules" ] ||
        problem "the firewall has $(wc -l <<<"$rules") rules that are neither this host's nor Docker's, the first:" \
            "$(head -n 1 <<<"$rules"). Stop what makes them, then remove them: nft list ruleset shows all"
}

# bits VALUE WIDTH
bits() {
    local n
    for ((n = $2 - 1; n >= 0; n--)); do printf '%d' $((($1 >> n) & 1)); done
}

# The family and the bits of an address: `4:11001011…`.
address_bits() {
    local address=${1%%\%*} part head=() tail=()
    address=${address#::ffff:}
    if [[ $address == *.* ]]; then
        printf 4:
        for part in ${address//./ }; do bits "$part" 8; done
        return
    fi
    IFS=: read -ra head <<<"${address%%::*}"
    [[ $address != *::* ]] || IFS=: read -ra tail <<<"${address#*::}"
    while ((${#head[@]} + ${#tail[@]} < 8)); do head+=(0); done
    printf 6:
    for part in "${head[@]}" "${tail[@]}"; do bits $((16#$part)) 16; done
}

# Who is logged in now has to be let in afterwards.
check_login() {
    local from=${SSH_CONNECTION%% *} mine block include=no settings before
    if [ -n "$ssh_blocks" ] && [ -n "$from" ]; then
        mine=$(address_bits "$from")
        for block in $ssh_blocks; do [[ $mine != "$block"* ]] || include=yes; done
        [ "$include" = yes ] ||
            problem "this computer connects from $from, which is in none of server.sshAllowedCidrs: it would be locked out." \
                "Add its address"
    fi
    mkdir -p "$root/run/sshd"
    settings=$(sshd -T 2>/dev/null) || true
    case $'\n'$settings$'\n' in
        *$'\nauthorizedkeysfile '*.ssh/authorized_keys*) ;;
        *) problem "sshd takes keys from elsewhere than .ssh/authorized_keys, and root would be locked out: remove" \
            "AuthorizedKeysFile from /etc/ssh/sshd_config" ;;
    esac
    before=$(awk -v include='^include[ \t]+"?/etc/ssh/sshd_config[.]d/' '
        { line = tolower($0); sub(/^[ \t]+/, "", line) }
        line ~ include { found = 1; exit }
        line ~ /^(passwordauthentication|kbdinteractiveauthentication|challengeresponseauthentication|permitemptypasswords|permitrootlogin|match)[ \t=]/ { print; exit }
        END { if (!found) exit 1 }' "$root/etc/ssh/sshd_config") ||
        problem "/etc/ssh/sshd_config does not begin with Include /etc/ssh/sshd_config.d/*.conf, where the host's settings" \
            "for sshd are put${before:+, but has $before before it, which would hold}: put that line first"
}
