import type { X509Certificate } from 'node:crypto'
import { type CertificateFolders, searchedFolders } from '../folder/certificate-folders.ts'
import { CertificateStore } from '../folder/certificate-store.ts'
import { shortName } from '../x509/x509-facts.ts'
import { checkCaa } from './check-caa.ts'
import { type CheckResult, checkCertificate, sortFindings } from './check-certificate.ts'
import { type CertificateFinding, finding } from './findings.ts'
import { type HostAddress, inspectHost } from './inspect-host.ts'
import { readAuthority, readDockerRoots, readSystemRoots } from './trusted-roots.ts'

/** Findings about a live host. */
export interface HostReport extends Pick<CheckResult, 'isAccepted' | 'findings'> {
  readonly facts: readonly string[]
}

/**
 * Checks a live host's certificate as Docker's client does: with the host's name, its chain alone, the roots of this
 * system and Docker's own for this host; and compares it with the one in the folders here. Errors:
 * `CERTIFICATE_HOST_UNREACHABLE`.
 */
export async function checkHost(
  address: HostAddress,
  folders: CertificateFolders,
  own: readonly X509Certificate[],
): Promise<HostReport> {
  const { host } = address
  const served = await inspectHost(address)
  const { findings, bundle, isAccepted } = checkCertificate({
    certificates: served.certificates,
    keys: undefined,
    hosts: [host],
    roots: [...readSystemRoots(), ...own, ...(await readDockerRoots(address))],
    ownRoots: await readAuthority(folders.authority),
    now: Date.now(),
  })
  const [leaf] = served.certificates
  const order = served.isOrderKnown ? findings : findings.filter(({ code }) => code !== 'CHAIN_ORDER')
  const old = served.oldProtocols.map((protocol) =>
    finding('PROTOCOL_OLD', `The host still offers ${protocol}`),
  )
  return {
    isAccepted,
    facts: [
      `${served.protocol}, ${served.cipher}`,
      ...(leaf
        ? [`issued by ${shortName(leaf.issuer)}, until ${leaf.validToDate.toISOString().slice(0, 10)}`]
        : []),
      ...(bundle
        ? [`chain: ${served.certificates.map(({ subject }) => shortName(subject)).join(' → ')}`]
        : []),
    ],
    findings: sortFindings([
      ...order,
      ...old,
      ...(await compareWithFolders(host, leaf?.fingerprint256, folders)),
      ...(leaf ? await checkCaa(host, leaf) : []),
    ]),
  }
}

/** Finds files that are newer than the served certificate: they have not been loaded. */
async function compareWithFolders(
  host: string,
  fingerprint: string | undefined,
  folders: CertificateFolders,
): Promise<CertificateFinding[]> {
  using store = await CertificateStore.open(searchedFolders(folders))
  const { found, rule } = store.choose(host)
  if (!found || rule === 'default' || found.pair.fingerprint === fingerprint) return []
  const sentence = `The host serves another certificate than ${found.certFile}, which is valid until ${new Date(found.pair.notAfter).toISOString().slice(0, 10)}`
  return [finding('SERVED_DIFFERS', sentence)]
}
