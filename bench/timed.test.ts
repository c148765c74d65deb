import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { inOrderOfRound, timed, transferFigures } from './timed.ts'

const skip = process.platform === 'linux' ? false : 'reads /proc'

test('`timed()` does not count its clients as others', { skip }, async () => {
  const cost = await timed([], async () => {
    const child = spawn(process.execPath, ['-e', 'for (const end = Date.now() + 300; Date.now() < end; );'])
    await once(child, 'exit')
  })
  assert.ok(cost.seconds >= 0.3)
  assert.equal(cost.cpuS, 0)
  assert.ok(cost.clientCpuS >= 0.2, `${cost.clientCpuS}`)
  assert.ok(cost.othersBusyPercent >= 0 && cost.othersBusyPercent <= 105, `${cost.othersBusyPercent}`)
})

test('`transferFigures()` counts rates in MB and costs in GiB', () => {
  const cost = { seconds: 2, cpuS: 1.5, clientCpuS: 1, peakRssBytes: 50e6, othersBusyPercent: 3 }
  const figures = transferFigures(1024 ** 3, cost)
  assert.equal(figures['MB/s'], 1024 ** 3 / 2e6)
  assert.equal(figures['CPU s/GiB'], 1.5)
  assert.equal(figures['client CPU s/GiB'], 1)
})

test('`inOrderOfRound()` turns the order in every other round', () => {
  assert.deepEqual(inOrderOfRound(['a', 'b', 'c'], 0), ['a', 'b', 'c'])
  assert.deepEqual(inOrderOfRound(['a', 'b', 'c'], 1), ['c', 'b', 'a'])
})
