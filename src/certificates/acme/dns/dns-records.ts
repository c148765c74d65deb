/** A TXT record of a challenge (RFC 8555 section 8.4). */
export interface ChallengeRecord {
  /** `_acme-challenge.<name>`, or the target if that is an alias. */
  readonly name: string
  readonly value: string
  /** The name to prove. */
  readonly identifier: string
}

/** A way to change the zone. Adding a record leaves others of its name alone: a wildcard and its base need both. */
export interface DnsRecords {
  /** Errors: `ACME_DNS_FAILED`. */
  add(record: ChallengeRecord, signal: AbortSignal | undefined): Promise<void>
  /** Errors: `ACME_DNS_FAILED`. */
  remove(record: ChallengeRecord, signal: AbortSignal | undefined): Promise<void>
}
