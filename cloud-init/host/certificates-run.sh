# shellcheck shell=bash
# What the script is called for. Needs the other certificates*.sh.
# shellcheck disable=SC2154  # certificates.sh sets what is used here.

# What DNS records need to know: a line of JSON that the program reads.
print_facts() {
    local name digests=()
    for name in "${lineages[@]}"; do
        digests+=("\"$name\":\"$(key_digest "$store/live/$name/cert.pem")\"")
    done
    printf 'mailhost: facts {"keyDigests":{%s},"accountUri":"%s"}\n' \
        "$(IFS=,; printf '%s' "${digests[*]}")" "$(account_uri)"
}

issue() {
    local failed lost effect
    take_lock
    issue_all no
    install_all
    set +e
    (
        set -e
        take_effect
    )
    effect=$?
    set -e
    # No reason to end here: what is deployed next may be just what mends it.
    ((effect == 0)) || warn "the services do not all serve the present certificates yet, see above"
    ((${#lost[@]} == 0)) ||
        fail "there is no certificate that will do for ${lost[*]}, see above for each: what served before serves on"
    print_facts
}

renew() {
    local failed lost force=no
    case ${1:-} in
        '') ;;
        --force) force=yes ;;
        *) fail "mailhost renew knows no $1: it takes --force, or nothing" ;;
    esac
    take_lock
    issue_all "$force"
    install_all
    take_effect
    check_served
    ((${#failed[@]} == 0)) || fail "not renewed: ${failed[*]}, see above for each"
}

# Only for who runs certbot by hand: certbot takes a hook that fails for a success and says nothing, so what is asked for
# here takes effect afterwards, once for all.
hook() {
    [ "${MAILHOST_CERTIFICATES:-}" != running ] || return 0
    install_all
    take_effect
}

[ "$(id -u)" = 0 ] || fail "certificates are root's: run this as root, not as $(id -un)"
install -d -m 0755 /run/mailhost
install -d -m 0700 "$records" "$work"
case ${1:-} in
    issue | install) ;;
    renew | hook)
        kind=last-$1
        trap 'record_result "$kind"' EXIT
        ;;
    *) fail "certificates: say issue, renew, install or hook" ;;
esac
need_volume
read_description
[ -d "$store" ] || install -d -m 0700 "$store"
case $1 in
    issue) issue ;;
    renew) renew "${@:2}" ;;
    install) install_all ;;
    hook) hook ;;
esac
