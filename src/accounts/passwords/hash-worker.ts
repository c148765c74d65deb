import { parentPort } from 'node:worker_threads'
import { matchesCryptHash } from './crypt-hash.ts'

/** A password to check, as the worker gets it. */
export interface HashJob {
  readonly id: number
  readonly password: string
  readonly hash: string
}

/** The worker's answer. */
export interface HashResult {
  readonly id: number
  readonly matches: boolean
}

parentPort?.on('message', async ({ id, password, hash }: HashJob) => {
  const result: HashResult = { id, matches: await matchesCryptHash(password, hash) }
  parentPort?.postMessage(result)
})
