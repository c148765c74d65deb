import type { SecureContext } from 'node:tls'
import type { CertificateStatus as AcmeStatus } from '../certificates/acme/certificate-status.ts'
import { classifyName } from '../certificates/acme/plan/certificate-names.ts'
import type { CertificateWish } from '../certificates/folder/certificate-index.ts'
import type { CertificateStore } from '../certificates/folder/certificate-store.ts'
import type { PairText } from '../certificates/x509/pair.ts'
import type { CertificateStatus } from '../front-door/sites/describe-site.ts'
import type { CertificateSource } from '../front-door/sites/ports.ts'
import type { SiteDeclaration } from '../front-door/sites/site-declaration.ts'
import type { ServedCertificate } from './certificate-expiry.ts'
import { ClientContexts, type ServedPair } from './client-contexts.ts'
import type { Authority } from './open-authority.ts'
import type { TlsPairWatch } from './tls-pair-watch.ts'

/** Certificates of the folders, of Berth's own CA for local names, and the pair of `--tls-cert` for the registry. */
export interface Certificates extends CertificateSource {
  /** What a site is served with, for people. */
  describe(declaration: SiteDeclaration): CertificateStatus
  /** The same for many: what holds for all of them is looked up once. */
  describeAll(): (declaration: SiteDeclaration) => CertificateStatus
  /** The file a site is served from, and when it ends; undefined: of none, or by Berth's own CA, which sees to that. */
  expiryOf(declaration: SiteDeclaration): ServedCertificate | undefined
}

/** A pair, and what it is served with where clients are not judged. */
interface Served extends ServedPair {
  /** Where it comes from; undefined: Berth's own CA. */
  readonly expiry?: Omit<ServedCertificate, 'host'> | undefined
  readonly context: () => SecureContext | undefined
}

function servedOf(pair: PairText, context: () => SecureContext | undefined): Served {
  return { id: pair, pem: () => ({ cert: pair.chainPem, key: pair.keyPem }), context }
}

/** What certificates are chosen from. */
export interface CertificateParts {
  readonly store: CertificateStore
  readonly authority: Authority
  /** The pair of `--tls-cert`, and the names it is for. */
  readonly given:
    | { readonly pair: Pick<TlsPairWatch, 'context' | 'pair' | 'expiry'>; readonly names: readonly string[] }
    | undefined
  /** Where the certificates stand that a CA is asked for. */
  readonly acmeStatus: () => readonly AcmeStatus[]
}

/** Makes the source. */
export function createCertificateSource({
  store,
  authority,
  given,
  acmeStatus,
}: CertificateParts): Certificates {
  const ofStore = (name: string, wish: CertificateWish): Served | undefined => {
    const { found } = store.choose(name, wish)
    if (!found) return undefined
    const expiry = { file: found.certFile, notAfter: found.pair.notAfter }
    return { ...servedOf(found.pair, () => store.find(name, wish)), expiry }
  }
  const ofGiven = (): Served | undefined => {
    const pair = given?.pair
    return pair && { id: pair.pair, pem: () => pair.pair, context: () => pair.context, expiry: pair.expiry }
  }
  const ofAuthority = (name: string): Served | undefined => {
    const pair = authority.localCertificate(name)
    return pair && servedOf(pair, () => authority.find(name))
  }
  const findDefault = (): Served | undefined =>
    ofStore('default', { certificateName: 'default' }) ?? ofGiven()
  const choose = (serverName: string, wish: CertificateWish): Served | undefined => {
    if (given?.names.includes(serverName)) return ofGiven()
    const { rule } = store.choose(serverName, wish)
    if (wish.certificateName || (rule !== undefined && rule !== 'default')) return ofStore(serverName, wish)
    return ofAuthority(serverName) ?? (wish.isDefaultTrusted ? findDefault() : undefined)
  }
  const clientContexts = new ClientContexts()
  const describeAll = (): ((declaration: SiteDeclaration) => CertificateStatus) => {
    const asked = askedByName(acmeStatus())
    return (declaration) => describe(declaration, asked)
  }
  const describe = (
    { host, certificateName, isDefaultTrusted, httpWithoutCert, source }: SiteDeclaration,
    askedOf: ReadonlyMap<string, AcmeStatus>,
  ): CertificateStatus => {
    if (given?.names.includes(host)) return { kind: 'present', text: 'of --tls-cert' }
    const { found, rule, note } = store.choose(host, { certificateName, isDefaultTrusted })
    if (found && rule !== 'default') {
      const until = new Date(found.pair.notAfter).toISOString().slice(0, 10)
      return {
        kind: 'present',
        text: `${found.name}, until ${until}${note === undefined ? '' : ` (${note})`}`,
      }
    }
    if (!certificateName && authority.covers(host)) return { kind: 'present', text: "by Berth's own CA" }
    if (found) return { kind: 'present', text: 'the default one' }
    if (given && !certificateName && isDefaultTrusted)
      return { kind: 'present', text: 'of --tls-cert, as the default one' }
    const asked = askedOf.get(host)
    if (asked) return describeAsked(asked, note)
    const isDistrusted = !isDefaultTrusted && findDefault() !== undefined
    return {
      kind: 'missing',
      text: isDistrusted ? 'none: the default one is not trusted' : 'none',
      problem: `${note ?? `There is no certificate that covers ${host}`}, so ${source.kind === 'registry' || !httpWithoutCert ? 'it is not served' : 'it is served without TLS'}`,
      remedy: `${classifyName(host) === 'local' ? "Let Berth's own CA sign one (local-ca)" : 'Let Berth ask a CA for one (acme)'}, or put one in place with "berth cert install ${host} FILES…"${isDistrusted ? ', or trust the default one (trust-default-cert)' : ''}`,
    }
  }
  return {
    find(serverName, { certificateName, isDefaultTrusted, policy, isSite, clients }) {
      if (serverName === undefined || !isSite) return findDefault()?.context()
      const served = choose(serverName, { certificateName, isDefaultTrusted })
      if (!served || !clients) return served?.context()
      return clientContexts.find(served, { clients, policy })
    },
    clientsOf: (host) => store.clientsOf(host),
    expiryOf({ host, certificateName, isDefaultTrusted, httpsMethod }) {
      if (httpsMethod === 'nohttps') return undefined
      const expiry = choose(host, { certificateName, isDefaultTrusted })?.expiry
      return expiry && { host, ...expiry }
    },
    describeAll,
    describe: (declaration) => describeAll()(declaration),
  }
}

/** By each name, the first certificate with it that a CA is asked for. */
function askedByName(statuses: readonly AcmeStatus[]): ReadonlyMap<string, AcmeStatus> {
  const asked = statuses.filter(({ state }) => state !== 'local')
  return new Map(asked.toReversed().flatMap((status) => status.names.map((name) => [name, status] as const)))
}

/** Why a certificate that a CA is asked for is not there yet; what is wrong with files that are there is told first. */
function describeAsked(
  { lastError, nextAttemptAt, findings, directory }: AcmeStatus,
  note: string | undefined,
): CertificateStatus {
  const ca = directory === undefined ? 'the CA' : new URL(directory).host
  const next =
    nextAttemptAt === undefined
      ? ''
      : `; ${ca} is asked again at ${new Date(nextAttemptAt).toISOString().slice(0, 16)}Z`
  const [found] = findings.filter(({ severity }) => severity === 'error')
  const reason = lastError?.message ?? found?.message ?? `${ca} is being asked`
  return {
    kind: 'missing',
    text: lastError ? 'none: the CA refused' : 'on its way',
    problem: `${note ?? 'There is no certificate'}, and none of a CA yet: ${reason}${next}`,
    remedy: lastError?.remedy ?? found?.remedy ?? 'Wait a minute, then look again',
  }
}
