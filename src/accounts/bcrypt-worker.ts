import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

/** A password to check, as the worker gets it. */
export interface BcryptJob {
  readonly id: number
  readonly password: string
  readonly hash: string
}

/** The worker's answer. */
export interface BcryptResult {
  readonly id: number
  readonly matches: boolean
}

parentPort?.on('message', ({ id, password, hash }: BcryptJob) => {
  const result: BcryptResult = { id, matches: compareSync(password, hash) }
  parentPort?.postMessage(result)
})
