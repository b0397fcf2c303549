# shellcheck shell=bash
# Obtaining certificates through certbot. Needs certificates.sh and certificates-failure.sh.
# shellcheck disable=SC2154  # certificates.sh sets what is used here.

month=2592000
# Of the last run of certbot.
log=$work/certbot.log

covers() {
    local file=$1 names name
    shift
    names=$(openssl x509 -noout -ext subjectAltName -in "$file" 2>/dev/null | tr ',' '\n' | sed -n 's/^ *DNS://p')
    for name in "$@"; do grep -qxF -- "$name" <<<"$names" || return 1; done
}

has_ecdsa_key() { openssl x509 -noout -text -in "$1" | grep 'Public Key Algorithm: id-ecPublicKey' >/dev/null; }

# Less than a third of its lifetime is left, counted from 90 days at most.
is_due() {
    local left lifetime start
    left=$(seconds_left "$1")
    start=$(openssl x509 -noout -startdate -in "$1" | cut -d = -f 2)
    lifetime=$(($(date +%s) + left - $(date --date "$start" +%s)))
    ((left <= lifetime / 3 && left <= month)) || ((left <= 0))
}

# Sets $shortcoming: why the certificate is not the one that is described; empty when it is.
judge() {
    local name=$1 file=$store/live/$1/cert.pem names
    read -ra names <<<"${names_of[$name]}"
    shortcoming=
    if ! is_pair "$file" "$store/live/$name/privkey.pem"; then
        shortcoming="there is none"
    elif ! covers "$file" "${names[@]}"; then
        shortcoming="the present one does not cover ${names[*]}"
    elif ! grep -qxF "server = $directory" "$store/renewal/$name.conf" 2>/dev/null; then
        shortcoming="the present one is of another authority"
    fi
}

# An attempt that was killed leaves a lineage that certbot can't read: it would make another of a new name each time.
set_aside_broken() {
    local name=$1 part aside
    if is_pair "$store/live/$name/cert.pem" "$store/live/$name/privkey.pem" &&
        grep -q '^fullchain = ' "$store/renewal/$name.conf" 2>/dev/null; then
        return
    fi
    aside=$store/broken/$name-$(date --utc +%Y%m%dT%H%M%SZ)
    for part in "renewal/$name.conf" "live/$name" "archive/$name"; do
        [ -e "$store/$part" ] || continue
        mkdir -p "$aside/${part%/*}"
        mv "$store/$part" "$aside/$part"
        warn "$store/$part was left by an attempt that did not finish: moved to $aside"
    done
}

# For this run alone: the system's authorities and the one that is asked, since Cloudflare is asked too.
trust_authority() {
    [ -e "$authority_ca" ] || return 0
    cat /etc/ssl/certs/ca-certificates.crt "$authority_ca" >"$work/trusted.pem"
    export REQUESTS_CA_BUNDLE=$work/trusted.pem
}

# The key stays over renewals, so that TLSA records stay true; only one of another kind is given up.
run_certbot() {
    local name=$1 names each arguments=() keep=--reuse-key live=$store/live/$1/cert.pem code=0
    read -ra names <<<"${names_of[$name]}"
    for each in "${names[@]}"; do arguments+=(--domain "$each"); done
    if [ -e "$live" ] && ! has_ecdsa_key "$live"; then keep=--no-reuse-key; fi
    # Flags that certbot 1.21 has as well. The last three: we have judged, certbot need not.
    MAILHOST_CERTIFICATES=running timeout --kill-after=30 1200 certbot certonly --non-interactive --agree-tos --no-eff-email --email "$email" \
        --server "$directory" --cert-name "$name" "${arguments[@]}" --key-type ecdsa "$keep" \
        --dns-cloudflare --dns-cloudflare-credentials "$credentials" \
        --dns-cloudflare-propagation-seconds "$propagation" \
        --config-dir "$store" --work-dir "$store/work" --logs-dir "$data/logs" --max-log-backups 20 \
        --deploy-hook '/usr/local/lib/mailhost/certificates hook' \
        --force-renewal --renew-with-new-domains --break-my-certs >"$log" 2>&1 || code=$?
    # What the authority answered stands in certbot's own log alone where its error broke another one (Debian 12).
    [ "$code" = 0 ] || sed -n 's/^acme\.messages\.Error: //p' "$data/logs/letsencrypt.log" 2>/dev/null | tail -n 1 >>"$log"
    return "$code"
}

account_folder() {
    local path=${directory#https://}
    printf '%s' "$store/accounts/${path%%\?*}"
}

# The one account at the authority, for CAA records.
account_uri() {
    { cat "$(account_folder)"/*/regr.json 2>/dev/null || true; } | sed -n 's/.*"uri": *"\([^"]*\)".*/\1/p' | head -n 1
}

# An authority that lost its accounts (a rehearsal's does) is asked with a new one; the old one's key is kept aside.
forget_account() {
    local folder
    folder=$(account_folder)
    mkdir -p "$store/forgotten-accounts"
    mv "$folder" "$store/forgotten-accounts/$(date --utc +%Y%m%dT%H%M%SZ)"
    say "$directory does not know this host's account any more: registering a new one"
}

obtain() {
    local name=$1
    set_aside_broken "$name"
    ! run_certbot "$name" || return 0
    grep -q accountDoesNotExist "$log" || return 1
    forget_account
    run_certbot "$name"
}

# Obtains every certificate that is not as described or due, "$1" = yes: all. One failure stops no other.
# Sets $failed: lineages for which it did not work, with the reason; $lost: those of them without a certificate that
# will do.
issue_all() {
    local force=$1 name reason left file held
    failed=() lost=()
    trust_authority
    for name in "${lineages[@]}"; do
        file=$store/live/$name/cert.pem
        judge "$name"
        reason=$shortcoming
        if [ -z "$reason" ]; then
            left=$(seconds_left "$file")
            if [ "$force" = yes ]; then
                reason="it was asked for"
            elif ! has_ecdsa_key "$file"; then
                reason="the present one's key is not ECDSA"
            elif is_due "$file"; then
                reason="the present one ends in $(days "$left")"
            elif [ -z "$(account_uri)" ]; then
                reason="this host has no account there"
            else
                say "certificate of $name: good for $(days "$left") more"
                continue
            fi
        fi
        if is_held "$name"; then
            held="not asked again before $(held_until "$name")"
            failed+=("$name ($held)")
            warn "certificate of $name: the authority had too many requests and is $held"
        else
            say "certificate of $name: asking $directory ($reason)"
            if obtain "$name"; then
                say "certificate of $name: new, good for $(days "$(seconds_left "$file")")"
                rm -f "$records/$name.held"
                continue
            fi
            failed+=("$name ($(reason_of_failure))")
            hold "$name"
            warn "certificate of $name: $(reason_of_failure)"
            warn "$(mend_of_failure "$name")"
        fi
        if [ -n "$shortcoming" ] || ((left <= 0)); then
            lost+=("$name")
        else
            warn "certificate of $name: the present one stays in place, $(days "$left") are left"
        fi
    done
}
