# shellcheck shell=bash
# Shared by scripts that use Debian's packages.

# missing_packages PACKAGE…: prints those that are not installed.
missing_packages() {
    local package
    for package; do
        # dpkg-query prints one line for each architecture of the package that dpkg knows.
        grep --quiet --line-regexp installed <<<"$(dpkg-query --show --showformat '${db:Status-Status}\n' "$package" 2>/dev/null)" ||
            echo "$package"
    done
}

# this_machine_needs PACKAGE…: installs those Debian packages that are missing. No service is started.
this_machine_needs() {
    local missing policy=/usr/sbin/policy-rc.d apt=(apt-get --option DPkg::Lock::Timeout=300 --quiet --quiet)
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || { echo "${0##*/}: needs root to install: ${missing[*]}" >&2; exit 1; }
    (
        # Debian starts a service as soon as its package is installed, unless this file prevents it. The machine may have its own.
        if [[ ! -e $policy ]]; then
            trap 'rm -f "$policy"' EXIT
            trap 'exit 1' INT TERM HUP
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod +x "$policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        "${apt[@]}" update && "${apt[@]}" install --yes --no-install-recommends "${missing[@]}"
    ) >&2 || { echo "${0##*/}: cannot install: ${missing[*]}" >&2; exit 1; }
}

# The mirror that this machine's apt uses.
mirror() {
    # shellcheck source=/dev/null
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        "Codename: $(. /etc/os-release && echo "$VERSION_CODENAME")" | sed -n 1p
}
