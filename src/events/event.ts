/** Acts that events are about. Events of content are announced by webhooks, too. */
const EVENT_ACTIONS = [
  ...(['manifest.push', 'manifest.pull', 'manifest.delete', 'manifest.restore'] as const),
  ...(['tag.delete', 'tag.restore', 'tag.expire', 'repository.delete', 'repository.restore'] as const),
  ...(['blob.mount', 'blob.delete', 'trash.empty', 'pin.set', 'pin.remove'] as const),
  ...(['log-in', 'access.denied', 'token.issue', 'token.revoke'] as const),
  ...(['user.add', 'user.password', 'user.remove', 'user.enable', 'user.disable'] as const),
  ...([
    'access.change',
    'policy.change',
    'read-only.on',
    'read-only.off',
    'webhook.add',
    'webhook.remove',
  ] as const),
  ...(['webhook.redeliver', 'webhook.test'] as const),
] as const

/** One of {@link EVENT_ACTIONS}. */
type EventAction = (typeof EVENT_ACTIONS)[number]

/** Result of an act. */
type Outcome = 'done' | 'refused'

/** A tag in an event. */
interface EventTag {
  readonly name: string
  /** Digest that it pointed at before; undefined: it is new. */
  readonly before?: string | undefined
}

/** An event as its place records it. It holds no password, token, key or header. */
export interface NewEvent {
  readonly action: EventAction
  /** `done` if undefined. */
  readonly outcome?: Outcome
  /** Name of the account, or of the user who ran a command; undefined: that of the request, if it has one. */
  readonly who?: string | undefined
  readonly repository?: string | undefined
  readonly digest?: string | undefined
  readonly mediaType?: string | undefined
  /** Size of the content, in bytes. */
  readonly size?: number | undefined
  readonly tags?: readonly EventTag[] | undefined
  /** Repository that the content came from. */
  readonly from?: string | undefined
  /** Account, webhook or other thing that is acted on. */
  readonly target?: string | undefined
  readonly reason?: string | undefined
  /** Equal acts that this event stands for; undefined: one. */
  readonly count?: number | undefined
  /** Rules and settings before and after a change. */
  readonly before?: unknown
  readonly after?: unknown
}

/** An event as it is kept: {@link NewEvent} with its surroundings. */
export interface StoredEvent extends NewEvent {
  /** Unique, also among all registries. */
  readonly id: string
  /** Time, ISO 8601. */
  readonly at: string
  readonly outcome: Outcome
  /** Origin of the act: a request, a command of the operator, or the server's own work. */
  readonly via: 'request' | 'command' | 'server'
  /** Address of the visitor. */
  readonly address?: string | undefined
  /** Id of the request, as the log and the answer have it. */
  readonly request?: string | undefined
  readonly agent?: string | undefined
}
