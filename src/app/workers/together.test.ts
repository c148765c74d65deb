import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateLimits } from '../../front-door/judge/rate-limits.ts'
import type { UploadId } from '../../oci/request.ts'
import { UploadLocks } from '../../registry/push/upload-locks.ts'
import { WorkerGrants } from './decide-together.ts'
import { PrimaryQuestions } from './primary-questions.ts'

const UPLOAD = 'some-upload' as UploadId
const LIMITED = {
  connections: [{ zone: 'c', key: 'app.example', max: 2, status: 503 }],
  rates: [{ zone: 'r', key: 'app.example', perSecond: 0.01, burst: 3, noDelay: true, status: 429 }],
}

/** Decisions of one primary for a number of workers; messages come in a later turn, as between processes. */
function openTogether() {
  const together = { uploads: new UploadLocks(), limits: new RateLimits() }
  return () => {
    const grants = new WorkerGrants(together)
    const questions: PrimaryQuestions = new PrimaryQuestions((message) => {
      setImmediate(() => {
        if (message.kind === 'question')
          questions.onReply(message.id, grants.answer(message.id, message.question))
        if (message.kind !== 'release') return
        grants.release(message.id)
        questions.onReply(message.id, { kind: 'granted', waitMs: 0 })
      })
    })
    return { grants, questions }
  }
}

test('an upload session is with one worker at a time, and free when that one has let go of it or has ended', async () => {
  const addWorker = openTogether()
  const [first, second] = [addWorker(), addWorker()]
  {
    await using _turn = await first.questions.uploadTurns.take(UPLOAD)
    await assert.rejects(async () => second.questions.uploadTurns.take(UPLOAD), { code: 'RANGE_INVALID' })
    await assert.rejects(async () => first.questions.uploadTurns.take(UPLOAD), { code: 'RANGE_INVALID' })
  }
  await second.questions.uploadTurns.take(UPLOAD)
  await assert.rejects(async () => first.questions.uploadTurns.take(UPLOAD), { code: 'RANGE_INVALID' })
  second.grants.releaseAll()
  await first.questions.uploadTurns.take(UPLOAD)
})

test('zones count the requests of all workers', async () => {
  const addWorker = openTogether()
  const [first, second] = [addWorker(), addWorker()]
  const enter = ({ questions }: typeof first) => questions.limits.enter(LIMITED)
  const one = await enter(first)
  assert.equal(one.kind, 'pass')
  assert.equal((await enter(second)).kind, 'pass')
  assert.deepEqual(await enter(second), { kind: 'refuse', status: 503, zone: 'c' })
  if (one.kind === 'pass') one.release()
  const again = await enter(second)
  assert.equal(again.kind, 'pass')
  second.grants.releaseAll()
  assert.equal((await enter(first)).kind, 'pass')
  assert.deepEqual(await enter(second), { kind: 'refuse', status: 429, zone: 'r' })
})
