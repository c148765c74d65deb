import type { Selectable } from 'kysely'
import type { WebhookFormat } from '../../config/webhook.ts'
import type { EventsSchema } from '../schema.ts'
import type { Endpoint, NewWebhook, WebhookSelection } from './webhook.ts'

/** Columns of a webhook. */
export function toRow(
  webhook: NewWebhook,
): Omit<Selectable<EventsSchema['webhooks']>, 'id' | 'source' | 'created_at' | 'is_paused'> {
  const { name, url, format, repositories, actions, ignoredMediaTypes, secret, headers, timeoutMs } = webhook
  return {
    name,
    url,
    format,
    repositories: JSON.stringify(repositories),
    actions: JSON.stringify({ actions, ignoredMediaTypes }),
    secret: secret ?? null,
    headers: JSON.stringify(headers),
    timeout_ms: timeoutMs,
  }
}

/** The webhook of a row. */
export function toEndpoint(row: Selectable<EventsSchema['webhooks']>): Endpoint {
  const { actions, ignoredMediaTypes } = JSON.parse(row.actions) as WebhookSelection
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    format: row.format as WebhookFormat,
    repositories: JSON.parse(row.repositories) as string[],
    actions,
    ignoredMediaTypes,
    secret: row.secret ?? undefined,
    headers: JSON.parse(row.headers) as Record<string, string>,
    timeoutMs: row.timeout_ms,
  }
}
