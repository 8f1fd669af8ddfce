#!/usr/bin/env bash
# tests/e2e/chroot.sh: script/demo and script/test in a fresh system that holds nothing but git.
#
# How to run (as root, needs the package debootstrap, 4 GB of disk and about 20 minutes):
#
#   tests/e2e/chroot.sh FOLDER           # makes FOLDER/root, leaves the logs in FOLDER
#   tests/e2e/chroot.sh FOLDER --demo    # script/demo only
#   tests/e2e/chroot.sh FOLDER --again   # keeps FOLDER/root, takes a fresh clone
#
# The system is Debian 12; another one is named by SUITE=jammy MIRROR=URL (MIRROR: where that
# distribution's packages are, as in its sources.list).
#
# What is tested is the committed HEAD of this repository: a `git clone`, as a user has it. Where
# packages come from (mirror, keys, proxy, certificates, name resolution, npm's settings) is taken
# from this machine at run time. Everything in the chroot runs with stdin closed, once as root and,
# with TEST_USER=1, once more as a user without sudo (then everything must be installed already).
set -euo pipefail

die() {
    printf 'chroot.sh: %s\n' "$*" >&2
    exit 1
}

folder=${1:-}
[ -n "$folder" ] || die "usage: tests/e2e/chroot.sh FOLDER [--demo] [--again]"
shift
what=all again=false
for argument in "$@"; do
    case "$argument" in
    --demo) what=demo ;;
    --again) again=true ;;
    *) die "unknown argument '$argument'" ;;
    esac
done
[ "$(id -u)" = 0 ] || die "needs root: debootstrap and chroot do"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

repository=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
root=$folder/root
suite=${SUITE:-bookworm}

# The mirror of this machine's Debian: the first deb822 or one-line source that has Debian's main.
host_mirror() {
    {
        sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
        sed -n 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]\)\{0,1\}[[:space:]]*\([^[:space:]]*\).*/\2/p' \
            /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    } 2>/dev/null | grep -E '/debian/?$' | head -n 1 || true # there may be no file of one kind
}

unmount() {
    local point
    for point in dev/pts dev/shm dev sys proc; do
        if mountpoint -q "$root/$point"; then
            umount -l "$root/$point"
        fi
    done
}
trap unmount EXIT

mount_all() {
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount --bind /dev "$root/dev"
    mount --bind /dev/pts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
}

# Name resolution, certificates, and apt's own settings (proxies, retries), but none of the other
# sources that this machine may have.
copy_host_settings() {
    local file
    for file in /etc/resolv.conf /etc/hosts; do
        cp -L "$file" "$root$file"
    done
    mkdir -p "$root/etc/apt/apt.conf.d"
    for file in /etc/apt/apt.conf.d/*; do
        if [ -f "$file" ] && grep -qiE 'Acquire::|Proxy|Verify' "$file"; then
            cp -L "$file" "$root$file"
        fi
    done
    if [ -d /usr/local/share/ca-certificates ]; then
        mkdir -p "$root/usr/local/share"
        cp -rL /usr/local/share/ca-certificates "$root/usr/local/share/"
    fi
    mkdir -p "$root/etc/ssl/certs"
    if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
        cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    fi
}

# npm's, of the whole machine and of the user, as one file of the user's. It may hold a token: it is
# readable by root only, and the root folder is this machine's own.
copy_npm_settings() {
    local file
    install -m 600 /dev/null "$root/root/.npmrc"
    command -v npm >/dev/null || return 0
    for file in "$(npm config get globalconfig 2>/dev/null)" \
        "$(npm config get userconfig 2>/dev/null)"; do
        if [ -r "$file" ]; then
            cat "$file" >>"$root/root/.npmrc"
            echo >>"$root/root/.npmrc"
        fi
    done
}

write_sources() {
    local mirror=$1 components=main security
    if [ -n "${MIRROR:-}" ]; then
        components='main universe'
        security="$mirror $suite-security"
    else
        security=$(sed -n \
            's/^URIs:[[:space:]]*\([^[:space:]]*debian-security[^[:space:]]*\).*/\1/p' \
            /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1 || true)
        security=${security:+$security $suite-security}
    fi
    {
        printf 'deb %s %s\n' "$mirror $suite" "$components" "$mirror $suite-updates" "$components"
        if [ -n "$security" ]; then
            printf 'deb %s %s\n' "$security" "$components"
        fi
    } >"$root/etc/apt/sources.list"
}

make_root() {
    local mirror=${MIRROR:-$(host_mirror)} options=(--variant=minbase)
    [ -n "$mirror" ] || die "no Debian mirror in /etc/apt of this machine"
    if [ -n "${MIRROR:-}" ]; then
        # Its keys need not be on this machine; apt inside checks with the ones that come along.
        options+=(--no-check-gpg '--components=main,universe')
    fi
    rm -rf --one-file-system "$root"
    debootstrap "${options[@]}" --include=git,ca-certificates "$suite" "$root" "$mirror" \
        >"$folder/debootstrap.log" 2>&1 || {
        tail -n 20 "$folder/debootstrap.log" >&2
        die "debootstrap failed"
    }
    write_sources "$mirror"
}

# A clean environment except for what leads out of this machine.
inside() {
    local user=$1 proxies
    shift
    mapfile -t proxies < <(env | grep -iE '^((https?|ftp|no)_proxy|npm_config_[a-z_]*)=' || true)
    chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root CI=true LANG=C.UTF-8 "${proxies[@]}" \
        setpriv --reuid="$user" --regid="$user" --clear-groups "$@" <&-
}

step() {
    local name=$1 start=$SECONDS status=0
    shift
    "$@" >"$folder/$name.log" 2>&1 || status=$?
    printf '%-12s exit status %d, %d s, last line: %s\n' "$name" "$status" $((SECONDS - start)) \
        "$(tail -n 1 "$folder/$name.log")"
    return "$status"
}

if ! $again || [ ! -e "$root/etc/debian_version" ]; then
    make_root
fi
copy_host_settings
copy_npm_settings
mount_all
rm -rf "$root/root/tacho" "$root/srv/tacho"
git -c advice.detachedHead=false clone -q --no-hardlinks "$repository" "$root/srv/tacho"
chown -R 0:0 "$root/srv/tacho"

failed=0
step demo inside 0 bash -c 'cd /srv/tacho && exec script/demo' || failed=1
if [ "$what" = all ]; then
    step test inside 0 bash -c 'cd /srv/tacho && exec script/test' || failed=1
    step bootstrap2 inside 0 bash -c 'cd /srv/tacho && exec script/bootstrap --test' || failed=1
    if [ -n "${TEST_USER:-}" ]; then
        rm -rf "$root/srv/tacho/build" "$root/srv/tacho/.tacho"
        chown -R 1000:1000 "$root/srv/tacho"
        step test-user inside 1000 bash -c 'cd /srv/tacho && HOME=/tmp exec script/test' || failed=1
    fi
fi
exit "$failed"
