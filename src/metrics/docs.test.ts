import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { METRICS } from './catalogue.ts'
import { listMetrics } from './meter.ts'

const FILE = new URL('../../docs/metrics.md', import.meta.url)
const RULES = new URL('../../packaging/monitoring/berth.rules.yml', import.meta.url)
const DASHBOARD = new URL('../../packaging/monitoring/grafana-dashboard.json', import.meta.url)
const SECTION = /(<!-- metrics: [^\n]* -->\n)([\s\S]*?)(<!-- \/metrics -->)/

interface Rule {
  readonly alert: string
  readonly expr: string
}

function readRules(): Rule[] {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

function readDashboard(): string[] {
  const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as {
    panels: { targets?: { expr: string }[] }[]
  }
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
}

/** The metrics that an expression reads, and the labels that it selects or groups them by. */
function readExpression(expr: string): { names: string[]; labels: string[] } {
  const names = [...expr.matchAll(/\bberth_\w+/g)].map(([name]) => name)
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  )
  const grouped = [...expr.matchAll(/\b(?:by|on|group_left) \(([^)]*)\)/g)].flatMap(([, inside = '']) =>
    inside.split(',').map((label) => label.trim()),
  )
  return { names, labels: [...selected, ...grouped] }
}

/** The metric of a series; undefined: there is none. */
function metricOf(series: string): keyof typeof METRICS | undefined {
  if (series in METRICS) return series as keyof typeof METRICS
  const name = series.replace(/_(?:bucket|sum|count)$/, '') as keyof typeof METRICS
  return METRICS[name]?.kind === 'histogram' ? name : undefined
}

function formatReference(): string {
  const rows = listMetrics().map(([name, { kind, labels, help }]) => {
    const list = labels.map((label) => `\`${label}\``).join(' ')
    return `| \`${name}\` | ${kind} | ${list} | ${help} |\n`
  })
  return `| Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n${rows.join('')}`
}

test('docs/metrics.md holds exactly the metrics there are', () => {
  let page = readFileSync(FILE, 'utf8')
  if (process.env.UPDATE_DOCS === '1') {
    page = page.replace(SECTION, (_all, open, _table, close) => `${open}${formatReference()}${close}`)
    writeFileSync(FILE, page)
  }
  assert.equal(SECTION.exec(page)?.[2], formatReference())
})

test('docs/metrics.md explains exactly the alerts there are', () => {
  const explained = [...readFileSync(FILE, 'utf8').matchAll(/^\| `(Berth\w+)` \|/gm)].map(
    ([, alert]) => alert,
  )
  assert.deepEqual(
    explained,
    readRules().map(({ alert }) => alert),
  )
})

test('alerts and dashboard read only metrics and labels there are', () => {
  // Made by Prometheus itself.
  const given = ['instance', 'job', 'le']
  const expressions = [...readRules().map(({ expr }) => expr), ...readDashboard()]
  assert.ok(expressions.length > 50)
  for (const expr of expressions) {
    const { names, labels } = readExpression(expr)
    if (expr.startsWith('up{')) continue
    assert.ok(names.length > 0, expr)
    const metrics = names.map((name) => metricOf(name) ?? assert.fail(`${name} in ${expr} is no metric`))
    const known = new Set<string>([...given, ...metrics.flatMap((name) => METRICS[name].labels)])
    for (const label of labels) assert.ok(known.has(label), `${label} in ${expr} is no label of ${metrics}`)
  }
})

test('the dashboard shows every metric', () => {
  const shown = new Set(readDashboard().flatMap((expr) => readExpression(expr).names.map(metricOf)))
  for (const [name] of listMetrics()) assert.ok(shown.has(name), `${name} is in no panel`)
})

test('names of metrics follow the conventions of Prometheus', () => {
  for (const [name, { kind, labels, buckets }] of listMetrics()) {
    assert.match(name, /^berth_[a-z0-9_]+$/)
    assert.equal(kind === 'counter', name.endsWith('_total'), `${name}: counters alone end in _total`)
    assert.equal(kind === 'histogram', buckets !== undefined, name)
    assert.ok(
      !/_(?:ms|milliseconds|kb|mb|minutes|hours|days|percent)\b/.test(name),
      `${name}: seconds and bytes`,
    )
    for (const label of labels) assert.ok(!['le', 'job', 'instance', 'quantile'].includes(label), name)
  }
})

test('promtool accepts the alerts', (t) => {
  const checked = spawnSync('promtool', ['check', 'rules', fileURLToPath(RULES)], { encoding: 'utf8' })
  if (checked.error) return t.skip('promtool is not installed')
  assert.equal(checked.status, 0, `${checked.stdout}${checked.stderr}`)
})
