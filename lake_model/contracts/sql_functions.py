"""The Spark SQL functions that an expression of a contract may call.

A contract is data that many may edit, and its expressions run with the rights of the job. So only functions are let
through that compute with the values of one row: none that calls Java, a server or a model, reads a file or a secret,
depends on who or where it runs, or differs from run to run. Each is a builtin of Spark 4.1.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALLOWED = _words("""
    abs acos acosh asin asinh atan atan2 atanh bin bround cbrt ceil ceiling conv cos cosh cot csc degrees e exp
    expm1 factorial floor greatest hex hypot least ln log log10 log1p log2 mod negative pi pmod positive pow power
    radians rint round sec shiftleft shiftright shiftrightunsigned sign signum sin sinh sqrt tan tanh try_add
    try_divide try_mod try_multiply try_subtract unhex width_bucket bit_count bit_get getbit

    bigint binary boolean cast date decimal double float int smallint string timestamp tinyint try_cast to_binary
    to_char to_number to_varchar try_to_binary try_to_number typeof

    add_months convert_timezone date_add date_diff date_format date_from_unix_date date_part date_sub date_trunc
    dateadd datediff datepart day dayname dayofmonth dayofweek dayofyear extract from_unixtime from_utc_timestamp
    hour last_day make_date make_dt_interval make_interval make_timestamp make_timestamp_ltz make_timestamp_ntz
    make_ym_interval minute month monthname months_between next_day quarter second timestamp_micros timestamp_millis
    timestamp_seconds timestampadd timestampdiff to_date to_timestamp to_timestamp_ltz to_timestamp_ntz
    to_unix_timestamp to_utc_timestamp trunc try_make_interval try_make_timestamp try_make_timestamp_ltz
    try_make_timestamp_ntz try_to_date try_to_timestamp unix_date unix_micros unix_millis unix_seconds
    unix_timestamp weekday weekofyear year

    ascii base64 bit_length btrim char char_length character_length chr collate collation concat concat_ws contains
    decode elt encode endswith find_in_set format_number format_string initcap instr is_valid_utf8 lcase left len
    length levenshtein locate lower lpad ltrim luhn_check make_valid_utf8 mask octet_length overlay position printf
    regexp_count regexp_extract regexp_extract_all regexp_instr regexp_replace regexp_substr repeat replace reverse
    right rpad rtrim sentences soundex space split split_part startswith substr substring substring_index translate
    trim try_validate_utf8 ucase unbase64 upper validate_utf8

    coalesce equal_null if ifnull ilike isnan isnotnull isnull like nanvl nullif nullifzero nvl nvl2 regexp
    regexp_like rlike zeroifnull

    crc32 hash md5 sha sha1 sha2 xxhash64

    from_csv from_json get_json_object is_variant_null json_array_length json_object_keys parse_json schema_of_csv
    schema_of_json schema_of_variant to_csv to_json try_parse_json try_variant_get variant_get parse_url
    try_parse_url try_url_decode url_decode url_encode

    aggregate array array_append array_compact array_contains array_distinct array_except array_insert
    array_intersect array_join array_max array_min array_position array_prepend array_remove array_repeat array_size
    array_sort array_union arrays_overlap arrays_zip cardinality element_at exists filter flatten forall get map
    map_concat map_contains_key map_entries map_filter map_from_arrays map_from_entries map_keys map_values
    map_zip_with named_struct reduce sequence size slice sort_array str_to_map struct transform transform_keys
    transform_values try_element_at zip_with
""")
# What differs from run to run, so that a rerun would change rows.
UNSTABLE = _words("""
    curdate current_catalog current_database current_date current_schema current_time current_timestamp
    current_timezone current_user input_file_block_length input_file_block_start input_file_name localtimestamp
    monotonically_increasing_id now rand randn random randstr session_user shuffle spark_partition_id uniform user
    uuid version
""")
# Of those, what Spark takes without brackets, unless a column has that name.
UNSTABLE_WORDS = _words("""
    current_catalog current_database current_date current_schema current_time current_timestamp current_user
    localtimestamp session_user user
""")
# They give the time where nothing is given to them.
UNSTABLE_WITHOUT_ARGUMENTS = _words("unix_timestamp to_unix_timestamp")
# Words before a bracket that call nothing.
SYNTAX = _words("""
    and any as between by case character dec div else end escape for from in interval is not null numeric on or over
    some then using varchar when xor
""")
# They take a regular expression.
PATTERN_WORDS = _words("""
    regexp regexp_count regexp_extract regexp_extract_all regexp_instr regexp_like regexp_replace regexp_substr rlike
    split
""")
