import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChallengeSolver } from '../client/challenge-solver.ts'
import { AcmeError } from '../client/requests/acme-error.ts'
import type { DnsEndpoint } from './dns-exchange.ts'
import type { DnsRecords } from './dns-records.ts'
import { findNameServers, findZone, followAliases, makeResolver } from './dns-zone.ts'

/** Settings of the check of a record before the CA may check it. */
interface PropagationOptions {
  /** Servers to query; undefined: the authoritative ones of the zone. */
  readonly servers?: readonly DnsEndpoint[] | undefined
  readonly timeoutMs?: number | undefined
}

/** Longest wait until all name servers of a zone have a new record, in ms: secondaries follow within a minute or two. */
const PROPAGATION_TIMEOUT_MS: number = 3 * 60 * 1000
/** Pause between two checks, in ms. */
const LOOK_AGAIN_MS = 2000

/** Answers by a TXT record (RFC 8555 section 8.4), and waits until each authoritative name server has it. */
export function createDnsSolver(records: DnsRecords, options: PropagationOptions = {}): ChallengeSolver {
  return {
    type: 'dns-01',
    // An address has no zone.
    fits: (name) => isIP(name) === 0,
    async present({ name, keyAuthorization }, signal) {
      const recordName = await followAliases(`_acme-challenge.${name}`, options.servers)
      const value = createHash('sha256').update(keyAuthorization).digest('base64url')
      const record = { name: recordName, value, identifier: name }
      // A hook that failed half-way may have left the record, so it is removed in each case.
      const remove = (): Promise<void> => records.remove(record, undefined).catch(() => {})
      try {
        await records.add(record, signal)
        await awaitRecord(recordName, value, { ...options, signal })
      } catch (error) {
        await remove()
        throw error
      }
      return { [Symbol.asyncDispose]: remove }
    },
  }
}

interface Wait extends PropagationOptions {
  readonly signal: AbortSignal | undefined
}

async function awaitRecord(name: string, value: string, options: Wait): Promise<void> {
  const servers = options.servers ?? (await serversFor(name))
  const timeoutMs = options.timeoutMs ?? PROPAGATION_TIMEOUT_MS
  const deadline = performance.now() + timeoutMs
  let waiting = servers
  for (;;) {
    const looks = await Promise.all(
      waiting.map(async (server) => ({ server, look: await look(server, name, value) })),
    )
    // A server that does not answer, perhaps behind a firewall, is not waited for: the CA's check will show.
    waiting = looks.filter((each) => each.look === 'missing').map((each) => each.server)
    if (waiting.length === 0) return
    if (performance.now() > deadline) throw notSeen(name, waiting, timeoutMs)
    await sleep(LOOK_AGAIN_MS, undefined, { signal: options.signal })
  }
}

async function serversFor(name: string): Promise<DnsEndpoint[]> {
  const zone = await findZone(name)
  return zone === undefined ? [] : await findNameServers(zone)
}

async function look(
  server: DnsEndpoint,
  name: string,
  value: string,
): Promise<'there' | 'missing' | 'silent'> {
  try {
    const texts = await makeResolver([server]).resolveTxt(name)
    return texts.some((parts) => parts.join('') === value) ? 'there' : 'missing'
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code === 'ENODATA' || code === 'ENOTFOUND' ? 'missing' : 'silent'
  }
}

function notSeen(name: string, servers: readonly DnsEndpoint[], timeoutMs: number): AcmeError {
  const serverList = servers.map(({ address }) => address).join(', ')
  return new AcmeError(
    'ACME_DNS_FAILED',
    `the record ${name} was set, but ${serverList} did not have it within ${timeoutMs / 1000} s`,
    'Check that the zone is the one delegated to these servers, and that they follow the primary.',
  )
}
