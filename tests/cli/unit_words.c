/* SPDX-License-Identifier: MIT */
/* Words of the command line: numbers, addresses, values, sets of protections. */
#include "unit.h"

#include "address.h"
#include "failure.h"
#include "modules.h"
#include "number.h"
#include "region_list.h"
#include "value.h"

static void number_well_formed_is_read(void **state)
{
	uint64_t value;

	assert_int_equal(number_read("0", &value), NUMBER_FINE);
	assert_int_equal(value, 0);
	assert_int_equal(number_read("18446744073709551615", &value), NUMBER_FINE);
	assert_true(value == UINT64_MAX);
	assert_int_equal(number_read("0xffffffffffffffff", &value), NUMBER_FINE);
	assert_true(value == UINT64_MAX);
	assert_int_equal(number_read("0XaB", &value), NUMBER_FINE);
	assert_int_equal(value, 0xab);
	assert_int_equal(number_read("0x00ff", &value), NUMBER_FINE);
	assert_int_equal(value, 0xff);
}

static void number_malformed_is_refused(void **state)
{
	static const char *const words[] = {"",   " ",    "-1",   "+1",    " 1",  "1 ",
					    "0x", "0x-1", "0x 1", "x1",    "12a", "010",
					    "00", "1.0",  "0xg",  "0x0x1", "1e3"};
	uint64_t value = 77;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(number_read(words[i], &value), NUMBER_MALFORMED);
	assert_int_equal(number_read("18446744073709551616", &value), NUMBER_TOO_LARGE);
	assert_int_equal(number_read("0x10000000000000000", &value), NUMBER_TOO_LARGE);
	assert_int_equal(value, 77);
}

static void size_with_unit_is_multiplied(void **state)
{
	uint64_t value;

	assert_int_equal(number_parse_size("3K", "size", &value), STATUS_DONE);
	assert_int_equal(value, 3072);
	assert_int_equal(number_parse_size("0x10m", "size", &value), STATUS_DONE);
	assert_int_equal(value, 16 << 20);
	assert_int_equal(number_parse_size("16777215T", "size", &value), STATUS_DONE);
	assert_true(value == 16777215ull << 40);
	assert_int_equal(number_parse_size("16777216T", "size", &value), STATUS_USAGE);
	assert_int_equal(number_parse_size("K", "size", &value), STATUS_USAGE);
	assert_int_equal(number_parse_size("1KK", "size", &value), STATUS_USAGE);
	assert_int_equal(number_parse_size("", "size", &value), STATUS_USAGE);
}

static void expect_address(const char *text, enum address_kind kind, const char *module,
			   const char *name, uint64_t number, int64_t offset)
{
	struct address address;

	assert_int_equal(address_parse(&address, text), STATUS_DONE);
	assert_int_equal(address.kind, kind);
	assert_true(address.number == number);
	assert_true(address.offset == offset);
	assert_string_equal(address.module ? address.module : "-", module);
	assert_string_equal(address.name ? address.name : "-", name);
	address_free(&address);
}

static void address_well_formed_is_taken_apart(void **state)
{
	expect_address("4096", ADDRESS_NUMBER, "-", "-", 4096, 0);
	expect_address("0x7fff00000000+0x10", ADDRESS_NUMBER, "-", "-", 0x7fff00000000, 16);
	expect_address("counter", ADDRESS_NAME, "-", "counter", 0, 0);
	expect_address("counter+8", ADDRESS_NAME, "-", "counter", 0, 8);
	expect_address("counter+8-0x20+1", ADDRESS_NAME, "-", "counter", 0, -23);
	expect_address("libc:environ", ADDRESS_NAME, "libc", "environ", 0, 0);
	expect_address("/lib/a:b.so:f+1", ADDRESS_NAME, "/lib/a:b.so", "f", 0, 1);
	expect_address("redis-server+0x1234", ADDRESS_NAME, "-", "redis-server", 0, 0x1234);
	expect_address("[heap]", ADDRESS_REGION, "-", "[heap]", 0, 0);
	expect_address("[heap]+16", ADDRESS_REGION, "-", "[heap]", 0, 16);
	expect_address("[anon:a-1]", ADDRESS_REGION, "-", "[anon:a-1]", 0, 0);
	expect_address("[anon:a+1]-4", ADDRESS_REGION, "-", "[anon:a+1]", 0, -4);
	expect_address("[anon:a]b]", ADDRESS_REGION, "-", "[anon:a]b]", 0, 0);
	expect_address("[vdso]:time+2", ADDRESS_NAME, "[vdso]", "time", 0, 2);
	expect_address("f+zz", ADDRESS_NAME, "-", "f+zz", 0, 0);
	expect_address("f+", ADDRESS_NAME, "-", "f+", 0, 0);
}

static void address_malformed_is_refused(void **state)
{
	static const char *const words[] = {"",
					    "0x",
					    "12ab",
					    "010",
					    "0x1ffffffffffffffff",
					    "1+2x",
					    ":",
					    ":f",
					    "m:",
					    "[heap",
					    "[heap]x",
					    "[heap]:",
					    "f+99999999999999999999",
					    "f+9223372036854775807+1",
					    "f-0x8000000000000000"};
	struct address address;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(address_parse(&address, words[i]), STATUS_USAGE);
		address_free(&address);
	}
}

static int resolve_fixed(void *cookie, const char *text, uint64_t *address)
{
	if (strcmp(text, "there"))
		return STATUS_ADDRESS;
	*address = *(uint64_t *)cookie;
	return STATUS_DONE;
}

static int parse(struct values *values, unsigned word, int wildcards, uint64_t pointer, int count,
		 char **words)
{
	const struct value_context context = {word, wildcards, resolve_fixed, &pointer};

	*values = (struct values){0};
	return values_parse(values, &context, words, count);
}

/* The words stay as they are, but argv is not const. */
#define PARSE(values, ...)                                            \
	parse(values, 8, 1, 0x1122334455667788,                       \
	      sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
	      (char **)(uintptr_t)(const char *[]){__VA_ARGS__})

static void expect_bytes(struct values *values, const void *data, const void *mask, size_t size,
			 unsigned alignment)
{
	assert_int_equal(values->data.size, size);
	assert_int_equal(values->mask.size, size);
	assert_memory_equal(values->data.data, data, size);
	if (mask)
		assert_memory_equal(values->mask.data, mask, size);
	assert_int_equal(values->alignment, alignment);
	values_free(values);
}

static void values_of_each_type_become_bytes(void **state)
{
	struct values values;

	assert_int_equal(PARSE(&values, "u8:255", "i8:-128", "u16:0x1234"), STATUS_DONE);
	expect_bytes(&values, "\xff\x80\x34\x12", NULL, 4, 2);
	assert_int_equal(PARSE(&values, "i64:-9223372036854775808"), STATUS_DONE);
	expect_bytes(&values, "\0\0\0\0\0\0\0\x80", NULL, 8, 8);
	assert_int_equal(PARSE(&values, "i32:+5", "u32:-0"), STATUS_DONE);
	expect_bytes(&values, "\5\0\0\0\0\0\0\0", NULL, 8, 4);
	assert_int_equal(PARSE(&values, "f32:-1.5"), STATUS_DONE);
	expect_bytes(&values, "\0\0\xc0\xbf", NULL, 4, 4);
	assert_int_equal(PARSE(&values, "f64:inf"), STATUS_DONE);
	expect_bytes(&values, "\0\0\0\0\0\0\xf0\x7f", NULL, 8, 8);
	assert_int_equal(PARSE(&values, "ptr:there"), STATUS_DONE);
	expect_bytes(&values, "\x88\x77\x66\x55\x44\x33\x22\x11", NULL, 8, 8);
	assert_int_equal(PARSE(&values, "str:a:b \\n"), STATUS_DONE);
	expect_bytes(&values, "a:b \\n", NULL, 6, 1);
	assert_int_equal(PARSE(&values, "str:"), STATUS_DONE);
	assert_int_equal(values.data.size, 0);
	values_free(&values);
}

static void values_hex_takes_spaces_words_and_wildcards(void **state)
{
	struct values values;

	assert_int_equal(PARSE(&values, "hex:de AD", "?? be", "ef", "u8:1"), STATUS_DONE);
	expect_bytes(&values, "\xde\xad\0\xbe\xef\1", "\xff\xff\0\xff\xff\xff", 6, 1);
	assert_int_equal(PARSE(&values, "hex:", "0102"), STATUS_DONE);
	expect_bytes(&values, "\1\2", "\xff\xff", 2, 1);
}

static void values_pointer_has_the_length_of_the_target(void **state)
{
	char *word = (char *)(uintptr_t) "ptr:there";
	struct values values;

	assert_int_equal(parse(&values, 4, 0, 0xfffffffe, 1, &word), STATUS_DONE);
	expect_bytes(&values, "\xfe\xff\xff\xff", NULL, 4, 4);
	assert_int_equal(parse(&values, 4, 0, 0x100000000, 1, &word), STATUS_USAGE);
	values_free(&values);
}

static void values_out_of_range_are_refused(void **state)
{
	static char words[][40] = {"u8:256",
				   "u8:-1",
				   "i8:128",
				   "i8:-129",
				   "u16:65536",
				   "i16:32768",
				   "u32:4294967296",
				   "i32:2147483648",
				   "i32:-2147483649",
				   "u64:18446744073709551616",
				   "i64:9223372036854775808",
				   "i64:-9223372036854775809",
				   "u64:-1",
				   "f32:3.5e38",
				   "f32:-1e39",
				   "f64:1e309",
				   "f64:-1e309"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct values values;

		assert_int_equal(PARSE(&values, words[i]), STATUS_USAGE);
		assert_int_equal(values.data.size, 0);
		values_free(&values);
	}
}

static void values_malformed_are_refused(void **state)
{
	static char words[][24] = {"",       "12",     "u8",       "u8:",     "u8: 1",   "u8:1 ",
				   "u8:--1", "u9:1",   ":1",       "u:1",     "f32:",    "f32:x",
				   "f64: 1", "f64:1 ", "hex:a",    "hex:abc", "hex:a b", "hex:zz",
				   "hex:?",  "hex:a?", "hex:0x12", "ptr:",    "i8:1u"};
	struct values values;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_not_equal(PARSE(&values, words[i]), STATUS_DONE);
		values_free(&values);
	}
	/* Only hex goes on without a type. */
	assert_int_equal(PARSE(&values, "u8:1", "02"), STATUS_USAGE);
	values_free(&values);
}

static void values_wildcard_is_refused_where_bytes_are_written(void **state)
{
	char *word = (char *)(uintptr_t) "hex:12 ??";
	struct values values;

	assert_int_equal(parse(&values, 8, 0, 0, 1, &word), STATUS_USAGE);
	values_free(&values);
}

static void permissions_letters_and_places(void **state)
{
	const vm_prot_t r = VM_PROT_READ, w = VM_PROT_WRITE, x = VM_PROT_EXECUTE;
	static const char *const wrong[] = {"", "q", "wr-", "r-", "rw-q", "r-xps", "-----", "--r"};
	struct region_filter filter = {0};

	assert_int_equal(region_filter_permit(&filter, "wr"), STATUS_DONE);
	assert_true(filter.with == (r | w) && !filter.without && !filter.shared);
	assert_int_equal(region_filter_permit(&filter, "r-x"), STATUS_DONE);
	assert_true(filter.with == (r | x) && filter.without == w);
	assert_int_equal(region_filter_permit(&filter, "?w?s"), STATUS_DONE);
	assert_true(filter.with == w && !filter.without && filter.shared == 1);
	assert_int_equal(region_filter_permit(&filter, "---p"), STATUS_DONE);
	assert_true(!filter.with && filter.without == (r | w | x) && filter.shared == -1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(region_filter_permit(&filter, wrong[i]), STATUS_USAGE);
}

static int module_fits(const char *path, const char *name)
{
	struct module module = {.path = (char *)(uintptr_t)path};
	const char *slash = strrchr(path, '/');

	module.name = slash ? slash + 1 : path;
	return module_is(&module, name);
}

static void module_is_called_by_path_file_and_stem(void **state)
{
	assert_true(module_fits("/lib/libc.so.6", "/lib/libc.so.6"));
	assert_true(module_fits("/lib/libc.so.6", "libc.so.6"));
	assert_true(module_fits("/lib/libc.so.6", "libc"));
	assert_true(module_fits("/lib/libc-2.31.so", "libc"));
	assert_true(module_fits("/bin/redis-server", "redis-server"));
	assert_true(module_fits("[vdso]", "[vdso]"));
	assert_false(module_fits("/lib/libc.so.6", "lib"));
	assert_false(module_fits("/lib/libc.so.6", ""));
	assert_false(module_fits("/lib/libcrypto.so.3", "libc"));
	assert_false(module_fits("/bin/redis-server", "redis"));
	assert_false(module_fits("/lib/libgcc-9x.so", "libgcc"));
	assert_false(module_fits("/lib/libc.conf", "libc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_well_formed_is_read),
		cmocka_unit_test(number_malformed_is_refused),
		cmocka_unit_test(size_with_unit_is_multiplied),
		cmocka_unit_test(address_well_formed_is_taken_apart),
		cmocka_unit_test(address_malformed_is_refused),
		cmocka_unit_test(values_of_each_type_become_bytes),
		cmocka_unit_test(values_hex_takes_spaces_words_and_wildcards),
		cmocka_unit_test(values_pointer_has_the_length_of_the_target),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(values_malformed_are_refused),
		cmocka_unit_test(values_wildcard_is_refused_where_bytes_are_written),
		cmocka_unit_test(permissions_letters_and_places),
		cmocka_unit_test(module_is_called_by_path_file_and_stem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
