import type { Command } from 'commander'
import type { OpenRetention } from '../../../app/retention/open-retention.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatPairs, formatTable, formatTime } from '../../output/table.ts'
import { readPolicyFile } from '../policy/policy-file.ts'
import { printPlan } from './retention-plan.ts'

/** Runs shown at most: the latest ones. */
const MAX_RUNS = 100

const HOUR_MS = 3_600_000

const EXAMPLES = `
Examples:
  berth retention dry-run                    which tags a run would end now, and why each other one stays
  berth retention dry-run 'team/**' --ending only those that end
  berth retention dry-run --file policies.yaml before the file is put in force
  berth retention run alice/app              ends them; "berth tag restore" brings each back
  berth retention log                        what each run did
  berth retention log 42                     one run by repository and rule
  berth retention status                     when the next run begins`

/** `berth retention …`. */
export function addRetentionCommand(program: Command, io: Io): void {
  const retention = program
    .command('retention')
    .description('Remove old tags by the rules of the policies: preview, run, log.')
    .addHelpText('after', EXAMPLES)
  retention
    .command('dry-run [repositories]')
    .description(
      "Show the verdict about each tag of a repository, or of those that a pattern such as 'team/**' names.",
    )
    .option('--ending', 'show only the tags that would end')
    .option('--file <FILE>', 'the policies of a file, in place of those in force')
    .action(async (pattern: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const file = context.flags.file
      const document = typeof file === 'string' ? (await readPolicyFile(io, file)).document : undefined
      await using opened = await openRetentionOf(context)
      await printPlan(context, opened, opened.plan({ pattern, document }))
    })
  retention
    .command('run [repositories]')
    .description('End the tags that no rule keeps. The server does so every few hours.')
    .action(async (pattern: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      await using opened = await openRetentionOf(context)
      await run(context, opened, pattern)
    })
  addLog(retention, io)
  addStatus(retention, io)
}

async function openRetentionOf(context: CommandContext): Promise<OpenRetention> {
  const { openRetention } = await import('../../../app/retention/open-retention.ts')
  return openRetention(loadWithoutDomain(context))
}

async function run(
  context: CommandContext,
  opened: OpenRetention,
  pattern: string | undefined,
): Promise<void> {
  const { id, totals, entries } = await opened.run({ pattern })
  if (totals.problem !== undefined) {
    throw new CliError('RETENTION_FAILED', `Retention did not end all it should: ${totals.problem}`, {
      remedy: `What it did is in "berth retention log ${id}". Mend the cause, then run it again`,
    })
  }
  const { repositories, tagsSeen, tagsEnded, imagesRemoved } = totals
  printResult(
    context,
    { run: { id, ...totals }, entries },
    `${tagsEnded} of ${tagsSeen} tags in ${repositories} repositories ended, ${imagesRemoved} untagged images removed; ` +
      `"berth retention log ${id}" has them by rule`,
  )
}

function addLog(retention: Command, io: Io): void {
  retention
    .command('log [run]')
    .description('Show what each run did, or one run by repository and rule.')
    .action(async (text: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      await using opened = await openRetentionOf(context)
      if (text !== undefined) return await printRun(context, opened, text)
      const runs = await opened.listRuns(MAX_RUNS)
      const rows = runs.map((one) => [
        String(one.id),
        formatTime(one.startedAt),
        one.cause,
        String(one.repositories),
        String(one.tagsSeen),
        String(one.tagsEnded),
        String(one.imagesRemoved),
        one.problem ?? (one.endedAt ? 'done' : 'not ended'),
      ])
      const headings = ['RUN', 'BEGUN', 'BY', 'REPOSITORIES', 'TAGS', 'ENDED', 'UNTAGGED REMOVED', 'RESULT']
      printResult(context, { runs }, formatTable(headings, rows))
    })
}

async function printRun(context: CommandContext, opened: OpenRetention, text: string): Promise<void> {
  const found = /^\d{1,15}$/.test(text) ? await opened.findRun(Number(text)) : undefined
  if (!found) {
    throw new CliError('USAGE', `There is no log of a run ${text}`, {
      remedy: 'Run "berth retention log" to see those there are',
    })
  }
  const rows = found.entries.map(({ repository, rule, tags }) => [repository, rule, String(tags)])
  printResult(context, found, formatTable(['REPOSITORY', 'RULE', 'TAGS ENDED'], rows))
}

function formatHours(hours: number): string {
  return hours === 1 ? 'hour' : `${hours} hours`
}

function addStatus(retention: Command, io: Io): void {
  retention
    .command('status')
    .description('Show when retention ran last, and when it runs next.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const { retentionHours } = loadWithoutDomain(context)
      await using opened = await openRetentionOf(context)
      const turn = await opened.findTurn()
      const isRunning = turn !== undefined && turn.heldUntil.getTime() > Date.now()
      const next =
        retentionHours === 0 || !turn?.begunAt
          ? undefined
          : new Date(turn.begunAt.getTime() + retentionHours * HOUR_MS)
      const [last] = await opened.listRuns(1)
      printResult(
        context,
        {
          retentionHours,
          isRunning,
          lastBegunAt: turn?.begunAt ?? null,
          next: next ?? null,
          lastRun: last ?? null,
        },
        formatPairs([
          ['every', retentionHours === 0 ? 'never: only "berth retention run"' : formatHours(retentionHours)],
          ['running', isRunning ? 'yes' : 'no'],
          ['last run', formatTime(last?.startedAt)],
          ['ended tags', last ? String(last.tagsEnded) : '-'],
          ['problem', last?.problem ?? '-'],
          ['next run', next ? formatTime(next) : '-'],
        ]),
      )
    })
}
