import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type Digest, type DigestAlgorithm, toDigest } from '../../oci/digest.ts'
import type { UploadId } from '../../oci/request.ts'

/** Sessions whose hash is kept between requests: each holds a few hundred bytes. Others are read again. */
const MAX_RUNNING = 1024
const READ_AGAIN_BYTES = 1024 * 1024

interface Running {
  readonly algorithm: DigestAlgorithm
  readonly offset: number
  readonly hash: Hash
}

/** Hashes of uploads between two requests. Losing one costs a second read of the bytes, never correctness. */
export class RunningHashes {
  readonly #running = new Map<UploadId, Running>()

  /** Takes the hash of exactly the first `offset` bytes out, if it is here. */
  take(id: UploadId, algorithm: DigestAlgorithm, offset: number): Hash | undefined {
    const running = this.#running.get(id)
    this.#running.delete(id)
    if (offset === 0) return createHash(algorithm)
    return running?.algorithm === algorithm && running.offset === offset ? running.hash : undefined
  }

  /** Keeps a hash for the session's next request; the one kept longest makes room. */
  keep(id: UploadId, running: Running): void {
    if (this.#running.size >= MAX_RUNNING) {
      for (const oldest of this.#running.keys()) {
        this.#running.delete(oldest)
        break
      }
    }
    this.#running.set(id, running)
  }

  forget(id: UploadId): void {
    this.#running.delete(id)
  }
}

/** The hash of the first `size` bytes of a file. Errors: those of the system. */
export async function hashFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<Hash> {
  const hash = createHash(algorithm)
  if (size === 0) return hash
  await pipeline(
    createReadStream(path, { end: size - 1, highWaterMark: READ_AGAIN_BYTES }),
    async (chunks) => {
      for await (const chunk of chunks) hash.update(chunk)
    },
  )
  return hash
}

/** The digest of what a hash has seen, leaving it able to go on. */
export function digestSoFar(hash: Hash, algorithm: DigestAlgorithm): Digest {
  return toDigest(algorithm, hash.copy().digest('hex'))
}
