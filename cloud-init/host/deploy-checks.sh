# shellcheck shell=bash
# What has to be true before anything is touched. Every fault is found before the first is reported. Needs deploy.sh
# and listeners.sh.

data=${data:?}
library=${library:?}
work=${work:?}
project=${project:?}
compose_file=${compose_file:?}
login=${login:?}
least_free_mib=${least_free_mib:-256}
problems=()

problem() { problems+=("$*"); }

check_everything() {
    local each
    mountpoint --quiet "$data" ||
        fail "the data volume is not mounted at $data, nothing was changed: systemctl status docker and" \
            "/run/mailhost/data-volume-failure say why"
    docker info >/dev/null 2>&1 ||
        fail "Docker does not run on this host, nothing was changed: systemctl status docker says why"
    check_library
    check_images
    check_disks
    check_ports
    check_certificates
    check_data_keys
    check_compose_file
    ((${#problems[@]} > 0)) || return 0
    for each in "${problems[@]}"; do complain "$each"; done
    fail "${#problems[@]} of the things that a deployment needs are not as they should be, see above: nothing was" \
        "changed, what runs goes on running"
}

check_library() {
    local program
    for program in certificates stack; do
        [ -x "$library/$program" ] ||
            problem "$library/$program is missing: the host is not set up as planned, pulumi up does that"
    done
}

check_images() {
    local name image user found missing=no
    local -A image_of=()
    while IFS='|' read -r name image; do
        image_of[$name]=$image
        docker image inspect "$image" >/dev/null 2>&1 || {
            missing=yes
            problem "the image $image is not on this host: docker pull $image"
        }
    done <"$work/release/images"
    [ "$missing" = no ] || return 0
    while IFS='|' read -r name user; do
        found=$(image_user "${image_of[$name]}" "$user") || problem "$found (setting stack.images.$name)"
    done < <({ printf 'mail|\nrouter|nginx\n' && cut -d '|' -f 2,3 "$work/release/folders"; } | sort -u)
}

check_disks() {
    local root path
    root=$(docker_root)
    for path in "$data" "$root"; do
        if (($(free_mib "$path") < least_free_mib)); then
            problem "the disk of $path is full: $(disk_use "$path")$least_free_mib MB are needed at least. Give the" \
                "$([ "$path" = "$data" ] && echo 'data volume' || echo server) a larger disk, or remove what it does not need"
        fi
    done
}

check_ports() {
    local port service pid found listeners
    listeners=$(ss -Hltnp)
    while IFS='|' read -r port service; do
        while IFS= read -r pid; do
            found=$(foreign_listener "$pid" "$port")
            [ -z "$found" ] || problem "$found (it is needed by $service)"
        done < <(holders_of_port "$port" <<<"$listeners")
    done <"$work/release/ports"
}

# One whose private key belongs to it.
has_certificate() {
    local folder=$data/letsencrypt/live/$1 certificate
    certificate=$(openssl x509 -in "$folder/fullchain.pem" -noout -pubkey 2>/dev/null) &&
        [ "$certificate" = "$(openssl pkey -in "$folder/privkey.pem" -pubout 2>/dev/null)" ]
}

# Without the host's own nothing works; a further domain's is missed under that domain's names alone.
check_certificates() {
    local own lineage folder
    own=$(head -n 1 "$work/release/verify" | cut -d '|' -f 4)
    while IFS= read -r lineage; do
        folder=$data/letsencrypt/live/$lineage
        if ! has_certificate "$lineage"; then
            if [ "$lineage" = "$own" ]; then
                problem "there is no certificate with its private key of $lineage in $folder: mailhost renew on the host obtains what is missing"
            else
                warn "there is no certificate with its private key of $lineage: its names are not served until mailhost renew on the host has one"
            fi
        elif ! openssl x509 -in "$folder/cert.pem" -noout -checkend 0 >/dev/null; then
            warn "the certificate of $lineage has expired: mailhost renew on the host renews it"
        fi
    done < <(cut -d '|' -f 4 "$work/release/verify" | sort -u)
}

# A key that encrypts what is on the volume is never replaced by another one.
check_data_keys() {
    local name held mine file files=() differ=() unknown=() setting lost
    local -A settings=([HELPER_ENCRYPTION_KEY]=helperEncryptionKey [TXT_ENCRYPTION_KEY]=txtEncryptionKey)
    for name in HELPER_ENCRYPTION_KEY TXT_ENCRYPTION_KEY; do
        file=$(file_of_key "$name")
        if [ -z "$file" ]; then
            unknown+=("$name")
            continue
        fi
        held=$(env_value "$name" <"$file")
        mine=$(env_value "$name" <"$work/release/files/.env")
        [ "$held" != "$mine" ] || continue
        differ+=("$name")
        [[ " ${files[*]} " == *" $file "* ]] || files+=("$file")
    done
    lost="If the data is to be lost: $library/stack stop; mkdir $data/lost; cd $data && mv .env releases mongo-data sqlite-data redis-data lost/"
    if ((${#unknown[@]} > 0)) &&
        [ -n "$(find "$data/mongo-data" "$data/sqlite-data" -mindepth 1 -print -quit 2>/dev/null)" ]; then
        problem "the data volume holds databases, and nothing on it tells the keys that they are encrypted with" \
            "(${unknown[*]}): put the .env that belongs to them in $data, from a backup or as NAME=KEY lines. $lost"
    fi
    ((${#differ[@]} > 0)) || return 0
    problem "the data volume holds data that is encrypted with other keys than this program's (${differ[*]} in" \
        "${files[*]}): with these nobody could read it any more. Adopt the keys of the volume, which shows none of them:
$(for name in "${differ[@]}"; do
        setting=mailhost:${settings[$name]}
        printf '  eval "%s %s/stack data-key %s" | pulumi config set --secret %s\n' "$login" "$library" "$name" "$setting"
    done)
  pulumi up
In a program of your own these are the arguments helperEncryptionKey and txtEncryptionKey of MailHost. $lost"
}

check_compose_file() {
    local folder=$work/release/files output
    output=$(docker compose --project-directory "$folder" --file "$folder/$compose_file" --env-file /dev/null config --quiet 2>&1) ||
        problem "compose does not take the services as they are set (settings stack.services): $(tail -n 3 <<<"$output" | hide_secrets)"
}
