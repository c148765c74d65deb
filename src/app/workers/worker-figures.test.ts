import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeSamples } from '../../metrics/merge-samples.ts'
import type { MetricSamples } from '../../metrics/metric.ts'
import { WorkerFigures } from './worker-figures.ts'

interface Worker {
  readonly total: number
  readonly isSilent?: boolean
}

function samplesOf({ total }: Worker): MetricSamples[] {
  return [
    { name: 'berth_requests_total', samples: [{ labels: { route: 'ping' }, value: total }] },
    { name: 'berth_requests_in_progress', samples: [{ labels: {}, value: 1 }] },
    { name: 'berth_max_fds', samples: [{ labels: { role: 'worker' }, value: total }] },
  ]
}

async function read(figures: WorkerFigures<Worker>, workers: Worker[]): Promise<Record<string, number>> {
  const all = await figures.read(workers, (worker) => {
    if (!worker.isSilent) figures.onReply(worker, samplesOf(worker))
  })
  return Object.fromEntries(
    mergeSamples(all).flatMap(({ name, samples }) =>
      samples.map(({ labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
    ),
  )
}

test('`WorkerFigures` adds up counts, and takes the largest of limits', async () => {
  const figures = await read(new WorkerFigures(), [{ total: 5 }, { total: 7 }])
  assert.equal(figures['berth_requests_total ping'], 12)
  assert.equal(figures.berth_requests_in_progress, 2)
  assert.equal(figures['berth_max_fds worker'], 7)
  assert.equal(figures['berth_workers serving'], 2)
})

test('`WorkerFigures` keeps the totals of a worker that has ended, and not its gauges', async () => {
  const figures = new WorkerFigures<Worker>()
  const [first, second] = [{ total: 5 }, { total: 7 }]
  await read(figures, [first, second])
  figures.onEnded(first)
  const after = await read(figures, [second, { total: 1 }])
  assert.equal(after['berth_requests_total ping'], 13)
  assert.equal(after.berth_requests_in_progress, 2)
  assert.equal(after.berth_workers_ended_total, 1)
})

test('`WorkerFigures` does not wait for a worker that hangs or ends, and its totals stay', async () => {
  const figures = new WorkerFigures<Worker>(20)
  const worker = { total: 5, isSilent: false }
  await read(figures, [worker])
  worker.isSilent = true
  const hung = await read(figures, [worker, { total: 1 }])
  assert.equal(hung['berth_requests_total ping'], 6)
  assert.deepEqual([hung['berth_workers serving'], hung['berth_workers silent']], [1, 1])
  const patient = new WorkerFigures<Worker>(60_000)
  const reading = read(patient, [worker])
  patient.onEnded(worker)
  assert.equal((await reading)['berth_workers silent'], 1)
})
