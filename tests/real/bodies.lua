-- SPDX-License-Identifier: MIT
-- Compares every answer's body with a file, and counts what is wrong.
local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init(arguments)
	local file = assert(io.open(arguments[1], 'rb'))
	expected = file:read('*a')
	file:close()
	wrong = 0
end

function response(status, headers, body)
	if status ~= 200 or body ~= expected then
		wrong = wrong + 1
	end
end

function done(summary, latency, requests)
	local total = 0
	for _, thread in ipairs(threads) do
		total = total + thread:get('wrong')
	end
	local errors = summary.errors
	print('wrong: ' .. total + errors.connect + errors.read + errors.write + errors.status + errors.timeout)
end
