import { X509Certificate } from 'node:crypto'
import { renewalInfoId } from '../../../src/certificates/acme/client/renewal-info.ts'
import type {
  CertificateKeeper,
  ManagedCertificate,
} from '../../../src/certificates/acme/renew/certificate-keeper.ts'
import { namesOf } from '../../../src/certificates/x509/x509-facts.ts'

/** A pair as it was installed. */
interface InstalledPair {
  readonly chainPem: string
  readonly keyPem: string
}

/** Keeps certificates in memory. */
export class MemoryCertificateKeeper implements CertificateKeeper {
  readonly pairs = new Map<string, InstalledPair>()
  /** Names of all installs, in order. */
  readonly installs: string[] = []
  /** Origin that all pairs are listed with. */
  origin: ManagedCertificate['origin'] = 'acme'
  /** Thrown by the next install. */
  failure: Error | undefined

  list(): ManagedCertificate[] {
    return [...this.pairs].map(([name, { chainPem }]) => {
      const leaf = new X509Certificate(chainPem)
      return {
        name,
        names: namesOf(leaf),
        notBefore: leaf.validFromDate.getTime(),
        notAfter: leaf.validToDate.getTime(),
        ariId: renewalInfoId(chainPem),
        origin: this.origin,
      }
    })
  }

  async install(name: string, pair: InstalledPair): Promise<void> {
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
    this.pairs.set(name, pair)
    this.installs.push(name)
  }
}
