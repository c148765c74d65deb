import { makeCertificateKey, makeCertificateRequest } from '../../x509/write/certificate-request.ts'
import { withAccount } from '../client/acme-account.ts'
import {
  type AcmeOrder,
  awaitOrder,
  fetchChain,
  fetchOrder,
  finalizeOrder,
  type OrderContext,
  openOrder,
} from '../client/acme-order.ts'
import { authorize } from '../client/authorization.ts'
import type { CheckedChain } from '../client/certificate-chain.ts'
import type { ChallengeSolver } from '../client/challenge-solver.ts'
import { AcmeDirectory } from '../client/requests/acme-directory.ts'
import { AcmeError, type AcmeErrorCode, isProblem } from '../client/requests/acme-error.ts'
import type { AcmeTransport } from '../client/requests/acme-transport.ts'
import type { AcmePlan } from '../plan/acme-wish.ts'
import type { AcmeStore } from '../renew/acme-store.ts'
import type { PendingOrder } from '../renew/renewal-record.ts'
import type { OrderThrottle } from './order-throttle.ts'

/** A certificate from the CA, checked. */
export interface IssuedCertificate {
  readonly chain: CheckedChain
  readonly keyPem: string
}

/** Parameters of one attempt. */
interface IssueOptions {
  readonly transport: AcmeTransport
  readonly store: AcmeStore
  readonly throttle: OrderThrottle
  /** Best first. */
  readonly solvers: readonly ChallengeSolver[]
  readonly replaces: string | undefined
  readonly pending: PendingOrder | undefined
  /** Called with an order before any work for it. */
  readonly onOrder: (order: PendingOrder) => Promise<void>
  readonly clock: () => number
  readonly signal?: AbortSignal | undefined
}

/**
 * Gets one certificate from one directory: account, order, proofs, request, download, checks. Nothing is installed.
 * Errors: `AcmeError` of any code; that of the signal.
 */
export async function issueCertificate(
  plan: AcmePlan,
  directoryUrl: string,
  options: IssueOptions,
): Promise<IssuedCertificate> {
  const { transport, clock, signal, store } = options
  const directory = await AcmeDirectory.open(directoryUrl, { transport, clock, signal })
  const settings = { email: plan.email, eab: plan.eab }
  return await withAccount(directory, { store, settings }, (account) =>
    runOrder({ directory, account, signal }, plan, options),
  )
}

async function runOrder(
  context: OrderContext,
  plan: AcmePlan,
  options: IssueOptions,
): Promise<IssuedCertificate> {
  const { order: opened, keyPem } = (await resume(context, options)) ?? (await begin(context, plan, options))
  let order = opened
  if (order.status === 'pending') {
    await authorize(context, order.authorizations, options.solvers)
    order = await awaitOrder(context, await fetchOrder(context, order.url), ['pending'])
  }
  if (order.status === 'ready')
    order = await finalizeOrder(context, order, makeCertificateRequest(plan.names, keyPem))
  order = await awaitOrder(context, order, ['processing', 'ready'])
  const expected = { names: plan.names, keyPem, now: options.clock(), preferredChain: plan.preferredChain }
  return { chain: await fetchChain(context, order, expected), keyPem }
}

/** Errors after which a new order may succeed. */
const GONE: readonly AcmeErrorCode[] = ['ACME_REFUSED', 'ACME_RESPONSE_INVALID']

interface RunningOrder {
  readonly order: AcmeOrder
  readonly keyPem: string
}

/** The order of an earlier attempt, if it can still be completed. */
async function resume(context: OrderContext, options: IssueOptions): Promise<RunningOrder | undefined> {
  const { pending } = options
  if (pending === undefined || pending.directory !== context.directory.url) return undefined
  try {
    return { order: await fetchOrder(context, pending.url), keyPem: pending.keyPem }
  } catch (error) {
    // Invalid, expired, or of an account that no longer exists.
    const isGone = error instanceof AcmeError && GONE.includes(error.code)
    if (isGone && !isProblem(error, 'accountDoesNotExist')) return undefined
    throw error
  }
}

async function begin(context: OrderContext, plan: AcmePlan, options: IssueOptions): Promise<RunningOrder> {
  const keyPem = await makeCertificateKey(plan.keyType)
  await options.throttle.pass(options.signal)
  const { names, profile } = plan
  const order = await openOrder(context, { names, profile, replaces: options.replaces }).catch((error) => {
    // RFC 9773 section 5: the certificate was replaced already, by an order unknown to this record.
    if (options.replaces === undefined || !isProblem(error, 'alreadyReplaced')) throw error
    return openOrder(context, { names, profile, replaces: undefined })
  })
  await options.onOrder({ url: order.url, directory: context.directory.url, keyPem })
  return { order, keyPem }
}
