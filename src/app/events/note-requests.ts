import type { Logger } from 'pino'
import type { Database } from '../../database/database.ts'
import type { NewEvent } from '../../events/event.ts'
import { EventNotes } from '../../events/event-notes.ts'
import { recordNoted } from '../../events/record-event.ts'
import type { EventsSchema } from '../../events/schema.ts'
import type { AccessLine } from '../../log/access-line.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'

/** Time between two writes of events of acts that change nothing, in milliseconds. */
const WRITE_EVERY_MS = 5_000
/** A path of a manifest; the reference is in the group. */
const MANIFEST = /\/manifests\/([^/?]+)(?:\?|$)/

/** Dependencies of the notes of a process that serves. */
interface NotesContext {
  readonly database: Database<EventsSchema>
  readonly logger: Logger
  readonly resources: AsyncDisposableStack
}

/** The notes of a process, written now and then and at its end. */
export function openNotes({ database, logger, resources }: NotesContext): EventNotes {
  const notes = new EventNotes()
  const write = async (): Promise<void> => {
    const noted = notes.take()
    if (noted.length > 0) await database.transaction((tx) => recordNoted(tx, noted, database.now()))
  }
  const onError = (err: unknown): void =>
    logger.error({ err }, 'log-ins and refusals could not be written to the audit log')
  const writes = runPeriodically(write, { firstMs: WRITE_EVERY_MS, everyMs: WRITE_EVERY_MS, onError })
  resources.defer(async () => {
    await writes.stop()
    await write().catch(onError)
  })
  return notes
}

/** Notes a request that is over: one that was denied, and a pull if `hasPulls`. */
export function noteRequest(notes: EventNotes, line: AccessLine, { hasPulls }: { hasPulls: boolean }): void {
  const event = toEvent(line, hasPulls)
  if (!event) return
  const { who, remote = '', id, agent } = line
  notes.note(`${event.action} ${who} ${remote} ${line.method} ${line.path}`, event, {
    who: () => who,
    address: remote,
    requestId: id,
    userAgent: agent,
  })
}

function toEvent(
  { error, method, path, repository, status }: AccessLine,
  hasPulls: boolean,
): NewEvent | undefined {
  if (error === 'DENIED' && status === 403)
    return {
      action: 'access.denied',
      outcome: 'refused',
      repository,
      reason: `${method} ${path.split('?')[0]}`,
    }
  if (!hasPulls || method !== 'GET' || status !== 200 || repository === undefined) return undefined
  const [, target] = MANIFEST.exec(path) ?? []
  return target === undefined ? undefined : { action: 'manifest.pull', repository, target }
}
