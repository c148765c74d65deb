import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { PRIVATE_FILE } from '../../files/durable.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import { BackupError } from './backup-error.ts'
import { type FoundGeneration, LIST_FILE } from './backup-folder.ts'
import type { StoredFile } from './generation.ts'
import { hashFile } from './stored-files.ts'

/** A line of the list: a blob that the facts need. */
export interface ListedBlob {
  readonly digest: Digest
  readonly size: number
  /** False: it could not be copied. */
  readonly isThere: boolean
}

/** Writes the list of a generation's blobs, which come by digest. */
export class BlobListWriter implements AsyncDisposable {
  readonly #file: Awaited<ReturnType<typeof open>>
  readonly #hash = createHash('sha256')
  #bytes = 0

  private constructor(file: Awaited<ReturnType<typeof open>>) {
    this.#file = file
  }

  /** Makes the file in the folder of a generation. */
  static async open(folder: string): Promise<BlobListWriter> {
    return new BlobListWriter(await open(join(folder, LIST_FILE), 'w', PRIVATE_FILE))
  }

  async write(blobs: readonly ListedBlob[]): Promise<void> {
    const lines = blobs.map(({ digest, size, isThere }) => `${digest} ${size}${isThere ? '' : ' bad'}\n`)
    const bytes = Buffer.from(lines.join(''))
    this.#hash.update(bytes)
    this.#bytes += bytes.length
    await this.#file.writeFile(bytes)
  }

  /** Makes it durable. */
  async end(): Promise<StoredFile> {
    await this.#file.sync()
    return { path: LIST_FILE, bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close()
  }
}

/** The blobs of a generation, by digest. The list is checked before the first. Errors: `BackupError` `BACKUP_DAMAGED`. */
export async function* readBlobList(found: FoundGeneration): AsyncGenerator<ListedBlob> {
  await requireWhole(found, found.generation.list)
  await using file = await open(join(found.folder, LIST_FILE), 'r')
  for await (const line of file.readLines()) {
    const [digest = '', size = '', mark] = line.split(' ')
    if (!isDigest(digest)) throw damaged(join(found.folder, LIST_FILE))
    yield { digest, size: Number(size), isThere: mark === undefined }
  }
}

/** Checks a file of a generation against its checksum. Errors: `BackupError` `BACKUP_DAMAGED`. */
export async function requireWhole({ folder }: FoundGeneration, file: StoredFile): Promise<void> {
  const path = join(folder, file.path)
  const found = await hashFile(path).catch((error: unknown) => error as Error)
  if (found instanceof Error) throw damaged(path, found)
  if (found.bytes !== file.bytes || found.sha256 !== file.sha256) throw damaged(path)
}

function damaged(path: string, cause?: Error): BackupError {
  return new BackupError(
    'BACKUP_DAMAGED',
    cause ? `${path} of the backup cannot be read: ${cause.message}` : `${path} of the backup is damaged`,
    'Use another generation: "berth backup list" shows them',
    cause,
  )
}
