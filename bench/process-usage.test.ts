import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { readEndedChildrenCpuS, readUsage, resetPeaks } from './process-usage.ts'

const skip = process.platform === 'linux' ? false : 'reads /proc'

test('`readUsage()` counts what a process and its children use', { skip }, async () => {
  // The shell stays the parent, so that there is a tree.
  const script = `"${process.execPath}" -e 'const b = Buffer.alloc(64e6, 1); console.log(b.length); setInterval(() => {}, 1e3)'; true`
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  await once(child.stdout, 'data')
  const usage = readUsage([child.pid ?? 0])
  process.kill(-(child.pid ?? 0), 'SIGTERM')
  await once(child, 'exit')
  assert.ok(usage.rssBytes > 64e6, `${usage.rssBytes}`)
  assert.ok(usage.peakRssBytes >= usage.rssBytes)
  assert.ok(usage.cpuS > 0)
})

test('`readUsage()` answers nothing for processes that are gone', { skip }, () => {
  assert.deepEqual(readUsage([2 ** 30]), { cpuS: 0, rssBytes: 0, peakRssBytes: 0 })
})

test('`resetPeaks()` forgets a peak', {
  skip: skip || (process.getuid?.() === 0 ? false : 'needs root'),
}, () => {
  resetPeaks([process.pid])
  const { rssBytes, peakRssBytes } = readUsage([process.pid])
  assert.ok(peakRssBytes < rssBytes + 32e6)
})

test('`readEndedChildrenCpuS()` grows when a child has worked', { skip }, async () => {
  const before = readEndedChildrenCpuS()
  const child = spawn(process.execPath, ['-e', 'for (const end = Date.now() + 100; Date.now() < end; );'])
  await once(child, 'exit')
  assert.ok(readEndedChildrenCpuS() > before)
})
