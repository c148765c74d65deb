import { X509Certificate } from 'node:crypto'
import { readBer, readBerList } from '../../x509/ber.ts'
import { der, derOid, TAG } from '../../x509/der.ts'
import { type AcmeDirectory, invalid, requireObject } from './requests/acme-directory.ts'
import { isObject } from './requests/problem.ts'

/** Window in which a CA wants a certificate to be renewed (RFC 9773 section 4.2). Unix times in ms. */
export interface RenewalWindow {
  readonly start: number
  readonly end: number
  /** A page with the reason, for people. */
  readonly explanationUrl: string | undefined
  /** Time of the next fetch. */
  readonly checkAt: number
}

/** Shortest and longest wait before the next fetch, in ms: RFC 9773 section 4.3.2 names six hours, a day at most. */
const MIN_CHECK_MS = 60_000
const MAX_CHECK_MS = 24 * 3600 * 1000
const DEFAULT_CHECK_MS = 6 * 3600 * 1000
const AUTHORITY_KEY_ID = derOid('2.5.29.35')
const TAG_KEY_IDENTIFIER = 0x80
const TAG_EXTENSIONS = 0xa3

/**
 * Identifier of a certificate at its CA: key identifier of the issuer and serial number, base64url (RFC 9773 section
 * 4.1).
 * @returns undefined if the certificate does not name its issuer's key.
 */
export function renewalInfoId(certificatePem: string): string | undefined {
  const fields = certificateFields(new X509Certificate(certificatePem).raw)
  const serial = fields.find(({ tag }) => tag === TAG.integer)
  const keyId = authorityKeyId(fields.find(({ tag }) => tag === TAG_EXTENSIONS)?.content)
  if (serial === undefined || keyId === undefined) return undefined
  return `${keyId.toString('base64url')}.${serial.content.toString('base64url')}`
}

/**
 * Fetches the window of renewal. Errors: `ACME_UNREACHABLE`, `ACME_REFUSED`, `ACME_RESPONSE_INVALID`.
 * @returns undefined if the CA does not offer it.
 */
export async function fetchRenewalWindow(
  directory: AcmeDirectory,
  id: string,
  now: number,
): Promise<RenewalWindow | undefined> {
  const base = directory.resource.renewalInfo
  if (base === undefined) return undefined
  const answer = await directory.get(`${base.replace(/\/$/, '')}/${id}`)
  const { suggestedWindow, explanationURL } = requireObject(answer)
  const window = isObject(suggestedWindow) ? suggestedWindow : {}
  const start = Date.parse(String(window.start))
  const end = Date.parse(String(window.end))
  // A window that ends before it starts is to be treated as if there were none (RFC 9773 section 4.2).
  if (Number.isNaN(start) || Number.isNaN(end) || end <= start)
    throw invalid(directory.host, 'sent renewal information without a window of time')
  const waitMs = Math.min(Math.max(answer.retryAfterMs ?? DEFAULT_CHECK_MS, MIN_CHECK_MS), MAX_CHECK_MS)
  const hasPage = typeof explanationURL === 'string' && URL.parse(explanationURL)?.protocol === 'https:'
  return {
    start,
    end,
    explanationUrl: hasPage ? explanationURL.slice(0, 500) : undefined,
    checkAt: now + waitMs,
  }
}

/** The members of `TBSCertificate` (RFC 5280 section 4.1) after its version. */
function certificateFields(raw: Buffer): { tag: number; content: Buffer }[] {
  const body = readBer(readBer(raw)?.content ?? Buffer.alloc(0))
  return readBerList(body?.content ?? Buffer.alloc(0))
}

function authorityKeyId(extensions: Buffer | undefined): Buffer | undefined {
  const list = readBerList(readBer(extensions ?? Buffer.alloc(0))?.content ?? Buffer.alloc(0))
  for (const extension of list) {
    const parts = readBerList(extension.content)
    const [oid] = parts
    if (oid === undefined || !der(oid.tag, oid.content).equals(AUTHORITY_KEY_ID)) continue
    const value = readBer(parts.at(-1)?.content ?? Buffer.alloc(0))
    return readBerList(value?.content ?? Buffer.alloc(0)).find(({ tag }) => tag === TAG_KEY_IDENTIFIER)
      ?.content
  }
  return undefined
}
