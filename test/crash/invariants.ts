import assert from 'node:assert/strict'
import { type SeededRandom, seededBytes } from '../support/content/seeded-random.ts'
import type { RawClient } from '../support/requests/raw-request.ts'
import {
  type BlobEntry,
  type Ledger,
  type ManifestEntry,
  type SessionEntry,
  settle,
  type TagEntry,
} from './ledger.ts'

/** Older things checked in each round, beside all that changed in the last two. */
const SAMPLE = 10
/** Requests at once. */
const AT_ONCE = 8

/** Checks the content of a restarted server. `all`: everything; else what changed lately, and a sample. */
export async function checkInvariants(
  ledger: Ledger,
  http: RawClient,
  { random, all }: { random: SeededRandom; all: boolean },
): Promise<void> {
  for (const blob of ledger.blobs) blob.isTaken = false
  const lately = <T extends { round: number }>(entries: readonly T[]): T[] => {
    const recent = entries.filter((entry) => all || entry.round >= ledger.round - 1)
    const others = all ? [] : Array.from({ length: SAMPLE }, () => random.pick(entries))
    return [...new Set([...recent, ...others.filter((entry) => entry !== undefined)])]
  }
  // Tags first: the target of one shows whether the transaction of its manifest was kept.
  await inParallel(ledger.tags, (tag) => checkTag(tag, http))
  await inParallel(lately(ledger.manifests), (manifest) => checkManifest(manifest, http))
  await inParallel(lately(ledger.blobs), (blob) => checkBlob(blob, http))
  for (const session of [...ledger.sessions]) {
    if (all || random.chance(0.3)) await finishSession(session, { ledger, http })
    else await checkSession(session, http)
  }
}

/** A tag points to one of its possible manifests, whole; it points nowhere only if it was new or is deleted. */
async function checkTag(tag: TagEntry, http: RawClient): Promise<void> {
  const { status, digest, body } = await http.send('GET', `/v2/${tag.repository}/manifests/${tag.name}`)
  const name = `${tag.repository}:${tag.name}`
  assert.ok(status === 200 || status === 404, `${name} was answered ${status} ${body}`)
  const found = tag.possible.find((one) => (status === 404 ? one === undefined : one?.digest === digest))
  assert.ok(
    status === 404 ? tag.possible.includes(undefined) : found,
    `${name} answers ${status} ${digest}, may be ${tag.possible.map((one) => one?.digest).join(' or ')}`,
  )
  // Known from now on: after killed starts this check may be the only one that sees how the push or delete ended.
  if (found) settle(found, true)
  for (const other of tag.possible) {
    // A new manifest and its tag are one transaction: without the tag there is no manifest.
    if (other && other !== found && other.presence === 'maybe') await settleUntagged(other, http)
  }
  tag.possible = [found]
}

async function settleUntagged(manifest: ManifestEntry, http: RawClient): Promise<void> {
  const { status } = await http.send('HEAD', `/v2/${manifest.repository}/manifests/${manifest.digest}`)
  settle(manifest, status === 200)
  assert.equal(manifest.presence, 'absent', `${manifest.digest} was kept by half: its tag was not moved`)
}

/** A manifest that is served is as it was pushed, and so is each blob it names. */
async function checkManifest(manifest: ManifestEntry, http: RawClient): Promise<void> {
  const path = `/v2/${manifest.repository}/manifests/${manifest.digest}`
  const { status, body } = await http.send('GET', path)
  assert.ok(status === 200 || status === 404, `${path} was answered ${status} ${body}`)
  settle(manifest, status === 200)
  if (status === 404) return
  assert.ok(manifest.bytes.equals(body), `${path} has other bytes`)
  for (const blob of manifest.blobs) {
    await checkBlob(blob, http)
    assert.equal(blob.presence, 'present', `${path} is served without its blob ${blob.digest}`)
  }
}

async function checkBlob(blob: BlobEntry, http: RawClient): Promise<void> {
  const path = `/v2/${blob.repository}/blobs/${blob.digest}`
  const { status, digest, size, body } = await http.send('GET', path)
  assert.ok(status === 200 || status === 404, `${path} was answered ${status} ${body}`)
  if (status === 200) assert.deepEqual({ digest, size }, { digest: blob.digest, size: blob.size })
  // HEAD reads the facts, GET the bytes: a fact without its bytes would admit manifests that cannot be pulled.
  else
    assert.equal(
      (await http.send('HEAD', path)).status,
      404,
      `${path} is recorded, but its bytes are not there`,
    )
  settle(blob, status === 200)
}

/**
 * The session's offset, at least what was acknowledged; undefined if the session ended, as one with a finishing request
 * may.
 */
async function checkSession(session: SessionEntry, http: RawClient): Promise<number | undefined> {
  const { status, headers, body } = await http.send('GET', session.location)
  if (status === 404) {
    assert.ok(session.isFinishing, `the session ${session.location} is gone at ${session.offset}`)
    return undefined
  }
  assert.equal(status, 204, String(body))
  const last = Number(String(headers.range).split('-')[1])
  const offset = last === 0 ? 0 : last + 1
  assert.ok(
    offset >= session.offset && offset <= session.size,
    `offset ${offset}, acknowledged ${session.offset}`,
  )
  session.offset = offset
  return offset
}

/** Goes on from the session's offset; a truthful one gives the blob of the whole content's digest. */
async function finishSession(
  session: SessionEntry,
  { ledger, http }: { ledger: Ledger; http: RawClient },
): Promise<void> {
  const offset = await checkSession(session, http)
  ledger.sessions = ledger.sessions.filter((other) => other !== session)
  if (offset === undefined) return
  const body = seededBytes(session.name, session.size).subarray(offset)
  const { status, body: answer } = await http.send('PUT', `${session.location}?digest=${session.digest}`, {
    body,
  })
  assert.equal(status, 201, `going on from ${offset} of ${session.size} was answered ${status} ${answer}`)
  const blob = ledger.blob(session)
  blob.presence = 'present'
  blob.round = ledger.round
  await checkBlob(blob, http)
  ledger.count('resumed')
}

async function inParallel<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await task(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
