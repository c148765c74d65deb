import { createSecureContext, type SecureContext } from 'node:tls'
import { deriveTicketKeys } from './derive-ticket-keys.ts'
import { type TlsPolicyName, toTlsOptions } from './tls-policy.ts'

/** A certificate chain and its key, PEM. */
export interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Finds the context of the pair of the moment: the same one as long as the pair is. Errors: those of OpenSSL. */
export function createContextFinder(
  pair: () => TlsPair,
  { policy, ticketSecret }: { policy: TlsPolicyName; ticketSecret: Uint8Array | undefined },
): () => SecureContext {
  // The keys of tickets are those of the context that is shown, not of its server.
  const options = { ...toTlsOptions(policy), ...deriveTicketKeys(ticketSecret, 'pair') }
  let known: { readonly pair: TlsPair; readonly context: SecureContext } | undefined
  return () => {
    const current = pair()
    if (known?.pair !== current)
      known = { pair: current, context: createSecureContext({ ...options, ...current }) }
    return known.context
  }
}
