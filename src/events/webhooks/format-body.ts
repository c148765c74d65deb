import type { WebhookFormat } from '../../config/webhook.ts'
import type { StoredEvent } from '../event.ts'

/** A body and its type. */
interface FormattedBody {
  readonly contentType: string
  readonly body: string
}

/** Actions in Distribution's words. */
const DISTRIBUTION_ACTIONS: Readonly<Record<string, string>> = {
  push: 'push',
  restore: 'push',
  pull: 'pull',
  delete: 'delete',
  expire: 'delete',
  mount: 'mount',
}

/** Writes an event in the form of a webhook. `registry`: scheme and host of this registry. */
export function formatBody(format: WebhookFormat, event: StoredEvent, registry: string): FormattedBody {
  switch (format) {
    case 'cloudevents':
      return {
        contentType: 'application/cloudevents+json; charset=utf-8',
        body: toCloudEvent(event, registry),
      }
    case 'distribution':
      return {
        contentType: 'application/vnd.docker.distribution.events.v2+json',
        body: toDistribution(event, registry),
      }
    case 'docker-hub':
      return { contentType: 'application/json', body: toDockerHub(event, registry) }
    default:
      return format satisfies never
  }
}

/** CloudEvents 1.0, structured mode. */
function toCloudEvent(event: StoredEvent, registry: string): string {
  const { id, at, action, repository } = event
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: registry,
    type: `berth.${action}`,
    subject: repository,
    time: at,
    datacontenttype: 'application/json',
    data: event,
  })
}

/** The envelope of Distribution's notifications: an event for each tag. */
function toDistribution(event: StoredEvent, registry: string): string {
  const { id, at, action, repository, mediaType, digest, size, from, request, address, agent, who } = event
  const host = URL.parse(registry)?.host ?? registry
  const kind = digest !== undefined && action.startsWith('blob.') ? 'blobs' : 'manifests'
  const tags = event.tags?.length ? event.tags.map(({ name }) => name) : [undefined]
  const events = tags.map((tag, index) => ({
    id: index === 0 ? id : `${id}-${index}`,
    timestamp: at,
    action: DISTRIBUTION_ACTIONS[action.slice(action.indexOf('.') + 1)] ?? action,
    target: {
      mediaType,
      digest,
      size,
      length: size,
      repository,
      fromRepository: from,
      url: digest === undefined ? undefined : `${registry}/v2/${repository}/${kind}/${digest}`,
      tag,
    },
    request: { id: request, addr: address, host, useragent: agent },
    actor: { name: who },
    source: { addr: host },
  }))
  return JSON.stringify({ events })
}

/** The webhook of Docker Hub. */
function toDockerHub({ at, who, tags, repository = '' }: StoredEvent, registry: string): string {
  const slash = repository.lastIndexOf('/')
  const seconds = Math.floor(Date.parse(at) / 1_000)
  return JSON.stringify({
    push_data: { pushed_at: seconds, pusher: who ?? '', tag: tags?.[0]?.name, images: [] },
    repository: {
      repo_name: repository,
      namespace: slash < 0 ? '' : repository.slice(0, slash),
      name: repository.slice(slash + 1),
      repo_url: `${registry}/${repository}`,
      owner: slash < 0 ? '' : repository.slice(0, repository.indexOf('/')),
      is_private: true,
      status: 'Active',
    },
  })
}
