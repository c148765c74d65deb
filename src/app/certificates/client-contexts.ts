import { constants, randomBytes } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { TlsPolicyName } from '../../front-door/listen/tls/tls-policy.ts'
import { toTlsOptions } from '../../front-door/listen/tls/tls-policy.ts'
import type { ClientAuthority } from '../../front-door/visit/client-proof.ts'

/** The pair of a host; `id` is the same object as long as the pair is. */
export interface ServedPair {
  readonly id: object
  readonly pem: () => { readonly cert: string | Buffer; readonly key: string | Buffer }
}

type Contexts = WeakMap<object, Map<TlsPolicyName, SecureContext>>

/**
 * Contexts that check client certificates, for a pair, its CAs and a policy. They are used for nothing else: a session
 * is never resumed, since a resumed one is not checked again, and one of another host might be offered.
 */
export class ClientContexts {
  readonly #known = new WeakMap<ClientAuthority, Contexts>()

  /** The same context for the same things. */
  find(
    pair: ServedPair,
    { clients, policy }: { clients: ClientAuthority; policy: TlsPolicyName },
  ): SecureContext {
    const contexts: Contexts = this.#known.get(clients) ?? new WeakMap()
    this.#known.set(clients, contexts)
    const ofPair = contexts.get(pair.id) ?? new Map<TlsPolicyName, SecureContext>()
    contexts.set(pair.id, ofPair)
    const context = ofPair.get(policy) ?? createClientContext(pair, clients, policy)
    ofPair.set(policy, context)
    return context
  }
}

function createClientContext(
  { pem }: ServedPair,
  { authorities, revocations }: ClientAuthority,
  policy: TlsPolicyName,
): SecureContext {
  const options = toTlsOptions(policy)
  return createSecureContext({
    ...options,
    ...pem(),
    ca: [...authorities],
    ...(revocations.length > 0 && { crl: [...revocations] }),
    secureOptions: (options.secureOptions ?? 0) | constants.SSL_OP_NO_TICKET,
    sessionIdContext: randomBytes(16).toString('hex'),
  })
}
