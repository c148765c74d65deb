import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { OpenData } from '../../../app/data/open-data.ts'
import { readVersion } from '../../../app/product.ts'
import type { EventFilter, ListedEvent } from '../../../events/audit/list-events.ts'
import { parsePastTime } from '../../command-line/parse-time.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { EVENT_HEADINGS, formatCef, toCells } from '../../output/format-event.ts'
import { formatTable } from '../../output/table.ts'
import { addAuditVerify } from './audit-verify.ts'

/** Events shown at most. */
const MAX_EVENTS = 100_000
const DEFAULT_LIMIT = '100'
/** Time between two looks for new events, in milliseconds. */
const FOLLOW_MS = 1_000
/** Events read at once while following. */
const PAGE = 1_000

const EXAMPLES = `
Examples:
  berth audit                                     the newest 100 events
  berth audit --who alice --since '7d ago'        what alice did in the last week
  berth audit --action tag.delete --repository 'team/**'
  berth audit --action log-in --outcome refused --since '1h ago'
  berth audit --follow --format cef               one line an event as it comes, for a collector
  berth audit verify                              whether an event was removed or changed`

/** `berth audit …`. */
export function addAuditCommand(program: Command, io: Io): void {
  const audit = program
    .command('audit')
    .description('Show who did what, from where and when; verify that nothing of it was changed.')
    .option('--who <NAME>', 'only what this account did')
    .option('--action <ACTION>', 'only this action, such as manifest.push, or all of one kind, such as user')
    .option('--repository <REPOSITORY>', "only this repository, or those below a prefix: 'team/**'")
    .option('--outcome <OUTCOME>', 'only what was done, or refused')
    .option('--since <TIME>', 'only from this time on: 2026-11-01T12:00:00Z, or "7d ago"')
    .option('--until <TIME>', 'only before this time')
    .option('--limit <N>', 'the newest events, at most this many', DEFAULT_LIMIT)
    .option('--follow', 'go on with each new event, until Ctrl-C')
    .option('--format <FORMAT>', 'table, json (a line an event) or cef')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const selection = readSelection(context)
      await using data = await openDataOf(context)
      if (context.flags.follow === true) await follow(context, data, selection)
      else await show(context, data, selection)
    })
  addAuditVerify(audit, io)
}

interface Selection {
  readonly filter: EventFilter
  readonly limit: number
  readonly format: 'table' | 'json' | 'cef'
}

function readSelection({ flags, isJson }: CommandContext): Selection {
  const text = (name: string): string | undefined =>
    flags[name] === undefined ? undefined : String(flags[name])
  const time = (name: string): Date | undefined => {
    const value = text(name)
    return value === undefined ? undefined : parsePastTime(value)
  }
  const format = text('format') ?? (isJson ? 'json' : 'table')
  if (format !== 'table' && format !== 'json' && format !== 'cef')
    throw new CliError('USAGE', '--format must be "table", "json" or "cef"')
  const outcome = text('outcome')
  if (outcome !== undefined && outcome !== 'done' && outcome !== 'refused')
    throw new CliError('USAGE', '--outcome must be "done" or "refused"')
  const limit = Number(flags.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_EVENTS)
    throw new CliError('USAGE', `--limit must be a whole number from 1 to ${MAX_EVENTS}`)
  const filter: EventFilter = {
    who: text('who'),
    action: text('action'),
    repository: text('repository'),
    outcome,
    since: time('since'),
    until: time('until'),
  }
  return { filter, limit, format }
}

async function show(context: CommandContext, data: OpenData, selection: Selection): Promise<void> {
  const listed = await data.audit.list(selection.filter, selection.limit)
  if (selection.format === 'table')
    return printResult(context, undefined, formatTable(EVENT_HEADINGS, listed.map(toCells)))
  // With --json alone the answer is one document, as of other commands.
  if (context.isJson && context.flags.format === undefined)
    return printResult(context, { events: listed.map(toJson) }, '')
  for (const event of listed) print(context, event, selection.format)
}

/** Goes on until the process is stopped, or nobody reads any more. */
async function follow(
  context: CommandContext,
  data: OpenData,
  { filter, limit, format }: Selection,
): Promise<void> {
  let after = await data.audit.findEnd()
  const earlier = await data.audit.list(filter, limit)
  for (const event of earlier) {
    // An event without a place comes with its place below.
    if (event.position !== undefined && event.position <= after) print(context, event, format)
  }
  while (!context.io.stdout.writableEnded && !context.io.stdout.destroyed) {
    const end = await data.audit.findEnd()
    while (after < end) {
      const found = await data.audit.list({ ...filter, after }, PAGE)
      for (const event of found) print(context, event, format)
      after =
        found.length < PAGE ? Math.max(end, found.at(-1)?.position ?? 0) : (found.at(-1)?.position ?? end)
    }
    await sleep(FOLLOW_MS)
  }
}

function print({ io }: CommandContext, event: ListedEvent, format: Selection['format']): void {
  const line = {
    table: () => formatTable(toCells(event), []),
    json: () => JSON.stringify(toJson(event)),
    cef: () => formatCef(event, readVersion()),
  }[format]()
  io.stdout.write(`${line}\n`)
}

function toJson({ position, event }: ListedEvent): object {
  return { position: position ?? null, ...event }
}
