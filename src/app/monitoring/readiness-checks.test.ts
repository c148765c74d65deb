import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { OciError } from '../../oci/errors.ts'
import { createReadinessChecks } from './readiness-checks.ts'

type Parts = Parameters<typeof createReadinessChecks>[0]

const FINE: Parts = {
  config: { healthFile: undefined },
  isStopping: () => false,
  database: { check: async () => {} },
  storage: { check: async () => {} },
  rooms: [
    {
      measure: async () => ({ freeBytes: 50, totalBytes: 1000 }),
      floorOf: (totalBytes) => totalBytes / 20,
      takesUploads: true,
    },
  ],
  expiry: { expired: () => [] },
  logger: { error: () => {} } as unknown as Parts['logger'],
  timeoutMs: 50,
}

/** States and messages of those checks that are not fine. */
async function findFaults(parts: Partial<Parts>): Promise<Record<string, string>> {
  const results = await createReadinessChecks({ ...FINE, ...parts })()
  assert.deepEqual(
    results.map(({ name }) => name),
    ['drain', 'health-file', 'database', 'storage', 'disk-floor', 'certificates'],
  )
  for (const { ms } of results) assert.ok(ms >= 0 && ms < 10_000)
  return Object.fromEntries(
    results
      .filter(({ state }) => state !== 'ok')
      .map(({ name, state, message }) => [name, `${state}: ${message}`]),
  )
}

test('`createReadinessChecks()` finds nothing in a server that is well', async () => {
  assert.deepEqual(await findFaults({}), {})
})

test('`createReadinessChecks()` names the check that fails, and the others stay', async () => {
  await using folder = await makeTempFolder('checks')
  const healthFile = join(folder.path, 'out')
  await writeFile(healthFile, '')
  const full = { ...FINE.rooms[0], measure: async () => ({ freeBytes: 49, totalBytes: 1000 }) }
  const expired = { file: 'secret.crt', notAfter: 0, hosts: ['secret.test'] }
  const refusal = new OciError('STORAGE_FULL', { message: 'the disk is full' })
  for (const [parts, faults] of [
    [{ isStopping: () => true }, { drain: 'failed: The registry is stopping' }],
    [{ config: { healthFile } }, { 'health-file': 'failed: The file of health-file exists' }],
    [{ storage: { check: () => Promise.reject(refusal) } }, { storage: 'failed: the disk is full' }],
    [
      { rooms: [full as Parts['rooms'][number]] },
      { 'disk-floor': 'warning: Less than disk-floor is free: pushes are refused' },
    ],
    [
      { expiry: { expired: () => [expired] } },
      { certificates: 'warning: Served certificates that have expired: 1' },
    ],
  ] satisfies [Partial<Parts>, Record<string, string>][])
    assert.deepEqual(await findFaults(parts), faults)
})

test('`createReadinessChecks()` ends a check that takes too long, and logs the text of a bug', async () => {
  const logged: unknown[] = []
  const logger = { error: (facts: unknown) => void logged.push(facts) } as unknown as Parts['logger']
  const err = new Error('a path and a secret')
  const faults = await findFaults({
    logger,
    database: { check: () => new Promise(() => {}) },
    storage: { check: () => Promise.reject(err) },
  })
  assert.deepEqual(faults, {
    database: 'failed: It gave no result within 50 ms',
    storage: 'failed: It failed: the log has the reason',
  })
  assert.deepEqual(logged, [{ err }])
})
