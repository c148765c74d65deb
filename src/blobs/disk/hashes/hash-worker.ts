import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { DigestAlgorithm } from '../../../oci/digest.ts'

/** A job of the thread. Jobs are done in the order of their messages. */
export type HashJob =
  /** Begins a hash with the first `size` bytes of a file, which are written. No answer. */
  | {
      readonly kind: 'begin'
      readonly hash: number
      readonly algorithm: DigestAlgorithm
      readonly path: string
      readonly size: number
    }
  /** Adds bytes. Answered also if the hash is not here. */
  | { readonly kind: 'update'; readonly id: number; readonly hash: number; readonly bytes: Uint8Array }
  /** Asks for the digest so far. */
  | { readonly kind: 'digest'; readonly id: number; readonly hash: number }
  /** Forgets a hash. No answer. */
  | { readonly kind: 'drop'; readonly hash: number }

/** An answer to a job with an id. */
export interface HashAnswer {
  readonly id: number
  /** In hexadecimal digits; undefined after an update, and if the hash is not here. */
  readonly hex?: string | undefined
}

const READ_BYTES = 256 * 1024

const hashes = new Map<number, Hash>()

parentPort?.on('message', (job: HashJob) => {
  switch (job.kind) {
    case 'begin':
      begin(job)
      break
    case 'update':
      hashes.get(job.hash)?.update(job.bytes)
      answer({ id: job.id })
      break
    case 'digest':
      answer({ id: job.id, hex: hashes.get(job.hash)?.copy().digest('hex') })
      break
    case 'drop':
      hashes.delete(job.hash)
  }
})

function begin({ hash, algorithm, path, size }: HashJob & { kind: 'begin' }): void {
  try {
    hashes.set(hash, hashBeginning(path, algorithm, size))
  } catch {
    // The digest is then answered as unknown: the store reads the bytes again, and meets the fault of the disk itself.
  }
}

/** Errors: those of the system; a file that holds fewer bytes. */
function hashBeginning(path: string, algorithm: DigestAlgorithm, size: number): Hash {
  const hash = createHash(algorithm)
  const buffer = Buffer.allocUnsafeSlow(Math.min(size, READ_BYTES))
  const file = openSync(path, 'r')
  try {
    for (let left = size; left > 0; ) {
      const count = readSync(file, buffer, 0, Math.min(left, buffer.length), null)
      if (count === 0) throw new Error('The file ends early')
      hash.update(buffer.subarray(0, count))
      left -= count
    }
  } finally {
    closeSync(file)
  }
  return hash
}

function answer(message: HashAnswer): void {
  parentPort?.postMessage(message)
}
