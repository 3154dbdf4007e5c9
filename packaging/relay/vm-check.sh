#!/bin/sh
# The life of the relay's package under a real systemd, told to the machine's console: one line a proof. It runs inside the
# virtual machine of `package --check --vm`, with the signed repository in /srv/apt and the next release in /srv/next.deb.

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
unit=sealdesk-relay.service
apt="apt-get -q -y -o Dpkg::Options::=--force-confold -o APT::Sandbox::User=root"

# prove WHAT COMMAND...: the command succeeds.
prove() {
	what=$1
	shift
	if "$@" >/tmp/said 2>&1; then
		echo "PROOF: $what"
	else
		echo "PROOF FAILED: $what"
		tail -n 15 /tmp/said
		journalctl -q --no-pager -n 15 -u $unit
	fi
}
is() { [ "$(systemctl show -P "$1" $unit)" = "$2" ] || { systemctl show -P "$1" $unit; false; }; }
status() { grep -q "^$1:[[:space:]]*$2" "/proc/$(systemctl show -P MainPID $unit)/status"; }
serves() {
	n=0
	until curl -fsS -m 5 http://127.0.0.1:8080/healthz; do
		n=$((n + 1))
		[ $n -lt 600 ] || return 1 # it is an emulated machine
		sleep 1
	done
}
not() { ! "$@"; }
people() { sealdesk-relay person list | grep -q "$1"; }
unprivileged() { [ "$(awk '/^Uid:/ { print $2 }' "/proc/$(systemctl show -P MainPID $unit)/status")" -ge 61184 ]; }

prove "it installs from the signed repository" sh -c "$apt update && $apt install --no-install-recommends sealdesk-relay"
prove "it is enabled, and waits to be set up without failing" sh -c "systemctl is-enabled $unit && ! systemctl is-failed $unit && ! systemctl is-active $unit"
prove "it can be set up" sh /srv/setup.sh
prove "it starts" systemctl start $unit
prove "it serves" serves
prove "it is active" systemctl is-active $unit
prove "its user is a dynamic one" unprivileged
prove "it has no capability" status CapEff 0000000000000000
prove "it can gain no privilege" status NoNewPrivs 1
prove "its system calls are filtered" status Seccomp 2
prove "its exposure is 1.5 or less" systemd-analyze security --no-pager --threshold=15 $unit
prove "nobody else sees its data" sh -c '[ "$(stat -c %a /var/lib/private/sealdesk-relay)" = 700 ] && [ "$(stat -c %a /etc/sealdesk-relay/relay.env)" = 600 ]'
prove "root's commands reach it while it runs" sealdesk-relay person add "Ada Example" --role supervisor
prove "a backup is taken while it runs" sealdesk-relay backup /root/backup
prove "the backup is whole" sealdesk-relay backup verify /root/backup

before=$(systemctl show -P MainPID $unit)
kill -9 "$before"
sleep 4
prove "killed, it is started again" sh -c "[ \"\$(systemctl show -P NRestarts $unit)\" = 1 ] && [ \"\$(systemctl show -P MainPID $unit)\" != $before ]"
prove "and serves" serves

prove "it stops in good order" sh -c "systemctl stop $unit && [ \"\$(systemctl show -P Result $unit)\" = success ]"
prove "root's commands work while it stands still" sealdesk-relay person add "Bo Example" --role agent
prove "what they wrote is the service's again" sh -c "systemctl start $unit && sleep 2"
prove "it serves after that" serves
prove "both people are there" sh -c 'sealdesk-relay person list | grep -q Ada && sealdesk-relay person list | grep -q Bo'

echo GOMEMLIMIT=1GiB >>/etc/sealdesk-relay/service.env
echo "# ours" >>/etc/sealdesk-relay/relay.toml
sha256sum /etc/sealdesk-relay/* /var/lib/sealdesk-relay/master.key >/tmp/sums
prove "it upgrades" $apt install /srv/next.deb
prove "an upgrade keeps configuration and key" sha256sum -c /tmp/sums
prove "and starts it again" serves
prove "with everybody in it" people Bo

prove "it is removed" $apt remove sealdesk-relay
prove "and does not run" not systemctl is-active $unit
prove "removing keeps configuration and key" sha256sum -c /tmp/sums
prove "it is purged" $apt purge sealdesk-relay
prove "purging leaves nothing" sh -c '[ -z "$(find / -xdev -path /proc -prune -o -path /srv -prune -o -path /var/cache -prune -o -path /var/log -prune -o -path /etc/apt -prune -o -path /var/lib/apt -prune -o -path /var/lib/dpkg -prune -o -name "*sealdesk*" -print | tee /tmp/left)" ] || { cat /tmp/left; false; }'
echo "PROOFS DONE"
