# shellcheck shell=bash
# Copies of the certificates for the services that read them, which can't read certbot's own. Needs certificates.sh.
# shellcheck disable=SC2154  # certificates.sh sets what is used here.

router_folder=$data/nginx/certificates
# Written by the deployment: the users of the images, `mail UID:GID` and `router UID:GID`.
owners=/var/lib/mailhost/owners
# As long as a service may take to get healthy after a restart.
patience=180
checks_at_once=8

owner_of() { sed -n "s/^$1 \([0-9]*:[0-9]*\)\$/\1/p" "$owners" 2>/dev/null || true; }

is_placed() {
    cmp -s "$1" "$2" && [ ! -L "$2" ] && [ "$(stat -c '0%a %u:%g' "$2")" = "0400 $3" ]
}

# Replaces all files of a folder, or none, when one differs. Everything is ready before the first takes its place, so
# that a reader sees files of two certificates for a moment at most. place LIVE FOLDER OWNER FILE…
place() {
    local live=$1 folder=$2 owner=$3 file same=yes
    shift 3
    install -d -m 0750 -o "${owner%:*}" -g "${owner#*:}" "$folder"
    for file in "$@"; do is_placed "$live/$file" "$folder/$file" "$owner" || same=no; done
    [ "$same" = no ] || return 0
    for file in "$@"; do
        install -m 0400 -o "${owner%:*}" -g "${owner#*:}" "$live/$file" "$folder/.$file.new"
    done
    touch "$records/reload-due"
    for file in "$@"; do mv -fT "$folder/.$file.new" "$folder/$file"; done
    # Whoever started before this moment has to start again.
    touch "$folder/fullchain.pem"
    say "placed the certificate of ${live##*/} in $folder"
}

# Lineages that a release in service, or the one to go back to, serves: one that is no longer described is in use until a
# deployment has taken its domain away.
named_by_releases() { cat "$data"/releases/{current,good}/verify 2>/dev/null | cut -d '|' -f 4 | sort -u; }

install_all() {
    local mail router name live wanted tell
    mail=$(owner_of mail)
    router=$(owner_of router)
    if [ -z "$mail" ] || [ -z "$router" ]; then
        say "nobody reads the certificates yet: the first deployment places them"
        return
    fi
    [ -d "$data/nginx" ] || install -d -m 0755 "$data/nginx"
    install -d -m 0750 -o "${router%:*}" -g "${router#*:}" "$router_folder"
    wanted=$(printf '%s\n' "${lineages[@]}"; named_by_releases || true)
    while IFS= read -r name; do
        live=$store/live/$name
        [ -e "$live/cert.pem" ] || continue
        is_pair "$live/cert.pem" "$live/privkey.pem" || {
            # One domain's trouble is not the others'.
            tell=warn
            [ "$name" != "${lineages[0]}" ] || tell=fault
            "$tell" "in $live, certificate and private key do not belong together: they were not placed. mailhost renew" \
                "on the host obtains new ones"
            continue
        }
        [ "$name" != "${lineages[0]}" ] || place "$live" "$data/ssl" "$mail" privkey.pem fullchain.pem cert.pem chain.pem
        place "$live" "$router_folder/$name" "$router" privkey.pem fullchain.pem
    done < <(sort -u <<<"$wanted")
    for live in "$router_folder"/*/; do
        name=$(basename "$live")
        if [ "$name" != '*' ] && ! grep -qxF -- "$name" <<<"$wanted"; then
            rm -r "$live"
            say "removed $router_folder/$name: the mail host no longer has that domain"
        fi
    done
}

# Sets $ids: running containers with this value of the label, in the order in which they were made: that of their
# dependencies.
find_containers() {
    timeout 60 docker ps --quiet --no-trunc --filter "label=mailhost.certificate=$1" >"$work/containers" ||
        fail "Docker does not answer, so nothing serves the new certificate yet: systemctl status docker says why"
    ids=$(tac "$work/containers")
}

health_of() {
    timeout 60 docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$1"
}

is_well() { case $(health_of "$1") in healthy | running) ;; *) return 1 ;; esac; }

await_well() {
    local until=$((SECONDS + patience))
    until is_well "$1"; do
        ((SECONDS < until)) || return 1
        sleep 0.5
    done
}

# Makes the services take what is placed: the router reloads, whoever reads only when it starts is restarted, one after
# the other, if it started before. Where one does not come back well, those after it go on with what they have until
# the next run: it may be the certificate. Docker's refusals say nothing about it, and stop nothing.
take_effect() {
    local id name placed started well ids reloaded=yes
    command -v docker >/dev/null || return 0
    if [ -e "$records/reload-due" ]; then
        find_containers reload
        for id in $ids; do
            docker kill --signal HUP "$id" >/dev/null || reloaded=no
        done
        if [ "$reloaded" = yes ]; then
            rm "$records/reload-due"
        else
            fault "the router does not reload: docker logs sni-router says why"
        fi
    fi
    [ -e "$data/ssl/fullchain.pem" ] || return 0
    placed=$(stat -c %.9Y "$data/ssl/fullchain.pem")
    find_containers restart
    for id in $ids; do
        IFS='|' read -r name started < <(docker inspect --format '{{.Name}}|{{.State.StartedAt}}' "$id") || continue
        (($(date --date "$started" +%s%N) <= ${placed/./})) || continue
        well=yes
        is_well "$id" || well=no
        say "restarting ${name#/} for the new certificate"
        docker restart "$id" >/dev/null || {
            fault "${name#/} does not restart: docker logs ${name#/} says why"
            continue
        }
        # One that was ill before is no sign against the certificate.
        [ "$well" = yes ] || continue
        await_well "$id" || {
            fault "${name#/} is not healthy $patience s after its restart for the new certificate (docker logs ${name#/})." \
                "The services after it were not restarted and go on with the certificate before"
            break
        }
    done
}

fingerprint() { openssl x509 -noout -fingerprint -sha256 2>/dev/null; }

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# serves PORT TLS NAME LINEAGE: whether the port, if it answers, shows what certbot has.
serves() {
    local port=$1 tls=$2 name=$3 lineage=$4 wanted served attempt starttls=()
    listens "$port" || return 0
    [ -e "$store/live/$lineage/cert.pem" ] || return 0
    wanted=$(fingerprint <"$store/live/$lineage/cert.pem") || return 0
    [ "$tls" != smtp-starttls ] || starttls=(-starttls smtp)
    for attempt in 1 2 3 4 5; do
        served=$(timeout 10 openssl s_client -connect "127.0.0.1:$port" -servername "$name" "${starttls[@]}" \
            </dev/null 2>/dev/null | fingerprint) || true
        [ "$served" != "$wanted" ] || return 0
        ((attempt == 5)) || sleep 1
    done
    return 1
}

# Whether every port of the release in service that answers serves what certbot has: a hook that fails makes certbot
# say nothing. A host of many domains has hundreds of names.
check_served() {
    local port tls name lineage service folder wrong=()
    [ -e "$data/releases/current/verify" ] || return 0
    folder=$(mktemp -d "$work/served.XXXXXX")
    while IFS='|' read -r port tls name lineage service; do
        while (($(jobs -pr | wc -l) >= checks_at_once)); do wait -n || true; done
        (if serves "$port" "$tls" "$name" "$lineage"; then : >"$folder/$name:$port"; fi) &
    done <"$data/releases/current/verify"
    wait
    while IFS='|' read -r port tls name lineage service; do
        [ -e "$folder/$name:$port" ] || wrong+=("$name:$port ($service)")
    done <"$data/releases/current/verify"
    rm -r "$folder"
    ((${#wrong[@]} == 0)) ||
        fault "these do not serve the certificate that is in $store/live: ${wrong[*]}. docker logs of the service says" \
            "why, docker restart makes it read the files again"
}
