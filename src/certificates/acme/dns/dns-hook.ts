import { spawn } from 'node:child_process'
import { AcmeError } from '../client/requests/acme-error.ts'
import type { ChallengeRecord, DnsRecords } from './dns-records.ts'

/** Longest run of a hook, in ms: APIs of providers are slow, some hooks wait for the record to spread. */
const HOOK_TIMEOUT_MS: number = 3 * 60 * 1000
/** Longest output of a hook in the message, in characters: the end of it. */
const MAX_OUTPUT_LENGTH = 2000
/** Berth's own settings and secrets, which are kept from hooks. */
const OWN_VARIABLES = /^(BERTH_|REGISTRY_|ACME_EAB_)/

/**
 * Changes records by running a program: `<file> add|remove <record name> <value>`, without a shell. The same values are
 * in `BERTH_ACME_ACTION`, `BERTH_ACME_RECORD`, `BERTH_ACME_VALUE`, and the name to prove in `BERTH_ACME_NAME`; the rest
 * of the environment is Berth's without its own settings. Exit code 0 is success.
 */
export function createDnsHook(file: string, timeoutMs: number = HOOK_TIMEOUT_MS): DnsRecords {
  return {
    add: (record, signal) => runHook({ file, action: 'add', record, timeoutMs, signal }),
    remove: (record, signal) => runHook({ file, action: 'remove', record, timeoutMs, signal }),
  }
}

interface HookRun {
  readonly file: string
  readonly action: 'add' | 'remove'
  readonly record: ChallengeRecord
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

async function runHook(run: HookRun): Promise<void> {
  const { file, action, record, signal } = run
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // A group of its own, so that its children end with it.
  const child = spawn(file, [action, record.name, record.value], {
    env: { ...environment(), ...variables(action, record) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    shell: false,
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-MAX_OUTPUT_LENGTH)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const kill = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(child.pid)
  }
  const timer = setTimeout(() => {
    kill()
    reject(failure(run, `took longer than ${run.timeoutMs / 1000} s`, output))
  }, run.timeoutMs)
  signal?.addEventListener('abort', kill, { once: true })
  child.once('error', (error) => reject(failure(run, `cannot be run: ${error.message}`, '')))
  // Not `close`: a process left behind by the hook may hold its output open for ever.
  child.once('exit', (code, by) => {
    if (code === 0) resolve()
    else reject(failure(run, code === null ? `was ended by ${by}` : `ended with ${code}`, output))
  })
  try {
    await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', kill)
    child.stdout.destroy()
    child.stderr.destroy()
  }
}

function variables(action: string, record: ChallengeRecord): NodeJS.ProcessEnv {
  return {
    BERTH_ACME_ACTION: action,
    BERTH_ACME_RECORD: record.name,
    BERTH_ACME_VALUE: record.value,
    BERTH_ACME_NAME: record.identifier,
  }
}

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OWN_VARIABLES.test(name)))
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended in the meantime.
  }
}

function failure(run: HookRun, what: string, output: string): AcmeError {
  const outputText = output.trim() === '' ? '' : `; it said: ${output.trim().replace(/\s+/g, ' ')}`
  return new AcmeError(
    'ACME_DNS_FAILED',
    `the DNS hook ${run.file} (${run.action} ${run.record.name}) ${what}${outputText}`,
    'Run it by hand with the same arguments to see what is wrong.',
  )
}
