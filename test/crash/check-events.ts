import assert from 'node:assert/strict'
import { runOk } from '../support/machine/run-command.ts'
import type { BerthSite } from '../support/program/berth-process.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import type { Ledger } from './ledger.ts'

/** Events read: more than a run makes. */
const MAX_EVENTS = '100000'

/**
 * Compares the audit log with the content, once all is settled: each manifest that is there was announced, each that is gone was
 * announced as gone, nothing that was undone was announced, and the chain is whole.
 */
export async function checkEvents(ledger: Ledger, site: BerthSite): Promise<number> {
  // Variables of the test itself are no settings.
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('BERTH_'))
  const env = { ...Object.fromEntries(own), ...(site.databaseUrl && { BERTH_DATABASE: site.databaseUrl }) }
  const berth = (...args: string[]): Promise<string> =>
    runOk(BERTH_BIN, [...args, '--data', site.dataDir], { env })
  const text = await berth('audit', '--action', 'manifest', '--limit', MAX_EVENTS, '--format', 'json')
  const last = new Map<string, string>()
  const lines = text.trim().split('\n').filter(Boolean)
  for (const line of lines) {
    const { action, repository, digest } = JSON.parse(line)
    last.set(`${repository}@${digest}`, action)
  }
  for (const { repository, digest, presence } of ledger.manifests) {
    const name = `${repository}@${digest}`
    const action = last.get(name)
    const isAnnounced = action === 'manifest.push' || action === 'manifest.restore'
    assert.equal(isAnnounced, presence === 'present', `${name} is ${presence}, its last event is ${action}`)
    last.delete(name)
  }
  assert.deepEqual([...last.keys()], [], 'events of manifests that were never pushed')
  await berth('audit', 'verify')
  return lines.length
}
