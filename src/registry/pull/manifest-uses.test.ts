import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashContent } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { ManifestUses } from './manifest-uses.ts'

const REPOSITORY = parseRepositoryName('alice/app')
const MINUTE = 60_000

/** Pulls by a clock of the test, with those that were written, in groups. */
function gather() {
  const written: string[][] = []
  const state = { now: 0, fault: undefined as OciError | undefined }
  const uses = new ManifestUses(
    {
      async recordPulls(pulled) {
        if (state.fault) throw state.fault
        written.push(pulled.map(({ digest }) => digest))
      },
    },
    () => state.now,
  )
  const note = (text: string, isQueued: boolean): Promise<void> =>
    uses.note({ repository: REPOSITORY, digest: hashContent(text), isQueued })
  return { written, state, uses, note }
}

test('pulls are written in one group, each manifest once', async () => {
  const { written, uses, note } = gather()
  for (const text of ['a', 'b', 'a']) await note(text, false)
  assert.deepEqual(written, [])
  await uses.write()
  await uses.write()
  assert.deepEqual(written, [[hashContent('a'), hashContent('b')]])
})

test('a pull of a manifest that may be removed soon is written at once, and again ten minutes later', async () => {
  const { written, state, note } = gather()
  await note('a', true)
  assert.deepEqual(written, [[hashContent('a')]])
  state.now += 9 * MINUTE
  await note('a', true)
  assert.equal(written.length, 1)
  state.now += 2 * MINUTE
  await note('a', true)
  assert.equal(written.length, 2)
})

test('pulls that could not be written are written with the next ones', async () => {
  const { written, state, uses, note } = gather()
  await note('a', false)
  state.fault = new OciError('UNAVAILABLE')
  await assert.rejects(uses.write(), { code: 'UNAVAILABLE' })
  state.fault = undefined
  await note('b', false)
  await uses.write()
  assert.deepEqual(written[0]?.toSorted(), [hashContent('a'), hashContent('b')].sort())
  assert.equal(written.length, 1)
})

test('so many manifests are pulled that they are written before their time', async () => {
  const { written, note } = gather()
  for (let at = 0; at < 10_000; at++) await note(`manifest ${at}`, false)
  assert.deepEqual(
    written.map((group) => group.length),
    [10_000],
  )
})
