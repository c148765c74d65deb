import { randomBytes } from 'node:crypto'
import { chmod, open, readdir, readFile, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, moveDurably } from '../../../files/durable.ts'
import { AcmeError } from '../client/requests/acme-error.ts'

/** Kinds of records, each a folder. */
const KINDS = ['accounts', 'certificates'] as const
/** A kind of record. */
type RecordKind = (typeof KINDS)[number]

/** Only the owner has access: the records hold private keys. */
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const RECORD_ID = /^[a-z0-9.-]{1,80}$/

/**
 * Records that must survive a restart: accounts with their keys, and the state of renewal of each certificate.
 *
 * ```
 * <data>/certificates/acme/
 *   accounts/<id>.json       key and URL of an account of a CA
 *   certificates/<id>.json   attempts, last problem, next attempt, an order that was not finished
 * ```
 *
 * Each record is one file, replaced as a whole.
 */
export class AcmeStore {
  readonly #folder: string
  /** The last piece of work of each name given to {@link inTurn}. */
  readonly #turns = new Map<string, Promise<unknown>>()

  /** @param folder `<data>/certificates/acme`. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Makes the folders and proves that a file can be written and read back: without storage no order may be made, or
   * restarts would use up the CA's limits. Errors: `ACME_STORAGE_UNUSABLE`.
   */
  async prove(): Promise<void> {
    const probe = randomBytes(16).toString('hex')
    const file = join(this.#folder, `.probe-${probe}`)
    try {
      await this.#makeFolders()
      await writeSynced(file, probe)
      if ((await readFile(file, 'utf8')) !== probe) throw new Error('what was written is not what was read')
    } catch (error) {
      throw unusable(this.#folder, error)
    } finally {
      await rm(file, { force: true }).catch(() => {})
    }
  }

  /** Runs pieces of work of one name one after the other, whatever the outcome of those before. */
  async inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve()
    const turn = before.then(act, act)
    this.#turns.set(name, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name)
    }
  }

  /** Reads a record; undefined if there is none. Errors: `ACME_STORAGE_UNUSABLE`, for a file that is no JSON, too. */
  async read(kind: RecordKind, id: string): Promise<unknown> {
    const file = this.#formatPath(kind, id)
    try {
      return JSON.parse(await readFile(file, 'utf8'))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw unusable(file, error)
    }
  }

  /** The ids of all records of a kind, sorted. Errors: `ACME_STORAGE_UNUSABLE`. */
  async ids(kind: RecordKind): Promise<string[]> {
    const folder = join(this.#folder, kind)
    try {
      const names = await readdir(folder)
      return names.flatMap((name) => /^(.+)\.json$/.exec(name)?.[1] ?? []).sort()
    } catch (error) {
      if (isMissing(error)) return []
      throw unusable(folder, error)
    }
  }

  /** Writes a record; after it the record survives a power cut. Errors: `ACME_STORAGE_UNUSABLE`. */
  async write(kind: RecordKind, id: string, value: unknown): Promise<void> {
    const file = this.#formatPath(kind, id)
    const draft = `${file}.${randomBytes(6).toString('hex')}.new`
    try {
      await this.#makeFolders()
      await writeSynced(draft, `${JSON.stringify(value, undefined, 2)}\n`)
      await moveDurably(draft, file)
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {})
      throw unusable(file, error)
    }
  }

  /** Removes a record; does nothing if there is none. Errors: `ACME_STORAGE_UNUSABLE`. */
  async remove(kind: RecordKind, id: string): Promise<void> {
    const file = this.#formatPath(kind, id)
    try {
      await unlink(file)
    } catch (error) {
      if (!isMissing(error)) throw unusable(file, error)
    }
  }

  async #makeFolders(): Promise<void> {
    for (const folder of [this.#folder, ...KINDS.map((kind) => join(this.#folder, kind))]) {
      await makeFolder(folder, FOLDER_MODE)
      await chmod(folder, FOLDER_MODE)
    }
  }

  #formatPath(kind: RecordKind, id: string): string {
    if (!RECORD_ID.test(id)) throw new TypeError(`no id of a record: ${id}`)
    return join(this.#folder, kind, `${id}.json`)
  }
}

async function writeSynced(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'wx', FILE_MODE)
  await handle.writeFile(text)
  await handle.sync()
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function unusable(path: string, cause: unknown): AcmeError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AcmeError(
    'ACME_STORAGE_UNUSABLE',
    `what belongs to certificates cannot be kept in ${path}: ${reason}`,
    'Make the folder writable for the user Berth runs as, and free space; a record that is no JSON can be removed.',
    { cause },
  )
}
