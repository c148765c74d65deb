import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { limit } from '../frame/pages.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { count, digestText, maybeTime, time, toTime, z } from '../frame/schema.ts'
import type { RetentionRecord, RetentionVerdict } from '../upkeep-port.ts'

/** Tags that a preview looks at: beyond it the answer is cut, and a narrower pattern shows the rest. */
const MAX_PLANNED = 10_000
/** Longest pattern of repositories, in characters: that of the policies. */
const MAX_PATTERN_LENGTH = 255

const runSchema = z
  .object({
    id: count,
    cause: z.string().meta({ examples: ['schedule'] }),
    startedAt: time,
    endedAt: maybeTime,
    repositories: count,
    tagsSeen: count,
    tagsEnded: count,
    imagesRemoved: count.meta({ description: 'Images without a tag' }),
    problem: z.string().nullable(),
  })
  .meta({ id: 'RetentionRun' })

const RUN = {
  ...{
    id: 42,
    cause: 'schedule',
    startedAt: '2026-11-28T02:00:00.000Z',
    endedAt: '2026-11-28T02:00:03.000Z',
  },
  ...{ repositories: 12, tagsSeen: 340, tagsEnded: 25, imagesRemoved: 2, problem: null },
}

const verdictSchema = z
  .object({
    repository: z.string(),
    name: z.string().nullable().meta({ description: 'null: an image without a tag' }),
    digest: digestText,
    isKept: z.boolean(),
    rule: z.string().nullable().meta({ description: 'The rule that decides' }),
    why: z.string().meta({ description: 'For people' }),
  })
  .meta({ id: 'RetentionVerdict' })

const pattern = z
  .string()
  .min(1)
  .max(MAX_PATTERN_LENGTH)
  .optional()
  .meta({ description: 'Of repositories, such as team/**; without it all', examples: ['alice/**'] })

/** Routes about retention: its rules are in the policies. */
export function retentionRoutes(parts: ConsoleParts): Route[] {
  return [...runRoutes(parts), dryRunRoute(parts)]
}

function runRoutes({ upkeep }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/retention/runs',
      access: 'administer',
      id: 'listRetentionRuns',
      summary: 'The last runs, the newest first',
      query: z.strictObject({ limit }),
      answer: z.object({ items: z.array(runSchema) }),
      answerExample: { items: [RUN] },
      handle: async ({ query: { limit } }) => ({
        body: { items: (await upkeep.listRetentionRuns(limit)).map(toRun) },
      }),
    }),
    toRoute({
      method: 'GET',
      path: '/retention/runs/{run}',
      access: 'administer',
      id: 'getRetentionRun',
      summary: 'One run, by repository and rule',
      answer: z.object({
        run: runSchema,
        entries: z.array(z.object({ repository: z.string(), rule: z.string(), tags: count })),
      }),
      answerExample: {
        run: RUN,
        entries: [{ repository: 'alice/app', rule: 'keep the newest 10', tags: 25 }],
      },
      async handle({ params: { run } }) {
        const found = await upkeep.findRetentionRun(run)
        if (!found) throw new ApiError('CONTENT_GONE', { message: 'There is no such run' })
        return { body: { run: toRun(found.run), entries: [...found.entries] } }
      },
    }),
    toRoute({
      method: 'POST',
      path: '/retention/runs',
      access: 'administer',
      id: 'runRetention',
      summary: 'Ends the tags that no rule keeps; it goes on after the answer',
      body: z.strictObject({ pattern }),
      bodyExample: { pattern: 'alice/**' },
      status: 202,
      errors: ['BUSY', 'HELD'],
      async handle({ body: { pattern } }) {
        await upkeep.startRetention(pattern)
        return { location: '/retention/runs' }
      },
    }),
  ]
}

function dryRunRoute({ upkeep }: ConsoleParts): Route {
  return toRoute({
    method: 'POST',
    path: '/retention/dry-run',
    access: 'administer',
    id: 'planRetention',
    summary: 'The verdict about each tag, by the policies in force or by a document that is not yet in force',
    body: z.strictObject({
      pattern,
      policies: z
        .record(z.string(), z.unknown())
        .optional()
        .meta({ description: 'A document of policies in place of those in force' }),
      isEnding: z.boolean().default(false).meta({ description: 'True: only the tags that would end' }),
    }),
    bodyExample: { pattern: 'alice/**', isEnding: true },
    answer: z.object({
      items: z.array(verdictSchema),
      seen: count,
      ending: count,
      isCut: z.boolean().meta({ description: `True: only the first ${MAX_PLANNED} were looked at` }),
    }),
    answerExample: { items: [], seen: 0, ending: 0, isCut: false },
    errors: ['POLICY_INVALID'],
    async handle({ body: { pattern, policies, isEnding }, signal }) {
      const items: RetentionVerdict[] = []
      const counts = { seen: 0, ending: 0 }
      let isCut = false
      for await (const planned of upkeep.planRetention({ pattern, policies })) {
        if (counts.seen === MAX_PLANNED || signal.aborted) {
          isCut = true
          break
        }
        counts.seen++
        if (!planned.verdict.isKept) counts.ending++
        if (!isEnding || !planned.verdict.isKept) items.push(planned)
      }
      return { body: { items: items.map(toVerdict), ...counts, isCut } }
    },
  })
}

function toRun(run: RetentionRecord) {
  const { id, cause, startedAt, endedAt, repositories, tagsSeen, tagsEnded, imagesRemoved, problem } = run
  return {
    ...{ id, cause, startedAt: startedAt.toISOString(), endedAt: toTime(endedAt) },
    ...{ repositories, tagsSeen, tagsEnded, imagesRemoved, problem: problem ?? null },
  }
}

function toVerdict({ repository, name, digest, verdict }: RetentionVerdict) {
  const { isKept, rule, why } = verdict
  return { repository, name: name ?? null, digest, isKept, rule: rule ?? null, why }
}
