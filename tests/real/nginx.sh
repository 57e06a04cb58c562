#!/bin/bash
# SPDX-License-Identifier: MIT
# nginx under wrk, which looks at every byte that comes.
. "$(dirname "$0")/harness.sh"

need nginx wrk curl
regions_fixed=1
port=$(free_port)
url=http://127.0.0.1:$port

load_begin() {
	load_command wrk -t 2 -c 16 -d "${1}s" --timeout 20s -s "$here/bodies.lua" "$url/file" -- "$work/files/file"
}

# bodies.lua says how many answers were wrong in any way.
load_end() {
	load_wait
	rate=$(sed -n 's/^Requests\/sec: *//p' "$work/load")
	load_errors=$(sed -n 's/^wrong: //p' "$work/load")
	load_errors=$((${load_errors:-1} + (load_status != 0)))
	: "${rate:=0}"
}

fetch() {
	curl --silent --show-error --fail --max-time 60 "$url/$1" 2>&1
}

show_value() {
	fetch note
}

check() {
	fetch file | sha256sum
	sha256sum <"$work/files/file"
	grep -E '\[(error|crit|alert|emerg)\]' "$work/log"
}

stop() {
	kill -QUIT "$server"
	ended "$server" 30 && wait "$server"
}

# Each worker serves the value from memory of its own, and nobody knows which one answers.
write_configuration() {
	cat <<-END
		worker_processes 2;
		daemon off;
		error_log stderr notice;
		pid $work/files/pid;
		events { worker_connections 256; }
		http {
			access_log off;
			keepalive_requests 1000000;
			client_body_temp_path $work/files/body;
			proxy_temp_path $work/files/proxy;
			fastcgi_temp_path $work/files/fastcgi;
			uwsgi_temp_path $work/files/uwsgi;
			scgi_temp_path $work/files/scgi;
			server {
				listen 127.0.0.1:$port;
				root $work/files;
				location = /note { return 200 "$first"; }
			}
		}
	END
}

write_configuration >"$work/configuration"
head -c 16384 /dev/urandom >"$work/files/file"
chmod a+r "$work/configuration" "$work/files/file"
start server 'start worker process ' nginx -e stderr -p "$work/files" -c "$work/configuration" ||
	give_up 'nginx does not start'
founders=("$server")
# The first answer comes when there is a worker to give it.
[[ $(fetch note) == "$first" ]] || give_up 'nginx does not answer'
mapfile -t holders < <(family "$server" | grep -vx "$server")
run_rounds
