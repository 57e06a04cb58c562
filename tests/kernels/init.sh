#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# init of the machines that kernels.py starts: sets up what a test program may
# expect of a machine, runs the programs of /tests one after the other, says on the
# console how each ended, and switches off.
busybox=/bin/busybox
$busybox --install -s /bin
export PATH=/bin

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
chmod 666 /dev/null /dev/zero
ip link set lo up

for module in /modules/*.ko; do
	[ -e "$module" ] && insmod "$module"
done
[ -e /dev/fuse ] && chmod 666 /dev/fuse
echo 16 >/proc/sys/vm/nr_hugepages
# A call for 4 GiB is refused for what is there, not for the size of the machine.
echo 1 >/proc/sys/vm/overcommit_memory

# The settings of this run: a line of shell, by kernels.py.
. /settings
hold=
if [ -n "$as_nobody" ]; then
	hold='setpriv --reuid 65534 --regid 65534 --clear-groups'
	echo /tmp/core >/proc/sys/kernel/core_pattern
fi
[ -z "$yama" ] || echo "$yama" >/proc/sys/kernel/yama/ptrace_scope

echo "@ kernel $(uname -r)"
while read -r name limit environment program; do
	echo "@ begin $name"
	# $hold and the comma-separated environment are lists.
	env -i PATH=/bin HOME=/tmp $(echo "$environment" | tr ';' ' ') \
		timeout -s KILL "$limit" $hold "$program" </dev/null 2>&1
	echo "@ end $name $?"
done </tests
echo "@ done"
poweroff -f
