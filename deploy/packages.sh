# shellcheck shell=bash
# packages.sh - installs Debian packages that are missing; sourced by quickstart and tests/run.

# install_missing LOG PACKAGE... : does nothing when all are there.
install_missing() {
    local log=$1 missing=() package
    shift
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "these Debian packages are missing, and there is no apt-get: ${missing[*]}" >&2
        return 69
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "packages are missing (as root: apt-get install ${missing[*]})" >&2
        return 69
    fi
    echo "installing ${missing[*]}"
    if ! apt_install "${missing[@]}" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "the packages could not be installed, see $log" >&2
        return 69
    fi
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Services that come with a package (redis, proxies) are neither started nor enabled: we start our own.
apt_install() {
    local policy=/usr/sbin/policy-rc.d ours=no services=() service status=0
    for service in redis-server nginx haproxy caddy; do
        is_installed "$service" || services+=("$service")
    done
    if [ ! -e "$policy" ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
    fi
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@" || status=$?
    [ "$ours" = no ] || as_root rm -f "$policy"
    for service in "${services[@]}"; do
        if [ -d /run/systemd/system ] && is_installed "$service"; then
            as_root systemctl disable --quiet "$service" || true
        fi
    done
    return "$status"
}
