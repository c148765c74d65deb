import type { X509Certificate } from 'node:crypto'
import { type CertificateFolders, searchedFolders } from '../folder/certificate-folders.ts'
import { CertificateStore, type ListedCertificate } from '../folder/certificate-store.ts'
import { readCertificateFile } from '../folder/read-certificate-files.ts'
import { CertificateError } from '../x509/certificate-error.ts'
import { readMailedFiles } from '../x509/mailed-files.ts'
import { type CheckRequest, type CheckResult, sortFindings } from './check-certificate.ts'
import { checkFiles } from './check-files.ts'
import { type CertificateFinding, finding } from './findings.ts'
import { readAuthority, readSystemRoots } from './trusted-roots.ts'

/** Findings about a pair. */
interface PairReport extends Pick<CheckResult, 'isAccepted' | 'findings'> {
  /** The certificate's file. */
  readonly target: string
  readonly facts: readonly string[]
}

/**
 * Checks every pair of the folders, each for the host it is named after. Errors: none; unreadable pairs are reported.
 */
export async function checkFolders(
  folders: CertificateFolders,
  own: readonly X509Certificate[],
): Promise<PairReport[]> {
  using store = await CertificateStore.open(searchedFolders(folders))
  const all = store.list()
  const trust = { roots: [...readSystemRoots(), ...own], ownRoots: await readAuthority(folders.authority) }
  return await Promise.all(all.map((pair) => checkPairFiles(pair, all, trust)))
}

async function checkPairFiles(
  pair: ListedCertificate,
  all: readonly ListedCertificate[],
  trust: Pick<CheckRequest, 'roots' | 'ownRoots'>,
): Promise<PairReport> {
  const { certFile, keyFile, name, isNamed } = pair
  const facts = [
    `names: ${[...(pair.pair?.names.dns ?? []), ...(pair.pair?.names.addresses ?? [])].join(', ')}`,
  ]
  try {
    const files = await Promise.all([certFile, keyFile].map(readCertificateFile))
    const isHost = isNamed && name.includes('.') && name !== 'default'
    const { findings, isAccepted } = await checkFiles({
      content: readMailedFiles(files),
      hosts: isHost && !pair.pair?.names.dns.includes(`*.${name}`) ? [name] : [],
      isKeyExpected: true,
      ...trust,
      now: Date.now(),
    })
    return {
      target: certFile,
      facts,
      isAccepted,
      findings: sortFindings([...findings, ...findDuplicates(pair, all)]),
    }
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    const isKey = error.message.includes(keyFile)
    const unreadable = finding(isKey ? 'KEY_MISSING' : 'FILE_UNREADABLE', error.message, {
      remedy: error.remedy,
    })
    return { target: certFile, facts: [], isAccepted: false, findings: [unreadable] }
  }
}

function findDuplicates(pair: ListedCertificate, all: readonly ListedCertificate[]): CertificateFinding[] {
  const twin = all.find(
    (other) => other !== pair && other.pair && other.pair.fingerprint === pair.pair?.fingerprint,
  )
  return twin ? [finding('PAIR_DUPLICATE', `The same certificate is in ${twin.certFile}`)] : []
}
