import { randomInt } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { AcmeError } from '../client/requests/acme-error.ts'
import { type DnsEndpoint, exchangeTcp, exchangeUdp } from './dns-exchange.ts'
import {
  encodeUpdate,
  readReply,
  signMessage,
  TSIG_ALGORITHMS,
  type TsigAlgorithm,
  type TsigKey,
} from './dns-message.ts'
import type { ChallengeRecord, DnsRecords } from './dns-records.ts'
import { findZone } from './dns-zone.ts'

/** Settings of dynamic updates. */
interface DnsUpdateOptions {
  /** The primary name server: `host`, `host:port` or `[address]:port`. */
  readonly server: string
  /** `name:algorithm:secret`, the secret in base64; undefined: unsigned, for a server that trusts our address. */
  readonly key: string | undefined
  /** Unix time in ms. */
  readonly clock: () => number
}

const DNS_PORT = 53
/** RFC 2136 section 2.2, RFC 8945 section 5.2: errors that operators meet. */
const RCODES: Readonly<Record<number, string>> = {
  1: 'FORMERR: it does not understand the update',
  2: 'SERVFAIL: it failed',
  4: 'NOTIMP: it takes no updates',
  5: 'REFUSED: it does not let us change this record',
  9: 'NOTAUTH: it is not in charge of the zone, or does not take our key',
  10: 'NOTZONE: the record is not in the zone',
  16: 'BADSIG: the secret of the key is wrong',
  17: 'BADKEY: it does not know the key',
  18: 'BADTIME: its clock and ours differ by more than five minutes',
}

/** Changes records by dynamic updates (RFC 2136), signed by TSIG. Errors: `ACME_DNS_FAILED` for a key that cannot be read. */
export function createDnsUpdate(options: DnsUpdateOptions): DnsRecords {
  const key = options.key === undefined ? undefined : parseTsigKey(options.key)
  return {
    add: (record, signal) => update(options, { key, record, action: 'add', signal }),
    remove: (record, signal) => update(options, { key, record, action: 'remove', signal }),
  }
}

/** Reads `name:algorithm:secret`. Errors: `ACME_DNS_FAILED`, which does not repeat the key. */
export function parseTsigKey(text: string): TsigKey {
  const [name = '', algorithm = '', secret = '', ...others] = text.trim().split(':')
  const bytes = Buffer.from(secret, 'base64')
  if (name !== '' && isAlgorithm(algorithm) && bytes.length > 0 && others.length === 0)
    return { name, algorithm, secret: bytes }
  throw failure(
    'acme-dns-key cannot be read',
    `It is name:algorithm:secret, the algorithm one of ${Object.keys(TSIG_ALGORITHMS).join(', ')}, the secret in base64.`,
  )
}

/** Reads `host`, `host:port`, `[address]:port` or a bare address, and finds the address. Errors: `ACME_DNS_FAILED`. */
export async function resolveServer(server: string): Promise<DnsEndpoint> {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server)
  const host = match?.[1] ?? match?.[2] ?? server
  try {
    const { address } = await lookup(host)
    return { address, port: Number(match?.[3] ?? DNS_PORT) }
  } catch (error) {
    throw failure(`the name server ${server} has no address`, 'Check acme-dns-server.', error)
  }
}

interface Update {
  readonly key: TsigKey | undefined
  readonly record: ChallengeRecord
  readonly action: 'add' | 'remove'
  readonly signal: AbortSignal | undefined
}

async function update(options: DnsUpdateOptions, change: Update): Promise<void> {
  const { key, record, action, signal } = change
  const server = await resolveServer(options.server)
  const zone = await findZone(record.name, [server])
  if (zone === undefined)
    throw failure(
      `${options.server} knows no zone for ${record.name}`,
      "acme-dns-server is the zone's primary server.",
    )
  const id = randomInt(0x10000)
  const message = encodeUpdate({ id, zone, name: record.name, value: record.value, action })
  const signed = key === undefined ? undefined : signMessage(message, key, options.clock())
  try {
    const bytes = await exchange(signed?.bytes ?? message, server, signal)
    const reply = readReply(bytes, key && signed && { key, requestMac: signed.mac })
    const error = reply.tsigError || reply.rcode
    if (reply.id !== id) throw new Error('the answer is for another question')
    if (error !== 0) throw new Error(RCODES[error] ?? `error ${error}`)
    // A success without a signature may be forged.
    if (key !== undefined && reply.tsigError === undefined) throw new Error('its answer is not signed')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const what = `${options.server} did not ${action} ${record.name} in the zone ${zone}: ${reason}`
    throw failure(
      what,
      'Check acme-dns-server, acme-dns-key and what the server lets this key change.',
      error,
    )
  }
}

/** TCP is hard to forge and has room for long messages; UDP is for servers that are reachable only by it. */
async function exchange(
  message: Buffer,
  server: DnsEndpoint,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  try {
    return await exchangeTcp(message, server, signal)
  } catch (error) {
    signal?.throwIfAborted()
    return await exchangeUdp(message, server, signal).catch(() => {
      throw error
    })
  }
}

function isAlgorithm(text: string): text is TsigAlgorithm {
  return Object.hasOwn(TSIG_ALGORITHMS, text)
}

function failure(what: string, remedy: string, cause?: unknown): AcmeError {
  return new AcmeError('ACME_DNS_FAILED', what, remedy, { cause })
}
