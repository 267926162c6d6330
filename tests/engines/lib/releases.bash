# shellcheck shell=bash
# Packages and roots of other Debian releases than this machine's. All of it is below target/debian, so that a second run
# downloads nothing; `cargo clean` removes it.

# shellcheck source=packaging/debian.bash
. packaging/debian.bash

debian=$PWD/target/debian

# apt_of RELEASE: sets apt, a command for packages of that release, which shares nothing with this machine's apt.
apt_of() {
    local folder=$debian/$1
    mkdir -p "$folder"/{lists,cache/archives,debs}/partial
    echo "deb [arch=$(dpkg --print-architecture) signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $1 main" \
        >"$folder/sources.list"
    apt=(
        apt-get --quiet --quiet --option "Dir::Etc::SourceList=$folder/sources.list" --option Dir::Etc::SourceParts=/dev/null
        --option "Dir::State::Lists=$folder/lists" --option "Dir::Cache=$folder/cache" --option Dir::Etc::Preferences=/dev/null
        --option APT::Sandbox::User=root --option Acquire::Languages=none --option Acquire::Check-Valid-Until=false
        --option Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    )
    [[ -e $folder/updated ]] || {
        "${apt[@]}" update >&2 || die "cannot read the package lists of $1"
        touch "$folder/updated"
    }
}

# newest RELEASE PATTERN: the name of the newest package that matches.
newest() {
    local apt
    apt_of "$1"
    apt-cache "${apt[@]:3}" search --names-only "$2" | cut -d ' ' -f 1 | sort -V | tail -n 1
}

# package RELEASE NAME…: unpacks these packages and nothing that they depend on, and prints the folder.
package() {
    local release=$1 name folder apt
    shift
    folder=$debian/$release/unpacked-$(cksum <<<"$*" | cut -d ' ' -f 1)
    if [[ ! -e $folder ]]; then
        apt_of "$release"
        rm -rf "$folder.$$"
        mkdir -p "$folder.$$/debs"
        # An old list may name packages that no longer exist.
        (cd "$folder.$$/debs" && { "${apt[@]}" download "$@" || { "${apt[@]}" update && "${apt[@]}" download "$@"; }; }) >&2 ||
            die "cannot download from $release: $*"
        for name in "$folder.$$"/debs/*.deb; do
            dpkg --extract "$name" "$folder.$$"
            dpkg-deb --showformat '${Package} ${Version}\n' --show "$name" >>"$folder.$$/versions"
        done
        rm -r "$folder.$$/debs"
        # Another run may have made it meanwhile.
        mv --no-target-directory "$folder.$$" "$folder" 2>/dev/null || rm -rf --one-file-system "$folder.$$"
    fi
    echo "$folder"
}

# root_of RELEASE PACKAGE…: makes a minimal root with these packages, and prints the folder. It must not be changed: apart
# (apart.bash) mounts an overlay over it.
root_of() {
    local release=$1 folder
    shift
    folder=$debian/$release/root-$(cksum <<<"$* $(declare -f bootstrap_root)" | cut -d ' ' -f 1)
    if [[ ! -e $folder ]]; then
        this_machine_needs mmdebstrap
        rm -rf "$folder.$$"
        bootstrap_root "$release" "$folder.$$" "$@" >&2 || {
            tail -n 30 "$folder.$$.log" >&2
            rm -rf --one-file-system "$folder.$$"
            die "cannot make a root of $release"
        }
        rm "$folder.$$.log"
        # Another run may have made it meanwhile.
        mv --no-target-directory "$folder.$$" "$folder" 2>/dev/null || rm -rf --one-file-system "$folder.$$"
    fi
    echo "$folder"
}

# Packages run sysctl when they are installed, which would change this machine's kernel: a program that does nothing replaces it.
# Their mounts and network links are made in separate namespaces.
bootstrap_root() {
    local release=$1 folder=$2 path excluded=()
    shift 2
    for path in doc man locale; do
        excluded+=(--dpkgopt="path-exclude=/usr/share/$path/*")
    done
    mkdir -p "${folder%/*}"
    nice mmdebstrap --mode=root --variant=minbase --format=directory --aptopt='Acquire::Check-Valid-Until "false"' \
        --include="$(IFS=, && echo "$*")" "${excluded[@]}" --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --essential-hook='
            for name in sbin/sysctl lib/systemd/systemd-sysctl; do
                mkdir -p "$1/usr/${name%/*}"
                chroot "$1" dpkg-divert --quiet --local --no-rename --add "/usr/$name"
                printf "#!/bin/sh\nexit 0\n" >"$1/usr/$name"
                chmod +x "$1/usr/$name"
            done
            printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"
            chmod +x "$1/usr/sbin/policy-rc.d"' \
        --customize-hook='rm -rf "$1"/var/cache/apt/*.bin' \
        "$release" "$folder" "$(mirror)" >"$folder.log" 2>&1
}
