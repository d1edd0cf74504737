/**
 * What a word is in SQL. `k` keyword, `U` union, `B` group or order by, `E` begins a statement, `T` begins one of a procedural
 * dialect, `t` a type, `f` a function, `o` an operator, `&` and, or; `1` a constant.
 */
export type WordKind = 'k' | 'U' | 'B' | 'E' | 'T' | 't' | 'f' | 'o' | '&' | '1' | 'A'

const WORDS: Readonly<Record<WordKind, string>> = {
  U: 'union except intersect minus ',
  B: 'having limit procedure own3d',
  E: `select insert update delete replace merge create alter drop truncate rename call execute exec handler load show
    describe desc explain set use grant revoke backup restore dbcc shutdown waitfor with declare do copy`,
  T: 'if begin while end elseif loop repeat goto return kill print raiserror openrowset opendatasource else',
  '&': 'and or xor && || ',
  o: `like rlike regexp similar between in is div mod ilike glob match isnull notnull not at_time overlaps collation binary`,
  t: `int integer bigint smallint tinyint mediumint char varchar nvarchar nchar text date datetime time timestamp double
    float decimal numeric real boolean blob varbinary unsigned signed character money bit year`,
  k: `from where join into values as on by all distinct table case when then using natural left right inner outer cross full
    offset fetch top escape returning cursor column database schema index view trigger outfile dumpfile infile local partition
    for read only lock unlock primary key references default constraint asc cascade exists any some interval rollup over rows percent nowait own `,
  A: 'collate',
  '1': `null true false current_date current_time current_timestamp localtime localtimestamp utc_date utc_time utc_timestamp
    unknown rownum`,
  f: `abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg benchmark bin bit_and bit_count bit_length
    bit_or bit_xor cast ceil ceiling char_length character_length charindex checksum chr coalesce coercibility col_length
    compress concat concat_ws connection_id conv convert convert_tz cos cot count crc32 current_user curdate curtime
    database_to_xml date_add date_format date_sub datediff datename datepart day dayname dayofmonth dayofweek dayofyear
    db_id db_name dbms_pipe.receive_message dbms_lock.sleep dbms_utility.sqlid_to_sqlhash decode decrypt degrees difference
    elt encode encrypt exp export_set extract extractvalue field file_name find_in_set floor format found_rows from_base64
    from_days from_unixtime generate_series get_format get_lock getdate getutcdate greatest group_concat has_dbaccess
    has_perms_by_name hex host_id host_name hour ident_current ident_incr ident_seed ifnull iif inet_aton inet_ntoa instr
    is_free_lock is_member is_srvrolemember is_used_lock isdate isnumeric last_day last_insert_id lastval lcase least
    len length list_to_string ln load_extension load_file locate log log10 log2 lower lpad ltrim make_set makedate maketime
    master_pos_wait max md5 microsecond mid min minute month monthname name_const newid now nullif nvl nvl2 object_id
    object_name octet_length oct old_password openquery ord parsename password patindex period_add period_diff pg_backend_pid
    pg_cancel_backend pg_client_encoding pg_read_file pg_ls_dir pg_sleep pg_user pi position pow power quarter quote quotename
    radians rand random randomblob regexp_instr regexp_like regexp_replace regexp_substr release_lock replicate reverse round row_count row_number rpad rtrim schema_name second sec_to_time session_user sha sha1 sha2 sign sin sleep soundex space
    sqlite_version sqrt stddev str str_to_date strcmp string_agg strftime stuff subdate substr substring substring_index subtime
    sum suser_id suser_name suser_sname sys_context sys_eval sys_exec sysdate system_user tan time_format time_to_sec timediff
    timestampadd timestampdiff to_base64 to_char to_date to_days to_number to_timestamp translate trim typeof ucase uncompress
    unhex unicode unix_timestamp updatexml upper user user_id user_name utl_http.request utl_inaddr.get_host_address uuid
    uuid_short variance var_samp version week weekday weekofyear xmltype xp_cmdshell xp_dirtree xp_regread yearweek zeroblob
    json_extract json_keys json_value jsonb_path_query row_to_json query_to_xml array_agg quote_literal gtid_subset ctxsys.drithsx.sn row
    ctxsys.ctx_report.token_type polygon multipoint linestring geometrycollection multipolygon multilinestring sp_executesql
    sp_password sp_configure fn_virtualfilestats current_schema current_database current_setting`,
}

const PHRASES: Readonly<Record<'U' | 'B' | '&' | 'o' | 'k', string>> = {
  U: 'union all, union distinct, intersect all, except all',
  B: 'group by, order by',
  '&': 'and not, or not',
  o: `not like, not regexp, not similar, not between, not in, is not, sounds like, not ilike, not rlike, at time`,
  k: `into outfile, into dumpfile, in boolean, left join, right join, inner join, outer join, cross join, natural join,
    full join, left outer, right outer, waitfor delay, waitfor time, alter domain`,
}

const KINDS: ReadonlyMap<string, WordKind> = new Map([...listed(WORDS, /\s+/), ...listed(PHRASES, /\s*,\s*/)])

function listed(lists: Readonly<Record<string, string>>, between: RegExp): readonly (readonly [string, WordKind])[] {
  return Object.entries(lists).flatMap(([kind, words]) =>
    words.split(between).map((word) => [word, kind as WordKind] as const),
  )
}

/** What the word, or the phrase of two words, is; null when it is a name. */
export function kindOfWord(word: string): WordKind | null {
  return KINDS.get(word.toLowerCase()) ?? null
}
