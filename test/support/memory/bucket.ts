import { randomUUID } from 'node:crypto'
import type { OciError } from '../../../src/oci/errors.ts'

/** Least bytes of a part that is not the last one, as S3 has it (`EntityTooSmall`). */
export const MIN_PART_BYTES: number = 5 * 1024 * 1024

interface StoredObject {
  readonly bytes: Buffer
  readonly changedAt: number
}

interface Multipart {
  readonly key: string
  readonly parts: Map<number, Buffer>
  changedAt: number
}

/** An object as a list shows it. */
interface ListedObject {
  readonly key: string
  readonly size: number
  readonly changedAt: number
}

/** An upload in parts as a list shows it. */
interface ListedMultipart {
  readonly key: string
  readonly id: string
  readonly changedAt: number
}

/**
 * Objects in memory with the rules of an S3 API: whole objects only, and uploads in parts of at least
 * {@link MIN_PART_BYTES} but for the last. Parts cannot be read before the upload is completed, which ends it.
 */
export class Bucket {
  readonly #objects = new Map<string, StoredObject>()
  readonly #multiparts = new Map<string, Multipart>()
  /** Keys whose bytes the medium does not return; a new object under such a key can be read. */
  readonly unreadable: Set<string> = new Set()
  /** Every write fails with it; undefined: none does. */
  writeFault: OciError | undefined
  /** Every call fails with it; undefined: none does. */
  fault: OciError | undefined

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.#beforeWrite()
    this.unreadable.delete(key)
    this.#objects.set(key, { bytes: Buffer.from(bytes), changedAt: Date.now() })
  }

  /** Undefined if there is no such object; shorter than the span where the object ends before it. */
  async get(key: string, span?: { start: number; end: number }): Promise<Buffer | undefined> {
    this.#beforeRead()
    const bytes = this.#objects.get(key)?.bytes
    return bytes && Buffer.from(bytes.subarray(span?.start ?? 0, span?.end ?? bytes.length))
  }

  async readSize(key: string): Promise<number | undefined> {
    this.#beforeRead()
    return this.#objects.get(key)?.bytes.length
  }

  async copy(from: string, to: string): Promise<void> {
    const bytes = await this.get(from)
    if (!bytes) throw new Error(`NoSuchKey: ${from}`)
    await this.put(to, bytes)
  }

  /** Deleting what is not there is no error, as in S3. */
  async delete(key: string): Promise<void> {
    this.#beforeRead()
    this.#objects.delete(key)
  }

  /** Objects by key, those behind `after`. */
  async list(prefix: string, page: { after?: string; limit: number }): Promise<ListedObject[]> {
    this.#beforeRead()
    const { after = '', limit } = page
    return [...this.#objects]
      .filter(([key]) => key.startsWith(prefix) && key > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, { bytes, changedAt }]) => ({ key, size: bytes.length, changedAt }))
  }

  async begin(key: string): Promise<string> {
    this.#beforeWrite()
    const id = randomUUID()
    this.#multiparts.set(id, { key, parts: new Map(), changedAt: Date.now() })
    return id
  }

  async uploadPart(id: string, number: number, bytes: Buffer): Promise<void> {
    this.#beforeWrite()
    const multipart = this.#find(id)
    multipart.parts.set(number, Buffer.from(bytes))
    multipart.changedAt = Date.now()
  }

  /** Numbers of the parts that are there; undefined if the upload is not. */
  async listParts(id: string): Promise<number[] | undefined> {
    this.#beforeRead()
    const multipart = this.#multiparts.get(id)
    return multipart && [...multipart.parts.keys()].sort((a, b) => a - b)
  }

  /** Makes parts 1 to `count` an object. */
  async complete(id: string, count: number): Promise<void> {
    this.#beforeWrite()
    const { key, parts } = this.#find(id)
    const bytes = Array.from({ length: count }, (_, index) => {
      const part = parts.get(index + 1)
      if (!part) throw new Error(`InvalidPart: ${index + 1}`)
      if (index + 1 < count && part.length < MIN_PART_BYTES) throw new Error(`EntityTooSmall: ${index + 1}`)
      return part
    })
    if (count === 0) throw new Error('MalformedXML: no part')
    this.#objects.set(key, { bytes: Buffer.concat(bytes), changedAt: Date.now() })
    this.#multiparts.delete(id)
  }

  async abort(id: string): Promise<void> {
    this.#beforeRead()
    this.#multiparts.delete(id)
  }

  async listMultiparts(prefix: string): Promise<ListedMultipart[]> {
    this.#beforeRead()
    return [...this.#multiparts]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(([id, { key, changedAt }]) => ({ id, key, changedAt }))
  }

  #find(id: string): Multipart {
    const multipart = this.#multiparts.get(id)
    if (!multipart) throw new Error(`NoSuchUpload: ${id}`)
    return multipart
  }

  #beforeRead(): void {
    if (this.fault) throw this.fault
  }

  #beforeWrite(): void {
    this.#beforeRead()
    if (this.writeFault) throw this.writeFault
  }
}
