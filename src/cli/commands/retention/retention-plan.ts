import type { OpenRetention, PlannedTag } from '../../../app/retention/open-retention.ts'
import type { CommandContext } from '../../context/command-context.ts'
import { formatTable, formatTime } from '../../output/table.ts'

/** Rows printed at once; also the most that are in memory. */
const PAGE = 1_000

const HEADINGS = ['REPOSITORY', 'TAG', 'PUSHED', 'PULLED', 'NOW', 'WHY']

/** Numbers of the tags of one repository, or of all. */
interface Counts {
  seen: number
  ended: number
}

/**
 * Prints the verdict about each tag, page by page, as there may be a million, and how many end. Warns of repositories
 * that would lose most of their tags.
 */
export async function printPlan(
  { io, isJson, flags, warn }: CommandContext,
  opened: Pick<OpenRetention, 'isLargeShare'>,
  plan: AsyncIterable<PlannedTag>,
): Promise<void> {
  const isOnlyEnding = flags.ending === true
  const all: Counts = { seen: 0, ended: 0 }
  const large: string[] = []
  let current: (Counts & { readonly repository: string }) | undefined
  const finish = (): void => {
    if (!current || !opened.isLargeShare(current)) return
    large.push(current.repository)
    warn(`${current.repository} would lose ${current.ended} of its ${current.seen} tags`)
  }
  const write = createWriter(io, isJson)
  for await (const planned of plan) {
    if (current?.repository !== planned.repository) {
      finish()
      current = { repository: planned.repository, seen: 0, ended: 0 }
    }
    if (planned.name !== undefined) {
      for (const counts of [all, current]) {
        counts.seen++
        if (!planned.verdict.isKept) counts.ended++
      }
    }
    if (!isOnlyEnding || !planned.verdict.isKept) await write(planned)
  }
  finish()
  if (current === undefined) warn('no repository with rules of retention, or labels, is among them')
  await write.end({ tags: all.seen, ending: all.ended, losingMost: large })
}

type PlanWriter = ((planned: PlannedTag) => Promise<void>) & {
  end(summary: { tags: number; ending: number; losingMost: readonly string[] }): Promise<void>
}

function createWriter(io: CommandContext['io'], isJson: boolean): PlanWriter {
  const send = (text: string) =>
    new Promise<void>((resolve, reject) => {
      io.stdout.write(text, (error) => (error ? reject(error) : resolve()))
    })
  let page: PlannedTag[] = []
  let isFirst = true
  const flush = async (): Promise<void> => {
    const rows = page
    page = []
    if (isJson) {
      const entries = rows.map(
        (planned, index) => `${isFirst && index === 0 ? '' : ','}${JSON.stringify(toEntry(planned))}`,
      )
      await send(`${isFirst ? '{"tags":[' : ''}${entries.join('')}`)
    } else {
      const table = formatTable(HEADINGS, rows.map(toRow))
      await send(`${isFirst ? table : table.replace(/^[^\n]*\n?/, '')}\n`)
    }
    isFirst = false
  }
  const add = async (planned: PlannedTag): Promise<void> => {
    page.push(planned)
    if (page.length >= PAGE) await flush()
  }
  return Object.assign(add, {
    async end(summary: { tags: number; ending: number; losingMost: readonly string[] }) {
      if (isFirst || page.length > 0) await flush()
      await send(
        isJson
          ? `],"summary":${JSON.stringify(summary)}}\n`
          : `${summary.ending} of ${summary.tags} tags would end\n`,
      )
    },
  })
}

function toEntry({ verdict, ...planned }: PlannedTag): object {
  return { ...planned, kept: verdict.isKept, rule: verdict.rule, why: verdict.why }
}

function toRow({ repository, name, digest, pushedAt, pulledAt, verdict }: PlannedTag): string[] {
  return [
    repository,
    name ?? digest,
    formatTime(pushedAt),
    formatTime(pulledAt),
    verdict.isKept ? 'stays' : 'ends',
    verdict.rule === undefined || verdict.why.includes(verdict.rule)
      ? verdict.why
      : `${verdict.rule}: ${verdict.why}`,
  ]
}
