# shellcheck shell=bash
# Releases on the data volume: kept whole, placed file by file. Needs deploy.sh.

data=${data:?}
state=${state:?}
work=${work:?}
releases=${releases:?}
release_hash=${release_hash:?}
kept_releases=5

# point_to LINK RELEASE: at no moment is there none.
point_to() {
    ln -sfn "$2" "$releases/.$1.new"
    mv -fT "$releases/.$1.new" "$releases/$1"
}

# Sets $release: the folder of the release that was received.
keep_release() {
    local kept
    for kept in "$releases"/*-"$release_hash"; do
        if [ -d "$kept" ] && diff -rq "$work/release" "$kept" >/dev/null; then
            release=$kept
            return
        fi
    done
    install -d -m 0700 "$releases"
    release=$releases/$(date --utc +%Y%m%dT%H%M%SZ)-$release_hash
    # Left by a run that was killed.
    rm -rf "$releases/.new"
    cp -R "$work/release" "$releases/.new"
    # Whole on the disk before it has its name.
    sync --file-system "$releases/.new"
    mv -T "$releases/.new" "$release"
}

# Sets $owner_of for root, mail and router, and writes down those that others need.
find_owners() {
    local release=$1 name image found
    declare -gA owner_of=([root]=0:0) image_of=()
    while IFS='|' read -r name image; do image_of[$name]=$image; done <"$release/images"
    for name in mail router; do
        found=$(image_user "${image_of[$name]}" "$([ "$name" = mail ] || echo nginx)") || blame - "$found"
        owner_of[$name]=$found
    done
    printf '%s %s\n' mail "${owner_of[mail]}" router "${owner_of[router]}" >"$state/owners.new"
    chmod 0644 "$state/owners.new"
    mv -f "$state/owners.new" "$state/owners"
}

# Folders of data get the owner that their image needs. What is inside comes first, so that a run that is killed
# half-way starts again.
prepare_folders() {
    local release=$1 path image user owner
    while IFS='|' read -r path image user; do
        owner=$(image_user "${image_of[$image]}" "$user") || blame - "$owner"
        path=$data/$path
        [ -d "$path" ] || install -d -m 0750 "$path"
        [ "$(stat -c %u:%g "$path")" != "$owner" ] || continue
        find "$path" -mindepth 1 -exec chown -h "$owner" {} +
        chown "$owner" "$path"
        say "$path belongs to $owner"
    done <"$release/folders"
    install -d -m 0750 "$data/ssl"
    chown "${owner_of[mail]}" "$data/ssl"
}

place_file() {
    local from=$1 to=$2 mode=$3 owner=$4 folder=${2%/*} next
    if [ -f "$to" ] && [ ! -L "$to" ] && cmp -s "$from" "$to" && [ "$(stat -c '0%a %u:%g' "$to")" = "$mode $owner" ]; then
        return
    fi
    next=$folder/.${to##*/}.mailhost-new
    [ -d "$folder" ] || (umask 022 && mkdir -p "$folder")
    if ! { cp "$from" "$next" && chown "$owner" "$next" && chmod "$mode" "$next" && mv -fT "$next" "$to"; } 2>"$work/place.log"; then
        rm -f "$next"
        blame - "$to could not be written: $(tail -n 1 "$work/place.log")"
    fi
    placed+=("${to#"$data/"}")
}

# What was ever placed is written down before, so that nothing of a release that was killed on its way is forgotten.
place_files() {
    local release=$1 path mode owner placed=() list=$releases/placed
    { cut -d '|' -f 1 "$release/manifest" && { cat "$list" 2>/dev/null || true; }; } | sort -u >"$list.new"
    mv -f "$list.new" "$list"
    while IFS='|' read -r path mode owner; do
        place_file "$release/files/$path" "$data/$path" "$mode" "${owner_of[$owner]}"
    done <"$release/manifest"
    cut -d '|' -f 1 "$release/manifest" | sort -u >"$list.new"
    comm -13 "$list.new" "$list" | while IFS= read -r path; do
        rm -f "$data/$path"
        say "removed $path"
    done
    mv -f "$list.new" "$list"
    ((${#placed[@]} == 0)) || say "wrote ${placed[*]}"
}

# The newest stay, and those that run or are the way back.
remove_old_releases() {
    local name current good count=0
    current=$(readlink "$releases/current")
    good=$(readlink "$releases/good")
    while IFS= read -r name; do
        count=$((count + 1))
        if ((count <= kept_releases)) || [ "$name" = "$current" ] || [ "$name" = "$good" ]; then continue; fi
        mv -T "$releases/$name" "$releases/.old"
        rm -rf "$releases/.old"
    done < <(find "$releases" -mindepth 1 -maxdepth 1 -type d -name '2*' -printf '%f\n' | sort -r)
    rm -rf "$releases/.old"
}

# Of the images that were pulled for a release, taken into service or not, those stay that a kept release names.
remove_old_images() {
    local image pulled=$state/pulled-images
    [ -e "$pulled" ] || return 0
    cut -d '|' -f 2 "$releases"/2*/images | sort -u >"$work/kept-images"
    while IFS= read -r image; do
        docker image inspect "$image" >/dev/null 2>&1 </dev/null || continue
        if ! grep -qxF -- "$image" "$work/kept-images" && docker image rm "$image" >/dev/null 2>&1 </dev/null; then
            say "removed the image $image"
        else
            printf '%s\n' "$image" >&4
        fi
    done < <(sort -u "$pulled") 4>"$pulled.new"
    mv -f "$pulled.new" "$pulled"
}
