/* SPDX-License-Identifier: MIT */
/* What is printed: typed values, dumps, sizes, JSON, the progress bar. */
#include "unit.h"

#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "size.h"
#include "terminal.h"
#include "typed.h"

static struct timespec now;
static int terminals; /* a bit for each descriptor */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_isatty(int fd);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	*time = now;
	return 0;
}

int __wrap_isatty(int fd)
{
	return terminals >> fd & 1;
}

static char *printed;
static size_t printed_size;

static FILE *begin(void)
{
	free(printed);
	printed = NULL;
	return open_memstream(&printed, &printed_size);
}

static void expect_typed(const char *type, const void *data, size_t size, const char *text,
			 const char *json)
{
	const struct value_type *found = value_type_find(type, strlen(type));
	struct json_object *object = typed_json(found, data, size);
	FILE *stream = begin();

	typed_print(stream, found, data, size);
	fclose(stream);
	assert_string_equal(printed, text);
	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE),
			    json);
	json_object_put(object);
}

static void typed_value_prints_as_its_type(void **state)
{
	expect_typed("u8", "\xff", 1, "255", "255");
	expect_typed("i8", "\xff", 1, "-1", "-1");
	expect_typed("i16", "\x00\x80", 2, "-32768", "-32768");
	expect_typed("u64", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "18446744073709551615",
		     "18446744073709551615");
	expect_typed("i64", "\0\0\0\0\0\0\0\x80", 8, "-9223372036854775808",
		     "-9223372036854775808");
	expect_typed("ptr", "\x01\x02\x00\x00", 4, "0x201", "\"0x201\"");
	expect_typed("f32", "\xcd\xcc\x8c\x3f", 4, "1.1", "1.1");
	expect_typed("f64", "\x9a\x99\x99\x99\x99\x99\xf1\x3f", 8, "1.1", "1.1");
	expect_typed("f64", "\0\0\0\0\0\0\xf0\xff", 8, "-inf", "\"-inf\"");
	expect_typed("hex", "\x0a", 1, "0a", "\"0a\"");
	expect_typed("str", "a\n\\\xc3\xa4", 5, "a\\x0a\\\\\xc3\xa4", "\"a\\n\\\\\xc3\xa4\"");
}

/* Every float comes back as itself. */
static void typed_float_reads_back(void **state)
{
	static const double numbers[] = {
		0.1, 1.0 / 3, 2e-308, 1.7976931348623157e308, 123456789012345680.0, 5e-324, -0.0};
	const struct value_type *type = value_type_find("f64", 3);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		FILE *stream = begin();
		double back;

		typed_print(stream, type, (const unsigned char *)&numbers[i], 8);
		fclose(stream);
		back = strtod(printed, NULL);
		assert_memory_equal(&back, &numbers[i], 8);
	}
}

static void json_text_is_always_utf8(void **state)
{
	static const struct {
		const char *raw, *clean;
	} cases[] = {
		{"plain", "plain"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"a\xff"
		 "b",
		 "a\xef\xbf\xbd"
		 "b"},
		{"\xc3", "\xef\xbf\xbd"},
		{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_object *object = json_text(cases[i].raw, strlen(cases[i].raw));

		assert_string_equal(json_object_get_string(object), cases[i].clean);
		json_object_put(object);
	}
}

static void dump_short_line_is_aligned(void **state)
{
	FILE *stream = begin();

	dump_print(stream, 0xfff, (const unsigned char *)"0123456789abcdef\x80", 17);
	fclose(stream);
	assert_string_equal(
		printed, "0x000000000fff  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  "
			 "|0123456789abcdef|\n"
			 "0x00000000100f  80                                                |.|\n");
}

static void size_reads_well(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0 B"},        {1023, "1023 B"},     {1024, "1.0 KiB"},
		     {1536, "1.5 KiB"}, {1048575, "1.0 MiB"}, {UINT64_MAX, "16.0 EiB"}};
	char text[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_print(text, sizeof(text), cases[i].bytes);
		assert_string_equal(text, cases[i].text);
	}
}

static void terminal_text_has_no_control_characters(void **state)
{
	FILE *stream = begin();

	terminal_print(stream, "a\x1b[31m\n\x7f\xc3\xa4");
	fclose(stream);
	assert_string_equal(printed, "a\\033[31m\\012\\177\xc3\xa4");
}

/* What a terminal takes for a command, what turns a name round, and what is no UTF-8. */
static void terminal_text_has_no_control_characters_of_unicode(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"a\xc2\x9b"
		 "31mb",
		 "a\\302\\23331mb"},
		{"a\x9b"
		 "31mb",
		 "a\\23331mb"},
		{"a\xe2\x80\xaetxt.exe", "a\\342\\200\\256txt.exe"},
		{"\xe2\x81\xa6", "\\342\\201\\246"},
		{"\xc2\xa0\xe2\x82\xac\xf0\x9f\x90\x80", "\xc2\xa0\xe2\x82\xac\xf0\x9f\x90\x80"},
		{"\xe2\x82", "\\342\\202"},
		{"\xc0\x9b", "\\300\\233"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *stream = begin();

		terminal_print(stream, cases[i].text);
		fclose(stream);
		assert_string_equal(printed, cases[i].shown);
	}
}

static void typed_text_does_not_steer_a_terminal(void **state)
{
	static const struct value_type type = {.kind = VALUE_TEXT};
	FILE *stream = begin();

	typed_print(stream, &type, (const unsigned char *)"a\\\xc2\x9bm\x9bm\xc3\xa4\033", 10);
	fclose(stream);
	assert_string_equal(printed, "a\\\\\\xc2\\x9bm\\x9bm\xc3\xa4\\x1b");
}

static void json_output_does_not_steer_a_terminal(void **state)
{
	FILE *stream = begin();

	json_write(stream, json_text("a\xc2\x9bm\x9b\xe2\x80\xae\x7f\033\xc3\xa4", 12));
	fclose(stream);
	assert_string_equal(printed, "\"a\\u009bm\xef\xbf\xbd\\u202e\\u007f\\u001b\xc3\xa4\"");
}

/* Runs ten steps a second long and returns what was drawn. */
static const char *draw(int on_terminals, int to_file)
{
	FILE *kept = stderr;
	struct progress progress;

	terminals = on_terminals;
	now = (struct timespec){100, 0};
	stderr = begin();
	progress_start(&progress, "reading", 1000, to_file);
	progress_advance(&progress, 100);
	for (int i = 0; i < 9; i++) {
		now.tv_sec++;
		progress_advance(&progress, 100);
	}
	progress_end(&progress);
	fclose(stderr);
	stderr = kept;
	return printed;
}

static void progress_is_drawn_on_a_terminal_only(void **state)
{
	assert_string_equal(draw(0, 1), "");
	assert_string_equal(draw(1 << STDOUT_FILENO, 1), "");
	/* The results go to the same terminal. */
	assert_string_equal(draw(1 << STDOUT_FILENO | 1 << STDERR_FILENO, 0), "");
	assert_non_null(strstr(draw(1 << STDERR_FILENO, 0), "\rreading ["));
	assert_non_null(
		strstr(draw(1 << STDOUT_FILENO | 1 << STDERR_FILENO, 1), "100%  1000 B of 1000 B"));
	/* It is gone at the end. */
	assert_string_equal(printed + strlen(printed) - 4, "\r\033[K");
}

static void progress_of_short_work_is_not_drawn(void **state)
{
	FILE *kept = stderr;
	struct progress progress;

	terminals = 1 << STDERR_FILENO;
	stderr = begin();
	progress_start(&progress, "reading", 1000, 1);
	now.tv_nsec += 200000000;
	progress_advance(&progress, 1000);
	progress_end(&progress);
	fclose(stderr);
	stderr = kept;
	assert_string_equal(printed, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typed_value_prints_as_its_type),
		cmocka_unit_test(typed_float_reads_back),
		cmocka_unit_test(json_text_is_always_utf8),
		cmocka_unit_test(dump_short_line_is_aligned),
		cmocka_unit_test(size_reads_well),
		cmocka_unit_test(terminal_text_has_no_control_characters),
		cmocka_unit_test(terminal_text_has_no_control_characters_of_unicode),
		cmocka_unit_test(typed_text_does_not_steer_a_terminal),
		cmocka_unit_test(json_output_does_not_steer_a_terminal),
		cmocka_unit_test(progress_is_drawn_on_a_terminal_only),
		cmocka_unit_test(progress_of_short_work_is_not_drawn),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(printed);
	return failed;
}
