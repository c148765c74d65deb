import { createHash } from 'node:crypto'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { toPairName } from '../../install/install-pair.ts'

/** Kind of a name: `local` and `invalid` ones are signed by no public CA. */
export type NameKind = 'public' | 'local' | 'address' | 'invalid'

/** Endings outside the public DNS: RFC 6761, 6762, 7686, 8375, ICANN's `internal`, and house use. */
const LOCAL_ENDINGS: ReadonlySet<string> = new Set([
  ...['local', 'localhost', 'localdomain', 'internal', 'intranet', 'private', 'lan', 'home', 'corp'],
  ...['test', 'example', 'invalid', 'onion', 'arpa', 'docker', 'workgroup'],
])
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/
const MAX_NAME_LENGTH = 253

const PRIVATE_ADDRESSES = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE_ADDRESSES.addSubnet(network, bits)
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  PRIVATE_ADDRESSES.addSubnet(network, bits, 'ipv6')

/** The kind of a name, found without network access. */
export function classifyName(name: string): NameKind {
  if (isIP(name) !== 0) return isPrivateAddress(name) ? 'local' : 'address'
  const labels = (name.startsWith('*.') ? name.slice(2) : name).split('.')
  if (name.length > MAX_NAME_LENGTH || !labels.every((label) => LABEL.test(label))) return 'invalid'
  return labels.length < 2 || LOCAL_ENDINGS.has(labels.at(-1) ?? '') ? 'local' : 'public'
}

/** True for an address of a private network or of this machine. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE_ADDRESSES.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** An id for a set of names, whatever their order: readable, and fit for a file. */
export function nameSetId(names: readonly string[]): string {
  const sorted = [...new Set(names)].sort()
  const readable = toPairName(sorted[0] ?? '')
    .replace(/[^a-z0-9.-]/g, '')
    .slice(0, 60)
  return `${readable}-${createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 12)}`
}
