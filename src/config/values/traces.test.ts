import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectorUrl, sampleRatio, serviceName } from './traces.ts'

test('the collector of traces is a URL without secrets; a fault shows none of them', () => {
  assert.equal(collectorUrl.parse('http://127.0.0.1:4318'), 'http://127.0.0.1:4318/v1/traces')
  assert.equal(collectorUrl.parse('https://otlp.example/tempo/v1'), 'https://otlp.example/tempo/v1')
  assert.equal(collectorUrl.parse('off'), undefined)
  assert.equal(collectorUrl.parse(false), undefined)
  for (const url of [
    'http://u:canary@h',
    'http://h/?key=canary',
    'http://h/#canary',
    'ftp://canary',
    'canary',
  ]) {
    const { success, error } = collectorUrl.safeParse(url)
    assert.equal(success, false, url)
    assert.ok(!JSON.stringify(error?.issues).includes('canary'))
  }
})

test('the sample of traces is a number from 0 to 1', () => {
  for (const [text, ratio] of [
    ['0', 0],
    ['1', 1],
    ['.25', 0.25],
    ['1.0', 1],
    [0.5, 0.5],
  ] as const)
    assert.equal(sampleRatio.parse(text), ratio)
  for (const text of ['1.1', '-0.1', 'all', '1e-1', '', 2, -1, Number.NaN])
    assert.equal(sampleRatio.safeParse(text).success, false, String(text))
})

test('the name of a service is short and printable', () => {
  assert.equal(serviceName.parse('berth eu'), 'berth eu')
  for (const name of ['', ' ', 'a\n', 'x'.repeat(129)])
    assert.equal(serviceName.safeParse(name).success, false)
})
