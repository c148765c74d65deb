import { createHash } from 'node:crypto'

/** Longest name before its end, in characters: file systems take 255 bytes, and rotation adds to them. */
const MAX_NAME_LENGTH = 200

/**
 * The name of a host's log file: the host, if it is a plain name. Characters with a meaning to a shell are escaped as
 * in a URL, so that `*.example.com` becomes `%2A.example.com.log`; an expression, and a name that is too long, are
 * replaced by their SHA-1, as nginx-proxy names the files of expressions. No two hosts share a name.
 */
export function logFileName(host: string): string {
  if (host.startsWith('~')) return `%7E${sha1(host)}.log`
  const plain = host.replace(/[^a-z0-9._-]/g, (sign) => encodeSign(sign)).replace(/^[.-]/, encodeSign)
  return plain.length <= MAX_NAME_LENGTH ? `${plain}.log` : `%${sha1(host)}.log`
}

function encodeSign(sign: string): string {
  return [...Buffer.from(sign)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
