# SPDX-License-Identifier: MIT
# A shell that finds out by itself whether something is wrong with it. For the one in
# busybox, which is a single thread: it looks for commands between two pieces of work.
# Commands come on standard input, each is answered by one line (talker.sh).

value='' kept='' end=0 operations=0 errors=0 i=0
while [ "$i" -lt 500 ]; do
	kept="$kept entry$i"
	i=$((i + 1))
done

now() {
	read -r up _ </proc/uptime
	up=${up%.*}${up#*.}
}

# Words taken apart and put together, and a sum that is known.
work() {
	sum=0
	text=
	for word in $kept; do
		sum=$((sum + ${word#entry}))
		text="$text $word"
	done
	[ "$sum" -eq 124750 ] && [ "$text" = "$kept" ] || errors=$((errors + 1))
	operations=$((operations + 1))
}

obey() {
	case $1 in
	keep) value=$2 && echo kept ;;
	run)
		operations=0 errors=0
		now
		end=$((up + $2 / 10))
		echo running
		;;
	value) echo "$value" ;;
	busy)
		now
		[ "$up" -lt "$end" ] && echo yes || echo no
		;;
	wait)
		while now && [ "$up" -lt "$end" ]; do work; done
		echo "$operations $errors"
		;;
	check) echo "$kept" | cksum ;;
	*) echo 'what?' ;;
	esac
}

echo $$
while :; do
	now
	if [ "$up" -ge "$end" ] || read -r -t 0 _; then
		read -r word rest || exit 0
		obey "$word" "$rest"
	else
		work
	fi
done
