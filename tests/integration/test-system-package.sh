#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Files for the host as packages of rpm and of dpkg, in roots that have the one or the other.
. "$(dirname "$0")/../lib.sh"
need_root

mkdir "$T/images" "$T/rpm" "$T/deb" "$T/none"
rpm --root "$T/rpm" --dbpath /var/lib/rpm --initdb
mkdir -p "$T"/deb/var/lib/dpkg/{info,updates,triggers}
touch "$T"/deb/var/lib/dpkg/{status,available}
a() { "$SC_ATOMIC" --root "$R" "$@"; }
checkouts() { echo "$R/var/lib/containers/atomic"; }
info() { jq -r ".\"$2\"" "$(checkouts)/$1/info"; }

# ---- what differs between the families

rpm_in() { rpm --root "$R" --dbpath /var/lib/rpm "$@" 2> /dev/null; }
installed() { # NAME: what is installed as "NAME-VERSION" or nothing
  case $FAMILY in
  rpm) rpm_in -qa "$1" --qf '%{NAME}-%{VERSION}-%{RELEASE}\n' ;;
  deb) dpkg-query --admindir="$R/var/lib/dpkg" -W -f '${db:Status-Abbrev}${Package}-${Version}\n' | sed -n "s/^ii $1-/$1-/p" ;;
  esac
}
all_packages() {
  case $FAMILY in
  rpm) rpm_in -qa ;;
  deb) dpkg-query --admindir="$R/var/lib/dpkg" -W ;;
  esac
}
files_of() {
  case $FAMILY in
  rpm) rpm_in -ql "$1" | sort ;;
  deb) dpkg-query --admindir="$R/var/lib/dpkg" -L "$1" | sort ;;
  esac
}
remove_by_hand() {
  case $FAMILY in
  rpm) rpm_in -e "$1" ;;
  deb) dpkg --root="$R" --log=/dev/null --purge "$1" > /dev/null ;;
  esac
}
field() { # FILE RPM-TAG DEB-FIELD
  case $FAMILY in
  rpm) rpm -qp --qf "[%{$2}\n]" "$1" ;;
  deb) dpkg-deb -f "$1" "$3" ;;
  esac
}
# Host files apart from the databases and the container's own.
host_files() {
  (cd "$R" && find usr etc -not -type d | grep -v -e '^etc/systemd' -e '^etc/.pwd' | sort) 2> /dev/null || :
}
make_ready() { # NAME PACKAGE CONTENT: images/NAME.deb and .rpm
  rm -rf "$T/ready"
  mkdir -p "$T/ready/usr/share" "$T/ready/DEBIAN"
  echo "$3" > "$T/ready/usr/share/ready"
  printf 'Package: %s\nVersion: 3-1\nArchitecture: all\nMaintainer: x\nDescription: x\n' "$2" > "$T/ready/DEBIAN/control"
  dpkg-deb --root-owner-group --build "$T/ready" "$T/images/$1.deb" > /dev/null
  rm -r "$T/ready/DEBIAN"
  printf '%s\n' "Name: $2" 'Version: 3' 'Release: 1' 'Summary: x' 'License: x' 'BuildArch: noarch' '%description' x '%install' \
    "mkdir -p %{buildroot}; cp -a $T/ready/usr %{buildroot}/" '%files' /usr/share/ready > "$T/ready.spec"
  rpmbuild -bb --define "_topdir $T/top" --define "_rpmdir $T/top" --define '_rpmfilename ready.rpm' "$T/ready.spec" > "$T/log" 2>&1
  mv "$T/top/ready.rpm" "$T/images/$1.rpm"
}

# ---- one family

life() {
  local file=package.$FAMILY box=atomic-container-box out
  ok "pull" pull_all
  listing "$R" > "$T/before"
  all_packages > "$T/packages-before"

  ok "auto without a definition puts the files themselves" a install -n box p1
  is "... no package" "$(installed atomic-container-box)" ""
  is "... the file" "$(cat "$R/usr/bin/tool")" "tool 1"
  ok "uninstall" a uninstall box
  echo mine > "$R/usr/share/mine"
  out=$(a install --system-package=yes -n box p1 2> "$T/err") || { cat "$T/err"; fail "install" "$T/err"; return; }
  matches "install says that it installs a package" "$out" '^Installing package atomic-container-box 1\.1-4\.0$'
  is "it is installed" "$(installed $box)" "$box-1.1-4.0"
  is "its tool" "$(cat "$R/usr/bin/tool")" "tool 1"
  is "its tool can be run" "$(stat -c %a:%u "$R/usr/bin/tool")" 755:0
  is "a link" "$(readlink "$R/usr/bin/alias")" tool
  is "an odd name" "$(cat "$R/usr/share/box/a b{c}[*]")" odd
  is "set-id of another is not root's" "$(stat -c %a:%u:%g "$R/usr/share/box/set-id")" 755:0:0
  matches "... which is said" "$(cat "$T/err")" 'box: /usr/share/box/set-id is root.s in a package: it loses its set-user-id bit'
  matches "capabilities are lost, which is said" "$(cat "$T/err")" \
    'box: capabilities .* of 1 file are not in the package: /usr/share/box/ping$'
  matches "the manager knows its files" "$(files_of $box)" '^/usr/share/box/only-1$'
  is "info: package" "$(info box rpm-installed)" "$([ $FAMILY = rpm ] && echo $box-1.1-4.0 || echo $box)"
  is "info: choice" "$(info box system-package)" yes
  is "info: no files of its own" "$(jq -c '."installed-files"' "$(checkouts)/box.0/info")" "[]"
  ok "the package stays with the deployment" test -f "$(checkouts)/box.0/$file"
  no "and nothing else of its making" test -e "$(checkouts)/box.0/hostfs" -o -e "$(checkouts)/box.0/.package"
  matches "label: summary" "$(field "$(checkouts)/box.0/$file" SUMMARY Description)" '^100% a box$'
  is "label: url" "$(field "$(checkouts)/box.0/$file" URL Homepage)" 'https://box.example.org/x%20y'
  matches "label: conflicts" "$(field "$(checkouts)/box.0/$file" CONFLICTNEVRS Conflicts)" '^no-such-box \(?<'
  matches "label: provides" "$(field "$(checkouts)/box.0/$file" PROVIDENEVRS Provides)" 'box-tool \(?= 1\.1'
  matches "label: description" "$(field "$(checkouts)/box.0/$file" DESCRIPTION Description)" 'It is a box\.$'

  echo changed > "$R/etc/box.conf"
  ok "update" a containers update box --rebase p2
  is "update: the new one is installed" "$(installed $box)" "$box-1.2-4.1"
  is "update: its tool" "$(cat "$R/usr/bin/tool")" "tool 2"
  no "update: a file is gone" test -e "$R/usr/share/box/only-1"
  is "update: configuration that was changed is kept" "$(cat "$R/etc/box.conf")" changed
  is "update: info keeps the choice" "$(info box system-package)" yes
  ok "update --set makes another package of the same version" a containers update box --set WORD=x --keep 9
  is "... by its release" "$(installed $box)" "$box-1.2-4.2"
  ok "rollback" a containers rollback box --to 0
  is "rollback: the older one" "$(installed $box)" "$box-1.1-4.0"
  is "rollback: its tool" "$(cat "$R/usr/bin/tool")" "tool 1"
  no "rollback: a file is gone" test -e "$R/usr/share/box/only-2"
  mv "$(checkouts)/box.1/$file" "$T/away"
  refused "rollback to one whose package is missing" 1 'deployment 1: .*(not kept|missing)' a containers rollback box --to 1
  mv "$T/away" "$(checkouts)/box.1/$file"
  head -c 100 "$(checkouts)/box.1/$file" > "$T/short"
  cp "$(checkouts)/box.1/$file" "$T/away"
  cp "$T/short" "$(checkouts)/box.1/$file"
  refused "rollback to one whose package is damaged" 1 "box.1/$file" a containers rollback box --to 1
  cp "$T/away" "$(checkouts)/box.1/$file"
  is "... changes nothing" "$(installed $box)" "$box-1.1-4.0"
  ok "rollback forward" a containers rollback box --to 1
  is "rollback forward: the newer one" "$(installed $box)" "$box-1.2-4.1"
  cp "$T/away" "$T/keep-deb"

  a uninstall box > "$T/out" 2> "$T/err"
  matches "uninstall says that it removes the package" "$(cat "$T/out")" '^Removing package atomic-container-box$'
  matches "uninstall: what was changed by hand is kept, and said so" "$(cat "$T/err")" 'changed by hand stays: /etc/box.conf'
  is "uninstall: the package is gone" "$(installed $box)" ""
  is "uninstall: its files are gone" "$(host_files | tr '\n' ' ')" \
    "$([ $FAMILY = rpm ] && echo etc/box.conf.rpmnew etc/box.conf.rpmsave || echo etc/box.conf etc/box.conf.dpkg-dist) usr/share/mine "
  rm -f "$R"/etc/box.conf*
  [ $FAMILY = rpm ] || dpkg --root="$R" --log=/dev/null --purge $box > /dev/null

  echo theirs > "$R/usr/share/mine.conf"
  mkdir -p "$R/usr/bin" "$R/usr/share/box"
  echo theirs > "$R/usr/bin/tool"
  a install --system-package=yes -n box p1 > "$T/out" 2> "$T/err"
  matches "a file that exists is kept, and said so" "$(cat "$T/err")" 'box: /usr/bin/tool exists already and is kept'
  is "... it is" "$(cat "$R/usr/bin/tool")" theirs
  ok "update" a containers update box --rebase p3
  is "... in an update too" "$(cat "$R/usr/bin/tool")" theirs
  ok "the package is removed by hand" remove_by_hand $box
  ok "uninstall all the same" a uninstall box
  is "... that file stays" "$(host_files | tr '\n' ' ')" "usr/bin/tool usr/share/mine usr/share/mine.conf "
  rm -f "$R/usr/bin/tool" "$R/usr/share/mine.conf"

  ok "an image without files for the host" a install --system-package=yes -n empty bare
  is "... has a package that says of what it is" "$(installed atomic-container-empty)" "atomic-container-empty-1.0-1.0"
  ok "uninstall" a uninstall empty
  ok "a name that Debian's packages cannot have" a install --system-package=yes -n My_Box bare
  matches "... becomes one" "$(all_packages)" "atomic-container-$([ $FAMILY = rpm ] && echo My_Box || echo 'my-box\+[0-9a-f]{8}')"
  ok "uninstall" a uninstall My_Box
  ok "auto, nothing for the host" a install -n plain bare
  is "... no package" "$(info plain rpm-installed):$(info plain system-package)" null:auto
  ok "uninstall" a uninstall plain

  hostile
  ready
  contents
  switching
  purged
  out=$(a install --display --system-package=yes -n box p1)
  matches "--display: the package" "$out" '^Installing package atomic-container-box$'
  matches "... the files in it" "$out" '^Files for the host: [1-9]'
  rm -f "$R/usr/share/mine"
  all_packages > "$T/packages-after"
  same "no package is left" "$T/packages-before" "$T/packages-after"
  is "no file is left" "$(host_files)" ""
  is "nothing of a container is left" "$(ls -A "$(checkouts)")" ".storage"
}

hostile() {
  local package
  rm -rf /tmp/atomic-test-was-here "$R/tmp/atomic-test-was-here"
  ok "labels that want to be more than text" a install --system-package=yes -n evil evil
  package=$(echo "$(checkouts)"/evil.0/package.*)
  no "... are not" test -e /tmp/atomic-test-was-here -o -e "$R/tmp/atomic-test-was-here"
  case $FAMILY in
  rpm) is "... no scriptlets" "$(rpm -qp --scripts "$package")" "" ;;
  deb) is "... fields are what they ought to be" "$(dpkg-deb -f "$package" | grep -oE '^[A-Za-z-]+' | tr '\n' ' ')" \
    "Package Version Architecture Maintainer Installed-Size Description " ;;
  esac
  matches "... a version that can be one" "$(installed atomic-container-evil)" '^atomic-container-evil-1\.2\.3'
  ok "uninstall" a uninstall evil
  refused "a relation that is none" 1 "image bad:latest: label atomic.requires: 'x %post' is not a package" \
    a install --system-package=yes -n bad bad
  refused "a dependency that is not there" 1 'no-such-package' a install --system-package=yes -n needs needs
  is "... leaves nothing" "$(installed atomic-container-needs)" ""
  refused "a name with a quote" 1 'a name that no package can hold, below /usr/share' \
    a install --system-package=yes -n q name-34
  refused "a name with a line feed" 1 'name that ' a install --system-package=yes -n q name-116
  if [ $FAMILY = rpm ]; then
    rm -f PWNED
    ok "pull" a pull "oci:$T/images/percent-lua"
    ok "pull" a pull "oci:$T/images/percent-rename"
    refused "a name with a command" 1 "'%' cannot be in the name" a install --system-package=yes -n q percent
    refused "... with build" 1 "'%' cannot be in the name" a install --system-package=build -n q percent
    refused "a name with a program" 1 "'%' cannot be in the name" a install --system-package=yes -n q percent-lua
    refused "a new name with a directive" 1 "/opt/%dir.*: '%' cannot be in the name" \
      a install --system-package=yes -n q percent-rename
    no "nothing of it has run" test -e PWNED
  else
    ok "a name with a percent sign" a install --system-package=yes -n q percent
    ok "uninstall" a uninstall q
  fi
  refused "an unknown choice" 2 'system-package=maybe' a install --system-package=maybe bare
}

# One version, two contents; another package with the same file; packages whose file is lost or damaged.
contents() {
  local file=package.$FAMILY pid
  a install -n one same1 > "$T/log" 2>&1 || fail "install" "$T/log"
  is "one content" "$(cat "$R/usr/share/ready")" one
  ok "update to the same version with another content" a containers update one --rebase same2
  is "... which is there" "$(cat "$R/usr/share/ready")" two
  ok "rollback" a containers rollback one
  is "... to the first" "$(cat "$R/usr/share/ready")" one
  ok "update to a package of another name" a containers update one --rebase ready
  is "... it has the file now" "$(installed ready-made)$(installed same-made) $(cat "$R/usr/share/ready")" "ready-made-3-1 ready"
  ok "rollback" a containers rollback one
  is "... the other one" "$(installed same-made)$(installed ready-made) $(cat "$R/usr/share/ready")" "same-made-3-1 one"
  is "info: package" "$(jq -c '."atomic.package"' "$(checkouts)/one/info")" \
    "{\"manager\":\"$([ $FAMILY = rpm ] && echo rpm || echo dpkg)\",\"name\":\"same-made\",\"version\":\"3-1\"}"
  echo damaged > "$(checkouts)/one/$file"
  ok "update of one whose package is damaged" a containers update one --rebase ready
  is "... it is gone" "$(installed same-made)$(installed ready-made)" ready-made-3-1
  rm "$(checkouts)/one/$file" "$R/usr/share/ready"
  ok "uninstall of one whose package is lost, and a file of it" a uninstall one
  is "... it is gone" "$(installed ready-made)" ""
  a install -n one same1 > "$T/log" 2>&1 || fail "install" "$T/log"
  jq '."atomic.package".manager = "nobody"' "$(checkouts)/one/info" > "$T/info"
  cp "$T/info" "$(checkouts)/one/info"
  refused "a package of nobody's" 1 "no manager 'nobody'" a uninstall one
  ok "--force passes over it" a uninstall --force one
  remove_by_hand same-made
  if [ $FAMILY = deb ]; then
    rm -f "$T/lock-held"
    : > "$T/err"
    /usr/bin/python3 -c 'import fcntl, sys, time
with open(sys.argv[1], "w") as f:
    fcntl.lockf(f, fcntl.LOCK_EX)
    open(sys.argv[2], "w").close()
    for _ in range(1200):
        if "Waiting" in open(sys.argv[3]).read():
            break
        time.sleep(0.05)' "$R/var/lib/dpkg/lock-frontend" "$T/lock-held" "$T/err" &
    pid=$!
    wait_until 20 test -e "$T/lock-held" || :
    a install -n one ready > "$T/log" 2> "$T/err" || fail "install while another dpkg runs" "$T/err"
    wait $pid || :
    matches "it waits for another dpkg, and says so" "$(cat "$T/err")" 'Waiting for another dpkg'
    is "... and goes on" "$(installed ready-made)" ready-made-3-1
    ok "uninstall" a uninstall one
  fi
}

# From files to a package that has the same, and back.
switching() {
  a install -n one direct > /dev/null 2>&1
  is "files" "$(installed ready-made) $(cat "$R/usr/share/ready")" " direct"
  echo mine > "$R/usr/share/ready"
  refused "to a package, of a file that was changed by hand" 1 '/usr/share/ready was changed by hand, and its package' \
    a containers update one --rebase ready
  is "... which stays" "$(installed ready-made) $(cat "$R/usr/share/ready")" " mine"
  echo direct > "$R/usr/share/ready"
  ok "to a package" a containers update one --rebase ready
  is "... it is one" "$(installed ready-made) $(cat "$R/usr/share/ready")" "ready-made-3-1 ready"
  ok "back to files" a containers rollback one
  is "... they are" "$(installed ready-made) $(cat "$R/usr/share/ready")" " direct"
  echo mine > "$R/usr/share/ready"
  refused "back to the package" 1 '/usr/share/ready was changed by hand, and its package' a containers rollback one
  echo direct > "$R/usr/share/ready"
  a containers update one --rebase ready > /dev/null 2>&1
  ok "from a package to files" a containers update one --rebase direct
  is "... they are" "$(installed ready-made) $(cat "$R/usr/share/ready")" " direct"
  ok "uninstall" a uninstall one
  no "... leaves none" test -e "$R/usr/share/ready"
}

# The directories of a container's state may have its package's configuration.
purged() {
  local kept=etc/conf/main.conf
  [ $FAMILY = deb ] || kept=$kept.rpmsave
  ok "pull" a pull "oci:$T/images/conf"
  ok "install" a install --system-package=yes -n conf conf
  echo mine > "$R/etc/conf/main.conf"
  a uninstall --purge conf > "$T/out" 2> "$T/err" || fail "uninstall --purge" "$T/err"
  is "--purge keeps what the manager has kept" "$(cat "$R/$kept")" mine
  matches "... and says so" "$(cat "$T/err")" "^/etc/conf stays: it was changed by hand: /$kept"
  [ $FAMILY = rpm ] || dpkg --root="$R" --log=/dev/null --purge atomic-container-conf > /dev/null
  rm -rf "$R/etc/conf"
  ok "install" a install --system-package=yes -n conf conf
  ok "--purge of one that nobody changed" a uninstall --purge conf
  no "... leaves nothing" test -e "$R/etc/conf"
  ok "install" a install --system-package=yes -n conf conf
  rm "$(checkouts)/conf.0/package.$FAMILY"
  echo mine > "$R/etc/conf/other"
  a uninstall --purge conf > "$T/out" 2> "$T/err" || fail "uninstall --purge" "$T/err"
  matches "--purge of one whose package is lost keeps all" "$(cat "$T/err")" '^/etc/conf stays: what of its package .*not kept'
  is "... which is there" "$(cat "$R/etc/conf/other")" mine
  rm -rf "$R/etc/conf"
}

ready() {
  ok "auto takes the image's own package" a install -n one ready
  is "... it is installed" "$(installed ready-made)" "ready-made-3-1"
  is "... with its files" "$(cat "$R/usr/share/ready")" ready
  ok "a second container of the same" a install -n two ready
  ok "uninstall the first" a uninstall one
  is "... the package stays for the second" "$(installed ready-made)" "ready-made-3-1"
  ok "uninstall the second" a uninstall two
  is "... and goes with it" "$(installed ready-made)" ""
  case $FAMILY in
  rpm) rpm_in -U "$T/images/ready.rpm" ;;
  deb) dpkg --root="$R" --log=/dev/null -i "$T/images/ready.deb" > /dev/null ;;
  esac
  refused "one that the host has for another reason" 1 'its package ready-made is installed already' a install -n one ready
  ok "--system-package=no takes none" a install --system-package=no -n one ready
  ok "uninstall" a uninstall one
  is "... which leaves what is the host's" "$(installed ready-made)" "ready-made-3-1"
  remove_by_hand ready-made
}

pull_all() {
  local image
  for image in p1 p2 p3 bare evil bad needs spec broken ready same1 same2 percent direct whole name-34 name-116; do
    a pull "oci:$T/images/$image" > /dev/null || return 1
  done
}

whole() {
  local out package name box=$R/usr/lib/containers/atomic/box
  mkdir "$T/out-$FAMILY"
  listing "$R/var/lib/containers" | grep -v '/.storage/' > "$T/before-build"
  out=$(cd "$T/out-$FAMILY" && a install --system-package=build -n box whole 2> "$T/err") || fail "build" "$T/err"
  package=$(tail -n 1 <<< "$out")
  case $FAMILY in
  rpm) name=atomic-container-box-2-1.$(uname -m).rpm ;;
  deb) name=atomic-container-box_2-1_$(dpkg --print-architecture).deb ;;
  esac
  is "build prints where the package is" "$package" "$T/out-$FAMILY/$name"
  is "build leaves nothing but that" "$(ls -A "$T/out-$FAMILY")" "$name"
  listing "$R/var/lib/containers" | grep -v '/.storage/' > "$T/after-build"
  same "... and nothing in the root" "$T/before-build" "$T/after-build"
  case $FAMILY in
  rpm) rpm_in -U "$package" ;;
  deb) dpkg --root="$R" --log=/dev/null -i "$package" > /dev/null ;;
  esac
  is "installed it is a container" "$(a containers list -aq)" box
  is "... of the image" "$(a containers list -a --json | jq -r '.[0].image_name')" whole:latest
  is "its tool" "$(cat "$R/usr/bin/tool")" tool
  is "its root" "$(cat "$box/rootfs/version")" 9
  is "an owner is kept" "$(stat -c %u "$box/rootfs/data/of-other")" 4321
  is "... with its set-user-id bit" "$(stat -c %a "$box/rootfs/data/of-other")" 4755
  is "but not on the host" "$(stat -c %a:%u:%g "$R/usr/bin/set-id")" 755:0:0
  matches "... which is said" "$(cat "$T/err")" 'box: /usr/bin/set-id is root.s in a package'
  matches "so are capabilities, of its root too" "$(cat "$T/err")" \
    'box: capabilities .* of 3 files are not in the package: /usr/bin/ping, '
  is "another too" "$(stat -c %u "$box/rootfs/data/of-root")" 0
  is "any name" "$(cat "$box/rootfs/data/odd \"name\\")" $'data/odd "name\\'
  is "configuration: the root" "$(jq -r .root.path "$box/config.json")" rootfs
  is "info: where it is" "$(jq -r .values.DESTDIR "$box/info")" /usr/lib/containers/atomic/box
  is "its unit" "$(grep WorkingDirectory "$R/usr/lib/systemd/system/box.service")" WorkingDirectory=/usr/lib/containers/atomic/box
  is "its tmpfiles" "$(cat "$R/usr/lib/tmpfiles.d/box.conf")" "d /var/lib/box 0700 - - -"
  refused "it cannot be removed but as a package" 1 preinstalled a uninstall box
  matches "nor installed again" "$(a install --system-package=no -n box bare)" 'box already present'
  remove_by_hand atomic-container-box
  is "removed, it is gone" "$(a containers list -aq)$(host_files)" ""
}

make_ready ready ready-made ready
make_ready same1 same-made one
make_ready same2 same-made two
/usr/bin/python3 "$SC_SOURCE/tests/package-images.py" "$T/images"
for FAMILY in rpm deb; do
  R=$T/$FAMILY
  mkdir -p "$R/usr/share"
  life
  whole
done

# ---- a whole container that runs

runs() {
  local out port
  port=$(free_port)
  ok "$FAMILY: pull hello-world" a pull "oci:$T/hello-world:latest"
  out=$(cd "$T/out-$FAMILY" && a install --system-package=build -n "$name" --set PORT="$port" hello-world)
  case $FAMILY in
  rpm) rpm_in -U "$(tail -n 1 <<< "$out")" ;;
  deb) dpkg --root="$R" --log=/dev/null -i "$(tail -n 1 <<< "$out")" > /dev/null ;;
  esac
  ok "$FAMILY: a preinstalled container runs" a run -d "$name"
  get() { busybox wget -q -O - "http://127.0.0.1:$port/"; }
  wait_until 20 get || :
  matches "... and answers" "$(get)" Hello
  is "... listed as running" "$(a containers list -a --json | jq -r '.[].state')" running
  ok "stop" a stop "$name"
  remove_by_hand "atomic-container-$name"
}

name=hello-$$
hello_layout "$T/hello-world"
for FAMILY in rpm deb; do
  R=$T/$FAMILY
  runs
done

# ---- a Debian system

debian() {
  local before
  FAMILY=deb R=$T/debian
  mkdir "$T/upper" "$T/work" "$R"
  mount -t overlay -o "lowerdir=$("$SC_SOURCE/tests/booted/make-tree.sh"),upperdir=$T/upper,workdir=$T/work" atomic-test "$R"
  MOUNTS+=("$R")
  before=$(all_packages | md5sum)
  ok "Debian: pull" pull_all
  ok "Debian: install" a install --system-package=yes -n box p1
  matches "Debian: dpkg lists it" "$(chroot "$R" dpkg -l atomic-container-box)" '^ii +atomic-container-box +1\.1-4\.0'
  is "Debian: all is well" "$(chroot "$R" dpkg --audit)$(chroot "$R" dpkg --verify atomic-container-box)" ""
  matches "Debian: whose the tool is" "$(chroot "$R" dpkg -S /usr/bin/tool)" '^atomic-container-box:'
  ok "Debian: update" a containers update box --rebase p2
  ok "Debian: rollback" a containers rollback box
  matches "Debian: rolled back" "$(chroot "$R" dpkg -l atomic-container-box)" '^ii +atomic-container-box +1\.1-4\.0'
  ok "Debian: uninstall" a uninstall box
  is "Debian: as it was" "$(all_packages | md5sum)" "$before"
  is "Debian: no file is left" "$(find "$T/upper/usr" "$T/upper/etc" -not -type d -newer "$T/ready.spec" | grep -v -e ld.so -e '\.pwd' || :)" ""
}
debian

# ---- rpm only: the image's spec

FAMILY=rpm R=$T/rpm
ln -s "$T/rpm" "$T/r pm"
refused "a path that scripts cannot hold" 1 "r pm/.*: only letters, digits" "$SC_ATOMIC" --root "$T/r pm" install --system-package=yes -n box p1
rm "$T/r pm"
mkdir "$T/bin"
for program in sh env cp dpkg dpkg-query runc; do ln -s "$(command -v $program)" "$T/bin/"; done
ok "auto builds the image's spec" a install -n box --set WORD=world spec
is "... with its version" "$(installed atomic-container-box)" "atomic-container-box-7-1"
is "... what it adds" "$(cat "$R/usr/share/said")" world
is "... and the files for the host" "$(cat "$R/usr/bin/tool")" tool
ok "uninstall" a uninstall box
refused "one that does not build" 1 'image broken:latest: rpmbuild: .*Nonsense' a install -n box broken
refused "a template that wants a value" 2 "nothing.*'OTHER'|OTHER" a install -n box --set OTHER=1 spec

# ---- neither

R=$T/none
a pull "oci:$T/images/bare" > /dev/null
ok "a host without packages: auto" a install -n box bare
refused "yes" 1 'neither a database of rpm nor of dpkg' a install --system-package=yes -n box2 bare
refused "build" 1 'neither a database of rpm nor of dpkg' a install --system-package=build -n box2 bare
refused "no program that builds" 1 "no program 'dpkg-deb'.*package dpkg" env PATH="$T/bin" "$SC_ATOMIC" --root "$T/deb" \
  install --system-package=yes -n box bare
finish
