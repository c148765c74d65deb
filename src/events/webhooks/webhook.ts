import type { WebhookFormat } from '../../config/webhook.ts'

/** Events that a webhook gets. */
export interface WebhookSelection {
  /** Patterns such as `team/**`. */
  readonly repositories: readonly string[]
  /** Of `WEBHOOK_ACTIONS`; empty: all. */
  readonly actions: readonly string[]
  /** Types of manifests whose events are left out. */
  readonly ignoredMediaTypes?: readonly string[] | undefined
}

/** A webhook to be made. */
export interface NewWebhook extends WebhookSelection {
  readonly name: string
  readonly url: string
  readonly format: WebhookFormat
  /** Key of the signature; undefined: requests are not signed. */
  readonly secret: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

/** A webhook as lists show it: without its key, the values of its headers, and the path of its URL, which may hold a log-in. */
export interface ShownWebhook extends WebhookSelection {
  readonly name: string
  readonly origin: string
  readonly format: string
  readonly isSigned: boolean
  readonly headers: readonly string[]
  /** `settings`: it comes from a file of settings. */
  readonly source: string
  readonly waiting: number
  readonly dead: number
}

/** A webhook with all that a request to it needs. */
export interface Endpoint extends NewWebhook {
  readonly id: number
}
