/** Forms of the body of a request to a webhook. */
export const WEBHOOK_FORMATS = ['cloudevents', 'distribution', 'docker-hub'] as const
/** One of {@link WEBHOOK_FORMATS}. */
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number]

/** Actions that webhooks announce: those of content. Others may show what only administrators may see. */
export const WEBHOOK_ACTIONS: readonly string[] = [
  ...['manifest.push', 'manifest.pull', 'manifest.delete', 'manifest.restore'],
  ...['tag.delete', 'tag.restore', 'tag.expire', 'repository.delete', 'repository.restore'],
  ...['blob.mount', 'blob.delete'],
]

/** A webhook in a file of settings. */
export interface WebhookConfig {
  readonly name: string
  readonly url: string
  readonly format: WebhookFormat
  readonly repositories: readonly string[]
  readonly actions: readonly string[]
  readonly ignoredMediaTypes: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly secret?: string | undefined
  readonly timeoutMs: number
}
