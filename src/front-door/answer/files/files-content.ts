import type { ServerResponse } from 'node:http'
import { join, resolve, sep } from 'node:path'
import type { HeaderList } from '../../exchange/answer-head.ts'
import { finishHead, writeOwnHead } from '../../exchange/own-answer.ts'
import { sentStatus } from '../../exchange/request-trail.ts'
import type { ContentPlan, SiteExchange } from '../../exchange/site-exchange.ts'
import type { Content } from '../../vhost/route/plan.ts'
import { escapePath } from '../../vhost/syntax/escape-uri.ts'
import { expand, isConstant } from '../../vhost/syntax/template.ts'
import { findType } from './file-types.ts'
import { type FileRules, type FoundFile, findFile } from './find-file.ts'
import { sendSpan } from './send-span.ts'
import { sendZipped } from './send-zipped.ts'

/** Folder of files, and the rules for them. */
interface FilesOrder {
  readonly files: Extract<Content, { kind: 'files' }>
  readonly rules: FileRules
}

/** Result; `redirect`: another path of this host is to answer. */
type FilesResult =
  | { readonly kind: 'answered' }
  | { readonly kind: 'error'; readonly status: number }
  | { readonly kind: 'redirect'; readonly uri: string; readonly args: string }

const ANSWERED: FilesResult = { kind: 'answered' }
const NOT_FOUND: FilesResult = { kind: 'error', status: 404 }

/** Answers with a file below a folder, as nginx's root, alias, index and try_files find it. Folders are not listed. */
export async function serveFiles(
  exchange: SiteExchange,
  plan: ContentPlan,
  order: FilesOrder,
): Promise<FilesResult> {
  const { uri, args } = plan
  const { files } = order
  if (!files.tryFiles) return serveUri(exchange, plan, { ...order, uri })
  const last = expand(files.tryFiles.at(-1) ?? [], plan.variable)
  for (const template of files.tryFiles.slice(0, -1)) {
    const name = expand(template, plan.variable)
    const isFixed = isConstant(template)
    if (await isThere(order, name, { plan, isFixed })) {
      return serveUri(exchange, plan, { ...order, uri: name, isFixed })
    }
  }
  if (last.startsWith('=')) return { kind: 'error', status: Number(last.slice(1)) || 404 }
  if (last.startsWith('@')) return { kind: 'redirect', uri: last, args }
  const [path = '/', query = ''] = last.split('?', 2)
  return { kind: 'redirect', uri: path, args: query }
}

/** True if a name of `try_files` is that of a file, or with a slash after it that of a folder. */
async function isThere({ files, rules }: FilesOrder, name: string, at: PathPlace): Promise<boolean> {
  const base = resolveBase(files)
  const path = resolveFile(files, name, at)
  const found = path === undefined ? undefined : await findFile(base, path, rules)
  if (!found || found === 'denied') return false
  return name.endsWith('/') ? found.stats.isDirectory() : found.stats.isFile()
}

/** Methods by which paths of files are looked up: POST gets an error of its own only where a file exists. */
export const FILE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST'])
const NOT_ALLOWED: FilesResult = { kind: 'error', status: 405 }

async function serveUri(
  exchange: SiteExchange,
  plan: ContentPlan,
  { files, rules, uri, isFixed = false }: FilesOrder & { uri: string; isFixed?: boolean },
): Promise<FilesResult> {
  const { method } = exchange.facts
  if (!FILE_METHODS.has(method)) return NOT_ALLOWED
  const path = resolveFile(files, uri, { plan, isFixed })
  if (path === undefined) return NOT_FOUND
  const found = await findFile(resolveBase(files), path, rules)
  if (found === 'denied') return { kind: 'error', status: 403 }
  if (!found) return NOT_FOUND
  const { stats } = found
  if (uri.endsWith('/')) return stats.isDirectory() ? findIndex(path, { files, rules, uri }, plan) : NOT_FOUND
  if (stats.isDirectory()) {
    setHeader(exchange, 'location', `${escapePath(uri)}/${plan.args === '' ? '' : `?${plan.args}`}`)
    return { kind: 'error', status: 301 }
  }
  if (!stats.isFile()) return NOT_FOUND
  return method === 'POST' ? NOT_ALLOWED : send(exchange, plan, { ...found, name: path })
}

/** The page of a folder is routed like any other path, as in nginx: another location may answer it. */
async function findIndex(
  folder: string,
  { files, rules, uri }: FilesOrder & { uri: string },
  { args }: ContentPlan,
): Promise<FilesResult> {
  for (const name of files.index) {
    if (name.startsWith('/')) continue
    const found = await findFile(resolveBase(files), join(folder, name), rules)
    if (found === 'denied') return { kind: 'error', status: 403 }
    if (found?.stats.isFile()) return { kind: 'redirect', uri: `${uri}${name}`, args }
  }
  return { kind: 'error', status: 403 }
}

/** Facts that the file of a path depends on beside it. */
interface PathPlace {
  readonly plan: ContentPlan
  /** True for a name of `try_files` without a variable: nginx appends it to an alias unchanged. */
  readonly isFixed: boolean
}

/** The file of a path; undefined if it would lie outside. The path was made canonical before. */
function resolveFile(
  files: FilesOrder['files'],
  uri: string,
  { plan, isFixed }: PathPlace,
): string | undefined {
  if (uri.includes('\0')) return undefined
  const { alias } = files
  const base = resolveBase(files)
  const isBelow = !isFixed && uri.startsWith(plan.uri.slice(0, plan.matchedLength))
  const rest = alias === undefined || !isBelow ? uri : uri.slice(plan.matchedLength)
  const path = resolve(base, `.${rest.startsWith('/') ? '' : '/'}${rest}`)
  return path === base || path.startsWith(base.endsWith(sep) ? base : `${base}${sep}`) ? path : undefined
}

function resolveBase({ root, alias }: FilesOrder['files']): string {
  return resolve(alias ?? root)
}

async function send(
  exchange: SiteExchange,
  plan: ContentPlan,
  { path, stats, name }: FoundFile & { name: string },
): Promise<FilesResult> {
  const { settings } = plan
  const { headers, facts, trail } = exchange
  const response = exchange.response as ServerResponse
  const etag = `"${Math.floor(stats.mtimeMs / 1000).toString(16)}-${stats.size.toString(16)}"`
  const modified = new Date(Math.floor(stats.mtimeMs / 1000) * 1000)
  // The page of an error is sent whole, whatever the visitor has of it.
  const isPlain = sentStatus(trail, 200) === 200
  if (isPlain && isPreconditionFailed(headers, { etag, modified })) return { kind: 'error', status: 412 }
  const isFresh = isPlain && isNotModified(headers, { etag, modified })
  const range = isFresh || !isPlain ? undefined : readRange(headers, { size: stats.size, etag })
  if (range === 'none') {
    setHeader(exchange, 'content-range', `bytes */${stats.size}`)
    return { kind: 'error', status: 416 }
  }
  const { start, end } = range ?? { start: 0, end: stats.size - 1 }
  const list: HeaderList = ['etag', etag, 'last-modified', modified.toUTCString()]
  if (!isFresh) {
    list.push('content-type', findType(name, settings.defaultType))
    list.push('content-length', String(Math.max(0, end - start + 1)), 'accept-ranges', 'bytes')
  }
  if (range) list.push('content-range', `bytes ${start}-${end}/${stats.size}`)
  const status = isFresh ? 304 : range ? 206 : 200
  const gzip = finishHead(exchange, plan, { status, list })
  const head = { status: sentStatus(trail, status), list }
  const writeHead = (): void => writeOwnHead(exchange, head)
  if (isFresh || facts.method === 'HEAD' || stats.size === 0) {
    writeHead()
    response.end()
    return ANSWERED
  }
  const failure = gzip
    ? await sendZipped(exchange, { path, writeHead, gzip }, settings)
    : await sendSpan(exchange, { path, writeHead, start, end }, settings)
  return failure === undefined ? ANSWERED : { kind: 'error', status: failure }
}

/** True if the visitor's conditions exclude this file (RFC 9110, 13.2.2, steps 1 and 2). */
function isPreconditionFailed(
  headers: SiteExchange['headers'],
  { etag, modified }: { etag: string; modified: Date },
): boolean {
  const match = headers['if-match']
  if (match !== undefined) return match !== '*' && !match.split(',').some((each) => each.trim() === etag)
  const since = Date.parse(headers['if-unmodified-since'] ?? '')
  return !Number.isNaN(since) && modified.getTime() > since
}

function isNotModified(
  headers: SiteExchange['headers'],
  { etag, modified }: { etag: string; modified: Date },
): boolean {
  const match = headers['if-none-match']
  if (match !== undefined)
    return match === '*' || match.split(',').some((each) => each.trim().replace(/^W\//, '') === etag)
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return !Number.isNaN(since) && modified.getTime() <= since
}

/** One range; several, or an unreadable one, get the whole file. */
function readRange(
  headers: SiteExchange['headers'],
  { size, etag }: { size: number; etag: string },
): { start: number; end: number } | 'none' | undefined {
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? '') ?? []
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return start >= size || start > end ? 'none' : { start, end }
}

function setHeader({ response }: SiteExchange, name: string, value: string): void {
  ;(response as ServerResponse).setHeader(name, value)
}
