import type { SecureContext } from 'node:tls'
import type { CertificateStatus as AcmeStatus } from '../../certificates/acme/certificate-status.ts'
import { classifyName } from '../../certificates/acme/plan/certificate-names.ts'
import type { CertificateWish } from '../../certificates/folder/certificate-index.ts'
import type { CertificateStore } from '../../certificates/folder/certificate-store.ts'
import type { PairText } from '../../certificates/x509/pair.ts'
import type { CertificateStatus } from '../../front-door/sites/describe-site.ts'
import type { CertificateSource } from '../../front-door/sites/ports.ts'
import type { SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import type { ServedCertificate } from './certificate-expiry.ts'
import { ClientContexts, type ServedPair } from './client-contexts.ts'
import type { Authority } from './open-authority.ts'
import type { TlsPairWatch } from './tls-pair-watch.ts'

/** Certificates of the folders, of Berth's own CA for local names, and the pair of `--tls-cert` for the registry. */
export interface Certificates extends CertificateSource {
  /** Status of a site's certificate, for people. */
  describe(declaration: SiteDeclaration): CertificateStatus
  /** The same for many: shared facts are looked up once. */
  describeAll(): (declaration: SiteDeclaration) => CertificateStatus
  /**
   * File and expiry of a site's certificate; undefined: it has none, or one of Berth's own CA, which renews it in time.
   */
  findExpiry(declaration: SiteDeclaration): ServedCertificate | undefined
}

/** A pair, and its context for hosts without client certificates. */
interface Served extends ServedPair {
  /** Its file and expiry; undefined: from Berth's own CA. */
  readonly expiry?: Omit<ServedCertificate, 'host'> | undefined
  readonly context: () => SecureContext | undefined
}

function toServed(pair: PairText, context: () => SecureContext | undefined): Served {
  return { id: pair, pem: () => ({ cert: pair.chainPem, key: pair.keyPem }), context }
}

/** Sources of certificates. */
export interface CertificateParts {
  readonly store: CertificateStore
  readonly authority: Authority
  /** The pair of `--tls-cert`, and its names. */
  readonly given:
    | { readonly pair: Pick<TlsPairWatch, 'context' | 'pair' | 'expiry'>; readonly names: readonly string[] }
    | undefined
  /** States of the certificates ordered from CAs. */
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
    return { ...toServed(found.pair, () => store.find(name, wish)), expiry }
  }
  const ofGiven = (): Served | undefined => {
    const pair = given?.pair
    return pair && { id: pair.pair, pem: () => pair.pair, context: () => pair.context, expiry: pair.expiry }
  }
  const ofAuthority = (name: string): Served | undefined => {
    const pair = authority.localCertificate(name)
    return pair && toServed(pair, () => authority.find(name))
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
    const ordered = orderedByName(acmeStatus())
    return (declaration) => describe(declaration, ordered)
  }
  const describe = (
    { host, certificateName, isDefaultTrusted, httpWithoutCert, source }: SiteDeclaration,
    orderedByHost: ReadonlyMap<string, AcmeStatus>,
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
    const ordered = orderedByHost.get(host)
    if (ordered) return describeOrdered(ordered, note)
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
    findClients: (host) => store.findClients(host),
    findExpiry({ host, certificateName, isDefaultTrusted, httpsMethod }) {
      if (httpsMethod === 'nohttps') return undefined
      const expiry = choose(host, { certificateName, isDefaultTrusted })?.expiry
      return expiry && { host, ...expiry }
    },
    describeAll,
    describe: (declaration) => describeAll()(declaration),
  }
}

/** For each name, the first ordered certificate that includes it. */
function orderedByName(statuses: readonly AcmeStatus[]): ReadonlyMap<string, AcmeStatus> {
  const ordered = statuses.filter(({ state }) => state !== 'local')
  return new Map(
    ordered.toReversed().flatMap((status) => status.names.map((name) => [name, status] as const)),
  )
}

/** Reason why an ordered certificate is not there yet; faults of existing files come first. */
function describeOrdered(
  { lastError, nextAttemptAt, findings, directory }: AcmeStatus,
  note: string | undefined,
): CertificateStatus {
  const ca = directory === undefined ? 'the CA' : new URL(directory).host
  const next =
    nextAttemptAt === undefined
      ? ''
      : `; the next order at ${ca} is at ${new Date(nextAttemptAt).toISOString().slice(0, 16)}Z`
  const [found] = findings.filter(({ severity }) => severity === 'error')
  const reason = lastError?.message ?? found?.message ?? `an order at ${ca} is under way`
  return {
    kind: 'missing',
    text: lastError ? 'none: the CA refused' : 'on its way',
    problem: `${note ?? 'There is no certificate'}, and none of a CA yet: ${reason}${next}`,
    remedy: lastError?.remedy ?? found?.remedy ?? 'Wait a minute, then look again',
  }
}
