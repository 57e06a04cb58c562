// SPDX-License-Identifier: MIT
// A JVM that finds out by itself whether something is wrong with it: many threads make
// garbage and compare what they computed with what it must be, while the collector runs.
// Commands come on standard input, each is answered by one line (talker.sh).
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

public class Checker {
	static final int THREADS = 32;
	static final AtomicLong operations = new AtomicLong(), errors = new AtomicLong();
	// Outside of the heap: the collector never moves it.
	static final ByteBuffer value = ByteBuffer.allocateDirect(200);
	static int valueLength;
	static final Map<Integer, String> kept = new HashMap<>();
	static long end, collectionsBefore;
	static CountDownLatch done = new CountDownLatch(0);

	static long work(long seed) {
		Random random = new Random(seed);
		List<String> words = new ArrayList<>();
		Map<String, Integer> counts = new HashMap<>();
		for (int i = 0; i < 400; i++) {
			String word = Integer.toString(random.nextInt(1000), 36);
			words.add(word);
			counts.merge(word, 1, Integer::sum);
		}
		Collections.sort(words);
		long sum = 0;
		for (String word : words)
			sum = sum * 31 + word.hashCode() + counts.get(word);
		return sum;
	}

	static long collections() {
		return ManagementFactory.getGarbageCollectorMXBeans().stream()
			.mapToLong(bean -> bean.getCollectionCount()).sum();
	}

	static void run(long milliseconds) {
		operations.set(0);
		errors.set(0);
		collectionsBefore = collections();
		end = System.nanoTime() + milliseconds * 1_000_000;
		done = new CountDownLatch(THREADS);
		for (int i = 0; i < THREADS; i++) {
			long seed = i;
			Thread thread = new Thread(() -> {
				try {
					long expected = work(seed);
					while (System.nanoTime() < end) {
						if (work(seed) != expected)
							errors.incrementAndGet();
						operations.incrementAndGet();
					}
				} catch (Throwable wrong) {
					wrong.printStackTrace();
					errors.incrementAndGet();
				} finally {
					done.countDown();
				}
			});
			thread.setDaemon(true);
			thread.start();
		}
	}

	// A round in which nothing was collected has tried nothing.
	static String await() throws InterruptedException {
		done.await();
		if (collections() == collectionsBefore)
			errors.incrementAndGet();
		return operations + " " + errors;
	}

	static String check() {
		int wrong = 0;
		for (int i = 0; i < 20000; i++)
			if (!("entry " + i).equals(kept.get(i)))
				wrong++;
		return wrong + " wrong of " + kept.size();
	}

	static void keep(String text) {
		byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
		value.clear();
		value.put(bytes);
		valueLength = bytes.length;
	}

	static String value() {
		byte[] bytes = new byte[valueLength];
		value.get(0, bytes);
		return new String(bytes, StandardCharsets.US_ASCII);
	}

	public static void main(String[] arguments) throws Exception {
		for (int i = 0; i < 20000; i++)
			kept.put(i, "entry " + i);
		BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
		System.out.println(ProcessHandle.current().pid());
		for (String line; (line = input.readLine()) != null;) {
			String[] words = line.split(" ", 2);
			switch (words[0]) {
			case "keep": keep(words[1]); System.out.println("kept"); break;
			case "run": run(Long.parseLong(words[1])); System.out.println("running"); break;
			case "value": System.out.println(value()); break;
			case "busy": System.out.println(done.getCount() > 0 ? "yes" : "no"); break;
			case "wait": System.out.println(await()); break;
			case "check": System.out.println(check()); break;
			default: System.out.println("what?");
			}
		}
	}
}
