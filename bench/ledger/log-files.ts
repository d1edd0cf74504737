import pg from 'pg'

/** Of 16 MB each: as many as PostgreSQL's log has at most between two checkpoints, as it ships (`max_wal_size`). */
const LOG_FILES = 64

/**
 * Has the server make the files of its log, and keep them to be written over, as one does that is as busy all the time. A new
 * server makes each file when it comes to it: 16 MB of zeros, for which everyone waits until they are on the disk.
 */
export async function makeLogFiles(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query("ALTER SYSTEM SET min_wal_size = '1GB'")
    await client.query('SELECT pg_reload_conf()')
    for (let made = 0; made < LOG_FILES; made++) {
      await client.query("SELECT pg_logical_emit_message(true, 'bench', 'a file with nothing in it is not left')")
      await client.query('SELECT pg_switch_wal()')
    }
    await client.query('CHECKPOINT') // from here on they are written over
  } finally {
    await client.end()
  }
}
