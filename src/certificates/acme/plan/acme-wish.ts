import type { CertificateKeyType } from '../../x509/write/certificate-request.ts'
import type { ChallengeType } from '../client/challenge-solver.ts'

/** A certificate to get: `AcmeWish` of the front door's site declarations has this shape. */
export interface AcmeWish {
  /** Names of the certificate, lower case, the first is its common name. */
  readonly hosts: readonly string[]
  readonly email: string | undefined
  /** Directory URL; undefined: as configured. */
  readonly directory: string | undefined
  readonly eab: { readonly keyId: string; readonly hmacKey: string } | undefined
  readonly profile: string | undefined
  readonly preferredChain: string | undefined
  readonly keyType: CertificateKeyType | undefined
  /** Order from the CA's staging directory, whose certificates clients do not trust. */
  readonly isTest: boolean
  readonly challenge: ChallengeType | undefined
}

/** Defaults of wishes: the `acme-*` settings. */
export interface AcmeDefaults {
  readonly directory: string
  /** PEM file of roots to trust directories by. */
  readonly directoryCaFile?: string | undefined
  /** Directory for trial orders, if Berth does not know the CA's own. */
  readonly stagingDirectory?: string | undefined
  readonly email?: string | undefined
  readonly eab?: { readonly keyId: string; readonly hmacKey: string } | undefined
  readonly profile?: string | undefined
  readonly preferredChain?: string | undefined
  readonly keyType?: CertificateKeyType | undefined
  readonly challenge?: ChallengeType | undefined
  /** Program for dns-01. */
  readonly dnsHook?: string | undefined
  /** Name server for dns-01 by dynamic updates, and its key `name:algorithm:secret`. */
  readonly dnsServer?: string | undefined
  readonly dnsKey?: string | undefined
}

/** A wish with the defaults filled in. */
export interface AcmePlan {
  /** Name of its record and of its flight: the same names are the same certificate. */
  readonly id: string
  /** Name of the stored pair. */
  readonly pairName: string
  /** Names of the order: those of the wish that a CA can sign. */
  readonly names: readonly string[]
  readonly directory: string
  /** Directory for a trial before a retry; undefined: none. */
  readonly stagingDirectory: string | undefined
  readonly email: string | undefined
  readonly eab: { readonly keyId: string; readonly hmacKey: string } | undefined
  readonly profile: string | undefined
  readonly preferredChain: string | undefined
  readonly keyType: CertificateKeyType
  readonly challenge: ChallengeType | undefined
  readonly isTest: boolean
  /** True if the wish names a CA other than that of the settings. */
  readonly isOtherCa: boolean
  /** True if the CA is one's own: it may sign any name. */
  readonly isOwnCa: boolean
}
