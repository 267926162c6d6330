# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch: of the script that reads this.
# A kernel of another Debian release in qemu, with a root that is an initramfs. After releases.bash.

# kernel RELEASE: prints the path of that release's newest kernel for virtual machines. Unpacked and not installed.
kernel() {
    local pattern='^linux-image-[0-9.]+[^ ]*-cloud-amd64$' folder
    # Since 7.x the image is in a package of its own, on which the former package depends.
    [[ $1 != sid ]] || pattern='^linux-binary-[0-9.]+[^ ]*-cloud-amd64$'
    folder=$debian/$1/kernel
    if [[ ! -e $folder/vmlinuz ]]; then
        local name from
        name=$(newest "$1" "$pattern")
        [[ $name ]] || die "no kernel in $1"
        from=$(package "$1" "$name")
        mkdir -p "$folder"
        # Either place, by release.
        find "$from/boot" "$from/usr/lib/modules" -name 'vmlinuz*' 2>/dev/null | head -n 1 | xargs -I{} cp {} "$folder/vmlinuz"
        [[ -e $folder/vmlinuz ]] || die "no kernel in $name"
    fi
    echo "$folder/vmlinuz"
}

# busybox_root FOLDER: busybox under all its names, this machine's unshare with its libraries, and rinit as /init and /sbin/rinit.
busybox_root() {
    local root=$1 applet library
    mkdir -p "$root"/{proc,sys,dev,tmp,etc,bin,sbin,usr/bin,usr/sbin,new,root,run,var}
    cp "$(type -P busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list | grep -vx busybox); do
        ln -s busybox "$root/bin/$applet"
    done
    # busybox's knows no cgroup namespace.
    cp "$(type -P unshare)" "$root/usr/bin/unshare2"
    for library in $(ldd "$root/usr/bin/unshare2" | grep -o '/[^ ]*'); do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done
    cp "$rinit" "$root/sbin/rinit"
    ln -s sbin/rinit "$root/init"
    echo 'root:x:0:0::/root:/bin/sh' >"$root/etc/passwd"
}

# boot ROOT KERNEL MEGABYTES SCRIPT: runs SCRIPT in ROOT under rinit, which is PID 1 of that kernel. The console's output goes to
# $scratch/console and stdout. Its exit status is SCRIPT's.
boot() {
    local root=$1 kernel=$2 memory=$3 script=$4 code
    (cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 >"$scratch/initramfs"
    # One processor: with two the emulated kernel sometimes crashes during its boot, when it patches its own code. When rinit
    # exits the kernel panics and prints the wait status in hexadecimal.
    timeout --kill-after 10 600 nice qemu-system-x86_64 -accel tcg -cpu max -m "$memory" -smp 1 -nographic -no-reboot -kernel "$kernel" \
        -initrd "$scratch/initramfs" -append "console=ttyS0 quiet panic=-1 rdinit=${5:-/init} -- $script" \
        </dev/null >"$scratch/serial" 2>&1 &
    machine=$!
    # In the background, so that this script acts on a signal at once.
    trap 'kill "$machine" 2>/dev/null; exit 143' TERM INT HUP
    wait "$machine" || true
    trap - TERM INT HUP
    tr -d '\r' <"$scratch/serial" >"$scratch/console"
    sed -n '/kernel .*, PID 1 is/,/Kernel panic/{s/.*kernel \(.*PID 1 is\)/kernel \1/; /Kernel panic/!p}' "$scratch/console"
    code=$(sed -n 's/.*Attempted to kill init! exitcode=0x0000\(..\)00.*/\1/p' "$scratch/console")
    [[ $code ]] || {
        tail -n 30 "$scratch/console"
        die 'rinit did not end with a status'
    }
    return "$((16#$code))"
}
