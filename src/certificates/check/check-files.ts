import type { KeyObject } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { MailedContent } from '../x509/mailed-files.ts'
import type { PemOddity } from '../x509/pem.ts'
import { type CheckRequest, type CheckResult, checkCertificate, sortFindings } from './check-certificate.ts'
import { type CertificateFinding, finding } from './findings.ts'

/** Oddities of a file, in words. */
const ODDITIES: Readonly<Record<PemOddity, string>> = {
  'byte-order-mark': 'begins with a byte order mark',
  'utf-16': 'is written in UTF-16',
  crlf: 'has the line ends of Windows',
  glued: 'has blocks on one line: -----END…----------BEGIN…',
  quoted: 'has marks of quotation before its lines',
  'escaped-line-ends': 'has \\n in place of line ends',
}

/** Files to check. */
interface FileCheck extends Pick<CheckRequest, 'hosts' | 'roots' | 'ownRoots' | 'now'> {
  readonly content: MailedContent
  /** True if a key has to be among them. */
  readonly isKeyExpected: boolean
}

/** Checks certificates and keys read from files, and the files themselves. */
export async function checkFiles({ content, isKeyExpected, ...request }: FileCheck): Promise<CheckResult> {
  const keys: KeyObject[] = content.keys.map(({ value }) => value)
  const isEncrypted = content.encryptedKeys.length > 0 && keys.length === 0
  const result = checkCertificate({
    certificates: content.certificates.map(({ value }) => value),
    keys: isKeyExpected && !isEncrypted ? keys : undefined,
    ...request,
  })
  const ofFiles = [
    ...content.problems.map(({ from, value }) => finding('FILE_UNREADABLE', `${from} ${value}`)),
    ...content.encryptedKeys.map((from) => finding('KEY_ENCRYPTED', `The key in ${from} is encrypted`)),
    ...content.oddities.map(({ from, value }) =>
      finding('FILE_ODD', `${from} ${ODDITIES[value]}`, { severity: value === 'crlf' ? 'info' : 'warning' }),
    ),
    ...(await checkModes(content)),
  ]
  const findings = sortFindings([...ofFiles, ...result.findings])
  return {
    ...result,
    findings,
    isAccepted: result.isAccepted && ofFiles.every(({ severity }) => severity !== 'error'),
  }
}

/** Keys that others can read. */
async function checkModes({ keys, encryptedKeys }: MailedContent): Promise<CertificateFinding[]> {
  const files = [...new Set(keys.map(({ from }) => from))].filter((file) => !encryptedKeys.includes(file))
  const found = await Promise.all(
    files.map(async (file) => {
      const mode = (await stat(file).catch(() => undefined))?.mode ?? 0
      return (mode & 0o077) === 0
        ? []
        : [
            finding(
              'KEY_READABLE',
              `The key in ${file} can be read by others (mode ${(mode & 0o777).toString(8)})`,
            ),
          ]
    }),
  )
  return found.flat()
}
