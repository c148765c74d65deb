import { createHmac, timingSafeEqual } from 'node:crypto'

/** A key for signing messages to a name server (RFC 8945). */
export interface TsigKey {
  /** Name of the key at the server. */
  readonly name: string
  readonly algorithm: TsigAlgorithm
  readonly secret: Buffer
}

/** Supported algorithms of TSIG, and their names in Node. */
export const TSIG_ALGORITHMS = {
  'hmac-sha256': 'sha256',
  'hmac-sha384': 'sha384',
  'hmac-sha512': 'sha512',
} as const
/** A name of {@link TSIG_ALGORITHMS}. */
export type TsigAlgorithm = keyof typeof TSIG_ALGORITHMS

/** A change of one TXT record (RFC 2136 section 2.5). */
interface TxtUpdate {
  readonly id: number
  readonly zone: string
  readonly name: string
  readonly value: string
  readonly action: 'add' | 'remove'
}

/** A message with its signature, which the signature of the reply covers, too. */
interface SignedMessage {
  readonly bytes: Buffer
  readonly mac: Buffer
}

/** The used parts of a reply. */
interface UpdateReply {
  readonly id: number
  readonly isTruncated: boolean
  /** RFC 6895 section 2.3; 0 is success. */
  readonly rcode: number
  /** Error in the TSIG record; undefined if the reply has none. */
  readonly tsigError: number | undefined
}

const CLASS_IN = 1
const CLASS_NONE = 254
const CLASS_ANY = 255
const TYPE_SOA = 6
const TYPE_TXT = 16
const TYPE_TSIG = 250
const OPCODE_UPDATE = 5
const HEADER_BYTES = 12
/** Seconds for which resolvers may cache a record of a challenge: it lives for minutes. */
const TTL_S = 60
/** Accepted difference of clocks, in seconds: the value RFC 8945 section 10 recommends. */
const FUDGE_S = 300
/** Longest text of one string of a TXT record, in bytes. */
const MAX_TXT_BYTES = 255

/** A message that changes one record. Errors: a name or value that does not fit the format. */
export function encodeUpdate(update: TxtUpdate): Buffer {
  const value = Buffer.from(update.value)
  if (value.length > MAX_TXT_BYTES) throw new RangeError('the value of a TXT record is too long')
  const text = Buffer.concat([Buffer.of(value.length), value])
  const isAdded = update.action === 'add'
  return Buffer.concat([
    numbers16(update.id, OPCODE_UPDATE << 11, 1, 0, 1, 0),
    encodeName(update.zone),
    numbers16(TYPE_SOA, CLASS_IN),
    encodeName(update.name),
    numbers16(TYPE_TXT, isAdded ? CLASS_IN : CLASS_NONE),
    number32(isAdded ? TTL_S : 0),
    numbers16(text.length),
    text,
  ])
}

/** Signs a message (RFC 8945 section 4.3). @param now Unix time in ms. */
export function signMessage(message: Buffer, key: TsigKey, now: number): SignedMessage {
  const time = timeSigned(now)
  const mac = computeMac(key, [message, tsigVariables(key, { time, error: 0, other: Buffer.alloc(0) })])
  const data = Buffer.concat([
    encodeName(key.algorithm),
    time,
    numbers16(FUDGE_S, mac.length),
    mac,
    numbers16(message.readUInt16BE(0), 0, 0),
  ])
  const record = [
    encodeName(key.name),
    numbers16(TYPE_TSIG, CLASS_ANY),
    number32(0),
    numbers16(data.length),
    data,
  ]
  const bytes = Buffer.concat([message, ...record])
  bytes.writeUInt16BE(message.readUInt16BE(10) + 1, 10)
  return { bytes, mac }
}

/**
 * Reads a reply. With a key its signature is checked (RFC 8945 section 5.3); a reply with an error may lack one, and
 * must then not count as a success. Errors: it is cut short, or its signature is wrong.
 */
export function readReply(reply: Buffer, signing?: { key: TsigKey; requestMac: Buffer }): UpdateReply {
  if (reply.length < HEADER_BYTES) throw new RangeError('the reply is too short')
  const flags = reply.readUInt16BE(2)
  const base = { id: reply.readUInt16BE(0), isTruncated: (flags & 0x0200) !== 0, rcode: flags & 0x000f }
  const tsig = findTsig(reply)
  if (tsig === undefined || signing === undefined) return { ...base, tsigError: tsig?.error }
  if (tsig.mac.length === 0 && tsig.error !== 0) return { ...base, tsigError: tsig.error }
  const { key, requestMac } = signing
  const bare = Buffer.from(reply.subarray(0, tsig.start))
  bare.writeUInt16BE(tsig.originalId, 0)
  bare.writeUInt16BE(bare.readUInt16BE(10) - 1, 10)
  const expected = computeMac(key, [numbers16(requestMac.length), requestMac, bare, tsigVariables(key, tsig)])
  if (expected.length !== tsig.mac.length || !timingSafeEqual(expected, tsig.mac))
    throw new Error('the signature of the reply is wrong')
  return { ...base, tsigError: tsig.error }
}

/** A name in the wire format, lower case, as signatures need it (RFC 1035 section 3.1). Errors: no DNS name. */
export function encodeName(name: string): Buffer {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.')
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label, 'latin1')
    if (bytes.length === 0 || bytes.length > 63) throw new RangeError(`no DNS name: ${name.slice(0, 300)}`)
    return Buffer.concat([Buffer.of(bytes.length), bytes])
  })
  const encoded = Buffer.concat([...parts, Buffer.of(0)])
  if (encoded.length > 255) throw new RangeError(`no DNS name: ${name.slice(0, 300)}`)
  return encoded
}

interface TsigRecord {
  readonly start: number
  readonly time: Buffer
  readonly mac: Buffer
  readonly originalId: number
  readonly error: number
  readonly other: Buffer
}

/** The signature is the last record of a message (RFC 8945 section 5.1); a reply may hold others before it. */
function findTsig(message: Buffer): TsigRecord | undefined {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at))
  let at = HEADER_BYTES
  for (let left = questions ?? 0; left > 0; left--) at = skipName(message, at) + 4
  for (let left = (answers ?? 0) + (authorities ?? 0) + (additionals ?? 0); left > 0; left--) {
    const start = at
    const fixed = skipName(message, at)
    const end = fixed + 10 + message.readUInt16BE(fixed + 8)
    if (end > message.length) throw new RangeError('the reply is cut short')
    if (left === 1 && message.readUInt16BE(fixed) === TYPE_TSIG)
      return readTsig(message.subarray(fixed + 10, end), start)
    at = end
  }
  return undefined
}

function readTsig(data: Buffer, start: number): TsigRecord {
  const time = skipName(data, 0)
  const macLength = data.readUInt16BE(time + 8)
  const tail = time + 10 + macLength
  const otherLength = data.readUInt16BE(tail + 4)
  return {
    start,
    time: data.subarray(time, time + 6),
    mac: data.subarray(time + 10, tail),
    originalId: data.readUInt16BE(tail),
    error: data.readUInt16BE(tail + 2),
    other: data.subarray(tail + 6, tail + 6 + otherLength),
  }
}

function skipName(message: Buffer, start: number): number {
  let at = start
  for (;;) {
    const length = message.readUInt8(at)
    if (length === 0) return at + 1
    // A pointer ends a name (RFC 1035 section 4.1.4); it is not followed, so it cannot lead in circles.
    if (length >= 0xc0) return at + 2
    at += 1 + length
  }
}

function tsigVariables(key: TsigKey, tsig: { time: Buffer; error: number; other: Buffer }): Buffer {
  return Buffer.concat([
    encodeName(key.name),
    numbers16(CLASS_ANY),
    number32(0),
    encodeName(key.algorithm),
    tsig.time,
    numbers16(FUDGE_S, tsig.error, tsig.other.length),
    tsig.other,
  ])
}

function computeMac(key: TsigKey, parts: readonly Buffer[]): Buffer {
  const mac = createHmac(TSIG_ALGORITHMS[key.algorithm], key.secret)
  for (const each of parts) mac.update(each)
  return mac.digest()
}

function timeSigned(now: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(Math.floor(now / 1000), 0, 6)
  return bytes
}

function numbers16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2)
  return bytes
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
