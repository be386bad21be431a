#!/usr/bin/env bash
# Installs what is missing of the named sections of packages.txt. With nothing missing it needs neither network nor root.
#   scripts/install-packages.sh build run test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

wanted() {
    awk -v sections=" $* " '/^\[/ { on = index(sections, " " substr($1, 2, length($1) - 2) " ") } !/^(\[|#|$)/ && on { print $1 }' \
        "$here/packages.txt"
}

is_installed() {
    # Node.js may come from elsewhere than Debian.
    case $1 in nodejs) command -v node >/dev/null && return ;; npm) command -v npm >/dev/null && return ;; esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
while read -r package; do
    is_installed "$package" || missing+=("$package")
done < <(wanted "$@")
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "These packages are missing and sudo is not there; as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
echo "Installing: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
