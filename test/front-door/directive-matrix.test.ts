import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { SiteLog } from '../../src/front-door/answer/site-access-log.ts'
import { lintVhostFile } from '../../src/front-door/vhost/compile/lint.ts'
import type { DirectiveEntry } from '../../src/front-door/vhost/directives/directive-entry.ts'
import { DIRECTIVES } from '../../src/front-door/vhost/directives/directive-table.ts'
import { skipReason } from '../parts/find-parts.ts'
import { SeededRandom } from '../support/content/seeded-random.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import {
  ANSWERS,
  type MatrixAnswer,
  type MatrixFiles,
  type MatrixPlace,
  PLACES,
  writeMatrixFiles,
} from '../support/vhost/directive-matrix.ts'
import { writeTree, ZONES } from '../support/vhost/matrix-tree.ts'
import { describeDifference, type Timed, toView, withoutHost } from '../support/vhost/matrix-views.ts'
import { startUpstreams, type Upstreams } from '../support/vhost/start-upstreams.ts'
import { findRefused, type Side, startNginx } from '../support/vhost/vhost-nginx.ts'
import { requestSide, startSites } from '../support/vhost/vhost-sides.ts'
import { type MatrixRequest, type MatrixRow, METHODS, ROWS } from './directive-matrix-rows.ts'

/**
 * Share of the combinations that is tried; at least one for each row and place. All of them (5,700) take minutes:
 * BERTH_MATRIX_SHARE=1.
 */
const SHARE = Number(process.env.BERTH_MATRIX_SHARE ?? 0.1)
const SEED = process.env.BERTH_MATRIX_SEED ?? 'matrix'
/** Only these directives, separated by commas. */
const ONLY = process.env.BERTH_MATRIX_ONLY?.split(',')
/** Differences shown of one directive. */
const MAX_SHOWN = 20
/** Combinations under way at once. */
const AT_ONCE = 8

/** A directive in one place over one kind of answer. */
interface Cell extends MatrixFiles {
  readonly name: string
  readonly row: MatrixRow
  readonly place: MatrixPlace
  readonly answer: string
  readonly query: string
  /** The same without the directive. */
  readonly bare: MatrixFiles
}

const SUPPORTED = DIRECTIVES.filter(({ support }) => support === 'full' || support === 'part')

test('each directive that is done has rows, and each row a directive', () => {
  assert.deepEqual(Object.keys(ROWS).sort(), SUPPORTED.map(({ name }) => name).sort())
  for (const row of Object.values(ROWS).flat()) {
    if ('elsewhere' in row) assert.ok(existsSync(row.elsewhere), row.elsewhere)
  }
})

describe('each directive in each place over each kind of answer', { skip: skipReason('nginx') }, () => {
  const resources = new AsyncDisposableStack()
  let upstreams: Upstreams
  let nginx: Side
  let berth: Awaited<ReturnType<typeof startSites>>
  let cells: readonly Cell[]
  let logs: string
  const logged = new Map<string, number>()
  let refused: ReadonlyMap<string, string>

  before(async () => {
    const folder = resources.use(await makeTempFolder('matrix')).path
    upstreams = resources.use(await startUpstreams())
    const { fill, included } = await writeTree(folder, upstreams)
    cells = makeCells(fill)
    const all = new Map(
      cells.flatMap(({ files, bare }) => [files, bare.files]).map((files) => [files.host, files]),
    )
    const zones = { host: 'zones.test', vhost: '', confD: ZONES }
    const files = [zones, ...all.values()]
    const siteLog: SiteLog = {
      write: (_line, { file }) => void logged.set(file?.name ?? '', (logged.get(file?.name ?? '') ?? 0) + 1),
      reopen: () => undefined,
      close: () => Promise.resolve(),
    }
    const sides = { upstreams, serverPort: 0, included, siteLog }
    berth = resources.use(await startSites(files, sides))
    logs = join(folder, 'nginx', 'logs')
    const reported = new Set(cells.filter(isReported).map((cell) => cell.files.host))
    const tried = files.filter(({ host }) => !reported.has(host))
    refused = await findRefused(join(folder, 'nginx'), tried, upstreams)
    const taken = tried.filter(({ host }) => !refused.has(host))
    nginx = resources.use(await startNginx(join(folder, 'nginx'), taken, upstreams))
    // Only now: a port chosen long before it is listened on may be taken by then.
    sides.serverPort = nginx.port
  })
  after(async () => {
    await resources.disposeAsync()
  })

  for (const { name, contexts } of SUPPORTED) {
    if (ONLY && !ONLY.includes(name)) continue
    test(name, async (t) => {
      const found = {
        compared: 0,
        wrong: [] as string[],
        reported: new Set<string>(),
        seen: new Set<string>(),
      }
      const own = cells.filter((cell) => cell.name === name)
      const work = own.values()
      const judge = async (): Promise<void> => {
        for (const cell of work) await judgeCell(cell, found)
      }
      await Promise.all(Array.from({ length: AT_ONCE }, judge))
      t.diagnostic(
        `${found.compared} compared, said to have no effect in ${[...found.reported].join(', ') || 'no place'}`,
      )
      assert.equal(found.wrong.length, 0, found.wrong.slice(0, MAX_SHOWN).join('\n'))
      const expected = ROWS[name]?.flatMap((row) => ('elsewhere' in row ? [] : (row.reports ?? []))) ?? []
      const surprising = own.filter((cell) => isReported(cell) && contexts.includes(cell.place.context))
      assert.deepEqual(
        surprising
          .filter(({ place }) => !expected.includes(place.name))
          .map(({ place, row }) => [place.name, row.text]),
        [],
        'these have no effect in Berth',
      )
      if (SHARE < 1) return
      const unseen = ROWS[name]?.flatMap((row) => ('elsewhere' in row ? [] : (row.unseen ?? []))) ?? []
      const places = new Set(own.filter((cell) => !isReported(cell)).map(({ place }) => place.name))
      const blind = [...places].filter((place) => !found.seen.has(place) && !unseen.includes(place))
      assert.deepEqual(blind, [], 'no row shows the effect in nginx in these places')
    })
  }

  async function judgeCell(
    cell: Cell,
    found: { compared: number; wrong: string[]; reported: Set<string>; seen: Set<string> },
  ): Promise<void> {
    const label = `${cell.place.name} / ${cell.answer} / ${cell.row.text}`
    if (isReported(cell)) {
      found.reported.add(cell.place.name)
      const reported = lintVhostFile(cell.files.vhost, 'f').concat(
        lintVhostFile(cell.files.location ?? '', 'f_location'),
      )
      if (!cell.row.text.startsWith('include') && !reported.some(({ line }) => isAtLine(cell, line)))
        found.wrong.push(`${label}: the server closes it, and site check says nothing`)
      return
    }
    const refusal = refused.get(cell.files.host)
    if (refusal !== undefined) {
      found.wrong.push(`${label}: nginx does not take what Berth takes: ${refusal}`)
      return
    }
    found.compared++
    const { difference, isSeen } = await compare(cell)
    if (difference !== undefined) found.wrong.push(`${label}: ${difference}`)
    if (isSeen) found.seen.add(cell.place.name)
  }

  /** True if Berth reports the lines of the directive, or the file they include, as not supported. */
  function isReported(cell: Cell): boolean {
    const site = berth.sites.find(({ declaration }) => declaration.host === cell.files.host)
    const problems = site?.server.problems ?? []
    return problems.some(({ file, line }) =>
      file === cell.file ? isAtLine(cell, line) : !file.startsWith('vhost.d/'),
    )
  }

  function isAtLine({ firstLine, lastLine }: Cell, line: number): boolean {
    return line >= firstLine && line <= lastLine
  }

  /** Lines in the log of a host; nginx writes its own after the answer. */
  async function logLines(host: string): Promise<{ nginx: number; berth: number }> {
    const berth = logged.get(`logs/${host}.log`) ?? 0
    let nginx = 0
    for (let tries = 0; tries < 50; tries++) {
      const text = await readFile(join(logs, `${host}.log`), 'utf8').catch(() => '')
      nginx = text.split('\n').length - 1
      if (nginx === berth) break
      await sleep(20)
    }
    return { nginx, berth }
  }

  async function compare(cell: Cell): Promise<{ difference: string | undefined; isSeen: boolean }> {
    let isSeen = false
    let difference: string | undefined
    for (const request of cell.row.requests ?? METHODS) {
      const requestOneSide = (port: number, host: string) =>
        requestCell(port, { cell, request, host }, upstreams)
      const [fromNginx, fromBerth] = [
        await requestOneSide(nginx.port, cell.files.host),
        await requestOneSide(berth.port, cell.files.host),
      ]
      if (cell.row.sees === 'log') {
        const lines = await logLines(cell.files.host)
        if (lines.nginx !== lines.berth) difference ??= `log: nginx ${lines.nginx}, Berth ${lines.berth}`
        isSeen ||= lines.nginx > 0 === !cell.row.text.includes('off')
        continue
      }
      const expected = toView(fromNginx, fromNginx, cell.row)
      const actual = toView(fromBerth, fromNginx, cell.row)
      if (!isDeepStrictEqual(actual, expected) && !differs(cell, request)) {
        difference ??= `${JSON.stringify(request)}: ${describeDifference(expected, actual)}`
      }
      if (!isSeen && !refused.has(cell.bare.files.host)) {
        const bare = await requestOneSide(nginx.port, cell.bare.files.host)
        isSeen = !isDeepStrictEqual(withoutHost(toView(bare, bare, cell.row)), withoutHost(expected))
      }
    }
    return { difference, isSeen }
  }
})

/** True if Berth's answer differs on purpose. */
function differs({ row, answer }: Cell, { method = 'GET' }: MatrixRequest): boolean {
  return row.differs?.some(({ answers, methods }) => answers.test(answer) && methods.test(method)) ?? false
}

interface CellRequest {
  readonly cell: Cell
  readonly request: MatrixRequest
  readonly host: string
}

async function requestCell(
  port: number,
  { cell, request, host }: CellRequest,
  upstreams: Upstreams,
): Promise<Timed> {
  const { target = '/x/a.txt', atOnce = 1, ...rest } = request
  const row = { ...rest, host, target: `${target}?${cell.query}` }
  return Promise.all(
    Array.from({ length: atOnce }, async () => {
      const begin = performance.now()
      return { ...(await requestSide(port, row, upstreams)), ms: performance.now() - begin }
    }),
  )
}

type Fill = (text: string, host: string) => string

function makeCells(fill: Fill): Cell[] {
  const random = new SeededRandom(SEED)
  const bares = new Map<string, MatrixFiles>()
  return SUPPORTED.flatMap((entry, directive) =>
    (ROWS[entry.name] ?? []).flatMap((row, index) => {
      if ('elsewhere' in row || (ONLY && !ONLY.includes(entry.name))) return []
      return PLACES.flatMap((place, at) => {
        const id = `${directive}-${index}-${at}`
        const made = makeRowCells({ entry, row, place, id }, fill, bares)
        const chosen = made.filter(() => random.chance(SHARE))
        const one = random.pick(made)
        return chosen.length > 0 || !one ? chosen : [one]
      })
    }),
  )
}

/** A row in one place over all kinds of answers; in a place that is refused, one is enough to see the report. */
function makeRowCells(
  {
    entry: { name, contexts },
    row,
    place,
    id,
  }: { entry: DirectiveEntry; row: MatrixRow; place: MatrixPlace; id: string },
  fill: Fill,
  bares: Map<string, MatrixFiles>,
): Cell[] {
  const all = Object.entries<MatrixAnswer>(
    place.location ? { declared: { content: '' } } : (row.answers ?? ANSWERS),
  )
  const kinds = contexts.includes(place.context) ? all : all.slice(0, 1)
  return kinds.flatMap(([answer, given], kind): Cell[] => {
    if (clashes(row, given.content, place)) return []
    const query = fill(['on=1', given.query, row.query].filter(Boolean).join('&'), '')
    const write = (host: string, directive: string): MatrixFiles => {
      const around = row.around ?? ''
      return writeMatrixFiles({ host, place, answer: given }, { directive, around, query }, fill)
    }
    const key = JSON.stringify([row.around, row.without, place.name, given, query])
    const bare = bares.get(key) ?? write(`bare-${bares.size}.test`, row.without ?? '')
    bares.set(key, bare)
    return [{ ...write(`cell-${id}-${kind}.test`, row.text), name, row, place, answer, query, bare }]
  })
}

/** True if another directive of the same name is at the same level, where nginx accepts only one. */
function clashes({ text, around = '', only }: MatrixRow, content: string, place: MatrixPlace): boolean {
  if (only && !only.includes(place.context)) return true
  const beside = place.context === 'server' ? around : BELOW.test(place.name) ? '' : content
  const names = namesOf(beside)
  return namesOf(text).some((each) => names.includes(each) && !REPEATED.has(each))
}

/** Places with a level of their own, apart from the content's. */
const BELOW = /^(?:outer|if|limit_except|file)/
const REPEATED: ReadonlySet<string> = new Set([
  'error_page',
  'allow',
  'deny',
  'return',
  'set',
  'add_header',
  'set_real_ip_from',
])

function namesOf(text: string): string[] {
  return text.split(';').flatMap((each) => /^\s*(\w+)/.exec(each)?.[1] ?? [])
}
