# shellcheck shell=bash
# Packages. Needs apply.sh.

apt_log=/run/mailhost/apt.log

installed() {
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) in [ih]i*) ;; *) return 1 ;; esac
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y \
        -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# One attempt; a former one that was killed may have left dpkg half-way.
try_install() {
    DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a &&
        apt_get update && apt_get install --no-install-recommends "$@"
}

install_packages() {
    local package attempt missing=()
    for package in "$@"; do installed "$package" || missing+=("$package"); done
    ((${#missing[@]} > 0)) || return 0
    say "installing ${missing[*]}"
    for attempt in 1 2 3 4 5; do
        if try_install "${missing[@]}" >"$apt_log" 2>&1; then
            rm "$apt_log"
            say "installed ${#missing[@]} packages"
            return
        fi
        say "attempt $attempt of 5 failed: $(grep -E '^(E|Err|dpkg: error)' "$apt_log" | tail -n 1)"
        ((attempt == 5)) || sleep "$((attempt * 5))"
    done
    tail -n 30 "$apt_log" >&2
    fail "the packages can't be installed, see above: mend the package sources or the network, then run it again"
}

# Whether the file holds this primary key and no other.
holds_key() {
    local file=$1 fingerprint=$2 home=/run/mailhost/gnupg
    [ -s "$file" ] || return 1
    install -d -m 0700 "$home"
    [ "$(gpg --homedir "$home" --batch --with-colons --show-keys "$file" 2>/dev/null |
        awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }')" = "$fingerprint" ]
}

# A package source's signing key: fetched from where its maker documents it, and believed for its fingerprint alone.
fetch_key() {
    local name=$1 url=$2 fingerprint=$3 file=/etc/apt/keyrings/$1.asc
    install_packages ca-certificates curl gpg
    if holds_key "$file" "$fingerprint"; then return; fi
    install -d -m 0755 /etc/apt/keyrings
    curl --fail --silent --show-error --location --retry 5 --max-time 60 --output "$file.new" "$url" ||
        fail "the signing key of the package source $name can't be fetched from $url, see above"
    if ! holds_key "$file.new" "$fingerprint"; then
        rm "$file.new"
        fail "the key at $url is not $fingerprint: it was thrown away, nothing of $name is installed"
    fi
    chmod 0644 "$file.new"
    mv "$file.new" "$file"
    say "signing key of $name: $fingerprint"
}
