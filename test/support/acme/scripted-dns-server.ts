import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'

/** Numbers of record types (RFC 1035, 3596, 8659). */
export const DNS_TYPE = { a: 1, ns: 2, cname: 5, soa: 6, txt: 16, aaaa: 28, caa: 257 } as const

/** A record's data in the wire format. */
export interface ScriptedRecord {
  readonly type: number
  readonly data: Buffer
}

/** A DNS server on UDP with records set by a test; names without records do not exist. */
export interface ScriptedDnsServer extends AsyncDisposable {
  readonly endpoint: { readonly address: string; readonly port: number }
  /** Records by lower-case name. */
  readonly records: Map<string, ScriptedRecord[]>
  /** Answers a message in place of the server; undefined: its own answer. */
  script: ((message: Buffer) => Buffer | undefined) | undefined
}

/** Starts one on a free port of loopback. */
export async function startScriptedDns(): Promise<ScriptedDnsServer> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const records = new Map<string, ScriptedRecord[]>()
  const server: ScriptedDnsServer = {
    endpoint: { address: '127.0.0.1', port: socket.address().port },
    records,
    script: undefined,
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
  socket.on('message', (message: Buffer, from: RemoteInfo) => {
    socket.send(server.script?.(message) ?? answer(message, records), from.port, from.address)
  })
  return server
}

/** An address record. */
export function addressRecord(address: string): ScriptedRecord {
  return { type: DNS_TYPE.a, data: Buffer.from(address.split('.').map(Number)) }
}

/** A CAA record (RFC 8659 section 4.1). */
export function caaRecord(tag: string, value: string): ScriptedRecord {
  return { type: DNS_TYPE.caa, data: Buffer.concat([Buffer.of(0, tag.length), Buffer.from(tag + value)]) }
}

function answer(query: Buffer, records: ReadonlyMap<string, readonly ScriptedRecord[]>): Buffer {
  const { name, end } = readName(query)
  const type = query.readUInt16BE(end)
  const known = records.get(name.toLowerCase())
  const found = known?.filter((record) => record.type === type) ?? []
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(0x8580 | (known === undefined ? 3 : 0), 2)
  header.writeUInt16BE(found.length, 6)
  header.writeUInt32BE(0, 8)
  const bodies = found.map(({ type: number, data }) => {
    const fixed = Buffer.from('c00c00000001000000000000', 'hex')
    fixed.writeUInt16BE(number, 2)
    fixed.writeUInt16BE(data.length, 10)
    return Buffer.concat([fixed, data])
  })
  return Buffer.concat([header, query.subarray(12, end + 4), ...bodies])
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 1 }
}
