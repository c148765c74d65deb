import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { DigestAlgorithm } from '../../../oci/digest.ts'
import type { UploadId } from '../../../oci/request.ts'
import { InLineHash, type UploadHash } from './upload-hash.ts'

/** Sessions whose hash is kept between requests: each holds a few hundred bytes. Others are read again. */
const MAX_RUNNING = 1024
const READ_AGAIN_BYTES = 1024 * 1024

interface Running {
  readonly algorithm: DigestAlgorithm
  readonly offset: number
  readonly hash: UploadHash
}

/** Hashes of uploads between two requests. Losing one costs a second read of the bytes, never correctness. */
export class RunningHashes {
  readonly #running = new Map<UploadId, Running>()
  readonly #max: number

  constructor(max: number = MAX_RUNNING) {
    this.#max = max
  }

  /** Takes the hash of exactly the first `offset` bytes out, if it is here. */
  take(id: UploadId, algorithm: DigestAlgorithm, offset: number): UploadHash | undefined {
    const running = this.#running.get(id)
    this.#running.delete(id)
    if (running && running.algorithm === algorithm && running.offset === offset) return running.hash
    running?.hash.drop()
    return offset === 0 ? new InLineHash(algorithm) : undefined
  }

  /** Keeps a hash for the session's next request; the one kept longest makes room. */
  keep(id: UploadId, running: Running): void {
    this.forget(id)
    if (this.#running.size >= this.#max) {
      for (const oldest of this.#running.keys()) {
        this.forget(oldest)
        break
      }
    }
    this.#running.set(id, running)
  }

  forget(id: UploadId): void {
    this.#running.get(id)?.hash.drop()
    this.#running.delete(id)
  }
}

/** The hash of the first `size` bytes of a file. Errors: those of the system. */
export async function hashFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<InLineHash> {
  const hash = createHash(algorithm)
  if (size > 0) {
    await pipeline(
      createReadStream(path, { end: size - 1, highWaterMark: READ_AGAIN_BYTES }),
      async (chunks) => {
        for await (const chunk of chunks) hash.update(chunk)
      },
    )
  }
  return new InLineHash(algorithm, hash)
}
