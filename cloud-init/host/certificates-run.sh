# shellcheck shell=bash
# What the script is called for. Needs the other certificates*.sh.
# shellcheck disable=SC2154  # certificates.sh sets what is used here.

# What the program was told, which DNS records go by.
told=$records/told

own_key() { key_digest "$store/live/${lineages[0]}/cert.pem"; }

# What DNS records need to know: a line of JSON that the program reads.
print_facts() {
    local name digests=() account
    account=$(account_uri)
    [ -n "$account" ] ||
        fail "the certificates are good, but this host has no account at $directory, which CAA records have to name:" \
            "see above for why none could be registered. pulumi up tries again"
    for name in "${lineages[@]}"; do
        is_pair "$store/live/$name/cert.pem" "$store/live/$name/privkey.pem" || continue
        digests+=("\"$name\":\"$(key_digest "$store/live/$name/cert.pem")\"")
    done
    printf 'mailhost: facts {"keyDigests":{%s},"accountUri":"%s"}\n' \
        "$(IFS=,; printf '%s' "${digests[*]}")" "$account"
    printf '%s\n' "$(own_key)" "$account" >"$told"
}

# Without a change in its arguments the program does not look again, and DNS records would name what is no more.
check_told() {
    local changed=()
    [ -e "$told" ] && [ -e "$store/live/${lineages[0]}/cert.pem" ] || return 0
    [ "$(head -n 1 "$told")" = "$(own_key)" ] || changed+=("the key of the certificate of ${lineages[0]} (TLSA records)")
    [ "$(tail -n 1 "$told")" = "$(account_uri)" ] || changed+=("the account at $directory (CAA records)")
    ((${#changed[@]} == 0)) ||
        fault "DNS records name what is no more: $(printf '%s, ' "${changed[@]}")changed here since they were written." \
            "Write them again at once: pulumi up --replace '**certificate-issue'"
}

issue() {
    local failed lost name effect
    issue_all no
    install_all
    set +e
    (
        set -e
        take_effect
        settle
    )
    effect=$?
    set -e
    # No reason to end here: what is deployed next may be just what mends it.
    ((effect == 0)) || warn "the services do not all serve the present certificates yet, see above"
    for name in "${lost[@]}"; do
        [ "$name" != "${lineages[0]}" ] ||
            fail "there is no certificate that will do for $name, the host's own, see above: what served before serves on"
        # One domain's trouble is not the others'.
        warn "there is no certificate that will do for $name: until there is, browsers and mail servers refuse" \
            "${names_of[$name]}, all else works. The host tries twice a day; once the cause is mended (see above)," \
            "mailhost renew on the host tries at once"
    done
    print_facts
}

renew() {
    local failed lost force=no
    case ${1:-} in
        '') ;;
        --force) force=yes ;;
        *) fail "mailhost renew knows no $1: it takes --force, or nothing" ;;
    esac
    issue_all "$force"
    install_all
    take_effect
    check_served
    ((${#failed[@]} == 0)) || fault "not renewed: $(printf '%s; ' "${failed[@]}")see above for what to do"
    check_told
    settle
    # shellcheck disable=SC2034  # What is recorded goes by it.
    renewed=yes
}


# How long each is valid, a line `NAME SECONDS`; 0 where there is none. Fails where a port serves another one.
show() {
    local name
    for name in "${lineages[@]}"; do
        if [ -e "$store/live/$name/cert.pem" ]; then
            printf '%s %s\n' "$name" "$(seconds_left "$store/live/$name/cert.pem")"
        else
            printf '%s 0\n' "$name"
        fi
    done
    check_served
    settle
}

[ "$(id -u)" = 0 ] || fail "certificates are root's: run this as root, not as $(id -un)"
install -d -m 0755 /run/mailhost
install -d -m 0700 "$records" "$work"
case ${1:-} in
    issue | install | reload | show) ;;
    renew) trap record_result EXIT ;;
    # For who runs certbot by hand: certbot takes a hook that fails for a success and says nothing, so what is asked for
    # here takes effect afterwards, once for all.
    hook) [ "${MAILHOST_CERTIFICATES:-}" != running ] || exit 0 ;;
    *) fail "certificates: say issue, renew, install, reload, show or hook" ;;
esac
# What is described, and whether the volume is there, may have changed while another script was waited for.
[ "$1" = show ] || take_lock
need_volume
read_description
[ -d "$store" ] || install -d -m 0700 "$store"
case $1 in
    issue) issue ;;
    renew) renew "${@:2}" ;;
    install | reload | hook)
        [ "$1" = reload ] || install_all
        [ "$1" = install ] || take_effect
        settle
        ;;
    show) show ;;
esac
