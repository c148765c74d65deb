import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { kysely } from '../../database/kysely.ts'
import type { Headroom } from '../../files/headroom.ts'
import { OciError } from '../../oci/errors.ts'
import { type Database, DatabaseError } from '../database.ts'
import { migrateToLatest } from '../migrate.ts'
import type { Schema } from '../schema.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { FileIdentity, type OnReplaced } from './file-identity.ts'
import { fillSharedMemory } from './fill-shared-memory.ts'
import { createFirstRowReader } from './first-row-reader.ts'
import { connectFrozen, FrozenFile } from './frozen-file.ts'
import { ReadSnapshot } from './read-snapshot.ts'
import { RowMemory } from './row-memory.ts'
import { FULL_MESSAGE } from './sqlite-fault.ts'

/** Longest wait of SQLite itself for another process, in milliseconds: where a connection is opened, and to read. */
const BUSY_TIMEOUT_MS = 5_000
/** Page cache of each connection, in KiB: keeps the idle process small. */
const CACHE_KIB = 8_192
/** As SQLite says it (sqlite.org/rescode.html#full). */
const FULL: Error = Object.assign(new Error('database or disk is full'), { errcode: 13 })

/** How a database is opened. */
export interface OpenSqliteOptions {
  readonly onReplaced?: OnReplaced | undefined
  /** Given up when the disk is full. */
  readonly headroom?: Headroom | undefined
  /**
   * The database is read as it is, without locks: for a disk with no room for SQLite's side files. Once another process
   * has changed it, nothing is answered any more.
   */
  readonly isFrozen?: boolean
}

/**
 * Opens the database file, creating it, and brings its schema up to date. Once another file is in its place, nothing is
 * written any more and `onReplaced` is called.
 * Errors: `DatabaseError` `SCHEMA_TOO_NEW`, or `DATABASE_UNUSABLE` if it cannot be opened or is no database.
 */
export async function openSqliteDatabase(
  file: string,
  { onReplaced = () => {}, headroom, isFrozen = false }: OpenSqliteOptions = {},
): Promise<Database> {
  const connectTo = isFrozen ? connectFrozen : connect
  const memory = new RowMemory()
  makePrivateFile(file)
  const identity = new FileIdentity(file, onReplaced)
  const frozen = isFrozen ? new FrozenFile(file) : undefined
  const snapshot = new ReadSnapshot(
    () => memory.clear(),
    () => frozen?.check(),
  )
  const checkFile = (): void => {
    identity.check()
    frozen?.check()
  }
  const makeRoom = (): void => {
    if (!isFrozen && headroom?.makeRoom() === false)
      throw new OciError('STORAGE_FULL', { message: FULL_MESSAGE, cause: FULL })
  }
  let readers: DatabaseSync | undefined
  const openReaders = (): DatabaseSync => {
    if (!readers) {
      readers = connectTo(file)
      snapshot.attach(readers)
    }
    return readers
  }
  const onFull = (): void => void headroom?.giveUp()
  let closeSharedMemory = (): void => {}
  const open = (): DatabaseSync => {
    if (isFrozen) return connectFrozen(file)
    makeRoom()
    const connection = connect(file)
    closeSharedMemory = fillSharedMemory(connection, file)
    return connection
  }
  const writer = new kysely.Kysely<Schema>({
    dialect: new NodeSqliteDialect({ open, role: 'writer', snapshot, checkFile, makeRoom, onFull }),
  })
  const reader = new kysely.Kysely<Schema>({
    dialect: new NodeSqliteDialect({ open: openReaders, role: 'reader', snapshot }),
  })
  const close = async (): Promise<void> => {
    await reader.destroy()
    if (readers?.isOpen) {
      snapshot.end()
      readers.close()
    }
    await writer.destroy()
    closeSharedMemory()
  }
  try {
    await migrateToLatest(writer)
    if (!isFrozen) identity.addSideFiles()
  } catch (error) {
    await close()
    if (error instanceof DatabaseError) throw error
    throw new DatabaseError('DATABASE_UNUSABLE', `The database cannot be opened: ${reasonOf(error)}`, error)
  }
  const prepareFirst = createFirstRowReader({ connection: openReaders, snapshot, memory })
  return { reader, writer, prepareFirst, checkFile, close }
}

/** It holds password hashes and signing keys: nobody but its owner reads it. SQLite gives its side files the same mode. */
function makePrivateFile(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  try {
    db.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -${CACHE_KIB}`)
  } catch (error) {
    // What holds it open would keep the next attempt out.
    db.close()
    throw error
  }
  return db
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
