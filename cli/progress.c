/* SPDX-License-Identifier: MIT */
/* progress - a bar on standard error while long work goes on. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"
#include "size.h"
#include "terminal.h"

#define FIRST_AFTER_MS 300
#define THEN_EVERY_MS  100
#define WIDEST         60

static struct progress *current;

static long milliseconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000;
}

static int columns(void)
{
	struct winsize window;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) || !window.ws_col)
		return 80;
	return window.ws_col;
}

static void draw(struct progress *progress)
{
	static const char full[] = "############################################################";
	char done[16], total[16], rate[16];
	long elapsed = milliseconds_since(&progress->started);
	double part = progress->total ? (double)progress->done / (double)progress->total : 1;
	int width = columns() - 56, filled;

	width = width > WIDEST ? WIDEST : width < 8 ? 8 : width;
	filled = (int)(part * width);
	size_print(done, sizeof(done), progress->done);
	size_print(total, sizeof(total), progress->total);
	size_print(rate, sizeof(rate), elapsed ? progress->done * 1000 / (uint64_t)elapsed : 0);
	fprintf(stderr, "\r%s [%s%.*s%s%*s] %3d%%  %s of %s, %s/s\033[K", progress->what,
		terminal_style(stderr, TERMINAL_GREEN), filled, full,
		terminal_style(stderr, TERMINAL_PLAIN), width - filled, "", (int)(part * 100), done,
		total, rate);
	fflush(stderr);
	progress->visible = 1;
}

void progress_start(struct progress *progress, const char *what, uint64_t total, int to_file)
{
	*progress = (struct progress){.what = what, .total = total};
	progress->wanted = isatty(STDERR_FILENO) && (to_file || !isatty(STDOUT_FILENO));
	clock_gettime(CLOCK_MONOTONIC, &progress->started);
	progress->drawn = progress->started;
	current = progress;
}

void progress_advance(struct progress *progress, uint64_t more)
{
	progress->done += more;
	if (!progress->wanted || milliseconds_since(&progress->drawn) <
					 (progress->visible ? THEN_EVERY_MS : FIRST_AFTER_MS))
		return;
	clock_gettime(CLOCK_MONOTONIC, &progress->drawn);
	draw(progress);
}

void progress_end(struct progress *progress)
{
	progress_clear();
	current = NULL;
}

void progress_clear(void)
{
	if (!current || !current->visible)
		return;
	fputs("\r\033[K", stderr);
	current->visible = 0;
}
