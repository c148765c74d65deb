import { hkdfSync } from 'node:crypto'

/** Node's tickets need a name, a key to sign by and one to encrypt by, of 16 bytes each. */
const KEYS_BYTES = 48

/**
 * The option by which a TLS server resumes sessions of the same server in another process. Without a secret the server
 * makes keys of its own. Servers of different names share none.
 */
export function deriveTicketKeys(secret: Uint8Array | undefined, name: string): { ticketKeys?: Buffer } {
  return secret ? { ticketKeys: Buffer.from(hkdfSync('sha256', secret, '', name, KEYS_BYTES)) } : {}
}
