import type { ConsoleParts } from '../console-parts.ts'
import { limit, pageOf, pageQuery, parseCursor, toPage } from '../frame/pages.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { bytes, count, digestText, maybeTime, time, toTime, z } from '../frame/schema.ts'
import type { CollectionState, ScrubState } from '../upkeep-port.ts'

const collectionSchema = z
  .object({
    queue: z.array(
      z.object({
        kind: z.string().meta({ examples: ['manifest'] }),
        count,
        firstDue: maybeTime,
      }),
    ),
    held: z
      .string()
      .nullable()
      .meta({ description: 'Why servers remove nothing, for people; null: they do' }),
    late: count.meta({ description: 'Entries that should have been removed more than a day ago' }),
    round: z
      .object({
        startedAt: time,
        endedAt: maybeTime,
        lookedAt: count,
        manifests: count,
        blobs: count,
        freedBytes: bytes,
        failed: count,
      })
      .nullable()
      .meta({ description: 'The round under way, or the last one that had something to do' }),
  })
  .meta({ id: 'Collection' })

const scrubSchema = z
  .object({
    pass: z
      .object({
        startedAt: time,
        endedAt: maybeTime,
        isHeld: z.boolean().meta({ description: 'True while a process works on it' }),
        checked: count,
        bytes,
        found: count.meta({ description: 'Damaged content' }),
        repaired: count,
      })
      .nullable(),
    next: maybeTime.meta({ description: 'When the next pass begins by itself' }),
    content: z.object({ count, bytes }),
    damages: z.object({ count, since: maybeTime }),
  })
  .meta({ id: 'Scrub' })

const damageSchema = z
  .object({
    digest: digestText,
    kind: z.string().meta({ examples: ['changed'] }),
    sizeBytes: bytes,
    foundAt: time,
    repositories: z.array(z.string()),
    images: z.array(z.object({ repository: z.string(), digest: digestText, tags: z.array(z.string()) })),
  })
  .meta({ id: 'Damage' })

const backupSchema = z
  .object({
    startedAt: time,
    endedAt: maybeTime,
    outcome: z.string().nullable().meta({ description: 'null: under way, or its process has ended' }),
    generation: z.string().nullable(),
    problem: z.string().nullable(),
  })
  .meta({ id: 'Backup' })

/** Routes about collection, scrubbing and backups. */
export function upkeepRoutes(parts: ConsoleParts): Route[] {
  return [...collectionRoutes(parts), ...scrubRoutes(parts), ...backupRoutes(parts)]
}

function collectionRoutes({ upkeep }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/collection',
      access: 'administer',
      id: 'getCollection',
      summary: 'What waits to be removed, and what the last round removed',
      answer: collectionSchema,
      answerExample: {
        queue: [{ kind: 'manifest', count: 3, firstDue: '2026-12-12T09:30:00.000Z' }],
        ...{ held: null, late: 0, round: null },
      },
      handle: async () => ({ body: toCollection(await upkeep.readCollection()) }),
    }),
    toRoute({
      method: 'POST',
      path: '/collection/runs',
      access: 'administer',
      id: 'runCollection',
      summary: 'Removes now what is due; it goes on after the answer',
      status: 202,
      errors: ['BUSY', 'HELD'],
      async handle() {
        await upkeep.startCollection()
        return { location: '/collection' }
      },
    }),
  ]
}

function scrubRoutes({ upkeep }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/scrub',
      access: 'administer',
      id: 'getScrub',
      summary: 'How far the verification of stored content is, and what it found',
      answer: scrubSchema,
      answerExample: {
        ...{ pass: null, next: null, content: { count: 4, bytes: 3_147_000 } },
        damages: { count: 0, since: null },
      },
      handle: async () => ({ body: toScrub(await upkeep.readScrub()) }),
    }),
    toRoute({
      method: 'POST',
      path: '/scrub/runs',
      access: 'administer',
      id: 'runScrub',
      summary: 'Verifies all stored content at the rate of the settings; it goes on after the answer',
      status: 202,
      errors: ['BUSY', 'HELD'],
      async handle() {
        await upkeep.startScrub()
        return { location: '/scrub' }
      },
    }),
    toRoute({
      method: 'GET',
      path: '/scrub/damages',
      access: 'administer',
      id: 'listDamages',
      summary: 'Damaged content, and the images that need it',
      query: z.strictObject(pageQuery),
      answer: pageOf(damageSchema),
      answerExample: { items: [], next: null },
      errors: ['CURSOR_INVALID'],
      async handle({ query: { limit, cursor } }) {
        const after = parseCursor(cursor, z.string())
        const found = await upkeep.listDamages({ limit: limit + 1, after })
        const { items, next } = toPage(found, { limit, toPosition: ({ digest }) => digest })
        const damages = items.map(({ digest, kind, size, foundAt, repositories, images }) => ({
          ...{ digest, kind, sizeBytes: size, foundAt: foundAt.toISOString() },
          repositories: [...repositories],
          images: images.map(({ tags, ...image }) => ({ ...image, tags: [...tags] })),
        }))
        return { body: { items: damages, next } }
      },
    }),
  ]
}

function backupRoutes({ upkeep }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/backups',
      access: 'administer',
      id: 'listBackups',
      summary: 'The last backups, the newest first',
      query: z.strictObject({ limit }),
      answer: z.object({ items: z.array(backupSchema) }),
      answerExample: {
        items: [
          {
            ...{ startedAt: '2026-11-28T02:00:00.000Z', endedAt: '2026-11-28T02:01:00.000Z' },
            ...{ outcome: 'complete', generation: '20261128T020000Z', problem: null },
          },
        ],
      },
      async handle({ query: { limit } }) {
        const items = (await upkeep.listBackups(limit)).map((backup) => ({
          startedAt: backup.startedAt.toISOString(),
          endedAt: toTime(backup.endedAt),
          outcome: backup.outcome ?? null,
          generation: backup.generation ?? null,
          problem: backup.problem ?? null,
        }))
        return { body: { items } }
      },
    }),
  ]
}

/** The state as it is sent. */
export function toCollection({ queue, held, late, round }: CollectionState) {
  return {
    queue: queue.map(({ kind, count, firstDue }) => ({ kind, count, firstDue: toTime(firstDue) })),
    ...{ held: held ?? null, late },
    round: round
      ? {
          ...{ startedAt: round.startedAt.toISOString(), endedAt: toTime(round.endedAt) },
          ...{ lookedAt: round.lookedAt, manifests: round.manifests, blobs: round.blobs },
          ...{ freedBytes: round.freedBytes, failed: round.failed },
        }
      : null,
  }
}

function toScrub({ pass, next, content, damages }: ScrubState) {
  return {
    pass: pass
      ? {
          ...{ startedAt: pass.startedAt.toISOString(), endedAt: toTime(pass.endedAt), isHeld: pass.isHeld },
          ...{ checked: pass.checked, bytes: pass.bytes, found: pass.found, repaired: pass.repaired },
        }
      : null,
    next: toTime(next),
    content: { count: content.count, bytes: content.bytes },
    damages: { count: damages.count, since: toTime(damages.since) },
  }
}
