import type { CertificateKeyType } from '../../x509/write/certificate-request.ts'
import type { ChallengeType } from '../client/challenge-solver.ts'

/** A certificate that is wished for: `AcmeWish` of the front door's site declarations has this shape. */
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
  /** Order from the CA's staging directory, whose certificates nobody trusts. */
  readonly isTest: boolean
  readonly challenge: ChallengeType | undefined
}

/** What holds where a wish says nothing: the `acme-*` settings. */
export interface AcmeDefaults {
  readonly directory: string
  /** PEM file of roots to trust directories by. */
  readonly directoryCaFile?: string | undefined
  /** Where retries are tried out first, if Berth does not know it of the CA. */
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
  /** Name the pair is kept by. */
  readonly pairName: string
  /** Names the CA is asked for: those of the wish that a CA can sign. */
  readonly names: readonly string[]
  readonly directory: string
  /** Where a retry is tried out; undefined: nowhere. */
  readonly stagingDirectory: string | undefined
  readonly email: string | undefined
  readonly eab: { readonly keyId: string; readonly hmacKey: string } | undefined
  readonly profile: string | undefined
  readonly preferredChain: string | undefined
  readonly keyType: CertificateKeyType
  readonly challenge: ChallengeType | undefined
  readonly isTest: boolean
  /** The wish names a CA, and it is not that of the settings. */
  readonly isOtherCa: boolean
  /** The CA is one's own: it may sign any name. */
  readonly isOwnCa: boolean
}
