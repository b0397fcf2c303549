# shellcheck shell=bash
# What went wrong when certbot failed, and what to do about it. Needs certificates.sh and certificates-issue.sh.
# shellcheck disable=SC2154  # certificates.sh sets what is used here.

# What certbot printed, without the token and without what it always prints.
failure_text() {
    local text token
    text=$(grep -vE 'Saving debug log|^Ask for help|DeprecationWarning|^Hint:|An unexpected error|^AttributeError: |^ *$' "$log" || true)
    token=$(sed -n 's/^dns_cloudflare_api_token *= *//p' "$credentials" 2>/dev/null)
    [ -z "$token" ] || text=${text//"$token"/(token)}
    printf '%s\n' "$text"
}

# The authority's own words where there are some, else the line that looks most like an error.
reason_of_failure() {
    local text pattern line
    text=$(failure_text)
    for pattern in '^ *Detail: ' 'Error determining zone_id|Unable to determine zone_id' \
        'urn:ietf:params:acme|retry after|rate limit' '[Ee]rror|ailed|efused|nable' '.'; do
        line=$(grep -E -m 1 -e "$pattern" <<<"$text" | sed -E 's/^ *(Detail: |urn:ietf:params:acme:error:)?//' | cut -c 1-400) || continue
        printf '%s' "$line"
        return
    done
    printf 'certbot ended without a word'
}

mend_of_failure() {
    local name=$1 token='Give one (certificate.cloudflareApiToken) with the permissions Zone: Read and DNS: Edit for it'
    case $(failure_text) in
        *[Rr]'etry after'* | *rateLimited* | *'too many'*)
            printf '%s' "The authority refuses further requests for a while: it is not asked again before $(held_until "$name")." \
                " Nothing else has to be done; --force does not help"
            ;;
        *'Unable to determine zone_id'*)
            printf '%s' "Cloudflare shows this token no zone for $name: the domain is not in the token's account, or the" \
                " token is for other zones. $token"
            ;;
        *'9109 '* | *'9106 '* | *'6003 '* | *'Error determining zone_id'* | *'Authentication error'*)
            printf '%s' "Cloudflare refuses the token: it was revoked, expired, is limited to other addresses, or may not" \
                " edit the zone of $name. $token, then pulumi up"
            ;;
        *'Error communicating with the Cloudflare API'* | *'Error adding TXT'* | *api.cloudflare.com*)
            printf '%s' "Cloudflare's API did not do what was asked, see the reason: try again later, and see that the" \
                " token may edit the zone of $name"
            ;;
        *'CAA record'* | *'Type:   caa'* | *error:caa*)
            printf '%s' "A CAA record of $name or a parent forbids this authority: publish one that names it (mailhost dns" \
                " prints it), and remove records of others. With caa.accountBinding the records name the account of" \
                " before, so after a change of authority or account set it to false, pulumi up, and to true again"
            ;;
        *NXDOMAIN* | *'TXT record'* | *'DNS problem'* | *SERVFAIL* | *unauthorized* | *'failed to authenticate'*)
            printf '%s' "The authority did not see the challenge: the registrar of $name must name Cloudflare's name" \
                " servers (dig NS $name), DNSSEC must be right, and slow ones need more" \
                " certificate.propagationSeconds than the $propagation that were waited"
            ;;
        *CERTIFICATE_VERIFY_FAILED* | *SSLError*)
            printf '%s' "$directory shows a certificate that this host does not trust: give the authority's own in" \
                " certificate.ca, and see that the host's clock is right"
            ;;
        *ConnectionError* | *'onnection refused'* | *'Max retries'* | *'imed out'* | *Timeout* | *'Name or service'*)
            printf '%s' "$directory can't be reached from this host: curl it there, look at its DNS (getent hosts) and at" \
                " outbound firewalls for port 443"
            ;;
        *) printf '%s' "The whole story is in $data/logs/letsencrypt.log on the host; mailhost renew there tries again" ;;
    esac
}

# After a refusal for too many requests nothing is asked until the time that the authority gave, else for an hour;
# unless something else is asked for. hold NAME
hold() {
    local name=$1 text until
    text=$(failure_text)
    grep -qiE 'rateLimited|too many|retry after' <<<"$text" || return 0
    until=$(grep -oiE -m 1 'retry after [0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}' <<<"$text" | head -n 1 | cut -d ' ' -f 3-) || true
    until=$(date --date "${until/T/ } UTC" +%s 2>/dev/null) || until=0
    ((until > $(date +%s))) || until=$(($(date +%s) + 3600))
    printf '%s\n%s\n' "$until" "$directory ${names_of[$name]}" >"$records/$name.held"
}

held_until() { date --utc --date "@$(head -n 1 "$records/$1.held")" '+%Y-%m-%d %H:%M UTC'; }

is_held() {
    local name=$1 file=$records/$1.held
    [ -e "$file" ] || return 1
    if [ "$(tail -n 1 "$file")" = "$directory ${names_of[$name]}" ] && (($(head -n 1 "$file") > $(date +%s))); then
        return
    fi
    rm "$file"
    return 1
}
