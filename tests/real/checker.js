// SPDX-License-Identifier: MIT
// node, finding out by itself whether something is wrong with it: the main thread and two
// workers make garbage and compare what they computed with what it must be.
// Commands come on standard input, each is answered by one line (talker.sh).
'use strict';
const { Worker, isMainThread, parentPort } = require('worker_threads');

const WORKERS = 2;

function work(seed) {
	const counts = new Map();
	let state = seed >>> 0, sum = 0;
	const words = [];
	for (let i = 0; i < 400; i++) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		const word = (state % 1000).toString(36);
		words.push({ word, text: 'word ' + word });
		counts.set(word, (counts.get(word) || 0) + 1);
	}
	words.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
	for (const { word, text } of words)
		sum = (Math.imul(sum, 31) + text.length * text.charCodeAt(5) + counts.get(word)) | 0;
	return sum;
}

/* A slice of work, then the event loop again; calls `report` when the time is over. */
function workUntil(end, seed, report) {
	const expected = work(seed);
	let operations = 0, errors = 0;
	(function slice() {
		for (let i = 0; i < 20; i++, operations++)
			errors += work(seed) !== expected;
		if (Date.now() < end)
			setImmediate(slice);
		else
			report(operations, errors);
	})();
}

function beWorker() {
	parentPort.on('message', ({ end, seed }) =>
		workUntil(end, seed, (operations, errors) => parentPort.postMessage({ operations, errors })));
}

function beMain() {
	// Larger than what node keeps small buffers in: memory of its own, never moved.
	const value = Buffer.alloc(16384);
	let valueLength = 0, running = 0, operations = 0, errors = 0, waiting = null;
	const kept = new Map();
	for (let i = 0; i < 20000; i++)
		kept.set(i, 'entry ' + i);

	function finished(more, wrong) {
		operations += more;
		errors += wrong;
		if (--running === 0 && waiting)
			waiting();
	}
	const workers = [];
	for (let i = 0; i < WORKERS; i++) {
		const worker = new Worker(__filename);
		worker.on('message', (told) => finished(told.operations, told.errors));
		worker.on('error', (wrong) => { console.error(wrong); finished(0, 1); });
		worker.unref();
		workers.push(worker);
	}

	function run(milliseconds) {
		const end = Date.now() + milliseconds;
		operations = errors = 0;
		running = 1 + WORKERS;
		workers.forEach((worker, i) => worker.postMessage({ end, seed: i + 2 }));
		setImmediate(() => workUntil(end, 1, finished));
		return 'running';
	}
	function check() {
		let wrong = 0;
		for (let i = 0; i < 20000; i++)
			wrong += kept.get(i) !== 'entry ' + i;
		return wrong + ' wrong of ' + kept.size;
	}
	function obey(line) {
		const space = line.indexOf(' ');
		const word = space < 0 ? line : line.slice(0, space), rest = line.slice(space + 1);
		switch (word) {
		case 'keep': valueLength = value.write(rest, 'latin1'); return 'kept';
		case 'run': return run(Number(rest));
		case 'value': return value.toString('latin1', 0, valueLength);
		case 'busy': return running ? 'yes' : 'no';
		case 'check': return check();
		}
		return 'what?';
	}
	const tell = (text) => process.stdout.write(text + '\n');
	require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
		if (line !== 'wait')
			return tell(obey(line));
		waiting = () => { waiting = null; tell(operations + ' ' + errors); };
		if (!running)
			waiting();
	}).on('close', () => process.exit(0));
	tell(String(process.pid));
}

if (isMainThread)
	beMain();
else
	beWorker();
