# shellcheck shell=bash
# Whether the ports answer at the public addresses with the certificates that are installed. Needs deploy.sh and
# deploy-checks.sh.

data=${data:?}
work=${work:?}
ipv4=${ipv4:-}
ipv6=${ipv6:-}
verify_seconds=${verify_seconds:-60}
# A host of many domains has hundreds of names.
checks_at_once=8

# The address to connect to: the public one where this machine has it on an interface, else (behind 1:1 NAT) its own.
reachable_address() {
    local address=$1 loopback=$2
    if ip -oneline address show to "$address" 2>/dev/null | grep . >/dev/null; then printf '%s' "$address"; else printf '%s' "$loopback"; fi
}

addresses_to_verify() {
    [ -z "$ipv4" ] || reachable_address "$ipv4" 127.0.0.1
    printf '\n'
    if [ -n "$ipv6" ] && [ -e /proc/net/if_inet6 ]; then printf '[%s]\n' "$(reachable_address "$ipv6" ::1)"; fi
}

fingerprint() { openssl x509 -noout -fingerprint -sha256 2>/dev/null | cut -d = -f 2; }

# Prints what is wrong with a port; nothing when it answers with the certificate of its lineage.
port_fault() {
    local address=$1 port=$2 tls=$3 name=$4 lineage=$5 output served starttls=()
    [ "$tls" != smtp-starttls ] || starttls=(-starttls smtp)
    output=$(timeout 10 openssl s_client -connect "$address:$port" -servername "$name" "${starttls[@]}" </dev/null 2>&1) || true
    served=$(fingerprint <<<"$output") || true
    [ -z "$served" ] || [ "$served" != "$(fingerprint <"$data/letsencrypt/live/$lineage/cert.pem")" ] || return 0
    if [ -n "$served" ]; then
        printf 'port %s at %s shows another certificate than that of %s in %s: %s' "$port" "$address" "$lineage" \
            "$data/letsencrypt/live/$lineage" \
            "$(openssl x509 -noout -subject -issuer -enddate <<<"$output" | paste -sd ' ' -)"
    elif grep -q 'CONNECTED' <<<"$output"; then
        printf 'port %s at %s answers, but not with TLS: %s' "$port" "$address" \
            "$(grep -iE 'error|starttls|alert' <<<"$output" | tail -n 1)"
    else
        printf 'port %s at %s does not answer: %s' "$port" "$address" \
            "$(grep -oE 'Connection refused|timed out|unreachable|No route to host' <<<"$output" | head -n 1)"
    fi
}

# Looks at every port until each has answered as it should, for a while.
verify_ports() {
    local release=$1 begun=$SECONDS address port tls name lineage service fault checks
    local -A certified=() ports=()
    while IFS= read -r lineage; do
        if has_certificate "$lineage"; then certified[$lineage]=yes; fi
    done < <(cut -d '|' -f 4 "$release/verify" | sort -u)
    install -d "$work/verify"
    rm -f "$work/verify"/*
    while :; do
        checks=0
        while IFS= read -r address; do
            [ -n "$address" ] || continue
            while IFS='|' read -r port tls name lineage service; do
                [ -n "${certified[$lineage]:-}" ] || continue
                ports[$port]=asked
                # Kept: what has answered is not asked again.
                [ ! -e "$work/verify/$address:$port:$name.ok" ] || continue
                checks=$((checks + 1))
                while (($(jobs -pr | wc -l) >= checks_at_once)); do wait -n || true; done
                (
                    fault=$(port_fault "$address" "$port" "$tls" "$name" "$lineage")
                    if [ -z "$fault" ]; then
                        : >"$work/verify/$address:$port:$name.ok"
                    else
                        printf '%s\n%s\n' "$service" "$fault" >"$work/verify/$address:$port:$name.fault"
                    fi
                ) &
            done <"$release/verify"
        done < <(addresses_to_verify)
        ((checks > 0)) || break
        wait
        ((SECONDS - begun < verify_seconds)) || break
        [ -z "$(pending_faults)" ] || sleep 1
    done
    fault=
    IFS= read -r fault < <(pending_faults) || true
    [ -z "$fault" ] || blame "$(head -n 1 "$fault")" "$(tail -n 1 "$fault") (asked for $verify_seconds s)"
    say "every port answers with its certificate: $(printf '%s\n' "${!ports[@]}" | sort -n | paste -sd ' ' -)" \
        "at $(addresses_to_verify | grep . | paste -sd ' ' -)"
}

pending_faults() {
    local file
    for file in "$work/verify"/*.fault; do
        if [ -e "$file" ] && [ ! -e "${file%.fault}.ok" ]; then printf '%s\n' "$file"; fi
    done
}
